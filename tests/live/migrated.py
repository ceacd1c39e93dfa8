"""Compares what `lsconfig migrate` promises with what real LocalStack releases make of it.

    migrated.py [--seed N] [--count M]

Makes Compose services with legacy and current settings, runs `lsconfig migrate` on them, and gives
the environment before and after every edit to the release that the image names, or to all of them
where it names none. Runs under the Python of a release's virtual environment (see install.sh), whose
YAML reader is not ours.

- A safe edit changes no bind address and no URL of that release.
- An edit that asks gives what the finding announces, and today is what the finding says.
- After `--write`, the files give what the releases gave before.

Exit status: 0 all agree, 1 not, 2 cannot run.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

LIVE = Path(__file__).resolve().parent
RELEASES = ["1.4.0", "2.0.0", "2.3.2", "3.8.1", "4.14.0"]
# Every image that is made, and the releases that may run behind it.
IMAGES = {f"localstack/localstack:{release}": [release] for release in RELEASES}
IMAGES |= {
    "localstack/localstack": ["4.14.0"],
    "localstack/localstack:latest": ["4.14.0"],
    "docker.io/localstack/localstack-pro:3": ["3.8.1"],
    "localstack/localstack:${TAG}": RELEASES,
    "localstack/localstack@sha256:" + "0" * 64: RELEASES,
}
VALUES = {
    "EDGE_PORT": ["4566", "4566", "7001", "443", "04566", "80"],
    "EDGE_PORT_HTTP": ["5000", "4566", "8080", "0"],
    "EDGE_BIND_HOST": ["0.0.0.0", "127.0.0.1", "10.0.0.1", "::1"],
    "HOSTNAME_EXTERNAL": ["localhost", "broker", "localhost.localstack.cloud", "10.1.2.3", "broker:8080"],
    "LOCALSTACK_HOSTNAME": ["localhost", "broker", "other"],
    "SQS_PORT_EXTERNAL": ["4566", "8080"],
    "LOCALSTACK_EDGE_PORT": ["7001", "4566"],
    "GATEWAY_LISTEN": ["0.0.0.0:7001", "0.0.0.0", ":5000", "0.0.0.0:4566,0.0.0.0:443"],
    "LOCALSTACK_HOST": ["broker", "broker:7001", "localhost.localstack.cloud"],
    "SQS_ENDPOINT_STRATEGY": ["path", "off", "standard"],
    "SERVICES": ["s3,sqs"],
    "DEBUG": ["1"],
}
LEGACY = list(VALUES)[:7]
# What decides where a server listens and what it returns; the rest of an observation is its way.
COMPARED = """
    bind external_url external_url_sqs external_url_sub internal_url edge_url localstack_host
    hostname_external localstack_hostname sqs_endpoint_strategy sqs_port_external error
