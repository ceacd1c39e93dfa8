"""Random environments and addresses for the live stage; the same seed gives the same texts.

    generate.py --seed N --count M               environments, one JSON object a line
    generate.py --seed N --count M --addresses   host:port texts, one JSON string a line

Realistic values come more often than weird ones. The weird ones are what releases differ over:
empty texts, Python's white space, digits of other scripts, signs, underscores, numbers out of
range, every form of IPv6, lists with duplicates, wildcards and empty entries, zone ids, newlines.
"""

import argparse
import json
import random
import sys
import unicodedata

# What str.strip() removes, and three characters that look the same to a reader but stay.
SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
NOT_SPACES = "\u200b\u2060\ufeff"
# The zeros of all scripts whose digits int() reads.
ZEROS = [c for c in range(0x80, 0x20000) if unicodedata.decimal(chr(c), None) == 0]

NAMES = """
    localhost localhost.localstack.cloud foo.bar localstack my-host.example ls.internal
    host.docker.internal LOCALHOST LocalStack example.test a
""".split()
IPV4 = "0.0.0.0 127.0.0.1 10.0.0.2 172.17.0.1 172.17.0.2 192.168.1.5 127.0.0.2".split()
IPV6 = """
    :: ::1 2001:db8::1 2001:DB8::A 2001:db8:0:0:0:0:0:1 0:0:0:0:0:0:0:0 1:2:3:4:5:6:7:8 fe80::1
    ::ffff:1.2.3.4 ::1.2.3.4 ::ffff:0.0.0.0 fe80::1%eth0 fe80::1%25eth0 fe80::1%1 64:ff9b::a00:1
""".split()
NOT_IPV6 = """
    fe80::1% fe80::%1%2 2001:db8:::1 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 12345:: 00001:: g:: : :::
    ::1.2.3.256 ::1.2.3 ::01.2.3.4 1.2.3.4 host [::1] ::1] 1::2::3 :1:2:3:4:5:6:7 1:2:3:4:5:6:7:
""".split() + ["", " ::1", "::1 "]
WEIRD_HOSTS = """
    * - . .. -host _ höst 999.999.999.999 1.2.3.4/24 user@h //h http://h https://h:1/x [ ] [] [:]
    80 4566 0 :: ::1 x[ [host] [1.2.3.4] %eth0 xn--hst-sna 主机 $HOST ${HOST} "h" 'h' h#c h;i
""".split() + ["ho st", "h,i", "h\ti", "a" * 70 + ".example"]
PORTS = [4566, 4566, 4566, 443, 80, 8080, 5000, 9000, 9999, 4567, 53, 1024, 65535, 1]
WEIRD_PORTS = """
    0 -0 -1 +80 --1 +-1 65535 65536 70000 0080 00 8_0 8__0 _80 80_ 0x50 0b1 0o7 80.0 1e3 8e1 abc
    http ² ½ Ⅷ 一 80:90 80/tcp 8080-8090 99999999999999999999 -99999999999999999999 NaN True None
    18446744073709551616 9223372036854775807 -9223372036854775809
""".split() + ["", " ", "8 0", "+ 80", "8\n0", "1_" * 20 + "1"]
# int() takes 4300 digits and counts them before it looks at what follows.
LONG_PORTS = ["1" * 4300, "1" * 4301, "0" * 4301, "1_" * 4300 + "1", "1_" * 4301, "-" + "1" * 4301]
LONG_PORTS += ["1" * 4301 + "x", "1" * 4300 + "x", "1" * 4301 + "\x1c", "1" * 4301 + "__1"]
FLAGS = "1 0 1 0 true false True FALSE".split()
WEIRD_FLAGS = "yes no on off 2 01 00 +1 tRuE fAlSe １ ０ truE. falſe enabled t f None".split() + [""]

