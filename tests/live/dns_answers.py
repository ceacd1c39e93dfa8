"""Compares the answers of `lsconfig dns` with those of LocalStack 4.12.0's own DNS server.

    dns_answers.py [--seed N] [--queries N]

Runs under the Python of the `localstack-4.12.0` environment of install.sh, which has dnspython, as
root with iproute2: an emulator with two networks, a client on each, and a scripted upstream live in
network namespaces of their own. The same random questions from the same clients go first to
LocalStack's server and then to ours, with the same variables.

Every difference must be one that docs/reference/dns-divergences.md gives a reason for: `expected`
says for each question what differs and why, and it is strict both ways. Exit status: 0 all as
expected, 1 not, 2 cannot run.
"""

import argparse
import hashlib
import itertools
import json
import os
import queue
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

ROOT = Path(__file__).resolve().parents[2]
APEX = "localhost.localstack.cloud"
CUSTOM = "ls.corp.test"
UPSTREAM = "10.92.2.53"
START_SECONDS = 20
ASK_SECONDS = 9

# Who asks: namespace, source address, server address.
CLIENTS = {
    "net-a": ("a", "172.31.1.3", "172.31.1.2"),
    "net-b": ("b", "10.92.2.30", "10.92.2.20"),
    "gateway": ("a", "172.31.1.1", "172.31.1.2"),
    "other gateway": ("b", "10.92.2.1", "10.92.2.20"),
    "routed": ("a", "192.168.77.5", "172.31.1.2"),
    "loopback": ("emu", "127.0.0.1", "127.0.0.1"),
    "own address": ("emu", "172.31.1.2", "172.31.1.2"),
}

SETUPS = [
    {},
    {"LOCALSTACK_HOST": CUSTOM + ":4566"},
    {"DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM": r'skip\.;"quoted.*"', "LOCALSTACK_HOST": CUSTOM},
    {"DNS_LOCAL_NAME_PATTERNS": r".*\.s3\..*", "DNS_RESOLVE_IP": "198.51.100.7"},
]

# What stands before the apex without a dot; `host_prefixes` adds those that are answered.
PREFIXES = ["x", "notaprefix-"]


class CannotRun(Exception):
    """Something the comparison needs is missing or broken."""


def scripted(name, kind):
    """The answer of the upstream, which depends on the question alone."""
    digest = hashlib.sha256(f"{name.lower()} {kind}".encode()).digest()
    if digest[0] < 50:
        return "NXDOMAIN", []
    if digest[0] < 70:
        return "NOERROR", []
    if digest[0] < 80:
        return "REFUSED", []
    number = digest[1]
    data = {
        "A": [f"203.0.113.{number}", f"203.0.113.{255 - number}"][: 1 + digest[2] % 2],
        "AAAA": [f"2001:db8::{number:x}"],
        "TXT": [f'"text {number}; a=b"'],
        "MX": [f"{number} mail.example.test."],
        "CNAME": [f"target-{number}.example.test."],
    }
    return "NOERROR", data.get(kind, [])


def serve_upstream():
    """Answers as `scripted` says and prints each question. Runs in a namespace."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((UPSTREAM, 53))
    print("ready", flush=True)
    while True:
        wire, peer = server.recvfrom(4096)
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = str(question.name).rstrip("."), dns.rdatatype.to_text(question.rdtype)
        print(f"{name} {kind}", flush=True)
        rcode, data = scripted(name, kind)
        reply = dns.message.make_response(query, recursion_available=True)
        reply.set_rcode(dns.rcode.from_text(rcode))
        if data:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *data))
        server.sendto(reply.to_wire(), peer)


def serve_asker():
    """Puts the questions that come in as lines, and prints what the answers say."""
    print("ready", flush=True)
    for line in sys.stdin:
        source, server, name, kind = json.loads(line)
        query = dns.message.make_query(name, kind)
        try:
            reply = dns.query.udp(query, server, timeout=ASK_SECONDS, source=source)
        except dns.exception.Timeout:
            print(json.dumps(None), flush=True)
            continue
        records = sorted(
            f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {item}"
            for rrset in reply.answer
            for item in rrset
        )
        flags = sorted(dns.flags.to_text(reply.flags).split())
        status = dns.rcode.to_text(reply.rcode())
        print(json.dumps({"status": status, "flags": flags, "answer": records}), flush=True)


class Child:
    """A copy of this script, or a server, in a namespace."""

    def __init__(self, namespace, command, env=None, log=None):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command],
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=log or subprocess.PIPE,
            stderr=subprocess.STDOUT if log else None,
        )

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise CannotRun("a helper in a namespace ended")
        return line.rstrip("\n")

    def ask(self, value):
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Networks:
    """The emulator's namespace and those of its clients."""

    def __init__(self):
        self.prefix = f"lsdnslive{os.getpid()}-"

    def __getitem__(self, name):
        return self.prefix + name

    def __enter__(self):
        def ip(*words):
            subprocess.run(["ip", *words], check=True)

        for name in ("emu", "a", "b"):
            ip("netns", "add", self[name])
            ip("-n", self[name], "link", "set", "lo", "up")
        for name, device, own, others in (
            ("a", "eth0", "172.31.1.2/24", ["172.31.1.3/24", "172.31.1.1/24", "192.168.77.5/32"]),
            ("b", "eth1", "10.92.2.20/24", ["10.92.2.30/24", "10.92.2.1/24", UPSTREAM + "/24"]),
        ):
            ip("link", "add", device, "netns", self["emu"], "type", "veth",
               "peer", "name", "eth0", "netns", self[name])  # fmt: skip
            ip("-n", self["emu"], "addr", "add", own, "dev", device)
            ip("-n", self["emu"], "link", "set", device, "up")
            for address in others:
                ip("-n", self[name], "addr", "add", address, "dev", "eth0")
            ip("-n", self[name], "link", "set", "eth0", "up")
        ip("-n", self["emu"], "route", "add", "default", "via", "172.31.1.1")
        return self

    def __exit__(self, *_):
        for name in ("emu", "a", "b"):
            subprocess.run(["ip", "netns", "del", self[name]], stderr=subprocess.DEVNULL)


