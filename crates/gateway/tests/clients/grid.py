"""Real clients through the gateway: does every URL in a response work for the client that got it?

    grid.py EMULATOR_PORT GATEWAY_PORT CA_FILE

Prints a grid (client's host x service), first for the emulator alone, then behind the gateway, and
fails when behind the gateway SQS or S3 is below 100 % or anything below 95 %. Names below
`localhost.localstack.cloud` and the name `emulator` resolve to loopback, as DNS gives them to clients
on the host and on a container network.
"""

import os
import socket
import ssl
import sys
import urllib.request
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

LOCAL = ("localhost.localstack.cloud", "emulator", "foo.bar")
real_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else host or ""
    if any(name == local or name.endswith("." + local) for local in LOCAL):
        host = "127.0.0.1"
    elif name not in ("localhost", "127.0.0.1"):
        raise socket.gaierror(f"{name} does not resolve for this client")
    return real_getaddrinfo(host, *args, **kwargs)


socket.getaddrinfo = getaddrinfo


class Clients:
    def __init__(self, url, ca):
        self.url, self.ca = url, ca

    def __call__(self, service, **config):
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test", verify=self.ca,
            config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=20, **config))

    def fetch(self, url, data=None, method=None):
        context = ssl.create_default_context(cafile=self.ca)
        request = urllib.request.Request(url, data=data, method=method)
        return urllib.request.urlopen(request, timeout=20, context=context)


def sqs(make):
    client = make("sqs")
    url = client.create_queue(QueueName="grid")["QueueUrl"]
    yield "CreateQueue", lambda: raw_queue(make, url)
    urls = client.list_queues()["QueueUrls"]
    yield "ListQueues", lambda: raw_queue(make, next(u for u in urls if u.endswith("/grid")))
    again = client.get_queue_url(QueueName="grid")["QueueUrl"]
    yield "GetQueueUrl", lambda: raw_queue(make, again)
    client.send_message(QueueUrl=url, MessageBody=url)
    message = client.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"][0]
    yield "body untouched", lambda: equal(message["Body"], url)
    yield "attributes", lambda: client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    other = Clients(make.url.replace(urlsplit(make.url).hostname, "127.0.0.1").replace("https", "http"), None)
    yield "URL of another client", lambda: other("sqs").send_message(QueueUrl=url, MessageBody="x")


def raw_queue(make, url):
    """A request to the URL itself, as clients of the query protocol send it."""
    body = b"Action=GetQueueAttributes&Version=2012-11-05&AttributeName.1=QueueArn"
    with make.fetch(url, data=body) as response:
        equal(b"arn:aws:sqs" in response.read(), True)


def s3(make, style="auto"):
    client = make("s3", s3={"addressing_style": style}, signature_version="s3v4")
    bucket = f"grid-{style}"
    client.create_bucket(Bucket=bucket)
    body = os.urandom(300_000)
    key = "a/b c+ü%20/~é.bin"
    client.put_object(Bucket=bucket, Key=key, Body=body)
    yield "GetObject", lambda: equal(client.get_object(Bucket=bucket, Key=key)["Body"].read(), body)
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    yield "ListObjects", lambda: equal([o["Key"] for o in listed], [key])
    upload = client.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    parts = []
    for number in (1, 2):
        part = client.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=number,
                                  Body=bytes([number]) * (5 << 20))
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = client.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload,
                                            MultipartUpload={"Parts": parts})
    yield "multipart Location", lambda: equal(len(make.fetch(done["Location"]).read()), 10 << 20)
    url = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    yield "presigned GET", lambda: equal(make.fetch(url).read(), body)
    url = client.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "up"})
    yield "presigned PUT", lambda: make.fetch(url, data=b"x", method="PUT")
    made = client.create_bucket(Bucket=bucket + "-eu", CreateBucketConfiguration={
        "LocationConstraint": "eu-west-1"})["Location"]
    yield "CreateBucket Location", lambda: made.startswith("/") or make.fetch(made)
    yield "delete", lambda: client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})


def s3_path(make):
    return s3(make, "path")


def s3_virtual(make):
    return s3(make, "virtual")


def dynamodb(make):
    client = make("dynamodb")
    client.create_table(TableName="grid", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                        BillingMode="PAY_PER_REQUEST")
    client.put_item(TableName="grid", Item={"k": {"S": "1"}})
    yield "GetItem", lambda: client.get_item(TableName="grid", Key={"k": {"S": "1"}})["Item"]


def sns(make):
    client = make("sns")
    topic = client.create_topic(Name="grid")["TopicArn"]
    queues = make("sqs")
    url = queues.create_queue(QueueName="grid-sns")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    client.publish(TopicArn=topic, Message="hello")
    yield "Publish to SQS", lambda: equal(
        len(queues.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]), 1)


def cloudformation(make):
    client = make("cloudformation")
    template = """{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "grid-cfn"}}},
        "Outputs": {"Url": {"Value": {"Ref": "Q"}}}}"""
    client.create_stack(StackName="grid", TemplateBody=template)
    outputs = client.describe_stacks(StackName="grid")["Stacks"][0]["Outputs"]
    yield "queue URL in output", lambda: raw_queue(make, outputs[0]["OutputValue"])


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"{str(found)[:80]} is not {str(expected)[:80]}")


SERVICES = {"sqs": sqs, "s3 path": s3_path, "s3 virtual host": s3_virtual, "dynamodb": dynamodb, "sns": sns,
            "cloudformation": cloudformation}


def run(make, probe):
    passed, failed = 0, []
    try:
        for name, check in probe(make):
            try:
                check()
                passed += 1
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__}: {error}")
    except Exception as error:
        failed.append(f"set up: {type(error).__name__}: {error}")
    return passed, failed


def reset(port):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")
    try:
        urllib.request.urlopen(request, timeout=10).read()
    except OSError:
        pass  # Not moto: names of an earlier run are created again.


def main(emulator, gateway, ca):
    hosts = ["localhost", "127.0.0.1", "localhost.localstack.cloud", "emulator"]
    bad = []
    for title, port, schemes in (("alone", emulator, ["http"]), ("behind", gateway, ["http", "https"])):
        print(f"{title:45}" + "".join(f"{s:>17}" for s in SERVICES))
        for scheme in schemes:
            for host in hosts:
                if scheme == "https" and host == "emulator":
                    continue  # The authority is constrained to names that are known to be local.
                cells, url = [], f"{scheme}://{host}:{port}"
                for service, probe in SERVICES.items():
                    if service == "s3 virtual host" and host in ("127.0.0.1", "emulator", "localhost"):
                        cells.append("-")
                        continue
                    reset(emulator)
                    passed, failed = run(Clients(url, ca if scheme == "https" else None), probe)
                    share = passed / (passed + len(failed)) if passed + len(failed) else 0
                    cells.append(f"{passed}/{passed + len(failed)}")
                    if title == "behind" and share < (1 if service[:2] in ("sq", "s3") else 0.95):
                        bad.append((url, service, failed))
                print(f"{url:45}" + "".join(f"{c:>17}" for c in cells))
    for url, service, failed in bad:
        print(f"{url} {service}:", *failed, sep="\n    ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