ADDRESS_LISTS = ["GATEWAY_LISTEN"]
ADDRESSES = ["LOCALSTACK_HOST"]
HOSTS = "EDGE_BIND_HOST HOSTNAME_EXTERNAL LOCALSTACK_HOSTNAME".split()
LISTENING_PORTS = "EDGE_PORT EDGE_PORT_HTTP".split()
OTHER_HOSTS = """
    HOSTNAME_FROM_LAMBDA HOSTNAME SNS_CERT_URL_HOST DNS_ADDRESS DNS_SERVER DNS_RESOLVE_IP
    DNS_VERIFICATION_DOMAIN DOCKER_BRIDGE_IP LAMBDA_DOCKER_DNS
""".split()
OTHER_PORTS = """
    SQS_PORT_EXTERNAL DNS_PORT EXTERNAL_SERVICE_PORTS_START EXTERNAL_SERVICE_PORTS_END
    SERVICE_INSTANCES_PORTS_START SERVICE_INSTANCES_PORTS_END
""".split()
SWITCHES = """
    USE_SSL USE_SSL USE_SSL OPENSEARCH_MULTI_CLUSTER ES_MULTI_CLUSTER S3_SKIP_SIGNATURE_VALIDATION
    LAMBDA_DISABLE_AWS_ENDPOINT_URL TF_COMPAT_MODE SKIP_SSL_CERT_DOWNLOAD REMOVE_SSL_CERT
    DISABLE_CORS_HEADERS DISABLE_CORS_CHECKS DISABLE_CUSTOM_CORS_S3 DISABLE_CUSTOM_CORS_APIGATEWAY
    DISABLE_PREFLIGHT_PROCESSING ALLOW_NONSTANDARD_REGIONS
""".split()
CHOICES = {
    "SQS_ENDPOINT_STRATEGY": "off standard domain path dynamic".split(),
    "OPENSEARCH_ENDPOINT_STRATEGY": "domain path port off".split(),
    "ES_ENDPOINT_STRATEGY": "domain path port off".split(),
    "GATEWAY_SERVER": "hypercorn twisted werkzeug".split(),
}
TEXTS = {
    "EDGE_FORWARD_URL": ["http://localhost:4566", "http://h"],
    "OPENSEARCH_CUSTOM_BACKEND": ["http://os:9200"],
    "ES_CUSTOM_BACKEND": ["http://es:9200"],
    "DNS_LOCAL_NAME_PATTERNS": [".*(ecr|lambda).*.amazonaws.com"],
    "DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM": ["*.dkr.ecr.eu-west-1.amazonaws.com,a.b", "a; b 'c'"],
    "CUSTOM_SSL_CERT_PATH": ["/certs/server.pem"],
    "MAIN_CONTAINER_NAME": ["localstack-main", "ls"],
    "MAIN_DOCKER_NETWORK": ["bridge", "my-net"],
    "LAMBDA_DOCKER_NETWORK": ["my-net", "my-net,other", "a, b"],
    "LAMBDA_DOCKER_FLAGS": ["-e A=1", "-p 6000:6000"],
    "DOCKER_FLAGS": ["-p 443:443", "-v /tmp:/tmp"],
    "OUTBOUND_HTTP_PROXY": ["http://proxy:3128"],
    "OUTBOUND_HTTPS_PROXY": ["http://proxy:3128"],
    "EXTRA_CORS_ALLOWED_ORIGINS": ["https://a.example,https://b.example", " https://a.example , "],
    "EXTRA_CORS_ALLOWED_HEADERS": ["x-a", "x-a, x-b"],
    "EXTRA_CORS_EXPOSE_HEADERS": ["x-a", "x-a, x-b"],
}
# Announced as deprecated by some release, and about other things than networking. Releases convert
# some of them while loading, so they get values that every conversion accepts.
ANNOUNCED = """
    PORT_WEB_UI USE_SINGLE_REGION DATA_DIR HOST_TMP_FOLDER PERSISTENCE_SINGLE_FILE LEGACY_EDGE_PROXY
    KINESIS_PROVIDER LEGACY_INIT_DIR INIT_SCRIPTS_PATH SYNCHRONOUS_SNS_EVENTS SYNCHRONOUS_SQS_EVENTS
    SYNCHRONOUS_API_GATEWAY_EVENTS SYNCHRONOUS_KINESIS_EVENTS SYNCHRONOUS_DYNAMODB_EVENTS
    SKIP_INFRA_DOWNLOADS MOCK_UNIMPLEMENTED KMS_PROVIDER LAMBDA_EXECUTOR LAMBDA_STAY_OPEN_MODE
    LAMBDA_REMOTE_DOCKER LAMBDA_CODE_EXTRACT_TIME LAMBDA_CONTAINER_REGISTRY LAMBDA_FALLBACK_URL
    LAMBDA_FORWARD_URL LAMBDA_XRAY_INIT KINESIS_INITIALIZE_STREAMS PROVIDER_OVERRIDE_LAMBDA
    PERSIST_ALL LAMBDA_EVENTS_INTERNAL_SQS LAMBDA_EVENT_SOURCE_MAPPING
    LAMBDA_SQS_EVENT_SOURCE_MAPPING_INTERVAL_SEC PROVIDER_OVERRIDE_STEPFUNCTIONS EVENT_RULE_ENGINE
    STEPFUNCTIONS_LAMBDA_ENDPOINT LOCAL_PORT_STEPFUNCTIONS ACTIVATE_PRO LAMBDA_JAVA_OPTS TMPDIR
    DEFAULT_REGION
""".split()

