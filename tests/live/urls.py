"""Compares `lsconfig url --batch` with the URLs that a running LocalStack 4.12.0 returns.

    urls.py [--seed N] [--instances K] [--record FILE]

Runs under the Python of the `clients` environment of install.sh, which has boto3. Starts one
LocalStack after the other in host mode on loopback ports, each with other addresses, lets it
create randomly named queues, buckets, functions, topics and so on, and stops it. Nothing else of
this machine is used, neither Docker nor a name server. --record writes the observations as lines
of tests/data/oracle/urls.jsonl.

known_url_divergences.jsonl lists what is different on purpose, as {"why", "kind", "match"}: each
line of that kind whose inputs and variables fit the patterns of "match" disagrees. One that agrees
is a failure, and so is an entry that nothing was run for. Exit status: 0 all as expected, 1 not,
2 cannot run.
"""

import argparse
import http.server
import io
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
import xml.etree.ElementTree
import zipfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

LIVE = Path(__file__).resolve().parent
ROOT = LIVE.parent.parent
RELEASE = "4.12.0"
DIVERGENCES = LIVE / "known_url_divergences.jsonl"

START_SECONDS = 90
STOP_SECONDS = 20
CALL_SECONDS = 60

REGIONS = "eu-central-1 us-west-2 ap-southeast-2".split()
ACCOUNTS = ["000000000000", "111122223333"]
STRATEGIES = "standard domain path off dynamic bogus".split()
CLOUD = "localhost.localstack.cloud"

TEMPLATE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "{bucket}"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "{queue}"}},
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
    },
    "Outputs": {
        "ApiId": {"Value": {"Ref": "Api"}},
        "ApiUrl": {
            "Value": {
                "Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/prod/"
            }
        },
        "ApiUrlHard": {
            "Value": {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/prod"}
        },
        "BucketDomain": {"Value": {"Fn::GetAtt": ["Bucket", "DomainName"]}},
        "BucketDual": {"Value": {"Fn::GetAtt": ["Bucket", "DualStackDomainName"]}},
        "BucketRegional": {"Value": {"Fn::GetAtt": ["Bucket", "RegionalDomainName"]}},
        "BucketWeb": {"Value": {"Fn::GetAtt": ["Bucket", "WebsiteURL"]}},
        "QueueRef": {"Value": {"Ref": "Queue"}},
        "UrlSuffix": {"Value": {"Ref": "AWS::URLSuffix"}},
    },
}


class CannotRun(Exception):
    """Something the comparison needs is missing or broken."""


