"""Clients times places times settings times emulators: does the URL in the response work?

    grid.py [--emulators ...] [--clients ...] [--settings ...] [--schemes ...] [--places ...]
            [--records FILE] [--only-after]

Runs as root with iproute2. An emulator lives in a network namespace, as in a container that shares its
network with the host's clients; other clients live in a second one, as containers on its network do.
First the emulator listens alone, then `lsconfig up` stands before it. The clients are not modified:
names are resolved by a resolv.conf of their namespace. Alone, that leads to what the public DNS says
about `localhost.localstack.cloud`, 127.0.0.1, and to the names that a container engine or a line
in /etc/hosts gives.

Prints a table of checks that hold before and after, and what fails. Exit status: 0 the gate is passed
(SQS and S3: all, others 95 %), 1 not, 2 cannot run.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CLOUD = "localhost.localstack.cloud"
EMULATOR_ADDRESS, CLIENT_ADDRESS = "172.31.9.2", "172.31.9.3"
BEHIND = 5100
CERTAIN = ("sqs", "s3")
GATE = 0.95
START_SECONDS = 180
CLIENT_SECONDS = 900
STOP_SECONDS = 20

# LOCALSTACK_HOST, the port that is listened on, and the host that clients are given.
SETTINGS = {"default": (None, 4566, CLOUD), "foo.bar:5000": ("foo.bar:5000", 5000, "foo.bar")}


class CannotRun(Exception):
    """Something the comparison needs is missing or broken."""


class Lab:
    """Two namespaces on one network, with files of their own in /etc."""

    def __init__(self, lsconfig, peers):
        self.lsconfig, self.peers = lsconfig, peers
        self.emulator, self.other = f"lsgw{os.getpid()}-e", f"lsgw{os.getpid()}-c"
        self.folder = Path(tempfile.mkdtemp(prefix="lsconfig-grid-"))
        # Clients of other users' files read what is in it.
        self.folder.chmod(0o755)
        self.processes = []

    def __enter__(self):
        for name in (self.emulator, self.other):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "eth0", "netns", self.emulator, "type", "veth", "peer", "name", "eth0",
           "netns", self.other)
        for name, address in ((self.emulator, EMULATOR_ADDRESS), (self.other, CLIENT_ADDRESS)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_):
        self.stop_all()
        for name in (self.emulator, self.other):
            ip("netns", "del", name)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def names(self, namespace, server, *hosts):
        """What resolv.conf and hosts say in a namespace."""
        etc = Path("/etc/netns", namespace)
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "resolv.conf").write_text(f"nameserver {server}\noptions timeout:2 attempts:1\n")
        (etc / "hosts").write_text("\n".join(["127.0.0.1 localhost", *hosts, ""]))
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")

    def environment(self, home, **variables):
        (self.folder / home).mkdir(exist_ok=True)
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.folder / home)}
        return clean | {"TMPDIR": str(self.folder / home), "PYTHONDONTWRITEBYTECODE": "1"} | variables

    def start(self, namespace, name, command, env):
        log = self.folder / f"{name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, *map(str, command)],
                env=env,
                cwd=env["HOME"],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.log = log
        self.processes.append(process)
        return process

    def await_port(self, process, port, seconds=START_SECONDS):
        deadline = time.monotonic() + seconds
        probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        while time.monotonic() < deadline and process.poll() is None:
            tried = ["ip", "netns", "exec", self.emulator, sys.executable, "-c", probe]
            if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.3)
        raise CannotRun(f"nothing listens on {port}\n{process.log.read_text()[-2000:]}")

    def stop_all(self):
        """Ends the process groups that were started here, the last one first."""
        while self.processes:
            process = self.processes.pop()
            try:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            except ProcessLookupError:
                process.wait()

    # Emulators

    def emulate(self, emulator, host, port, localstack_host):
        address = f"{host}:{port}"
        if emulator == "moto":
            command = [self.peers / "moto/bin/moto_server", "-H", host, "-p", port]
            env = self.environment("moto")
        elif emulator == "ministack":
            command = [self.peers / "ministack/bin/ministack"]
            env = self.environment("ministack", GATEWAY_PORT=str(port), BIND_HOST=host)
        else:
            command = [self.peers / "localstack-4.12.0/bin/python", "-m", "localstack.runtime.main"]
            env = self.environment(
                "localstack",
                FILESYSTEM_ROOT=str(self.folder / "localstack"),
                DISABLE_EVENTS="1",
                SKIP_SSL_CERT_DOWNLOAD="1",
                OVERRIDE_IN_DOCKER="0",
                DNS_ADDRESS="0",
                GATEWAY_LISTEN=address,
                # Functions need an engine; that a URL reaches the emulator does not.
                LAMBDA_RUNTIME_EXECUTOR="docker",
            )
            if localstack_host:
                env["LOCALSTACK_HOST"] = localstack_host
        if not Path(command[0]).exists():
            raise CannotRun(f"{emulator} is not installed in {self.peers}")
        process = self.start(self.emulator, emulator, command, env)
        self.await_port(process, port)

    def public_dns(self):
        """What the public DNS says: 127.0.0.1, wherever one asks."""
        env = self.environment("dns")
        for namespace in (self.emulator, self.other):
            command = [self.lsconfig, "dns", "--in-container", "false", "--user", "root"]
            command += ["--listen", "127.0.0.1:53", "--upstream", "127.0.0.1:5999"]
            self.start(namespace, "dns", command, env)

    def up(self, emulator, localstack_host, port):
        env = self.environment("up", GATEWAY_LISTEN=f"0.0.0.0:{port}")
        if localstack_host:
            env["LOCALSTACK_HOST"] = localstack_host
        command = [self.lsconfig, "up", "--upstream", f"http://127.0.0.1:{BEHIND}"]
        # An authority is good for the hosts that it was made for; one of its own for each setting.
        state = self.folder / f"state-{port}"
        command += ["--profile", emulator, "--state-dir", state]
        command += ["--dns-listen", "127.0.0.1", "--dns-listen", EMULATOR_ADDRESS]
        command += ["--dns-upstream", "127.0.0.1:5999"]
        self.await_port(self.start(self.emulator, "up", command, env), port)
        bundle = [self.lsconfig, "tls", "bundle", "--state-dir", state]
        made = subprocess.run(bundle, env=env, capture_output=True, check=True)
        (self.folder / "bundle.pem").write_bytes(made.stdout)

    # Clients

    def ask(self, client, place, endpoint, emulator, prefix, after, large):
        namespace = self.emulator if place == "host" else self.other
        env = self.environment(
            f"{client}-{place}",
            AWS_ENDPOINT_URL=endpoint,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_EC2_METADATA_DISABLED="true",
            AWS_MAX_ATTEMPTS="1",
            EMULATOR=emulator,
        )
        if after and endpoint.startswith("https"):
            env["AWS_CA_BUNDLE"] = str(self.folder / "bundle.pem")
        python = self.peers / ("clients" if client == "boto3" else "awscli") / "bin/python"
        command = ["ip", "netns", "exec", namespace, python, HERE / "client.py", client, prefix]
        command += ["--large"] if large else []
        try:
            done = subprocess.run(
                list(map(str, command)), env=env, cwd=env["HOME"], capture_output=True,
                timeout=CLIENT_SECONDS, check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CannotRun(f"{client} did not end: {error.stdout}") from error
        if done.returncode != 0:
            raise CannotRun(f"{client}: {done.stderr.decode()[-2000:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def run(lab, arguments):
    """Yields one record for each check."""
    number = itertools.count(1)
    rounds = itertools.product(arguments.emulators, arguments.settings, (False, True))
    for emulator, setting, after in rounds:
        if arguments.only_after and not after:
            continue
        localstack_host, port, name = SETTINGS[setting]
        host_line = [f"127.0.0.1 {name}"] if localstack_host and not after else []
        there = f"{EMULATOR_ADDRESS} emulator" + (f" {name}" if host_line else "")
        lab.names(lab.emulator, "127.0.0.1", *host_line)
        lab.names(lab.other, EMULATOR_ADDRESS if after else "127.0.0.1", there)
        if after:
            lab.emulate(emulator, "127.0.0.1", BEHIND, localstack_host)
            lab.up(emulator, localstack_host, port)
        else:
            lab.public_dns()
            lab.emulate(emulator, "0.0.0.0", port, localstack_host)
        cells = list(itertools.product(arguments.schemes, arguments.clients, arguments.places))

        def cell(scheme, client, place):
            alone = "emulator" if place == "container" and not localstack_host else name
            endpoint = f"{scheme}://{name if after else alone}:{port}"
            large = after and client == "boto3" and place == "host" and not localstack_host
            prefix = f"n{next(number)}{client[:3]}"
            started = time.monotonic()
            checks = lab.ask(client, place, endpoint, emulator, prefix, after, large)
            log = f"{'after' if after else 'before'} {emulator} {endpoint} {client} {place}"
            print(f"{log}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            of = {"emulator": emulator, "setting": setting, "scheme": scheme, "client": client}
            return [of | {"place": place, "after": after} | check for check in checks]

        with ThreadPoolExecutor(arguments.jobs) as pool:
            for checks in pool.map(lambda of: cell(*of), cells):
                yield from checks
        lab.stop_all()


def table(records):
    """Lines of the table, and whether the gate is passed."""
    counts = defaultdict(lambda: [[0, 0], [0, 0]])
    for record in records:
        if record["result"] == "n/a":
            continue
        for key in [(record["emulator"], record["service"]), ("all", record["service"])]:
            count = counts[key][record["after"]]
            count[0] += record["result"] == "works"
            count[1] += 1

    def shown(count):
        works, total = count
        return f"{works}/{total} ({works / total:.0%})" if total else "-"

    lines = [f"{'emulator':<12} {'service':<12} {'before':>15} {'after':>15}"]
    passed = True
    for (emulator, service), (before, after) in counts.items():
        works, total = after
        ok = not total or (works == total if service in CERTAIN else works / total >= GATE)
        passed &= ok
        mark = "" if ok else "  below the gate"
        lines.append(f"{emulator:<12} {service:<12} {shown(before):>15} {shown(after):>15}{mark}")
    return lines, passed and bool(counts)


def failures(records):
    """What fails behind us, each once, with the cells that it fails in."""
    cells = defaultdict(list)
    for record in records:
        if record["after"] and record["result"] == "fails":
            key = (record["emulator"], record["service"], record["check"])
            cell = " ".join(record[part] for part in ("setting", "scheme", "client", "place"))
            cells[key].append((cell, record["detail"]))
    for (emulator, service, check), found in cells.items():
        yield f"{emulator} {service} {check}: {len(found)} cells, first {found[0][0]}: {found[0][1]}"


def main():
    parser = argparse.ArgumentParser()
    several = {"nargs": "+"}
    parser.add_argument("--emulators", default=["moto", "ministack", "localstack"], **several)
    parser.add_argument("--clients", default=["boto3", "awscli"], **several)
    parser.add_argument("--settings", default=list(SETTINGS), **several)
    parser.add_argument("--schemes", default=["http", "https"], **several)
    parser.add_argument("--places", default=["host", "container"], **several)
    parser.add_argument("--only-after", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--records", type=Path, help="keep every check as a JSON line")
    arguments = parser.parse_args()
    binary = Path(os.environ.get("LSCONFIG_BIN", ROOT / "target/debug/lsconfig")).resolve()
    peers = Path(os.environ.get("LSCONFIG_PEERS", ROOT / "target/peers")).resolve()
    records = []
    try:
        if os.geteuid() != 0 or not shutil.which("ip") or not binary.exists():
            raise CannotRun("root, iproute2 and a built lsconfig are needed")
        with Lab(binary, peers) as lab:
            with open(arguments.records or os.devnull, "w", encoding="utf-8") as kept:
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
