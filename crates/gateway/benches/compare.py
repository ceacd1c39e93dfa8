"""What a request costs in `lsconfig gateway` and in its peers; see compare.sh.

    compare.py [--seconds S] [--rounds N] [--idle N] [--only WORD]

Every server has one worker and is pinned to core 0; origin and load run on the last core. The cost is
the CPU time of the server's processes, user and system, from /proc: what else the machine does counts
little. All servers are measured in turn, several rounds; the medians are compared. `shared` is a port
that serves HTTP and HTTPS at once, which is every port of ours, and in nginx and haproxy a TCP proxy
that looks at the first bytes in front of the two kinds of port.

Prints one line for each case and server (median microseconds of CPU, all rounds behind it), then one
for each limit: what is compared, the ratio, the limit, the ratio to the limit. Exit status: 0 all
limits are kept, 1 not, 2 cannot run.
"""

import argparse
import contextlib
import http.client
import os
import platform
import re
import resource
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

BIN = Path(os.environ["LSCONFIG_BIN"]).resolve()
LOCALSTACK = Path(os.environ["LSCONFIG_PEERS"]) / "localstack-4.12.0/bin/python"
SERVER_CORE = 0
LOAD_CORE = (os.cpu_count() or 1) - 1
ORIGIN = 7000
START_SECONDS = 90
CONNECTIONS = 32
# Of the paced load: far below what any of the servers can do.
RATE, PACED_CONNECTIONS = 1500, 10

NGINX = """
daemon off; pid {name}.pid; error_log {name}.log crit; worker_processes 1;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path {name}-body; proxy_temp_path {name}-proxy;
  fastcgi_temp_path {name}-f; uwsgi_temp_path {name}-u; scgi_temp_path {name}-s;
  {http}
}}
{rest}
"""

# `/up` answers when it has the whole body, which nginx does only for a request that it hands on.
ORIGIN_HTTP = """
  upstream self { server 127.0.0.1:7000; keepalive 64; }
  server {
    listen 127.0.0.1:7000 backlog=4096; root .;
    location = /b { return 200 ok; }
    location = /up { client_body_buffer_size 2m; proxy_pass http://self/b; proxy_method GET;
      proxy_pass_request_body off; proxy_set_header Content-Length ''; proxy_http_version 1.1;
      proxy_set_header Connection ''; }
    location = / { default_type application/x-amz-json-1.0;
      return 200 '{"QueueUrl": "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/orders"}'; }
  }
"""

PROXY_HTTP = """
  upstream origin { server 127.0.0.1:7000; keepalive 64; }
  server {
    listen 127.0.0.1:7102 backlog=4096; listen 127.0.0.1:7112 ssl backlog=4096;
    listen unix:plain.sock proxy_protocol; listen unix:tls.sock ssl proxy_protocol;
    set_real_ip_from unix:; real_ip_header proxy_protocol;
    ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection '';
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;
      proxy_request_buffering off; proxy_max_temp_file_size 0;
    }
  }
"""

PROXY_STREAM = """
stream {
  map $ssl_preread_protocol $kind { '' unix:plain.sock; default unix:tls.sock; }
  server { listen 127.0.0.1:7122 backlog=4096; ssl_preread on; proxy_pass $kind; proxy_protocol on; }
}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend http
  bind 127.0.0.1:7103
  bind 127.0.0.1:7113 ssl crt both.pem alpn h2,http/1.1
  bind unix@plain-ha.sock accept-proxy
  bind unix@tls-ha.sock accept-proxy ssl crt both.pem alpn h2,http/1.1
  option forwardfor
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend origin
backend origin
  http-reuse always
  server o 127.0.0.1:7000
frontend shared
  mode tcp
  bind 127.0.0.1:7123
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 } or HTTP
  use_backend tls if { req.ssl_hello_type 1 }
  default_backend plain
backend plain
  mode tcp
  server p unix@plain-ha.sock send-proxy-v2
backend tls
  mode tcp
  server t unix@tls-ha.sock send-proxy-v2
"""

CADDY = """
{
  admin off
  auto_https off
}
http://:7104 {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:7000
}
https://:7114 {
  bind 127.0.0.1
  tls cert.pem key.pem
  reverse_proxy 127.0.0.1:7000
}
"""