""".split()
MODES = [[], ["--keep-legacy"], ["--sqs-strategy", "path"]]


class CannotRun(Exception):
    """Something the comparison needs is missing or broken."""


def service(rng):
    """A Compose file of one service."""
    image = rng.choice(list(IMAGES))
    names = rng.sample(LEGACY, rng.choice([1, 1, 1, 2, 2, 3]))
    names += rng.sample(list(VALUES)[7:], rng.choice([0, 0, 0, 1, 2]))
    rng.shuffle(names)
    pairs = [(name, rng.choice(VALUES[name])) for name in names]
    lines = ["services:", "  broker:", f"    image: {json.dumps(image)}"]
    if rng.random() < 0.3:
        lines.append('    ports: ["4510-9000:4510-9000", "443:443", "80:80"]')
    lines.append("    environment:")
    for name, value in pairs:
        if rng.random() < 0.2:
            lines.append("      # why")
        tail = rng.choice(["", "", "  # so"])
        if len(lines) and rng.style == "map":
            lines.append(f"      {name}: {json.dumps(value)}{tail}")
        else:
            lines.append(f"      - {name}={value}{tail}")
    end = rng.choice(["\n", "\n", ""])
    return rng.choice(["\n", "\n", "\r\n"]).join(lines) + end


def environment(text):
    """Image and settings of the made service, by a YAML reader that is not ours."""
    made = yaml.safe_load(text)["services"]["broker"]
    settings = made.get("environment") or {}
    if isinstance(settings, list):
        settings = dict(item.split("=", 1) for item in settings)
    return made["image"], {name: str(value) for name, value in settings.items()}


def in_image(settings, release):
    """What the server of that image sees: the image's own settings, and names without their prefix.

    docker-entrypoint.sh of 1.4 leaves LOCALSTACK_HOSTNAME..., of 2.0 and later LOCALSTACK_HOST...
    """
    first = release == "1.4.0"
    seen = {"LOCALSTACK_HOSTNAME": "localhost", "EDGE_BIND_HOST": "0.0.0.0"} if first else {}
    seen |= settings
    kept = "LOCALSTACK_HOSTNAME" if first else "LOCALSTACK_HOST"
    for name, value in settings.items():
        if name.startswith("LOCALSTACK_") and not name.startswith(kept):
            seen[name.removeprefix("LOCALSTACK_")] = value
    return seen


class Releases:
    """Asks every release once for each environment; questions are collected first."""

    def __init__(self, peers):
        self.peers = peers
        self.questions = {release: {} for release in RELEASES}
        self.answers = {}

    def ask(self, settings, release):
        seen = in_image(settings, release)
        key = json.dumps(sorted(seen.items()))
        self.questions[release][key] = seen
        return release, key

    def run(self):
        def observe(release):
            python = self.peers / f"localstack-{release}/bin/python"
            if not python.exists():
                raise CannotRun(f"LocalStack {release} is not installed, run install.sh")
            asked = self.questions[release]
            lines = [{"id": key, "env": env, "in_docker": True} for key, env in asked.items()]
            text = "".join(json.dumps(line) + "\n" for line in lines)
            done = subprocess.run(
                [python, LIVE / "observe.py"], input=text, capture_output=True, text=True
            )
            if done.returncode != 0:
                raise CannotRun(f"LocalStack {release}: {done.stderr[-2000:]}")
            for line in done.stdout.splitlines():
                answer = json.loads(line)
                self.answers[release, answer["id"]] = answer["observed"]

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(observe, RELEASES))

    def observed(self, question):
        return self.answers[question]


def effective(observed):
    """What counts of an observation, addresses in any order."""
    found = {name: observed.get(name) for name in COMPARED}
    if "error" in observed:
        return {"error": observed["error"]["type"]}
    found["bind"] = sorted(map(tuple, observed["bind"]))
    return found


def address(pair):
    host, port = pair
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def expected(observed, release):
    """The effect as the findings print it, from what the release has. Queue URLs follow
    services/sqs/models.py and utils.py."""
    if "error" in observed:
        return None, None
    listens = sorted(address(pair) for pair in observed["bind"])
    strategy = observed.get("sqs_endpoint_strategy") or ""
    if release >= "3":
        host, port = observed["localstack_host"]
        queue = f"{host}:{port}"
        url = {
            "standard": f"http://sqs.us-east-1.{queue}/000000000000/QUEUE",
            "path": f"http://{queue}/queue/us-east-1/000000000000/QUEUE",
        }.get(strategy, f"http://{queue}/000000000000/QUEUE")
        return listens, url
    port = observed.get("sqs_port_external")
    if strategy == "path":
        slashes = "//" if release < "2" else "/"
        url = f"http://HOST{slashes}queue/us-east-1/000000000000/QUEUE, HOST as in the request"
    elif port:
        url = f"http://{observed['hostname_external']}:{port}/000000000000/QUEUE"
    else:
        url = "http://HOST/000000000000/QUEUE, HOST as in the request"
    return listens, url


def agrees(effect, observed, release):
    """Returns what is wrong with an announced effect, or nothing."""
    if effect is None:
        return None
    listens, url = expected(observed, release)
    if listens is None:
        return None if effect["listens"].startswith("does not start") else "it does not start"
    said = sorted(effect["listens"].split(",")), effect["queue_url"]
    return None if said == (listens, url) else f"said {said}, is {(listens, url)}"


def edited(data, edits):
    """Applies byte-span edits."""
    for edit in sorted(edits, key=lambda e: (e["start"], e["end"]), reverse=True):
        data = data[: edit["start"]] + edit["text"].encode() + data[edit["end"] :]
    return data


def lsconfig(binary, folder, *arguments):
    command = [binary, *arguments, "--exit-zero", "."]
    done = subprocess.run(command, capture_output=True, cwd=folder)
    if done.returncode != 0:
        raise CannotRun(f"{' '.join(map(str, command))}: {done.stderr.decode()[-2000:]}")
    return done.stdout


def make(folder, seed, count):
    rng = random.Random(seed)
    made = {}
    for number in range(count):
        rng.style = rng.choice(["list", "map"])
        name = f"{number:04}/compose.yaml"
        path = folder / name
        path.parent.mkdir()
        made[name] = service(rng).encode()
        path.write_bytes(made[name])
    return made


def groups(document):
    """The fixes of a document: by file and group, the findings of each."""
    found = {}
    for finding in document["findings"]:
        if finding["fix"]:
            found.setdefault((finding["path"], finding["fix"]["group"]), []).append(finding)
    return found


def compare(binary, peers, seed, count):
    failures = []
    counts = Counter()
    releases = Releases(peers)
    checks = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = make(folder, seed, count)
        for mode in MODES:
            document = json.loads(lsconfig(binary, folder, "migrate", "--format", "json", *mode))
            for (path, _), findings in groups(document).items():
                before = made[path]
                fix = findings[0]["fix"]
                image, old = environment(before)
                _, new = environment(edited(before, fix["edits"]))
                safe = all(f["fix"]["safety"] == "safe" for f in findings)
                for release in IMAGES[image]:
                    questions = releases.ask(old, release), releases.ask(new, release)
                    known = len(IMAGES[image]) == 1
                    checks.append((mode, path, findings, safe, known, release, questions))
        written = []
        lsconfig(binary, folder, "migrate", "--write", "--allow-dirty")
        for path, before in made.items():
            after = (folder / path).read_bytes()
            (image, old), (_, new) = environment(before), environment(after)
            counts["files written"] += before != after
            for release in IMAGES[image]:
                written.append((path, release, releases.ask(old, release), releases.ask(new, release)))
        again = lsconfig(binary, folder, "migrate")
        if again:
            failures.append(f"a second run has something to do:\n{again.decode()}")
    releases.run()
    for mode, path, findings, safe, known, release, (old, new) in checks:
        before, after = releases.observed(old), releases.observed(new)
        where = f"{' '.join(mode)} {path} on {release}\n{made[path].decode()}"
        counts["safe" if safe else "asks"] += 1
        if safe and effective(before) != effective(after):
            failures.append(f"a safe edit changes something: {where}\n{before}\n{after}")
        for finding in findings if known else []:
            for word, observed in [("today", before), ("after", after)]:
                counts["effects"] += finding[word] is not None
                wrong = agrees(finding[word], observed, release)
                if wrong:
                    failures.append(f"{word} of {finding['name']}: {wrong}: {where}")
    for path, release, old, new in written:
        if effective(releases.observed(old)) != effective(releases.observed(new)):
            failures.append(f"--write changes something: {path} on {release}\n{made[path].decode()}")
    return counts, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=int(os.environ.get("LSCONFIG_LIVE_SEED") or 9))
    parser.add_argument("--count", type=int, default=500)
    root = LIVE.parent.parent
    parser.add_argument("--lsconfig", default=os.environ.get("LSCONFIG_BIN", root / "target/debug/lsconfig"))
    parser.add_argument("--peers", type=Path, default=os.environ.get("LSCONFIG_PEERS", root / "target/peers"))
    arguments = parser.parse_args()
    try:
        counts, failures = compare(
            Path(arguments.lsconfig).resolve(), Path(arguments.peers), arguments.seed, arguments.count
        )
    except (CannotRun, OSError) as error:
        print(f"migrated: {error}", file=sys.stderr)
        sys.exit(2)
    for failure in failures[:20]:
        print(failure)
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"seed {arguments.seed}, {arguments.count} services: {told}, {len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