class Names:
    """Random names, valid for their service."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, of):
        return self.random.choice(of)

    def text(self, characters, low, high):
        length = self.random.randint(low, high)
        return "".join(self.random.choice(characters) for _ in range(length))

    def word(self, low=3, high=12):
        return self.text("abcdefghijklmnopqrstuvwxyz", low, high)

    def queue(self):
        name = self.text("abcXYZ019-_", 1, 40)
        return name + ".fifo" if self.random.random() < 0.2 else name

    def bucket(self):
        name = self.word() + self.one(["", "-", ".", "-x.", "0"]) + self.word()
        return name + self.text("abc012", 6, 6)

    def key(self):
        return self.text("abzAZ09/ -._~!#$&'()*+,:;=@?%[]{}|^<>\"äß中€😀", 1, 20).strip("/ ") or "k"

    def request_hosts(self, region, own):
        """Host headers, one of each form."""
        default_port = self.one([":80", ":443"])
        suffix = self.one([CLOUD + ":4566", "amazonaws.com", f"Foo.bar{default_port}"])
        return [
            own,
            "localhost:4566",
            self.word(),
            f"{self.word()}.{suffix}",
            f"sqs.{region}.{suffix}",
            f"sqs.{CLOUD}:4566",
            "sqs.localhost:4566",
            self.word() + default_port,
            f"sqs.{suffix}",
            f"queue.{suffix}",
            f"{region}.queue.{suffix}",
            f"{self.word()}.queue.{suffix}",
        ]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    """A running LocalStack."""

    def __init__(self, peers, config):
        self.config = config
        self.port = int(config["GATEWAY_LISTEN"].split(",")[0].rsplit(":", 1)[1])
        self.folder = tempfile.TemporaryDirectory(prefix="lsconfig-live-")
        python = peers / f"localstack-{RELEASE}/bin/python"
        if not python.exists():
            raise CannotRun(f"LocalStack {RELEASE} is not installed, run install.sh")
        env = {
            "PATH": os.environ["PATH"],
            "HOME": self.folder.name,
            "FILESYSTEM_ROOT": self.folder.name,
            "TMPDIR": self.folder.name,
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "OVERRIDE_IN_DOCKER": "0",
            "DNS_ADDRESS": "0",
            # The strategies of SQS are switched while it runs.
            "ENABLE_CONFIG_UPDATES": "1",
        }
        self.log = Path(self.folder.name) / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [python, "-m", "localstack.runtime.main"],
                env=env | config,
                cwd=self.folder.name,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.call("GET", "/_localstack/health", seconds=2)
                return
            except OSError:
                time.sleep(0.2)
        log = self.log.read_text("utf-8", "replace")
        raise CannotRun(f"LocalStack did not start with {self.config}\n{log[-2000:]}")

    def call(self, method, path, body=None, headers=(), seconds=CALL_SECONDS):
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, body, dict(headers), method=method)
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return response.status, response.headers, response.read()

    def set(self, variable, value):
        body = json.dumps({"variable": variable, "value": value}).encode()
        _, _, answer = self.call("POST", "/_localstack/config", body)
        if json.loads(answer)["value"] != value:
            raise CannotRun(f"LocalStack does not take {variable}={value}")

    def configure(self, variable, value):
        """Switches a variable that the lines name as part of the environment."""
        self.set(variable, value)
        self.config = self.config | {variable: value}

    def client(self, service, region, account, scheme="http", host=None):
        client = boto3.client(
            service,
            endpoint_url=f"{scheme}://127.0.0.1:{self.port}",
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            verify=False,
            config=Config(
                s3={"addressing_style": "path"},
                connect_timeout=CALL_SECONDS,
                read_timeout=CALL_SECONDS,
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
            ),
        )
        if host is not None:
            client.meta.events.register(
                "before-send", lambda request, **_: request.headers.__setitem__("Host", host)
            )
        return client

    def stop(self):
        """Ends the process group that was started for this instance, and no other."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        except ProcessLookupError:
            self.process.wait()
        self.folder.cleanup()


@contextmanager
def running(peers, config):
    instance = Instance(peers, config)
    try:
        instance.wait_until_ready()
        yield instance
    finally:
        instance.stop()


class Inbox:
    """An HTTP server that keeps what SNS posts to it."""

    def __init__(self):
        self.messages = []
        self.arrived = threading.Semaphore(0)
        inbox = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                inbox.messages.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()
                inbox.arrived.release()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        if not self.arrived.acquire(timeout=CALL_SECONDS):
            raise CannotRun("SNS delivered nothing")
        return self.messages.pop(0)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# Each function yields (kind, input besides region and account, URL) for one region and account.


def sqs(instance, names, region, account):
    for strategy in STRATEGIES:
        instance.set("SQS_ENDPOINT_STRATEGY", strategy)
        hosts = names.request_hosts(region, f"127.0.0.1:{instance.port}")
        # Only one strategy looks at the Host header.
        for host in hosts if strategy == "dynamic" else names.random.sample(hosts, 2):
            scheme = names.one(["http", "http", "https"])
            client = instance.client("sqs", region, account, scheme, host)
            queue = names.queue()
            attributes = {"FifoQueue": "true"} if queue.endswith(".fifo") else {}
            url = client.create_queue(QueueName=queue, Attributes=attributes)["QueueUrl"]
            given = {"strategy": strategy, "queue": queue}
            yield "sqs.queue_url", given | {"request_host": host, "request_scheme": scheme}, url


def s3(instance, names, region, account):
    client = instance.client("s3", region, account)
    bucket = names.bucket()
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    arguments = {"CreateBucketConfiguration": where} if where else {}
    made = client.create_bucket(Bucket=bucket, **arguments)
    yield "s3.create_bucket_location", {"bucket": bucket}, made["Location"]
    # A header loses an empty query or fragment.
    empty_end = names.word() + names.one("?#")
    for key in ["plain", "a/b c.txt", empty_end] + [names.key() for _ in range(4)]:
        given = {"bucket": bucket, "key": key}
        upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        common = {"Bucket": bucket, "Key": key, "UploadId": upload}
        part = client.upload_part(**common, PartNumber=1, Body=b"x")["ETag"]
        parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
        done = client.complete_multipart_upload(**common, MultipartUpload=parts)
        yield "s3.complete_multipart_location", given, done["Location"]

        fields = {"key": key, "success_action_status": "201", "file": "x"}
        boundary = uuid.UUID(int=names.random.getrandbits(128)).hex
        form = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        status, headers, body = instance.call(
            "POST",
            f"/{bucket}",
            f"{form}--{boundary}--\r\n".encode(),
            {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Host": f"s3.{region}.amazonaws.com",
            },
        )
        location = xml.etree.ElementTree.fromstring(body).find("{*}Location").text
        found = {"header": headers["Location"], "xml": location, "status": status}
        yield "s3.post_object_location", given, found


