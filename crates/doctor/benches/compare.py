#!/usr/bin/env python3
"""`lsconfig doctor` beside LocalStack's docker-debug: its own four scenarios, set up anew for each tool
on a real engine. Prints a table in Markdown: what each said, whether that is the cause, exit code, time,
and what differs afterwards.

    crates/doctor/benches/compare.py BINARY [CHECKOUT]

BINARY is a statically linked build of lsconfig. CHECKOUT is a copy of localstack/localstack-docker-debug,
cloned when missing; its dependencies are installed into an environment of their own, and the image that
it would pull is made here from the programs that it uses. Needs docker, git, curl, python3 with venv, and
a static busybox, which is installed with apt-get when missing. Everything that is made is removed.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

LABEL = f"lscompare{os.getpid()}"
DOMAIN = "localhost.localstack.cloud"
EMULATOR = f"{LABEL}/localstack/localstack:4.12.0"
APP = f"{LABEL}/app:1"
# A tool that blocks is ended; a dropped connection can hold curl for minutes.
PATIENCE = 300


def run(*command, **more):
    return subprocess.run(command, check=True, text=True, capture_output=True, **more).stdout


def docker(*arguments):
    return run("docker", *arguments)


def lines(text):
    return [line for line in text.splitlines() if line.strip()]


def clear():
    for name in lines(docker("ps", "-aq", "--filter", f"label={LABEL}")):
        docker("rm", "-f", name)
    for name in lines(docker("network", "ls", "-q", "--filter", f"label={LABEL}")):
        docker("network", "rm", name)


def copy_program(name, root):
    """Copies a program with the libraries that it is linked with."""
    path = pathlib.Path(shutil.which(name))
    files = [path.resolve()]
    for line in run("ldd", str(path)).splitlines():
        files += [pathlib.Path(word) for word in line.split() if word.startswith("/")]
    for file in files:
        target = root / str(file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    link = root / "bin" / name
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())


def build(name, folder, dockerfile):
    (folder / "Dockerfile").write_text(dockerfile)
    run("docker", "build", "-q", "-t", name, str(folder), env={**os.environ, "DOCKER_BUILDKIT": "0"})


def images(here, binary, debug_image):
    root = here / "emulator"
    (root / "bin").mkdir(parents=True)
    (root / "www" / "_localstack").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    shutil.copy(binary, root / "lsconfig")
    (root / "bin" / "sh").symlink_to("busybox")
    health = {"services": {"s3": "available"}, "version": "4.12.0", "edition": "community"}
    (root / "www" / "_localstack" / "health").write_text(json.dumps(health))
    start = root / "emulator"
    start.write_text(
        "#!/bin/sh\n/lsconfig dns --in-container true --upstream 192.0.2.1 &\n"
        "exec /bin/busybox httpd -f -p 4566 -h /www\n"
    )
    start.chmod(0o755)
    copy = "FROM scratch\nCOPY . /\n"
    labels = 'LABEL authors="LocalStack Contributors"\nEXPOSE 4566\n'
    build(EMULATOR, root, copy + labels + 'ENTRYPOINT ["/emulator"]\n')
    build(APP, root, copy + 'ENTRYPOINT ["/bin/busybox", "sleep", "3600"]\n')
    root = here / "debug"
    (root / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    (root / "bin" / "sh").symlink_to("busybox")
    bash = root / "bin" / "bash"
    bash.write_text('#!/bin/sh\nexec /bin/busybox sh "$@"\n')
    bash.chmod(0o755)
    copy_program("curl", root)
    build(debug_image, root, copy + "ENV PATH=/bin\n")


def start(name, image, *flags):
    docker("run", "-d", "--label", LABEL, "--name", name, *flags, image)


def network():
    docker("network", "create", "--label", LABEL, "--subnet", "10.217.2.0/24", "my-network")


def public_dns():
    """A DNS server that says what public DNS says; returns its address on the default bridge."""
    docker(
        "run", "-d", "--label", LABEL, "--name", "public-dns", "--network", "my-network",
        "--ip", "10.217.2.53", "--entrypoint", "/lsconfig", APP,
        "dns", "--in-container", "true", "--view", "0.0.0.0/0=127.0.0.1", "--upstream", "192.0.2.1",
    )
    docker("network", "connect", "bridge", "public-dns")
    path = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
    return docker("inspect", "-f", path, "public-dns").strip()


API = f"https://abc.execute-api.{DOMAIN}:4566/prod/"
QUEUE = f"http://sqs.us-east-1.{DOMAIN}:4566/000000000000/q"


def missing_network():
    network()
    dns = public_dns()
    start("localstack", EMULATOR, "-p", "127.0.0.1:14566:4566")
    start("app", APP, "--dns", dns, "-e", f"UPSTREAM_URL={API}")


def no_subdomains():
    network()
    start("localstack", EMULATOR, "--network", "my-network")
    start("app", APP, "--network", "my-network", "-e",
          "UPSTREAM_URL=http://abc.execute-api.localstack:4566/prod/")


def returned_urls():
    network()
    public_dns()
    start("localstack", EMULATOR, "--network", "my-network", "--ip", "10.217.2.20")
    start("app", APP, "--network", "my-network", "--dns", "10.217.2.53",
          "-e", "AWS_ENDPOINT_URL=http://localstack:4566", "-e", f"QUEUE_URL={QUEUE}")


def other_network():
    network()
    dns = public_dns()
    start("localstack", EMULATOR, "--network", "my-network", "--ip", "10.217.2.20")
    start("app", APP, "--dns", dns, "-e", f"UPSTREAM_URL={API}")


# Title, set-up, and what an answer has to name: every group has one of its words.
SCENARIOS = [
    ("1 missing network", missing_network,
     [("default-bridge-only", "user-defined network"), ("dns",)]),
    ("2 no subdomains", no_subdomains, [("subdomain",)]),
    ("3 URLs with localhost", returned_urls, [("emulator-dns-not-used", "dns")]),
    ("4 LocalStack in a network, the application not", other_network, [("my-network",)]),
]


def state(debug_image):
    """Everything that a diagnosis must leave as it is, by name; what others run at the same time is
    left out."""
    found = {}
    own = [EMULATOR, APP, debug_image]
    for line in lines(docker("ps", "-a", "--format", "{{.Names}} {{.Image}}")):
        name, image = line.split()
        if image not in own and not image.startswith("lsconfig-probe"):
            continue
        inspected = json.loads(docker("inspect", name))[0]
        found[f"container {name}"] = json.dumps(inspected["NetworkSettings"], sort_keys=True)
        if inspected["State"]["Running"] and inspected["Config"]["Labels"].get(LABEL) is not None:
            for file in ("hosts", "resolv.conf"):
                path = inspected["HostsPath" if file == "hosts" else "ResolvConfPath"]
                found[f"/etc/{file} of {name}"] = pathlib.Path(path).read_text()
    for name in lines(docker("network", "ls", "--format", "{{.Name}}")):
        if name.startswith(("my-network", "network-")):
            found[f"network {name}"] = ""
    return found


def changes(before, after):
    said = [f"new {name}" for name in after if name not in before]
    said += [f"{name} gone" for name in before if name not in after]
    said += [f"{name} changed" for name in before if name in after and before[name] != after[name]]
    return ", ".join(said) or "nothing"


def timed(command, environment):
    began = time.monotonic()
    try:
        done = subprocess.run(command, text=True, capture_output=True, timeout=PATIENCE, env=environment)
        code, text = str(done.returncode), done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        code, text = "ended", f"nothing within {PATIENCE} s"
    return time.monotonic() - began, code, text


def shown(tool, text):
    if tool == "lsconfig doctor":
        findings = json.loads(text)["findings"]
        return ", ".join(f"`{f['code']}`" for f in findings) or "nothing"
    return "; ".join(lines(text)[-4:]) or "nothing"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = os.path.abspath(sys.argv[1])
    if "not a dynamic" not in subprocess.run(
            ["ldd", "/bin/busybox"], text=True, capture_output=True).stderr:
        run("apt-get", "-qq", "update")
        run("apt-get", "-qq", "install", "-y", "busybox-static")
    here = pathlib.Path(tempfile.mkdtemp())
    debug_image = None
    try:
        if len(sys.argv) > 2:
            checkout = os.path.abspath(sys.argv[2])
        else:
            checkout = str(here / "docker-debug")
            run("git", "clone", "-q", "--depth=1",
                "https://github.com/localstack/localstack-docker-debug", checkout)
        run(sys.executable, "-m", "venv", str(here / "venv"))
        python = str(here / "venv" / "bin" / "python")
        run(python, "-m", "pip", "install", "-q", "click", "docker", "graphviz")
        name = "from dockerdebug.constants import DEBUG_IMAGE_NAME as n; print(n)"
        debug_image = run(python, "-c", name, cwd=checkout).strip()
        images(here, binary, debug_image)
        tools = {
            "lsconfig doctor": (
                [binary, "doctor", "-s", "app", "-t", "localstack", "--format", "json"], None),
            "docker-debug": (
                [python, "-m", "dockerdebug", "diagnose", "-s", "app", "-t", "localstack",
                 "--localstack"],
                {**os.environ, "PYTHONPATH": checkout}),
        }
        # The image of the probe is made by the first run, which is not counted.
        missing_network()
        timed(*tools["lsconfig doctor"])
        clear()
        print("| scenario | tool | says | right cause | exit | time | left behind |")
        print("|---|---|---|---|---|---|---|")
        for title, set_up, wanted in SCENARIOS:
            for tool, (command, environment) in tools.items():
                set_up()
                before = state(debug_image)
                seconds, code, text = timed(command, environment)
                # What an engine removes by itself is gone a moment later.
                time.sleep(1)
                left = changes(before, state(debug_image))
                said = shown(tool, text)
                if tool == "lsconfig doctor":
                    findings = json.loads(text)["findings"]
                    text = " ".join([f["code"] + f["message"] + json.dumps(f["fixes"])
                                     for f in findings])
                right = all(any(word in text.lower() for word in words) for words in wanted)
                print(f"| {title} | {tool} | {said} | {'yes' if right else 'no'} | {code} "
                      f"| {seconds:.1f} s | {left} |", flush=True)
                clear()
    finally:
        clear()
        for image in filter(None, [EMULATOR, APP, debug_image]):
            subprocess.run(["docker", "rmi", "-f", image], capture_output=True, check=False)
        shutil.rmtree(here, ignore_errors=True)


if __name__ == "__main__":
    main()
