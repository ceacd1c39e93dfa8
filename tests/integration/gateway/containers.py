"""The clients of grid.py in real containers: on the emulator's network, and on another one.

    containers.py [--emulators ...] [--clients ...] [--settings ...] [--schemes ...] [--records FILE]

The emulator is a container, `lsconfig up` another one beside it that publishes its port. A client on
their network has the gateway's address as `--dns`; a client on a second network reaches nothing but
the port that is published on the host, another one than the gateway listens on unless LOCALSTACK_HOST
names it; there `lsconfig dns` answers names with the host's address in that network. Images are imported from a root filesystem whose programs are this machine's, mounted read
only: Python, its environments below LSCONFIG_PEERS and the binary. So no registry is needed.

Needs root and a Docker Engine on this machine. Prints the table and the gate of grid.py, with the cells
behind the gateway only.
"""

import argparse
import io
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grid import BEHIND, CLIENT_SECONDS, HERE, ROOT, SETTINGS, START_SECONDS, CannotRun, failures, table

# Folders of programs and what they need, as far as this machine has them.
SYSTEM = ("/usr", "/etc/ssl", "/etc/alternatives")
STATE = "/state"


def docker(*words, check=True, **options):
    command = ["docker", *map(str, words)]
    done = subprocess.run(command, capture_output=True, check=False, **options)
    if check and done.returncode != 0:
        raise CannotRun(f"docker {' '.join(command[1:4])}: {done.stderr.decode()[-2000:]}")
    return done