def lambda_(instance, names, region, account):
    client = instance.client("lambda", region, account)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass\n")
    function = names.word()
    client.create_function(
        FunctionName=function,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{account}:role/r",
        Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
    )
    url = client.create_function_url_config(FunctionName=function, AuthType="NONE")["FunctionUrl"]
    url_id = url.split("//")[1].split(".")[0]
    yield "lambda.function_url", {"function": function, "url_id": url_id}, url
    location = client.get_function(FunctionName=function)["Code"]["Location"]
    location = re.sub(r"[0-9a-f-]{36}\?.*", "<uuid>?<presigned>", location)
    yield "lambda.code_location", {"function": function}, location


def sns(instance, names, region, account):
    for certificate_host in [f"sns.{names.word()}.example", ""]:
        instance.configure("SNS_CERT_URL_HOST", certificate_host)
        yield from sns_messages(instance, names, region, account)


def sns_messages(instance, names, region, account):
    client = instance.client("sns", region, account)
    topic = client.create_topic(Name=names.word())["TopicArn"]
    inbox = Inbox()
    try:
        client.subscribe(TopicArn=topic, Protocol="http", Endpoint=inbox.url)
        message = inbox.next()
        given = {"topic_arn": topic}
        token = {"token": message["Token"]}
        yield "sns.subscribe_url", given | token, message["SubscribeURL"]
        yield "sns.signing_cert_url", given, message["SigningCertURL"]
        client.confirm_subscription(TopicArn=topic, Token=message["Token"])
        client.publish(TopicArn=topic, Message="x")
        message = inbox.next()
        subscribed = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        arn = {"subscription_arn": subscribed[0]["SubscriptionArn"]}
        yield "sns.unsubscribe_url", arn, message["UnsubscribeURL"]
        kind = {"type": message["Type"]}
        yield "sns.signing_cert_url", given | kind, message["SigningCertURL"]
    finally:
        inbox.close()


def apigateway(instance, names, region, account):
    client = instance.client("apigateway", region, account)
    domain = f"{names.word()}.{names.word()}.example"
    made = client.create_domain_name(
        domainName=domain,
        regionalCertificateArn=f"arn:aws:acm:{region}:{account}:certificate/x",
        endpointConfiguration={"types": ["REGIONAL"]},
    )
    members = ["regionalDomainName", "distributionDomainName", "regionalHostedZoneId"]
    yield "apigateway.domain_name", {"domain": domain}, {m: made.get(m) for m in members}


def ec2(instance, names, region, account):
    client = instance.client("ec2", region, account)
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for service in ["execute-api", "s3"]:
        made = client.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{region}.{service}",
            VpcEndpointType="Interface",
        )["VpcEndpoint"]
        vpce = made["VpcEndpointId"]
        found = [
            re.sub(rf"{vpce}-[0-9a-f]{{8}}\.", f"{vpce}-<uid>.", entry["DnsName"])
            for entry in made["DnsEntries"]
        ]
        yield "ec2.vpc_endpoint_dns", {"service": service, "vpce": vpce}, found


def cloudformation(instance, names, region, account):
    instance.set("SQS_ENDPOINT_STRATEGY", "standard")
    client = instance.client("cloudformation", region, account)
    bucket, queue, stack = names.bucket(), names.word(), names.word()
    template = json.dumps(TEMPLATE).replace("{bucket}", bucket).replace("{queue}", queue)
    client.create_stack(StackName=stack, TemplateBody=template)
    waiter = client.get_waiter("stack_create_complete")
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": CALL_SECONDS})
    outputs = client.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    found = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    given = {"bucket": bucket, "queue": queue, "api_id": found["ApiId"]}
    yield "cloudformation.outputs", given, dict(sorted(found.items()))


SERVICES = [sqs, s3, lambda_, sns, apigateway, ec2, cloudformation]