# wrk's requests, as Lua.
UP = "wrk.method = 'PUT'; wrk.body = string.rep('x', 1048576)"
CALL = """
wrk.method = 'POST'; wrk.path = '/'; wrk.body = '{"QueueName": "orders"}'
wrk.headers['Content-Type'] = 'application/x-amz-json-1.0'
wrk.headers['X-Amz-Target'] = '%s'
wrk.headers['Host'] = 'sqs.us-east-1.localhost.localstack.cloud:4566'
wrk.headers['Authorization'] = 'AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/%s/aws4_request, ' ..
  'SignedHeaders=host, Signature=0'
"""


class Server:
    """A running server, pinned to a core."""

    def __init__(self, name, folder, command, core=SERVER_CORE, environment=None):
        self.name = name
        self.log = folder / f"{name}.out"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)], cwd=folder, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), **(environment or {})},
            )

    def processes(self):
        """Its process and the children of it."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found

    def cpu(self):
        """Seconds of CPU so far."""
        threads = (thread for pid in self.processes() for thread in Path(f"/proc/{pid}/task").iterdir())
        return sum(int((t / "schedstat").read_text().split()[0]) for t in threads) / 1e9

    def resident(self):
        """Bytes of memory."""
        texts = (Path(f"/proc/{pid}/status").read_text() for pid in self.processes())
        return sum(int(re.search(r"VmRSS:\s+(\d+)", text)[1]) for text in texts) * 1024

    def wait(self, port):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            time.sleep(0.05)
        sys.exit(f"{self.name} did not start\n{self.log.read_text(errors='replace')}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def files(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        check=True, capture_output=True, cwd=folder,
    )
    both = (folder / "cert.pem").read_text() + (folder / "key.pem").read_text()
    texts = {
        "both.pem": both,
        "origin.conf": NGINX.format(name="origin", http=ORIGIN_HTTP, rest=""),
        "nginx.conf": NGINX.format(name="nginx", http=PROXY_HTTP, rest=PROXY_STREAM),
        "haproxy.cfg": HAPROXY,
        "Caddyfile": CADDY,
        "up.lua": UP,
        "mint.lua": CALL % ("AmazonSQS.CreateQueue", "sqs"),
        "pass.lua": CALL % ("DynamoDB_20120810.ListTables", "dynamodb"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "1m").write_bytes(bytes(1 << 20))
    folder.chmod(0o755)


# Server: how it is started, and its ports: plain, TLS, shared. Ports that it has not are left out.
PORTS = {
    "lsconfig": (7101, 7101, 7101),
    "nginx": (7102, 7112, 7122),
    "haproxy": (7103, 7113, 7123),
    "caddy": (7104, 7114, None),
    "localstack": (7105, None, None),
}


def command(name, folder):
    return {
        "lsconfig": [BIN, "gateway", "--upstream", f"http://127.0.0.1:{ORIGIN}", "--workers", "1",
                     "--profile", "localstack", "--listen", "127.0.0.1:7101",
                     "--tls-cert", "both.pem", "--state-dir", "state"],
        "nginx": ["nginx", "-p", folder, "-c", folder / "nginx.conf"],
        "haproxy": ["haproxy", "-db", "-f", "haproxy.cfg"],
        "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "Caddyfile"],
        "localstack": [LOCALSTACK, "-m", "localstack.runtime.main"],
    }[name]


ENVIRONMENT = {
    "caddy": {"GOMAXPROCS": "1"},
    "localstack": {"DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1", "OVERRIDE_IN_DOCKER": "0",
                   "DNS_ADDRESS": "0", "GATEWAY_LISTEN": "127.0.0.1:7105", "PYTHONWARNINGS": "ignore"},
}


def start(name, folder):
    server = Server(name, folder, command(name, folder), environment=ENVIRONMENT.get(name))
    server.wait(PORTS[name][0])
    if name == "localstack":
        # It loads a service with the first call.
        call = "/?Action=CreateQueue&QueueName=orders&Version=2012-11-05"
        connection = http.client.HTTPConnection("127.0.0.1", PORTS[name][0], timeout=START_SECONDS)
        connection.request("POST", call)
        connection.getresponse().read()
        connection.close()
    return server


class Case:
    """One kind of load: the path, the kind of port (0 plain, 1 TLS, 2 shared), and the tool."""

    def __init__(self, name, kind, path="/b", tls=None, tool="wrk", arguments=(), servers=None):
        self.name, self.kind, self.path, self.tool = name, kind, path, tool
        self.tls = kind == 1 if tls is None else tls
        self.arguments = arguments
        self.servers = servers or ("lsconfig", "nginx", "haproxy", "caddy")

    def run(self, server, folder, seconds):
        """Requests, seconds of CPU, and the latency of the slowest hundredth in microseconds."""
        port = PORTS[server.name][self.kind]
        url = f"{'https' if self.tls else 'http'}://127.0.0.1:{port}{self.path}"
        before = server.cpu()
        requests, latency = getattr(self, self.tool)(url, folder, seconds)
        return requests, server.cpu() - before, latency

    def load(self, command, folder, seconds):
        done = subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), *map(str, command)], cwd=folder, capture_output=True,
            text=True, timeout=10 * seconds + 60,
        )
        return done.stdout + done.stderr

    def wrk(self, url, folder, seconds):
        arguments = self.arguments or ("-c", CONNECTIONS)
        out = self.load(["wrk", "-t1", "--latency", f"-d{seconds}s", *arguments, url], folder, seconds)
        found = re.search(r"(\d+) requests in", out)
        wrong = re.search(r"Non-2xx.*|connect [1-9].*", out)
        if not found or int(found[1]) == 0 or wrong:
            sys.exit(f"{self.name}: {url}: wrk failed\n{out}")
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
        return int(found[1]), float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]

    def s_time(self, url, folder, seconds):
        """Full handshakes, one after the other: wrk takes up old sessions."""
        address = url.split("/")[2]
        out = self.load(["openssl", "s_time", "-connect", address, "-www", self.path, "-new",
                         "-time", seconds], folder, seconds)
        found = re.search(r"(\d+) connections in \d+ real seconds", out)
        if not found or int(found[1]) == 0:
            sys.exit(f"{self.name}: {url}: s_time failed\n{out}")
        return int(found[1]), None

    def paced(self, url, folder, seconds):
        """A load that the server can do with ease, for the latency."""
        log = folder / "paced.log"
        log.unlink(missing_ok=True)
        count = RATE // PACED_CONNECTIONS
        self.load(["h2load", "--h1", "-t1", "-c", PACED_CONNECTIONS, "--rps", count, "-D", seconds,
                   f"--log-file={log}", url], folder, seconds)
        lines = [line.split("\t") for line in log.read_text().splitlines()]
        if not lines or any(status != "200" for _, status, _ in lines):
            sys.exit(f"{self.name}: {url}: h2load failed")
        times = sorted(int(took) for _, _, took in lines)
        return len(times), times[len(times) * 99 // 100]


CLOSE = ("-c", CONNECTIONS, "-H", "Connection: close")
CASES = [
    Case("GET plain", 0),
    Case("GET TLS", 1),
    Case("GET plain, shared", 2, tls=False),
    Case("GET TLS, shared", 2, tls=True),
    Case("connection each", 0, arguments=CLOSE),
    Case("TLS connection each", 1, arguments=CLOSE),
    Case("TLS handshake", 1, tool="s_time"),
    Case("1 MB down", 0, path="/1m", arguments=("-c", 8)),
    Case("1 MB up", 0, path="/up", arguments=("-c", 8, "-s", "up.lua")),
    Case("1 MB down, TLS", 1, path="/1m", arguments=("-c", 8)),
    Case("1 MB up, TLS", 1, path="/up", arguments=("-c", 8, "-s", "up.lua")),
    Case("paced GET", 0, tool="paced"),
    Case("CreateQueue", 0, arguments=("-c", CONNECTIONS, "-s", "mint.lua"),
         servers=("lsconfig", "localstack")),
    Case("call without URLs", 0, arguments=("-c", CONNECTIONS, "-s", "pass.lua"), servers=("lsconfig",)),
    Case("info page", 0, path="/_localstack/info", servers=("localstack",)),
]


def idle(name, folder, count):
    """Bytes of memory for each idle connection that has been used: plain and TLS."""
    context = ssl._create_unverified_context()
    found = []
    for kind in (0, 1):
        server = start(name, folder)
        try:
            port = PORTS[name][kind]
            open_one = lambda: connection(port, context if kind else None)
            # What the first connections need besides goes to none of them.
            kept = [open_one() for _ in range(50)]
            before = server.resident()
            kept += [open_one() for _ in range(count)]
            found.append((server.resident() - before) / count)
            for stream in kept:
                stream.close()
        finally:
            server.stop()
    return found


def connection(port, context):
    stream = socket.create_connection(("127.0.0.1", port), 10)
    if context:
        stream = context.wrap_socket(stream, server_hostname="localhost")
    stream.sendall(b"GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n")
    got = b""
    while not got.endswith(b"\r\n\r\nok"):
        got += (piece := stream.recv(4096))
        if not piece:
            sys.exit(f"a connection to port {port} was closed: {got}")
    return stream


def limits(cost, p99, memory):
    """Name, what is measured, the limit; a peer that was left out leaves its line out."""
    def ratio(case, peers=("nginx",), of=cost):
        best = min((of[case, peer] for peer in peers if (case, peer) in of), default=None)
        return of[case, "lsconfig"] / best if best and (case, "lsconfig") in of else None

    rows = [
        ("GET, plain port, to nginx", ratio("GET plain"), 1.1),
        ("GET, shared port, to the best", ratio("GET plain, shared", ("nginx", "haproxy")), 0.7),
        ("GET over TLS, shared port, to the best", ratio("GET TLS, shared", ("nginx", "haproxy")), 0.6),
        ("connection for each request, to nginx", ratio("connection each"), 1.0),
        ("1 MB down, to nginx", ratio("1 MB down"), 1.0),
        ("1 MB up, to nginx", ratio("1 MB up"), 1.0),
        ("TLS handshake, to nginx", ratio("TLS handshake"), 1.0),
        ("resumed TLS handshake, to nginx", ratio("TLS connection each"), 1.0),
        ("p99 of a paced load, to nginx", ratio("paced GET", of=p99), 1.0),
    ]
    # Of a page that its gateway answers itself, and of a call that one of its services answers: what
    # the gateway alone needs for a call lies between the two.
    for ours, theirs, name in [
        ("GET plain", "info page", "GET, to a page of LocalStack's gateway"),
        ("CreateQueue", "CreateQueue", "CreateQueue, to LocalStack alone"),
    ]:
        if (theirs, "localstack") in cost and (ours, "lsconfig") in cost:
            rows.append((name, cost[ours, "lsconfig"] / cost[theirs, "localstack"], 1 / 50))
    if ("CreateQueue", "lsconfig") in cost and ("call without URLs", "lsconfig") in cost:
        added = cost["CreateQueue", "lsconfig"] - cost["call without URLs", "lsconfig"]
        rows.append(("rewriting of CreateQueue, microseconds", added, 15))
    for scheme, found in zip(("http", "https"), memory.get("lsconfig", ())):
        rows.append((f"idle {scheme} connection, kB", found / 1000, 40))
    return [(name, found, limit) for name, found, limit in rows if found is not None]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=int, default=2000, help="connections")
    parser.add_argument("--only", default="", help="cases with this word in their name")
    arguments = parser.parse_args()
    cases = [case for case in CASES if arguments.only in case.name]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    names = [name for name in PORTS if any(name in case.servers for case in cases)]
    if "localstack" in names and not LOCALSTACK.exists():
        names.remove("localstack")
        print(f"LocalStack is left out: there is no {LOCALSTACK}", file=sys.stderr)

    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    load = " ".join(f"{n:.1f}" for n in os.getloadavg())
    now = datetime.now(timezone.utc)
    print(f"# {now:%Y-%m-%d %H:%M} {platform.machine()}, {os.cpu_count()} cores, {cpu and cpu[1]}, load {load}")

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        folder = Path(folder)
        files(folder)

        def running(server):
            stack.callback(server.stop)
            return server

        origin = ["nginx", "-p", folder, "-c", folder / "origin.conf"]
        running(Server("origin", folder, origin, core=LOAD_CORE)).wait(ORIGIN)
        memory = {}
        if arguments.idle and not arguments.only:
            for name in ("lsconfig", "nginx", "haproxy"):
                memory[name] = idle(name, folder, arguments.idle)
                print("idle connection", name, *(f"{m / 1000:.1f} kB" for m in memory[name]), sep="\t")
        servers = {name: running(start(name, folder)) for name in names}
        runs = {}
        for _ in range(arguments.rounds):
            for case in cases:
                for name in case.servers:
                    if name in servers and PORTS[name][case.kind]:
                        found = case.run(servers[name], folder, arguments.seconds)
                        runs.setdefault((case.name, name), []).append(found)

    cost, p99 = {}, {}
    for key, found in runs.items():
        costs = [1e6 * seconds / requests for requests, seconds, _ in found]
        latencies = [latency for _, _, latency in found if latency is not None]
        cost[key] = statistics.median(costs)
        if latencies:
            p99[key] = statistics.median(latencies)
        slow = f"p99 {p99[key]:.0f} us" if latencies else ""
        each = " ".join(f"{c:.1f}" for c in costs)
        print(*key, f"{cost[key]:.1f} us", slow, each, sep="\t")
    missed = False
    for name, found, limit in limits(cost, p99, memory):
        missed |= found > limit
        print("limit", name, f"{found:.3g}", f"{limit:.3g}", f"{found / limit:.2f}", sep="\t")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
