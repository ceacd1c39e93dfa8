"""Measures whole processes and the cases of the benches; see compare.sh.

On a machine where other work runs, the best of many runs says what the work costs, and so does CPU
time; medians of whole processes are shown beside the best. Processes that are compared run in turn.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = os.environ["LSCONFIG_BIN"]
BENCH = os.environ["LSCONFIG_BENCH"]
COUNTS = os.environ["LSCONFIG_COUNTS"]
PEERS = Path(os.environ["LSCONFIG_PEERS"])
CLEAN = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
LINES = 100_000
missed = False


def row(name, measured, limit, of_limit, note=""):
    global missed
    missed |= of_limit > 1
    print(name, measured, limit, f"{of_limit:.2f}", note, sep="\t", flush=True)


def seconds(command, environment=CLEAN):
    start = time.perf_counter()
    with open(os.devnull, "wb") as sink:
        done = subprocess.run(command, stdout=sink, stderr=sink, env=environment)
    took = time.perf_counter() - start
    if done.returncode not in (0, 1):
        sys.exit(f"{command} ended with {done.returncode}")
    return took


def compose_file():
    """A project of ten kilobytes: LocalStack with legacy settings, and its neighbours."""
    text = """services:
  localstack:
    image: localstack/localstack:4.12.0
    ports: ["4566:4566", "4510-4559:4510-4559"]
    environment:
      EDGE_PORT: 4566
      HOSTNAME_EXTERNAL: localstack
      DEBUG: ${DEBUG:-0}
      SERVICES: s3,sqs,lambda
      LAMBDA_DOCKER_NETWORK: app
    networks: [app]
"""
    number = 0
    while len(text) < 10_000:
        number += 1
        text += f"""  app-{number}:
    image: example/app:{number}
    depends_on: [localstack]
    environment:
      AWS_ENDPOINT_URL: http://localstack:4566
      AWS_REGION: eu-west-1
      QUEUE: orders-{number}
    networks: [app]
"""
    return text + "networks:\n  app: {}\n"


def processes(folder):
    path = folder / "docker-compose.yml"
    path.write_text(compose_file())
    explain = [BIN, "explain", str(path)]
    peer = [
        str(PEERS / "localstack-4.12.0/bin/python"),
        "tests/live/localstack_cli.py",
        "config",
        "show",
    ]
    own_home = dict(CLEAN, HOME=str(folder))
    seconds(peer, own_home)  # writes the compiled modules
    true, ours, theirs = [], [], []
    for _ in range(10):
        theirs.append(seconds(peer, own_home))
        for _ in range(30):
            true.append(seconds(["/bin/true"]))
            ours.append(seconds(explain))
    for best, name in [(min, "best"), (statistics.median, "median")]:
        t, o, p = best(true), best(ours), best(theirs)
        limit = 3 * t + 0.002
        shown = f"{o * 1e3:.2f} ms, {o / t:.2f} x /bin/true"
        row(f"explain, whole process, {name}", shown, "3 x /bin/true + 2 ms", o / limit)
        shown = f"{p / o:.0f} x faster"
        note = f"localstack config show takes {p * 1e3:.0f} ms"
        row(f"explain against LocalStack 4.12, {name}", shown, "100 x faster", 100 * o / p, note)


def cases(folder):
    """Criterion's best sample, and the CPU time of many repetitions, which leaves out waiting."""
    limits = {
        "resolve-typical": 2_000,
        "resolve-worst": 50_000,
        "mint-queue-url": 100,
        "print-queue-url": 100,
    }
    for name, limit in limits.items():
        command = [BENCH, "--bench", "--noplot", "--warm-up-time", "0.5"]
        command += ["--measurement-time", "3", f"^{name}$"]
        environment = dict(CLEAN, CRITERION_HOME=str(folder / "criterion"))
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=folder)
        samples = json.loads((folder / f"criterion/{name}/new/sample.json").read_text())
        best = min(t / n for t, n in zip(samples["times"], samples["iters"]))
        row(f"{name}, best", f"{best:.0f} ns", f"{limit} ns", best / limit)
        times = round(1e9 / best)
        _, cpu, _ = timed([COUNTS, name, str(times)], Path(os.devnull))
        mean = cpu / times * 1e9
        row(f"{name}, CPU", f"{mean:.0f} ns", f"{limit} ns", mean / limit)


def batch(folder):
    environment = {
        "EDGE_PORT": "9000",
        "EDGE_BIND_HOST": "0.0.0.0",
        "LOCALSTACK_HOST": "foo.bar:5000",
        "SQS_ENDPOINT_STRATEGY": "path",
    }
    queue = {"region": "us-east-1", "account": "000000000000", "queue": "orders"}
    lines = {
        "explain": lambda n: {"id": n, "env": environment, "in_docker": True},
        "url": lambda n: {"id": n, "config": environment, "kind": "sqs-queue", "input": queue},
    }
    for command, line in lines.items():
        used = {}
        for count in (LINES // 10, LINES):
            path = folder / f"{command}-{count}.jsonl"
            with path.open("w") as out:
                out.writelines(json.dumps(line(n)) + "\n" for n in range(count))
            used[count] = timed([BIN, command, "--batch", "-"], path)
        answer = subprocess.run(
            [BIN, command, "--batch", "-"],
            input=json.dumps(line(7)).encode(),
            capture_output=True,
            env=CLEAN,
        )
        if json.loads(answer.stdout)["id"] != 7 or b'"error":"' in answer.stdout:
            sys.exit(f"{command} --batch answered {answer.stdout[:200]!r}")
        wall, cpu, memory = used[LINES]
        name = f"{command} --batch, {LINES} lines"
        share = cpu / (os.cpu_count() or 1)
        note = f"{wall:.2f} s on the clock"
        row(name, f"{share:.2f} s CPU on every core", "2 s", share / 2, note)
        before = used[LINES // 10][2]
        note = f"{memory / 1024:.1f} MB, {before / 1024:.1f} MB for a tenth of the lines"
        grown = memory / before
        row(f"{command} --batch, memory", f"{grown:.2f} x", "1.5 x", grown / 1.5, note)


def timed(command, stdin):
    """Wall seconds, CPU seconds and the largest resident size in KiB of one process."""
    start = time.perf_counter()
    with stdin.open("rb") as lines, open(os.devnull, "wb") as sink:
        process = subprocess.Popen(command, stdin=lines, stdout=sink, env=CLEAN)
    memory = 0
    # What wait4 says about memory includes this process before it became another.
    while True:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s*(\d+)", status)
        if not found:
            break
        memory = int(found.group(1))
        time.sleep(0.01)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{command} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, memory


def machine():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: *(.*)", text)
    load = Path("/proc/loadavg").read_text().split()[:3]
    kind = model.group(1) if model else os.uname().machine
    today = time.strftime("%Y-%m-%d")
    return f"# {today} {os.uname().machine}, {os.cpu_count()} cores, {kind}, load {' '.join(load)}"


print(machine())
print("# case\tmeasured\tlimit\tof limit\tnote")
with tempfile.TemporaryDirectory() as name:
    cases(Path(name))
    processes(Path(name))
    batch(Path(name))
print("#", f"binary {os.path.getsize(BIN)} bytes")
sys.exit(missed)