# Variables of which one stands in for the other, or decides what the other means.
PAIRS = [
    ("GATEWAY_LISTEN", "LOCALSTACK_HOST"),
    ("EDGE_PORT", "EDGE_PORT_HTTP"),
    ("HOSTNAME_EXTERNAL", "LOCALSTACK_HOSTNAME"),
    ("LOCALSTACK_HOSTNAME", "DOCKER_BRIDGE_IP"),
    ("HOSTNAME_EXTERNAL", "SQS_PORT_EXTERNAL"),
    ("EXTERNAL_SERVICE_PORTS_START", "EXTERNAL_SERVICE_PORTS_END"),
    ("EXTERNAL_SERVICE_PORTS_START", "SERVICE_INSTANCES_PORTS_START"),
    ("EXTERNAL_SERVICE_PORTS_END", "SERVICE_INSTANCES_PORTS_END"),
    ("OPENSEARCH_ENDPOINT_STRATEGY", "ES_ENDPOINT_STRATEGY"),
    ("OPENSEARCH_CUSTOM_BACKEND", "ES_CUSTOM_BACKEND"),
    ("OPENSEARCH_MULTI_CLUSTER", "ES_MULTI_CLUSTER"),
    ("MAIN_DOCKER_NETWORK", "LAMBDA_DOCKER_NETWORK"),
    ("DNS_LOCAL_NAME_PATTERNS", "DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM"),
]


