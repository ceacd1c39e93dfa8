"""Tests of the live stage itself, without LocalStack: would it notice?"""

import copy
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import conformance  # noqa: E402
import generate  # noqa: E402

OBSERVED = {
    "use_ssl": False,
    "dns_port": 53,
    "dns_server": None,
    "is_in_docker": True,
    "gateway_listen": [["::1", 4566], ["[", 80]],
    "localstack_host": ["foo.bar", 4566],
    "unordered": False,
    "bind": [["::1", 4566], ["[", 80]],
    "external_url": "http://foo.bar:4566",
    "internal_url": "http://localhost:4566",
    "deprecated": ["EDGE_PORT"],
}
DOCUMENT = {
    "in_container": True,
    "starts": True,
    "error": None,
    "bind": ["[::1]:4566", "[:80"],
    "gateway_listen": ["[::1]:4566", "[:80"],
    "localstack_host": "foo.bar:4566",
    "external_url": "http://foo.bar:4566",
    "internal_url": "http://localhost:4566",
    "settings": [
        {"name": "USE_SSL", "value": "false"},
        {"name": "DNS_PORT", "value": "53"},
        {"name": "DNS_SERVER", "value": None},
    ],
    "diagnostics": [
        {"code": "deprecated-variable", "variable": "EDGE_PORT"},
        {"code": "something-else", "variable": "X"},
    ],
}
REFUSED = {"error": {"type": "ValueError", "message": "port out of range"}, "deprecated": []}


class Compare(unittest.TestCase):
    def fields(self, observed, document):
        return sorted(conformance.compare(observed, document)[0])

    def test_equal_answers_agree(self):
        self.assertEqual(self.fields(OBSERVED, DOCUMENT), [])

    def test_every_member_counts(self):
        for member in ["starts", "in_container"]:
            changed = DOCUMENT | {member: False}
            self.assertIn(member, self.fields(OBSERVED, changed))
        for member in ["error", "localstack_host", "external_url", "internal_url"]:
            self.assertEqual(self.fields(OBSERVED, DOCUMENT | {member: "x"}), [member])
        for member in ["bind", "gateway_listen"]:
            changed = DOCUMENT | {member: DOCUMENT[member][::-1]}
            self.assertEqual(self.fields(OBSERVED, changed), [member])
        self.assertEqual(self.fields(OBSERVED, DOCUMENT | {"diagnostics": []}), ["deprecated"])

    def test_every_setting_counts(self):
        for index, entry in enumerate(DOCUMENT["settings"]):
            changed = copy.deepcopy(DOCUMENT)
            changed["settings"][index]["value"] = "x"
            self.assertEqual(self.fields(OBSERVED, changed), [entry["name"].lower()])
            del changed["settings"][index]
            self.assertEqual(self.fields(OBSERVED, changed), [entry["name"].lower()])

    def test_order_inside_a_port_counts_unless_it_is_random(self):
        observed = OBSERVED | {"bind": [["b", 1], ["a", 1], ["c", 2]]}
        document = DOCUMENT | {"bind": ["a:1", "b:1", "c:2"]}
        self.assertEqual(self.fields(observed, document), ["bind"])
        observed["unordered"] = True
        self.assertEqual(self.fields(observed, document), [])
        for wrong in [["c:2", "a:1", "b:1"], ["a:1", "a:1", "c:2"], ["a:1", "c:2"]]:
            self.assertEqual(self.fields(observed, DOCUMENT | {"bind": wrong}), ["bind"])

    def test_the_message_of_a_refusal_counts(self):
        document = {"starts": False, "error": "ValueError: port out of range", "diagnostics": []}
        self.assertEqual(self.fields(REFUSED, document), [])
        self.assertEqual(self.fields(REFUSED, document | {"error": "ValueError: x"}), ["error"])
        self.assertEqual(self.fields(REFUSED, DOCUMENT | {"diagnostics": []}), ["error", "starts"])


class Divergences(unittest.TestCase):
    def setUp(self):
        self.known = conformance.Divergences(Path("/dev/null"))
        self.known.entries = [
            {
                "why": "x",
                "as_of": ["2.0.0"],
                "fields": ["bind"],
                "match": {"EDGE_PORT": "^0"},
                "env": {"EDGE_PORT": "0"},
                "in_docker": True,
            }
        ]

    def test_an_entry_explains_what_it_says_and_no_more(self):
        question = {"as_of": "2.0.0", "env": {"EDGE_PORT": "01"}}
        self.assertTrue(self.known.allows(question, ["bind"]))
        self.assertFalse(self.known.allows(question, ["bind", "error"]))
        self.assertFalse(self.known.allows(question | {"as_of": "1.4.0"}, ["bind"]))
        self.assertFalse(self.known.allows(question | {"env": {"EDGE_PORT": "1"}}, ["bind"]))
        self.assertFalse(self.known.allows(question | {"env": {}}, ["bind"]))

    def test_an_example_that_agrees_is_wrong(self):
        (example,) = self.known.examples()
        self.assertIsNone(self.known.wrong_example(example, ["bind"]))
        self.assertIsNotNone(self.known.wrong_example(example, []))


class Generate(unittest.TestCase):
    def test_a_seed_gives_the_same_environments(self):
        first = list(generate.environments(7, 200))
        self.assertEqual(first, list(generate.environments(7, 200)))
        self.assertNotEqual(first, list(generate.environments(8, 200)))

    def test_no_environment_is_impossible_or_fixed_by_the_observation(self):
        for record in generate.environments(1, 3000):
            for name, value in record["env"].items():
                self.assertNotIn("\0", value)
                value.encode("utf-8")
                self.assertNotIn(name, ["OVERRIDE_IN_DOCKER", "CONFIG_PROFILE", "CONFIG_DIR"])

    def test_what_releases_differ_over_occurs(self):
        records = list(generate.environments(1, 3000))
        listens = [r["env"]["GATEWAY_LISTEN"] for r in records if "GATEWAY_LISTEN" in r["env"]]
        for part in ["", "[::]", "0.0.0.0", "%eth0", ",,", "\n", "\x1c", "\u3000", "_", "-1", "+80"]:
            self.assertTrue(any(part in listen for listen in listens), part)
        self.assertIn("", listens)
        names = {name for record in records for name in record["env"]}
        for group in [generate.HOSTS, generate.LISTENING_PORTS, generate.OTHER_PORTS]:
            self.assertLessEqual(set(group), names)
        self.assertTrue(any(name.startswith("LOCALSTACK_EDGE") for name in names))


class Repository(unittest.TestCase):
    def test_requirement_files_pin_everything(self):
        for file in (conformance.LIVE / "peers").glob("*.txt"):
            for line in file.read_text().splitlines():
                self.assertRegex(line, r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$", file.name)
        for release in [*conformance.RELEASES, "4.12.0"]:
            self.assertTrue((conformance.LIVE / f"peers/localstack-{release}.txt").exists())


if __name__ == "__main__":
    unittest.main()