def configurations(names, count):
    """Addresses of one instance after the other."""
    for number in range(count):
        config = {"GATEWAY_LISTEN": f"127.0.0.1:{free_port()}"}
        shape = number % 3
        if shape == 1:
            host = f"{names.word().title()}.{names.word()}:{names.random.randint(1, 65535)}"
            config["LOCALSTACK_HOST"] = host
        elif shape == 2:
            config["GATEWAY_LISTEN"] += f",127.0.0.1:{free_port()}"
            config["LOCALSTACK_HOST"] = names.one(["LocalStack.internal", "localstack", CLOUD])
            config["USE_SSL"] = "1"
        yield config


def observe(peers, names, count):
    """Yields lines as those of urls.jsonl."""
    for number, config in enumerate(configurations(names, count)):
        started = time.monotonic()
        with running(peers, config) as instance:
            ready = time.monotonic() - started
            total = 0
            for region in ["us-east-1", names.one(REGIONS)]:
                account = names.one(ACCOUNTS)
                for service in SERVICES:
                    for kind, given, url in service(instance, names, region, account):
                        total += 1
                        yield {
                            "id": f"live-{number}-{total}",
                            "config": instance.config,
                            "kind": kind,
                            "input": {"region": region, "account": account} | given,
                            "url": url,
                        }
        took = time.monotonic() - started
        print(f"{json.dumps(config)}: {total} URLs in {took:.1f} s, {ready:.1f} s of it to start")
        sys.stdout.flush()


def minted(lsconfig, lines):
    """Asks lsconfig for the URLs of the lines."""
    asked = [{key: line[key] for key in ["id", "config", "kind", "input"]} for line in lines]
    text = "".join(json.dumps(line) + "\n" for line in asked)
    try:
        done = subprocess.run(
            [lsconfig, "url", "--as-of", RELEASE, "--batch", "-"],
            input=text,
            capture_output=True,
            encoding="utf-8",
        )
    except OSError as error:
        raise CannotRun(f"lsconfig: {error}") from error
    answers = [json.loads(answer) for answer in done.stdout.split("\n") if answer]
    if done.returncode != 0 or [a["id"] for a in answers] != [line["id"] for line in lines]:
        raise CannotRun(
            f"lsconfig: status {done.returncode}, {len(answers)} answers for {len(lines)} lines\n"
            + done.stderr[-2000:]
        )
    return [answer.get("url") for answer in answers]


def fits(entry, line):
    """Whether a listed difference is about a line."""
    values = line["config"] | line["input"]
    return entry["kind"] == line["kind"] and all(
        re.search(pattern, values.get(name, "\0"), re.DOTALL)
        for name, pattern in entry["match"].items()
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--record", type=Path, help="write the observations to a file")
    parser.add_argument(
        "--lsconfig",
        default=os.environ.get("LSCONFIG_BIN", ROOT / "target/release/lsconfig"),
        help="the binary (LSCONFIG_BIN)",
    )
    arguments = parser.parse_args()
    peers = Path(os.environ.get("LSCONFIG_PEERS", ROOT / "target/peers"))
    print(f"seed {arguments.seed}", flush=True)

    lines = list(observe(peers, Names(arguments.seed), arguments.instances))
    if arguments.record:
        arguments.record.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    entries = [json.loads(line) for line in DIVERGENCES.read_text("utf-8").splitlines() if line]
    unseen = dict(enumerate(entries))
    counts, failed = {}, 0
    for line, ours in zip(lines, minted(arguments.lsconfig, lines)):
        known = [number for number, entry in enumerate(entries) if fits(entry, line)]
        agree = ours == line["url"]
        count = counts.setdefault(line["kind"], Counter())
        count["agree" if agree else "disagree"] += 1
        for number in known:
            unseen.pop(number, None)
        if agree == bool(known):
            failed += 1
            print(f"{'AGREES AGAINST THE LIST' if agree else 'MISMATCH'} {line['id']} {line['kind']}")
            print(f"    LocalStack {json.dumps(line['url'])}")
            print(f"    lsconfig   {json.dumps(ours)}")
            print(f"    {json.dumps({key: line[key] for key in ['config', 'kind', 'input']})}")
    for entry in unseen.values():
        failed += 1
        print(f"NOT RUN {json.dumps(entry)}")
    for kind, count in counts.items():
        print(f"{kind}: {count['agree']} agree, {count['disagree']} do not")
    print(f"{len(lines) + len(unseen) - failed} passed, {failed} failed")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    # The certificate of an instance is its own.
    ssl._create_default_https_context = ssl._create_unverified_context
    import urllib3

    urllib3.disable_warnings()
    try:
        sys.exit(main())
    except CannotRun as error:
        print(f"urls: {error}", file=sys.stderr)
        sys.exit(2)