class Generator:
    """Texts from one stream of random numbers."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.weird = 0.1

    def chance(self, p):
        return self.random.random() < p

    def one(self, of):
        return self.random.choice(of)

    def padded(self, text):
        """Sometimes puts space around a text."""
        if self.chance(self.weird):
            space = self.one(SPACES) if self.chance(0.9) else self.one(NOT_SPACES)
            text = self.one([space + text, text + space, space + text + space])
        return text

    def port(self):
        if self.chance(self.weird):
            text = self.one(LONG_PORTS if self.chance(0.05) else WEIRD_PORTS)
        else:
            number = self.one(PORTS) if self.chance(0.8) else self.random.randint(1, 65535)
            text = str(number)
            if self.chance(self.weird / 2):
                zero = self.one(ZEROS)
                text = "".join(chr(zero + int(digit)) for digit in text)
        return self.padded(text)

    def ipv6(self):
        if self.chance(self.weird):
            return self.one(NOT_IPV6)
        if self.chance(0.7):
            return self.one(IPV6)
        groups = [format(self.random.choice([0, 0, 1, 0xDB8, 0xFFFF]), "x") for _ in range(8)]
        start = self.random.randint(0, 7)
        groups[start : start + self.random.randint(0, 8)] = [""]
        return ":".join(groups)

    def host(self):
        if self.chance(self.weird):
            host = self.one(WEIRD_HOSTS)
        else:
            host = self.one(NAMES) if self.chance(0.5) else self.one(IPV4)
        return self.padded(host)

    def address(self):
        """A host:port text; either half may be missing."""
        shape = self.random.random()
        if shape < 0.55:
            return f"{self.host()}:{self.port()}"
        if shape < 0.70:
            return f":{self.port()}"
        if shape < 0.80:
            return self.host()
        if shape < 0.95:
            host = f"[{self.ipv6()}]"
            return self.padded(f"{host}:{self.port()}" if self.chance(0.8) else host)
        return self.one(
            [
                "",
                ":",
                self.ipv6(),
                f"{self.ipv6()}:{self.port()}",
                f"[{self.ipv6()}",
                f"[{self.ipv6()}]{self.port()}",
                f"x[{self.ipv6()}]:{self.port()}",
                f"[[{self.ipv6()}]]:{self.port()}",
                f"{self.host()}:{self.port()}:{self.port()}",
                f"{self.host()}::{self.port()}",
            ]
        )

    def addresses(self):
        """A list; entries tend to share a port, so that something is redundant."""
        if self.chance(self.weird / 2):
            return self.one(["", " ", ",", ",,", " , "])
        port = self.port()
        entries = []
        for _ in range(self.one([1, 1, 1, 2, 2, 3, 4])):
            shape = self.random.random()
            if entries and shape < 0.2:
                entries.append(self.one(entries))
            elif shape < 0.35:
                entries.append(f"0.0.0.0:{port}")
            elif shape < 0.45:
                entries.append(f"[::]:{port}" if self.chance(0.6) else f"[{self.ipv6()}]:{port}")
            elif shape < 0.75:
                entries.append(f"{self.host()}:{port}")
            else:
                entries.append(self.address())
        if self.chance(self.weird):
            entries.insert(self.random.randint(0, len(entries)), "")
        return self.one([",", ",", ", ", " ,"]).join(entries)

    def text(self, realistic):
        if self.chance(self.weird):
            return self.one(["", " ", "x", "ä", "a,b", "a\nb", "0", "false"])
        return self.padded(self.one(realistic))

    def value(self, name):
        if name in ADDRESS_LISTS:
            return self.addresses()
        if name in ADDRESSES:
            return self.address()
        if name in HOSTS or name in OTHER_HOSTS:
            if name == "DNS_ADDRESS" and self.chance(0.3):
                return self.padded(self.one(["0", "false", "False", "FALSE"]))
            if self.chance(0.1):
                return self.one([self.address(), self.ipv6(), ""])
            return self.host()
        if name in LISTENING_PORTS or name in OTHER_PORTS:
            return self.port()
        if name in SWITCHES:
            return self.padded(self.one(WEIRD_FLAGS if self.chance(self.weird) else FLAGS))
        if name in CHOICES:
            choice = self.one(CHOICES[name])
            return choice.upper() if self.chance(self.weird / 2) else self.text([choice])
        if name in TEXTS:
            return self.text(TEXTS[name])
        return self.one(["", "0", "1"])

    def name(self):
        """Most often a variable that moves an address."""
        shape = self.random.random()
        if shape < 0.30:
            return self.one(ADDRESS_LISTS + ADDRESSES)
        if shape < 0.55:
            return self.one(HOSTS + LISTENING_PORTS)
        if shape < 0.90:
            return self.one(OTHER_HOSTS + OTHER_PORTS + SWITCHES + list(CHOICES) + list(TEXTS))
        return self.one(ANNOUNCED)

    def environment(self):
        # One environment in three is realistic throughout, one in nine mostly weird.
        self.weird = self.one([0, 0, 0, 0.05, 0.1, 0.1, 0.1, 0.2, 0.6])
        env = {}
        names = [self.name() for _ in range(self.one([0, 1, 1, 2, 2, 3, 3, 4, 5, 8]))]
        if self.chance(0.3):
            names += self.one(PAIRS)
        for name in names:
            value = self.value(name)
            if self.chance(0.04):
                name = "LOCALSTACK_" + name
            elif self.chance(0.02):
                name = name.lower()
            env[name] = value
        return env


def environments(seed, count):
    """Yields {"id", "env", "in_docker"}."""
    generator = Generator(seed)
    for number in range(count):
        env = generator.environment()
        in_docker = generator.chance(0.5)
        yield {"id": f"{seed}/{number}", "env": env, "in_docker": in_docker}


def addresses(seed, count):
    """Yields host:port texts."""
    generator = Generator(seed)
    for _ in range(count):
        generator.weird = generator.one([0, 0.2, 0.6])
        yield generator.address()


def address_environments(seed, count):
    """Yields environments of one address each, as the listen address or as the returned one."""
    for number, address in enumerate(addresses(seed, count)):
        name = "GATEWAY_LISTEN" if number % 2 else "LOCALSTACK_HOST"
        yield {"id": f"{seed}/address/{number}", "env": {name: address}, "in_docker": True}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--addresses", action="store_true")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", file=sys.stderr)
    make = addresses if arguments.addresses else environments
    for item in make(arguments.seed, arguments.count):
        print(json.dumps(item))


if __name__ == "__main__":
    main()
