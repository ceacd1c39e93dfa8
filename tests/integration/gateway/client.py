"""What one unmodified client sees of an emulator: prints one JSON line for each check.

    client.py boto3|awscli PREFIX [--large]

Endpoint, credentials and trust come from the environment, as they do for any program (the AWS CLI
gets its endpoint by flag): nothing is patched, no addressing style is set. A check holds when the URL in a response, or one that the client
made from its endpoint, works when this client follows it. What the emulator does not have is "n/a".
PREFIX keeps the resources of clients apart; --large adds an object of 100 MB.
"""

import contextlib
import hashlib
import io
import json
import os
import ssl
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

REGION = "eu-west-1"
SECONDS = 20
# What emulators say of services that they do not have, or that do not start on this machine:
# LocalStack's DynamoDB wants a newer Python than its other parts. The gateway says none of these.
NOT_THERE = ("NotImplemented", "InternalFailure", "InternalError", "UnknownService")


class NotThere(Exception):
    """The emulator does not have this."""


class Failed(Exception):
    """The client cannot use what it was given."""


def need(condition, found):
    if not condition:
        raise Failed(str(found)[:300])


def follow(url, method="GET", body=None, headers=None, wanted=(200,)):
    """Opens a URL as a program without an SDK does."""
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    # Proxies of the environment are not part of the comparison.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(request, timeout=SECONDS) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    except OSError as error:
        raise Failed(f"{url}: {error}") from error
    need(status in wanted, f"{url}: {status} {text[:200]!r}")
    return text


def archive():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("index.py", "def handler(event, context): return 1")
    return packed.getvalue()