class Questions:
    """Random questions; no two servers see the same name twice, but for apexes."""

    TYPES = ["A"] * 8 + ["AAAA"] * 3 + ["TXT", "MX", "CNAME", "NS", "SOA", "HTTPS", "SRV", "CAA"]

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.counter = itertools.count()

    def label(self):
        letters = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCXYZ"
        length = self.random.randint(1, 12)
        inner = "".join(self.random.choice(letters) for _ in range(length))
        return f"x{inner}{next(self.counter)}"

    def below(self, apex):
        service = self.random.choice(["s3", "sqs", "s3.us-east-1", "execute-api", "skip", "a.b.c.d"])
        labels = [self.label() for _ in range(self.random.randint(0, 3))]
        return ".".join([*labels, service, apex])

    def recased(self, name):
        flipped = "".join(self.random.choice((c.upper(), c)) for c in name)
        return flipped if flipped != name else name.upper()

    def name(self):
        unique = self.label()
        return self.random.choice([
            lambda: APEX,
            lambda: self.below(APEX),
            lambda: self.below(APEX),
            lambda: f"{unique}.{APEX}",
            lambda: f"{unique}.{self.recased(APEX)}",
            lambda: self.recased(APEX),
            lambda: unique + APEX,
            lambda: f"{unique}.{APEX}.evil.test",
            lambda: f"{unique}.localhostXlocalstackYcloud",
            lambda: self.random.choice(PREFIXES) + APEX,
            lambda: self.below(CUSTOM),
            lambda: unique + CUSTOM,
            lambda: f"skip.{unique}.{APEX}",
            lambda: f"skip.{unique}.example.test",
            lambda: f"quoted{unique}.{APEX}",
            lambda: f"{unique}.example.test",
            lambda: self.below(f"{unique}.example"),
        ])()  # fmt: skip

    def __call__(self):
        return self.random.choice(list(CLIENTS)), self.name(), self.random.choice(self.TYPES)


# The names with a prefix and no dot that 4.5.0 and later answer.
HOST_PREFIXES = None


def expected(setup, client, name, kind):
    """What differs, and the section of dns-divergences.md that says why."""
    patterns = " ".join(
        [
            setup.get("DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM", ""),
            setup.get("DNS_LOCAL_NAME_PATTERNS", ""),
        ]
    ).strip()
    items = [p.strip(" \"'") for p in re.split(r"[,;\s]+", patterns) if patterns]
    # Ours matches letters in either case: `bad-pattern-is-left-out` says so.
    theirs_skips = any(re.match(p, name + ".") for p in items)
    ours_skips = any(re.match(p, name + ".", re.IGNORECASE) for p in items)
    custom = setup.get("LOCALSTACK_HOST", APEX).split(":")[0]
    apexes = {APEX, custom}
    theirs = not theirs_skips and (
        any(re.match(".*" + apex, name + ".") for apex in apexes) or name in HOST_PREFIXES
    )
    lower = name.lower()
    ours = not ours_skips and (
        any(lower == apex or lower.endswith("." + apex) for apex in apexes)
        or lower in HOST_PREFIXES
    )
    if kind not in ("A", "AAAA"):
        return ({"forwarded"}, "no-forward-below-zone") if ours else (set(), None)
    resolve_ip = "DNS_RESOLVE_IP" in setup
    if theirs and not (kind == "AAAA" and resolve_ip):
        if not ours:
            return {"forwarded"}, "label-boundaries"
        if kind == "AAAA" and client != "loopback":
            return {"answer"}, "aaaa-only-where-reachable"
        return set(), None
    if ours and kind == "AAAA" and theirs:
        return {"forwarded"}, "aaaa-only-where-reachable"
    return ({"forwarded"}, "case-insensitive") if ours else (set(), None)


