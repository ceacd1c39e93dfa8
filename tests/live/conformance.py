"""Compares `lsconfig explain --batch` with LocalStack releases, environment by environment.

    conformance.py [--seed N] [--count M] [--addresses K]   random environments, against the
                                                            releases that install.sh installed
    conformance.py --recorded                               the environments of envs.jsonl, against
                                                            what was observed then

Every environment is given to every release. A mismatch is printed with the smallest environment
that still shows it. known_divergences.jsonl lists what is different on purpose; its examples are
run each time, and one that agrees is a failure too. Exit status: 0 all agree, 1 not, 2 cannot run.
"""

import argparse
import ipaddress
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import generate

LIVE = Path(__file__).resolve().parent
ROOT = LIVE.parent.parent
RELEASES = ["1.4.0", "2.0.0", "2.3.2", "3.8.1", "4.14.0"]
RECORDED = ROOT / "tests/data/oracle/envs.jsonl"
DIVERGENCES = LIVE / "known_divergences.jsonl"

# Members of an observation that are no variables, or are compared by a rule of their own.
NO_SETTINGS = set(
    """
    bind gateway_listen localstack_host external_url internal_url deprecated error unordered
    config_log is_in_docker use_custom_dns external_url_sqs external_url_sub edge_url
    s3_virtual_hostname s3_static_website_hostname
    """.split()
)
# Derived members that a record leaves out when they follow from others.
DERIVED = {"external_url_sqs", "external_url_sub", "edge_url"}
# Mismatches that are made smaller; those that then look alike are printed once.
SHRUNK = 200


class CannotRun(Exception):
    """Something the comparison needs is missing or broken."""