class Lab:
    """Two networks and an image; containers are named after the process."""

    def __init__(self, lsconfig, peers):
        self.lsconfig, self.peers = lsconfig, peers
        self.name = f"lsgw{os.getpid()}"
        self.ours, self.other = f"{self.name}-a", f"{self.name}-b"
        self.folder = Path(tempfile.mkdtemp(prefix="lsconfig-containers-"))
        self.folder.chmod(0o755)
        self.running, self.server = [], None

    def __enter__(self):
        docker("info")
        mounted = [Path(folder) for folder in SYSTEM if Path(folder).is_dir()]
        # A Python elsewhere, as pyenv and CI images have it, and the folder of its environments.
        mounted += [Path(sys.base_prefix), self.peers, HERE, self.lsconfig]
        self.mounts = list(itertools.chain(*(("-v", f"{path}:{path}:ro") for path in mounted)))
        docker("import", "-", self.name, input=root_filesystem())
        docker("network", "create", self.ours)
        docker("network", "create", self.other)
        form = "{{(index .IPAM.Config 0).Gateway}}"
        self.host = docker("network", "inspect", "-f", form, self.other).stdout.decode().strip()
        return self

    def __exit__(self, *_):
        self.stop()
        for network in (self.ours, self.other):
            docker("network", "rm", network, check=False)
        docker("rmi", "-f", self.name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, name, network, *flags, env=()):
        variables = itertools.chain(*(("-e", f"{key}={value}") for key, value in dict(env).items()))
        return ["--name", f"{self.name}-{name}", "--network", network, "--tmpfs", "/tmp:exec", "-w", "/tmp",
                *self.mounts, "-e", "HOME=/tmp", "-e", "PATH=/usr/bin:/bin", *variables, *flags, self.name]

    def start(self, name, port, *words, flags=(), env=()):
        """Starts a container on our network and returns its address when it listens."""
        self.running.append(f"{self.name}-{name}")
        docker("run", "-d", "--network-alias", name, *self.command(name, self.ours, *flags, env=env), *words)
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = docker("inspect", "-f", form, self.running[-1]).stdout.decode().strip()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and address:
            try:
                socket.create_connection((address, port), 2).close()
                return address
            except OSError:
                time.sleep(0.3)
            if not docker("ps", "-q", "-f", f"name={self.running[-1]}").stdout:
                break
        log = docker("logs", self.running[-1], check=False)
        raise CannotRun(f"{name} does not listen\n{(log.stdout + log.stderr).decode()[-2000:]}")

    def stop(self):
        if self.server:
            self.server.terminate()
            self.server.wait()
            self.server = None
        if self.running:
            docker("rm", "-f", *self.running, check=False)
        self.running = []

    def emulate(self, emulator):
        if emulator == "moto":
            command = [self.peers / "moto/bin/moto_server", "-H", "0.0.0.0", "-p", BEHIND]
            self.start("emulator", BEHIND, *command)
            return
        command = [self.peers / "localstack-4.12.0/bin/python", "-m", "localstack.runtime.main"]
        self.start("emulator", BEHIND, *command, env={
            "FILESYSTEM_ROOT": "/tmp/localstack", "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1",
            "OVERRIDE_IN_DOCKER": "0", "DNS_ADDRESS": "0", "GATEWAY_LISTEN": f"0.0.0.0:{BEHIND}",
            "LAMBDA_RUNTIME_EXECUTOR": "docker",
        })

    def up(self, emulator, localstack_host, port):
        """The gateway, its port published for the second network, and the names of that network.

        Returns its address, and the published port."""
        hosts = {"LOCALSTACK_HOST": localstack_host} if localstack_host else {}
        state = self.folder / f"state-{port}"
        state.mkdir(exist_ok=True)
        published = port if localstack_host else ""
        flags = ("-v", f"{state}:{STATE}", "-p", f"{self.host}:{published}:{port}")
        words = [self.lsconfig, "up", "--upstream", f"http://emulator:{BEHIND}", "--profile", emulator]
        words += ["--state-dir", STATE, "--dns-listen", "0.0.0.0", "--dns-upstream", "127.0.0.1:5999"]
        env = {"GATEWAY_LISTEN": f"0.0.0.0:{port}"} | hosts
        address = self.start("gateway", port, *words, flags=flags, env=env)
        command = [self.lsconfig, "dns", "--in-container", "false", "--user", "root"]
        command += ["--listen", f"{self.host}:53", "--upstream", "127.0.0.1:5999"]
        self.server = subprocess.Popen(
            list(map(str, command)), env={"PATH": os.environ["PATH"], "HOME": str(self.folder)} | hosts,
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        bundle = docker("exec", f"{self.name}-gateway", self.lsconfig, "tls", "bundle", "--state-dir", STATE)
        (self.folder / "bundle.pem").write_bytes(bundle.stdout)
        published = docker("port", f"{self.name}-gateway", f"{port}/tcp").stdout.decode()
        return address, int(published.split()[0].rsplit(":", 1)[1])

    def ask(self, client, place, endpoint, emulator, prefix, gateway):
        """What a client sees: one record for each check."""
        network, server = (self.ours, gateway) if place == "network" else (self.other, self.host)
        bundle = self.folder / "bundle.pem"
        env = {
            "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
            "EMULATOR": emulator, "PYTHONDONTWRITEBYTECODE": "1",
        }
        if endpoint.startswith("https"):
            env["AWS_CA_BUNDLE"] = bundle
        python = self.peers / ("clients" if client == "boto3" else "awscli") / "bin/python"
        flags = ("--dns", server, "-v", f"{bundle}:{bundle}:ro")
        self.running.append(f"{self.name}-{prefix}")
        words = [*self.command(prefix, network, *flags, env=env), python, HERE / "client.py", client, prefix]
        done = docker("run", "--rm", *words, timeout=CLIENT_SECONDS, check=False)
        if done.returncode != 0:
            raise CannotRun(f"{client} in a container: {done.stderr.decode()[-2000:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def root_filesystem():
    """A root folder as a tar: places to mount at, and the links that Debian has since its merge of /usr."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("etc", "tmp", "var", "usr", "proc", "sys", "dev", "state"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        for name in ("bin", "lib", "lib64", "sbin"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(link)
        users = tarfile.TarInfo("etc/passwd")
        line = b"root:x:0:0:root:/tmp:/bin/sh\n"
        users.size = len(line)
        tar.addfile(users, io.BytesIO(line))
    return packed.getvalue()


def run(lab, arguments):
    """Yields one record for each check."""
    number = itertools.count(1)
    for emulator, setting in itertools.product(arguments.emulators, arguments.settings):
        localstack_host, port, name = SETTINGS[setting]
        lab.emulate(emulator)
        gateway, published = lab.up(emulator, localstack_host, port)

        def cell(scheme, client, place):
            prefix, started = f"c{next(number)}{client[:3]}", time.monotonic()
            endpoint = f"{scheme}://{name}:{port if place == 'network' else published}"
            checks = lab.ask(client, place, endpoint, emulator, prefix, gateway)
            log = f"container {emulator} {endpoint} {client} {place}"
            print(f"{log}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            of = {"emulator": emulator, "setting": setting, "scheme": scheme, "client": client}
            return [of | {"place": place, "after": True} | check for check in checks]

        cells = itertools.product(arguments.schemes, arguments.clients, ("network", "published"))
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for checks in pool.map(lambda of: cell(*of), list(cells)):
                yield from checks
        lab.stop()


def main():
    parser = argparse.ArgumentParser()
    several = {"nargs": "+"}
    parser.add_argument("--emulators", default=["moto", "localstack"], **several)
    parser.add_argument("--clients", default=["boto3", "awscli"], **several)
    parser.add_argument("--settings", default=list(SETTINGS), **several)
    parser.add_argument("--schemes", default=["http", "https"], **several)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--records", type=Path, help="keep every check as a JSON line")
    arguments = parser.parse_args()
    binary = Path(os.environ.get("LSCONFIG_BIN", ROOT / "target/debug/lsconfig")).resolve()
    peers = Path(os.environ.get("LSCONFIG_PEERS", ROOT / "target/peers")).resolve()
    records = []
    try:
        with Lab(binary, peers) as lab, open(arguments.records or os.devnull, "w", encoding="utf-8") as kept:
            for record in run(lab, arguments):
                records.append(record)
                print(json.dumps(record), file=kept, flush=True)
    except CannotRun as error:
        print(f"cannot run: {error}", file=sys.stderr)
        return 2
    lines, passed = table(records)
    print("\n".join([*lines, *failures(records)]))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