def differences(theirs, ours):
    if theirs["forwarded"] != ours["forwarded"]:
        return {"forwarded"}
    if theirs["reply"] is None or ours["reply"] is None:
        return set() if theirs["reply"] is ours["reply"] else {"reply"}
    aspects = ["status", "answer"] + ([] if theirs["forwarded"] else ["flags"])
    return {aspect for aspect in aspects if theirs["reply"][aspect] != ours["reply"][aspect]}


def wait_until_up(asker):
    for _ in range(int(START_SECONDS / 0.2)):
        reply = asker.ask(["127.0.0.1", "127.0.0.1", APEX, "A"])
        if reply and reply["answer"]:
            return
        time.sleep(0.2)
    raise CannotRun("the server did not start")


def run(networks, upstream, askers, command, setup, questions):
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/tmp",
        "OVERRIDE_IN_DOCKER": "1",
        "DNS_SERVER": UPSTREAM,
        **setup,
    }
    log = open(os.environ.get("LSCONFIG_DNS_LOG", os.devnull), "a")
    server = Child(networks["emu"], command, env, log)
    try:
        wait_until_up(askers["emu"])
        upstream.take()
        replies = []
        for client, name, kind in questions:
            namespace, source, address = CLIENTS[client]
            replies.append(askers[namespace].ask([source, address, name, kind]))
        asked = upstream.take()
        return [
            {"reply": reply, "forwarded": f"{name} {kind}" in asked}
            for (_, name, kind), reply in zip(questions, replies)
        ]
    finally:
        server.stop()


class Upstream:
    """The scripted upstream, and what it was asked."""

    def __init__(self, networks):
        self.child = Child(networks["b"], [sys.executable, __file__, "--upstream"])
        self.child.line()
        self.asked = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.process.stdout:
            self.asked.put(line.rstrip("\n"))

    def take(self):
        """The questions since the last call, as `name type`."""
        # What it printed last may still be on its way through the pipe.
        time.sleep(0.5)
        return {self.asked.get() for _ in range(self.asked.qsize())}


def host_prefixes(python):
    """The names as 4.12.0 itself lists them."""
    code = (
        "import json; from localstack.dns import server; "
        "print(json.dumps(server.NAME_PATTERNS_POINTING_TO_LOCALSTACK))"
    )
    env = {"PATH": os.environ["PATH"], "HOME": "/tmp", "OVERRIDE_IN_DOCKER": "0"}
    listed = subprocess.run([python, "-c", code], env=env, check=True, capture_output=True)
    return {name for name in json.loads(listed.stdout.splitlines()[-1]) if "*" not in name}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument(
        "--lsconfig",
        default=os.environ.get("LSCONFIG_BIN", ROOT / "target/release/lsconfig"),
        help="the binary (LSCONFIG_BIN)",
    )
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise CannotRun("network namespaces need root")
    print(f"seed {arguments.seed}", flush=True)

    global HOST_PREFIXES
    HOST_PREFIXES = host_prefixes(sys.executable)
    PREFIXES.extend(sorted(name.removesuffix(APEX) for name in HOST_PREFIXES))
    generate = Questions(arguments.seed)
    reasons, failed, total = Counter(), 0, 0
    with Networks() as networks:
        upstream = Upstream(networks)
        askers = {
            name: Child(networks[name], [sys.executable, __file__, "--asker"])
            for name in ("emu", "a", "b")
        }
        try:
            for asker in askers.values():
                asker.line()
            share = -(-arguments.queries // len(SETUPS))
            for setup in SETUPS:
                questions = [generate() for _ in range(share)]
                of = lambda command: run(networks, upstream, askers, command, setup, questions)
                theirs = of([sys.executable, "-m", "localstack.dns.server"])
                ours = of([str(arguments.lsconfig), "dns", "--user", "root", "--cache", "0"])
                for question, their, our in zip(questions, theirs, ours):
                    total += 1
                    found = differences(their, our)
                    wanted, why = expected(setup, *question)
                    reasons[why or "the same"] += 1
                    if found != wanted:
                        failed += 1
                        print(f"MISMATCH {question} with {setup}: {why or 'the same'} expected")
                        print(f"    LocalStack {json.dumps(their)}")
                        print(f"    lsconfig   {json.dumps(our)}")
        finally:
            for child in [*askers.values(), upstream.child]:
                child.stop()
    for why, count in sorted(reasons.items()):
        print(f"{why}: {count}")
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--upstream"]:
        serve_upstream()
    elif sys.argv[1:] == ["--asker"]:
        serve_asker()
    else:
        try:
            sys.exit(main())
        except CannotRun as error:
            print(f"dns: {error}", file=sys.stderr)
            sys.exit(2)