def run(command, lines, what):
    """Gives JSON lines to a program and returns those it answers, one for each."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8")
    except OSError as error:
        raise CannotRun(f"{what}: {error}") from error
    answers = done.stdout.split("\n")[:-1]
    if done.returncode != 0 or len(answers) != len(lines):
        raise CannotRun(
            f"{what}: status {done.returncode}, {len(answers)} answers for {len(lines)} lines\n"
            + done.stderr[-2000:]
        )
    answers = [json.loads(answer) for answer in answers]
    for line, answer in zip(lines, answers):
        if answer.get("id") != line["id"]:
            raise CannotRun(f"{what}: {line['id']!r} was answered as {answer.get('id')!r}")
    return answers


class Both:
    """The two sides of the comparison. Questions are {"id", "env", "in_docker", "as_of"}."""

    def __init__(self, lsconfig, peers):
        self.lsconfig = lsconfig
        self.peers = peers

    def ours(self, questions):
        return run([self.lsconfig, "explain", "--batch", "-"], questions, "lsconfig")

    def theirs(self, questions):
        """Asks every release, two at a time; answers come in the order of the questions."""
        asked = {}
        for index, question in enumerate(questions):
            asked.setdefault(question["as_of"], []).append(index)

        def ask(release):
            python = self.peers / f"localstack-{release}/bin/python"
            if not python.exists():
                raise CannotRun(f"LocalStack {release} is not installed, run install.sh")
            lines = [questions[index] for index in asked[release]]
            return run([python, LIVE / "observe.py"], lines, f"LocalStack {release}")

        answers = [None] * len(questions)
        with ThreadPoolExecutor(2) as pool:
            for release, observed in zip(asked, pool.map(ask, asked)):
                for index, answer in zip(asked[release], observed):
                    answers[index] = answer["observed"]
        return answers


def address_text(pair):
    host, port = pair
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return f"{host}:{port}"
    return f"[{host}]:{port}"


def value_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)


def by_port(addresses):
    """The hosts of each port, for lists whose order inside one port is random."""
    hosts = Counter(tuple(address.rsplit(":", 1)) for address in addresses)
    order = list(dict.fromkeys(address.rsplit(":", 1)[1] for address in addresses))
    return order, hosts


def compare(observed, document):
    """Returns the disagreements as {field: (theirs, ours)}, and which settings were compared."""
    found = {}

    def check(field, theirs, ours):
        if theirs != ours:
            found[field] = (theirs, ours)

    warned = [d for d in document["diagnostics"] if d["code"] == "deprecated-variable"]
    check("deprecated", observed["deprecated"], [d["variable"] for d in warned])
    error = observed.get("error")
    check("starts", error is None, document["starts"])
    check("error", error and f"{error['type']}: {error['message']}", document["error"])
    if error or not document["starts"]:
        return found, set()

    check("in_container", observed["is_in_docker"], document["in_container"])
    for field in ["bind", "gateway_listen"]:
        theirs = [address_text(pair) for pair in observed.get(field, [])]
        ours = document[field] or []
        if observed.get("unordered") and by_port(theirs) == by_port(ours):
            continue
        check(field, theirs, ours)
    host = observed.get("localstack_host")
    check("localstack_host", host and address_text(host), document["localstack_host"])
    check("external_url", observed["external_url"], document["external_url"])
    check("internal_url", observed["internal_url"], document["internal_url"])

    settings = {entry["name"]: entry["value"] for entry in document["settings"]}
    names = {name for name in observed if name not in NO_SETTINGS}
    for name in sorted(names):
        ours = settings.get(name.upper(), "(not listed)")
        check(name, value_text(observed[name]), ours)
    return found, names


def recorded():
    """Returns questions and the observations in full, as they were recorded."""
    try:
        records = [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()]
    except OSError as error:
        raise CannotRun(error) from error
    base = {record["in_docker"]: record["observed"] for record in records[:2]}
    questions, observations = [], []
    for record in records:
        for release, observed in record["observed"].items():
            questions.append({k: record[k] for k in ["id", "env", "in_docker"]} | {"as_of": release})
            if "error" not in observed:
                inherited = base[record["in_docker"]][release]
                inherited = {k: v for k, v in inherited.items() if k not in DERIVED}
                observed = inherited | observed
            observations.append(observed)
    return questions, observations


class Divergences:
    """The listed differences.

    A line of the file is {"why", "as_of", "fields", "match", "env", "in_docker"}: these releases
    differ in exactly these fields for that environment. Other environments may differ likewise
    where each variable of "match" is present and its value fits the pattern.
    """

    def __init__(self, path):
        self.entries = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]

    def examples(self):
        return [
            {"id": f"known/{n}", "as_of": release} | {k: entry[k] for k in ["env", "in_docker"]}
            for n, entry in enumerate(self.entries)
            for release in entry["as_of"]
        ]

    def allows(self, question, fields):
        """Whether one entry explains all these fields of a random environment."""
        return any(
            question["as_of"] in entry["as_of"]
            and set(fields) <= set(entry["fields"])
            and entry["match"]
            and all(
                re.search(pattern, question["env"].get(name, "\0"), re.DOTALL)
                for name, pattern in entry["match"].items()
            )
            for entry in self.entries
        )

    def wrong_example(self, question, fields):
        """Why an example does not show what it is listed for, or None."""
        entry = self.entries[int(question["id"].removeprefix("known/"))]
        if set(fields) == set(entry["fields"]):
            return None
        return f"listed as different in {entry['fields']}, is different in {sorted(fields)}"


def smaller(question):
    """Yields the question without one of its variables, or with a shorter list."""
    env = question["env"]
    for name in env:
        yield question | {"env": {k: v for k, v in env.items() if k != name}}
    for name, value in env.items():
        if len(value) > 1 and "," in value:
            parts = value.split(",")
            for index in range(len(parts)):
                yield question | {"env": env | {name: ",".join(parts[:index] + parts[index + 1 :])}}


def shrink(both, failures):
    """Makes each failing question as small as it stays failing in the same field."""
    questions = [question for question, _ in failures]
    fields = [next(iter(found)) for _, found in failures]
    shown = [found for _, found in failures]
    active = set(range(len(questions)))
    while active:
        candidates = [
            (index, candidate)
            for index in sorted(active)
            for candidate in smaller(questions[index])
        ]
        active = set()
        asked = [candidate for _, candidate in candidates]
        if not asked:
            break
        answers = zip(candidates, both.theirs(asked), both.ours(asked))
        for (index, candidate), observed, document in answers:
            found, _ = compare(observed, document)
            if index not in active and fields[index] in found:
                questions[index], shown[index] = candidate, found
                active.add(index)
    return list(zip(questions, shown))


def brief(value):
    text = json.dumps(value)
    return text if len(text) <= 400 else f"{text[:200]} ... {text[-100:]}"


def report(failures):
    """Prints the mismatches, those of the same fields and variables as one."""
    groups = {}
    for question, found in failures:
        groups.setdefault((tuple(found), tuple(sorted(question["env"]))), []).append((question, found))
    for group in groups.values():
        question, found = min(group, key=lambda failure: len(json.dumps(failure[0]["env"])))
        releases = sorted({question["as_of"] for question, _ in group})
        print(f"MISMATCH {question['id']}, {len(group)} like it, in {', '.join(releases)}")
        for field, (theirs, ours) in found.items():
            print(f"    {field}: LocalStack {brief(theirs)}, lsconfig {brief(ours)}")
        repro = {k: question[k] for k in ["id", "env", "in_docker", "as_of"]}
        print(f"    for lsconfig explain --batch -: {json.dumps(repro)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--count", type=int, default=2000, help="random environments")
    parser.add_argument("--addresses", type=int, default=500, help="random host:port texts")
    parser.add_argument("--recorded", action="store_true", help="replay the recorded observations")
    parser.add_argument("--release", action="append", choices=RELEASES, help="only this release")
    parser.add_argument(
        "--lsconfig",
        default=os.environ.get("LSCONFIG_BIN", ROOT / "target/release/lsconfig"),
        help="the binary (LSCONFIG_BIN)",
    )
    arguments = parser.parse_args()
    peers = Path(os.environ.get("LSCONFIG_PEERS", ROOT / "target/peers"))
    both = Both(arguments.lsconfig, peers)
    divergences = Divergences(DIVERGENCES)

    started = time.monotonic()
    if arguments.recorded:
        questions, observations = recorded()
    else:
        print(f"seed {arguments.seed}", flush=True)
        environments = list(generate.environments(arguments.seed, arguments.count))
        environments += generate.address_environments(arguments.seed, arguments.addresses)
        releases = arguments.release or RELEASES
        questions = [e | {"as_of": release} for release in releases for e in environments]
        questions += divergences.examples()
        observations = both.theirs(questions)
    observed_in = time.monotonic() - started
    documents = both.ours(questions)
    explained_in = time.monotonic() - started - observed_in

    passed, excused, failures, compared = Counter(), Counter(), [], set()
    for question, observed, document in zip(questions, observations, documents):
        found, names = compare(observed, document)
        compared |= names
        release = question["as_of"]
        if question["id"].startswith("known/"):
            wrong = divergences.wrong_example(question, found)
            if wrong:
                failures.append((question, {"known_divergences.jsonl": (wrong, None)} | found))
            else:
                excused[release] += 1
        elif not found:
            passed[release] += 1
        elif divergences.allows(question, found):
            excused[release] += 1
        else:
            failures.append((question, found))

    if arguments.recorded:
        report(failures)
    else:
        known = [f for f in failures if f[0]["id"].startswith("known/")]
        others = [f for f in failures if not f[0]["id"].startswith("known/")]
        # Taken from everywhere, so that every release has its share.
        chosen = others[:: max(1, len(others) // SHRUNK)]
        report(known + shrink(both, chosen))
        if len(chosen) < len(others):
            print(f"{len(others) - len(chosen)} further mismatches are not shown")

    for release in sorted({question["as_of"] for question in questions}):
        failed = sum(question["as_of"] == release for question, _ in failures)
        line = f"{release}: {passed[release]} agree, {failed} do not"
        print(line + (f", {excused[release]} as listed" if excused[release] else ""))
    print(
        f"{len(compared)} settings compared besides addresses and URLs;"
        f" LocalStack took {observed_in:.1f} s, lsconfig {explained_in:.1f} s"
    )
    print(f"{sum(passed.values()) + sum(excused.values())} passed, {len(failures)} failed")
    return 1 if failures or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as error:
        print(f"conformance: {error}", file=sys.stderr)
        sys.exit(2)
