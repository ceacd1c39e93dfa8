"""What a gateway survives: reloads under load, a certificate that becomes rubbish, a full disk, ten
thousand idle connections, and another process that takes over its sockets.

    faults.py [--reloads N] [--idle N] [--upgrades N]

Runs as root on Linux. Prints one line for each fault with what was measured. Exit status: 0 all held, 1
not.
"""

import argparse
import http.client
import http.server
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("LSCONFIG_BIN", ROOT / "target/debug/lsconfig")).resolve()
SECONDS = 30
# Of an idle keep-alive connection that has been used.
IDLE_BYTES = 40_000


def need(condition, found):
    if not condition:
        sys.exit(f"failed: {found}")


class Upstream(http.server.ThreadingHTTPServer):
    """Answers `ok`."""

    daemon_threads = True
    request_queue_size = 1024

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Gateway:
    """A running gateway and its log."""

    def __init__(self, folder, upstream, *flags, before=()):
        self.port = free_port()
        self.log = folder / "log"
        command = [*before, BINARY, "gateway", "--upstream", f"http://127.0.0.1:{upstream}"]
        command += ["--listen", f"127.0.0.1:{self.port}", *flags]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), env={"PATH": os.environ["PATH"], "HOME": str(folder)},
                cwd=folder, stdout=log, stderr=log,
            )
        wait(lambda: self.get() == b"ok", "the gateway did not start", self.log)

    def get(self, tls=None, path="/b"):
        kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
        context = {"context": tls} if tls else {}
        connection = kind("localhost", self.port, timeout=SECONDS, **context)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            need(response.status == 200, f"{response.status} {body}")
            return body
        finally:
            connection.close()

    def certificate(self):
        context = ssl._create_unverified_context()
        with socket.create_connection(("localhost", self.port), SECONDS) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as stream:
                return stream.getpeercert(binary_form=True)

    def metric(self, name):
        text = self.get(path="/_lsconfig/metrics").decode()
        return int(re.search(rf"^lsconfig_gateway_{name} (\d+)", text, re.M)[1])

    def resident(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def stop(self):
        self.process.terminate()
        need(self.process.wait(SECONDS) == 0, self.log.read_text())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(condition, what, log):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.02)
    sys.exit(f"failed: {what}\n{log.read_text()}")


def self_signed(folder, name):
    key, cert = folder / "made.key", folder / "made.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    return cert.read_text() + key.read_text()


def reloads(folder, upstream, count):
    second = free_port()
    settings = folder / "lsconfig.toml"
    gateway = Gateway(folder, upstream, "--config", write(settings, "[gateway]\n"),
                      "--state-dir", folder / "state")
    # The flag holds the first address; the file changes routes and waits.
    asked, ends, failed = [0] * 4, threading.Event(), []
    trusted = ssl.create_default_context(cafile=folder / "state/ca.pem")

    def load(n):
        tls = trusted if n % 2 else None
        try:
            while not ends.is_set():
                need(gateway.get(tls) == b"ok", "another answer")
                asked[n] += 1
        except BaseException as error:  # noqa: BLE001 the thread reports whatever it was
            failed.append(error)

    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    before, started = gateway.metric("reloads_total"), time.monotonic()
    for n in range(count):
        route = f'"r{n}.test" = "http://127.0.0.1:{second}"\n'
        write(settings, f"[gateway]\nresponse-timeout = {100 + n}\n[gateway.routes]\n{route}")
        gateway.process.send_signal(1)
        wait(lambda: gateway.metric("reloads_total") > before + n, f"reload {n}", gateway.log)
    took = time.monotonic() - started
    ends.set()
    for thread in threads:
        thread.join()
    need(not failed, failed)
    gateway.stop()
    print(f"reloads: {count} in {took:.0f} s, {sum(asked)} requests beside them, none failed", flush=True)