class Boto3:
    """boto3 with its defaults."""

    def __init__(self):
        import boto3

        self.session = boto3.Session(region_name=REGION)
        self.clients = {}

    def of(self, service):
        if service not in self.clients:
            self.clients[service] = self.session.client(service)
        return self.clients[service]

    def call(self, service, operation, **parameters):
        import botocore.exceptions

        try:
            return getattr(self.of(service), operation)(**parameters)
        except botocore.exceptions.ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            code = error.response["Error"].get("Code", "")
            if status == 501 or code in NOT_THERE:
                raise NotThere(str(error)) from error
            raise Failed(str(error)) from error

    def upload(self, file, bucket, key):
        self.of("s3").upload_file(file, bucket, key)

    def download(self, bucket, key, file):
        self.of("s3").download_file(bucket, key, file)

    def presigned(self, bucket, key):
        return self.of("s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})


class AwsCli:
    """The AWS CLI, its own code in this process, which saves the seconds that each start takes."""

    def __init__(self):
        from awscli import clidriver

        self.driver = clidriver.create_clidriver()

    def run(self, *words):
        class Output(io.TextIOWrapper):
            def __init__(self):
                super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

            def text(self):
                return self.buffer.getvalue().decode()

        out, err = Output(), Output()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            # Its names for SQS of old win over the variable, not over the flag.
            endpoint = ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
            code = self.driver.main(["--region", REGION, "--output", "json", *endpoint, *words])
        if code != 0:
            message = err.text().strip()
            if "(501)" in message or any(f"({code})" in message for code in NOT_THERE):
                raise NotThere(message)
            raise Failed(message)
        return out.text()

    def call(self, service, operation, **parameters):
        text = self.run(
            service.replace("_", "-"),
            operation.replace("_", "-"),
            "--cli-input-json",
            json.dumps(parameters),
        )
        return json.loads(text) if text.strip() else {}

    def upload(self, file, bucket, key):
        self.run("s3", "cp", "--only-show-errors", file, f"s3://{bucket}/{key}")

    def download(self, bucket, key, file):
        self.run("s3", "cp", "--only-show-errors", f"s3://{bucket}/{key}", file)

    def presigned(self, bucket, key):
        return self.run("s3", "presign", f"s3://{bucket}/{key}").strip()


class Checks:
    """The checks, in order; each is a method that begins with its service."""

    def __init__(self, client, prefix, large):
        self.client = client
        self.prefix = prefix
        self.large = large
        self.is_boto3 = isinstance(client, Boto3)

    # SQS

    def sqs_queue_url_in_calls(self):
        call = self.client.call
        self.queue = call("sqs", "create_queue", QueueName=f"{self.prefix}-q")["QueueUrl"]
        call("sqs", "send_message", QueueUrl=self.queue, MessageBody="one")
        got = call("sqs", "receive_message", QueueUrl=self.queue, WaitTimeSeconds=2)
        need(got.get("Messages", [{}])[0].get("Body") == "one", got)
        found = call("sqs", "get_queue_url", QueueName=f"{self.prefix}-q")["QueueUrl"]
        need(found == self.queue, found)

    def sqs_queue_url_followed(self):
        text = self.post(self.queue, {"Action": "SendMessage", "MessageBody": "two"})
        need(b"MessageId" in text, text)

    def sqs_listed_queue_url_followed(self):
        listed = self.client.call("sqs", "list_queues", QueueNamePrefix=self.prefix)["QueueUrls"]
        need(self.queue in listed, listed)
        self.post(listed[0], {"Action": "GetQueueAttributes", "AttributeName.1": "All"})

    def post(self, url, form):
        """What SDKs did before SQS had JSON: the URL of the queue is the endpoint."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return follow(url, "POST", urllib.parse.urlencode(form).encode(), headers)

    def sqs_queue_url_of_another_client(self):
        """The URL that a client elsewhere was given, in every form that LocalStack knows."""
        name = f"{self.prefix}-q"
        for url in (
            f"http://localhost:4566/queue/{REGION}/000000000000/{name}",
            f"http://sqs.{REGION}.elsewhere.test:99/000000000000/{name}",
        ):
            self.client.call("sqs", "send_message", QueueUrl=url, MessageBody="three")

    # S3

    def s3_create_bucket_location(self):
        self.bucket = f"{self.prefix}-b"
        made = self.client.call(
            "s3" if self.is_boto3 else "s3api",
            "create_bucket",
            Bucket=self.bucket,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
        location = urllib.parse.urljoin(os.environ["AWS_ENDPOINT_URL"], made["Location"])
        text = follow(location, wanted=(200, 403))
        # 403 of S3 itself: the bucket is reached, anonymous reading is not allowed.
        need(b"ListBucketResult" in text or b"AccessDenied" in text, text)

    def s3_objects_in_virtual_host(self):
        with tempfile.TemporaryDirectory() as folder:
            source, copy = Path(folder, "source"), Path(folder, "copy")
            source.write_bytes(b"small")
            key = "a/b c+\u00fc.txt"
            self.client.upload(str(source), self.bucket, key)
            self.client.download(self.bucket, key, str(copy))
            need(copy.read_bytes() == b"small", copy.read_bytes())

    def s3_presigned_url_followed(self):
        key = "a/b c+\u00fc.txt"
        need(follow(self.client.presigned(self.bucket, key)) == b"small", "other content")

    def s3_multipart(self):
        self.transfer(9 << 20)

    def s3_multipart_location(self):
        s3 = "s3" if self.is_boto3 else "s3api"
        call = self.client.call
        where = {"Bucket": self.bucket, "Key": "parts/one"}
        upload = call(s3, "create_multipart_upload", **where)["UploadId"]
        where["UploadId"] = upload
        if self.is_boto3:
            part = call(s3, "upload_part", PartNumber=1, Body=b"part", **where)
        else:
            with tempfile.NamedTemporaryFile() as body:
                body.write(b"part")
                body.flush()
                words = ["--bucket", self.bucket, "--key", "parts/one", "--upload-id", upload]
                words += ["--part-number", "1", "--body", body.name]
                part = json.loads(self.client.run(s3, "upload-part", *words))
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        done = call(s3, "complete_multipart_upload", MultipartUpload=parts, **where)
        text = follow(done["Location"], wanted=(200, 403))
        need(text == b"part" or b"AccessDenied" in text, text)

    def s3_100_mb(self):
        if not self.large:
            raise NotThere("once for each emulator and scheme")
        self.transfer(100 << 20)

    def transfer(self, size):
        with tempfile.TemporaryDirectory() as folder:
            source, copy = Path(folder, "source"), Path(folder, "copy")
            block = os.urandom(1 << 20)
            source.write_bytes(block * (size >> 20))
            self.client.upload(str(source), self.bucket, "large")
            self.client.download(self.bucket, "large", str(copy))
            of = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (source, copy)]
            need(of[0] == of[1], "other content")

    # Others

    def dynamodb_items(self):
        call, table = self.client.call, f"{self.prefix}-t"
        call(
            "dynamodb",
            "create_table",
            TableName=table,
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        item = {"k": {"S": "http://127.0.0.1:4566/000000000000/q"}}
        call("dynamodb", "put_item", TableName=table, Item=item)
        got = call("dynamodb", "get_item", TableName=table, Key=item)
        need(got["Item"] == item, got)

    def sns_to_sqs(self):
        call = self.client.call
        topic = call("sns", "create_topic", Name=f"{self.prefix}-n")["TopicArn"]
        queue = call("sqs", "create_queue", QueueName=f"{self.prefix}-s")["QueueUrl"]
        wanted = {"QueueUrl": queue, "AttributeNames": ["QueueArn"]}
        arn = call("sqs", "get_queue_attributes", **wanted)["Attributes"]["QueueArn"]
        call("sns", "subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn)
        call("sns", "publish", TopicArn=topic, Message="hello")
        got = call("sqs", "receive_message", QueueUrl=queue, WaitTimeSeconds=5)
        self.notice = json.loads(got["Messages"][0]["Body"])
        need(self.notice["Message"] == "hello", self.notice)

    def apigateway_rest_api(self):
        call = self.client.call
        api = call("apigateway", "create_rest_api", name="api")["id"]
        root = call("apigateway", "get_resources", restApiId=api)["items"][0]["id"]
        at = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
        call("apigateway", "put_method", authorizationType="NONE", **at)
        template = {"application/json": '{"statusCode": 200}'}
        call("apigateway", "put_integration", type="MOCK", requestTemplates=template, **at)
        call("apigateway", "put_method_response", statusCode="200", **at)
        answer = {"application/json": '{"it": "works"}'}
        call("apigateway", "put_integration_response", statusCode="200", responseTemplates=answer, **at)
        call("apigateway", "create_deployment", restApiId=api, stageName="dev")
        if os.environ["EMULATOR"] == "moto":
            raise NotThere("moto's server has no invocations")
        endpoint = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
        text = follow(f"{endpoint.scheme}://{api}.execute-api.{endpoint.netloc}/dev/")
        need(b"works" in text, text)

    def apigateway_http_api(self):
        call = self.client.call
        made = call("apigatewayv2", "create_api", Name="api", ProtocolType="HTTP")
        if os.environ["EMULATOR"] == "moto":
            # There are no invocations; that the URL leads to the emulator is all there is to see.
            return self.reaches(made["ApiEndpoint"])
        # An API without routes answers 404 of its own.
        text = follow(made["ApiEndpoint"] + "/", wanted=(404,))
        need(b"Not Found" in text or b"No route" in text, text)

    def lambda_function_url(self):
        call, name = self.client.call, f"{self.prefix}-f"
        trust = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | trust]}
        document = json.dumps(policy)
        role = call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=document)
        role = role["Role"]["Arn"]
        if self.is_boto3:
            call(
                "lambda",
                "create_function",
                FunctionName=name,
                Runtime="python3.11",
                Role=role,
                Handler="index.handler",
                Code={"ZipFile": archive()},
            )
        else:
            with tempfile.NamedTemporaryFile(suffix=".zip") as packed:
                packed.write(archive())
                packed.flush()
                words = ["--function-name", name, "--runtime", "python3.11", "--role", role]
                words += ["--handler", "index.handler", "--zip-file", f"fileb://{packed.name}"]
                self.client.run("lambda", "create-function", *words)
        made = call("lambda", "create_function_url_config", FunctionName=name, AuthType="NONE")
        self.reaches(made["FunctionUrl"])

    def reaches(self, url):
        """Whatever it answers, it is the emulator that answers."""
        follow(url, wanted=range(200, 600))

    def run(self):
        checks = [name for name in vars(Checks) if name.split("_")[0] in SERVICES]
        for name in checks:
            service, check = name.split("_", 1)
            started = time.monotonic()
            line = {"service": service, "check": check, "result": "works", "detail": ""}
            try:
                getattr(self, name)()
            except NotThere as error:
                line.update(result="n/a", detail=str(error)[:300])
            except Exception as error:  # noqa: BLE001 every failure of a client is a result
                where = traceback.extract_tb(error.__traceback__)[-1].lineno
                text = f"{type(error).__name__}, line {where}: {error}"
                line.update(result="fails", detail=text[:500])
            line["seconds"] = round(time.monotonic() - started, 2)
            print(json.dumps(line), flush=True)


SERVICES = ("sqs", "s3", "dynamodb", "sns", "apigateway", "lambda")

if __name__ == "__main__":
    kind, prefix = sys.argv[1:3]
    client = Boto3() if kind == "boto3" else AwsCli()
    Checks(client, prefix, "--large" in sys.argv).run()