def upgrades(folder, upstream, count):
    """Processes that follow each other on the same socket, as under a supervisor that holds it."""
    held = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = held.getsockname()[1]

    def start(n):
        log = folder / f"log-{n}"
        command = ["sh", "-c", 'exec 3<&"$0"; exec "$@"', held.fileno(), BINARY, "gateway"]
        command += ["--upstream", f"http://127.0.0.1:{upstream}", "--state-dir", folder / "state"]
        with open(log, "wb") as out:
            process = subprocess.Popen(
                list(map(str, command)), pass_fds=[held.fileno()], cwd=folder, stdout=out, stderr=out,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "LISTEN_FDS": "1"},
            )
        wait(lambda: f"listening on 127.0.0.1:{port}" in log.read_text(), "it did not start", log)
        return process, log

    asked, retried, ends, failed = [0] * 4, [0] * 4, threading.Event(), []

    def ask(connection):
        connection.request("GET", "/b")
        response = connection.getresponse()
        need((response.status, response.read()) == (200, b"ok"), response.status)

    def load(n):
        """Two clients ask on a new connection each time, two keep theirs."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        fresh = True
        try:
            while not ends.is_set():
                try:
                    ask(connection)
                except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
                    # A kept connection may end between two requests (RFC 9112, section 9.3.1); a new one
                    # must not.
                    need(not fresh, "a new connection was dropped")
                    retried[n] += 1
                    connection.close()
                    fresh = True
                    continue
                asked[n] += 1
                fresh = n % 2 == 0
                if fresh:
                    connection.close()
        except BaseException as error:  # noqa: BLE001 the thread reports whatever it was
            failed.append(error)

    process, log = start(0)
    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for n in range(1, count + 1):
        following, its_log = start(n)
        before = sum(asked)
        wait(lambda: sum(asked) > before + 20 or failed, "no requests", its_log)
        process.terminate()
        need(process.wait(SECONDS + 10) == 0, log.read_text())
        process, log = following, its_log
    ends.set()
    for thread in threads:
        thread.join()
    process.terminate()
    need(process.wait(SECONDS + 10) == 0, log.read_text())
    need(not failed, failed)
    print(f"upgrades: {count} processes took over, {sum(asked)} requests beside them, none failed, "
          f"{sum(retried)} kept connections ended between two", flush=True)


def write(path, text):
    unfinished = path.with_suffix(".new")
    unfinished.write_text(text)
    unfinished.rename(path)
    return path


def certificates(folder, upstream):
    pem = write(folder / "cert.pem", self_signed(folder, "first"))
    gateway = Gateway(folder, upstream, "--tls-cert", pem)
    first = gateway.certificate()
    write(pem, "rubbish")
    wait(lambda: "the settings in force stay" in gateway.log.read_text(), "no word", gateway.log)
    need("cert.pem" in gateway.log.read_text(), gateway.log.read_text())
    need(gateway.certificate() == first, "another certificate")
    write(pem, self_signed(folder, "second"))
    wait(lambda: gateway.certificate() != first, "the new one is not taken", gateway.log)
    gateway.stop()
    print("certificate: rubbish is reported and the old one stays, the next good one is taken", flush=True)


def full_disk(folder, upstream):
    disk = folder / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=16k none "$0" && { cat /dev/zero >"$0/fill" 2>&-; exec "$@"; }'
    gateway = Gateway(folder, upstream, "--state-dir", disk / "state",
                      before=["unshare", "-m", "sh", "-c", script, disk])
    need("kept in memory" in gateway.log.read_text(), gateway.log.read_text())
    need(gateway.certificate(), "no TLS")
    left = list(Path(f"/proc/{gateway.process.pid}/root{disk}/state").glob("*"))
    left += Path(f"/proc/{gateway.process.pid}/root{disk}/state").glob(".*")
    need(all(file.stat().st_size for file in left), left)
    gateway.stop()
    print(f"full disk: a warning, TLS from memory, files left behind: {[f.name for f in left]}", flush=True)


def idle(folder, upstream, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Fewer where this machine allows fewer files.
    count = min(count, hard - 1000)
    need(count >= 500, f"{hard} files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * count + 2000), hard))
    for scheme, number in (("http", count), ("https", count // 5)):
        gateway = Gateway(folder, upstream, "--state-dir", folder / "state")
        before, streams = gateway.resident(), []
        context = ssl.create_default_context(cafile=folder / "state/ca.pem")
        for _ in range(number):
            stream = socket.create_connection(("127.0.0.1", gateway.port), SECONDS)
            if scheme == "https":
                stream = context.wrap_socket(stream, server_hostname="localhost")
            stream.sendall(b"GET /_lsconfig/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"ok\n"):
                answer += stream.recv(4096)
            streams.append(stream)
        need(gateway.metric("connections") >= number, "connections were closed")
        each = (gateway.resident() - before) / number
        print(f"idle: {number} {scheme} connections, {each / 1000:.1f} kB for each", flush=True)
        for stream in streams:
            stream.close()
        gateway.stop()
        need(each < IDLE_BYTES, f"{scheme}: at most {IDLE_BYTES} bytes")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--upgrades", type=int, default=10)
    arguments = parser.parse_args()
    upstream = Upstream().server_port
    for fault in (
        lambda folder: certificates(folder, upstream),
        lambda folder: full_disk(folder, upstream),
        lambda folder: upgrades(folder, upstream, arguments.upgrades),
        lambda folder: idle(folder, upstream, arguments.idle),
        lambda folder: reloads(folder, upstream, arguments.reloads),
    ):
        with tempfile.TemporaryDirectory() as folder:
            fault(Path(folder))


if __name__ == "__main__":
    main()
