"""The peers of run.sh: upstreams that come and go, clients that ask, idle, or send garbage.

    peers.py upstream ADDRESS LOSS PERIOD SILENT CLOSED LOG
    peers.py probe SERVER SOURCE SECONDS
    peers.py idle SERVER PREFIX COUNT SECONDS
    peers.py garbage SERVER SECONDS SEED

Standard library alone; each role is one thread that waits in select.
"""

import json
import random
import resource
import selectors
import signal
import socket
import struct
import sys
import time

APEX = "localhost.localstack.cloud"
# Longer than the 7 seconds after which the server gives up on its upstreams.
PATIENCE = 9.0
# Linux; the socket module does not name it.
SO_TIMESTAMPNS = 35


def wire_name(name):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"


def query(number, name):
    return struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, 0) + wire_name(name) + b"\0\1\0\1"


def upstream(address, loss, period, silent, closed, log):
    """Answers every A query, but for the share that counts as lost, and for the last seconds of each
    period: then it first is silent, and then has no socket, so that the system reports an
    unreachable port. Names of the probe that were answered go to the log at the end."""
    loss, period, silent, closed = float(loss), float(period), float(silent), float(closed)
    chance = random.Random(address)
    answered = []

    def end(*_):
        with open(log, "w") as file:
            file.writelines(name + "\n" for name in answered)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    # 203.0.113.1 for 300 seconds.
    tail = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xcb\0\x71\1"
    start = time.monotonic()
    server = None
    while True:
        # Position within the period; the last `silent + closed` seconds are bad.
        left = period - (time.monotonic() - start) % period
        if left <= closed:
            if server:
                server.close()
                server = None
            time.sleep(min(left, 0.05))
            continue
        if not server:
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            server.bind((address, 53))
            server.settimeout(0.05)
        try:
            message, peer = server.recvfrom(4096)
        except TimeoutError:
            continue
        if left <= closed + silent or chance.random() < loss:
            continue
        end_of_name = message.index(0, 12)
        question = message[12 : end_of_name + 5]
        flags = b"\x81\x80" if message[end_of_name + 1 : end_of_name + 3] == b"\0\1" else b"\x81\x83"
        found = flags == b"\x81\x80"
        counts = b"\0\1\0\1\0\0\0\0" if found else b"\0\1\0\0\0\0\0\0"
        server.sendto(message[:2] + flags + counts + question + (tail if found else b""), peer)
        if message[13:18] == b"probe":
            answered.append(message[13 : 13 + message[12]].decode())


class Latencies(list):
    def summary(self):
        ordered = sorted(self)
        if not ordered:
            return {}
        at = lambda share: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e6)
        return {"p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": at(1)}


def probe(server, source, seconds):
    """Asks for a local name 100 times a second, for an outside name that nobody asked before 50
    times, and for a local name over a new connection 5 times. Prints what came back."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    udp.bind((source, 0))
    udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    udp.connect((server, 53))
    udp.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(udp, selectors.EVENT_READ)
    local, outside, tcp = Latencies(), {}, Latencies()
    waiting = {}
    tcp_failed = 0
    start = time.monotonic()
    until = start + float(seconds)
    due = {"local": start, "outside": start, "tcp": start}
    every = {"local": 0.01, "outside": 0.02, "tcp": 0.2}
    number = 0
    lost = 0

    def send(name, kind):
        nonlocal number
        while True:
            number = (number + 1) % 65536
            if number not in waiting:
                break
        waiting[number] = (kind, name, time.time())
        udp.send(query(number, name))

    connections = {}
    counter = 0
    while True:
        now = time.monotonic()
        if now >= until and not waiting and not connections or now >= until + PATIENCE:
            break
        for kind in due:
            while now < until and due[kind] <= now:
                # A stall of this process must not become a burst.
                due[kind] = max(due[kind] + every[kind], now - every[kind])
                counter += 1
                if kind == "local":
                    send(f"n{counter}.s3.{APEX}", kind)
                elif kind == "outside":
                    name = f"probe{counter}"
                    outside[name] = None
                    send(name + ".out.test", kind)
                else:
                    stream = socket.socket()
                    stream.setblocking(False)
                    stream.bind((source, 0))
                    stream.connect_ex((server, 53))
                    connections[stream] = [now, False]
                    selector.register(stream, selectors.EVENT_WRITE)
        for key, _ in selector.select(max(0, min(min(due.values()) - now, 0.01))):
            if key.fileobj is udp:
                try:
                    while True:
                        # When the system got it: how late this process looks is not counted.
                        reply, [(_, _, stamp)], _, _ = udp.recvmsg(4096, 64)
                        known = waiting.pop(struct.unpack("!H", reply[:2])[0], None)
                        if not known:
                            continue
                        kind, name, since = known
                        if kind == "local":
                            whole, nanos = struct.unpack("@qq", stamp)
                            local.append(whole + nanos / 1e9 - since)
                        else:
                            outside[name.split(".")[0]] = reply[3] & 15
                except (BlockingIOError, ConnectionError):
                    pass
                continue
            stream = key.fileobj
            since, sent = connections[stream]
            try:
                if not sent:
                    message = query(1, APEX)
                    stream.send(struct.pack("!H", len(message)) + message)
                    connections[stream][1] = True
                    selector.modify(stream, selectors.EVENT_READ)
                    continue
                if len(stream.recv(4096)) < 20:
                    raise ConnectionError
                tcp.append(time.monotonic() - since)
            except OSError:
                tcp_failed += 1
            selector.unregister(stream)
            stream.close()
            del connections[stream]
    lost = sum(kind == "local" for kind, _, _ in waiting.values())
    print(json.dumps({
        "local": {"asked": len(local) + lost, "lost": lost, **local.summary()},
        "tcp": {"asked": len(tcp) + tcp_failed + len(connections),
                "failed": tcp_failed + len(connections), **tcp.summary()},
        "outside": outside,
    }))  # fmt: skip


def idle(server, prefix, count, seconds):
    """Keeps connections open from 100 addresses, and opens those again that the server closes, at
    most 1000 each second."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count, until = int(count), time.monotonic() + float(seconds)
    selector = selectors.DefaultSelector()
    opened = wanted = peak = 0
    start = time.monotonic()
    while time.monotonic() < until:
        allowed = count + (time.monotonic() - start) * 1000
        for _ in range(int(min(100, count - wanted, allowed - opened))):
            stream = socket.socket()
            stream.setblocking(False)
            stream.bind((f"{prefix}.{100 + opened % 100}", 0))
            stream.connect_ex((server, 53))
            selector.register(stream, selectors.EVENT_READ)
            opened += 1
            wanted += 1
            peak = max(peak, wanted)
        for key, _ in selector.select(0.05):
            try:
                if key.fileobj.recv(16):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            selector.unregister(key.fileobj)
            key.fileobj.close()
            wanted -= 1
    print(json.dumps({"opened": opened, "at_once": peak}))


def garbage(server, seconds, seed):
    """Noise, queries with flipped bits, replies, and wrong lengths, over UDP and TCP."""
    source = random.Random(int(seed))
    until = time.monotonic() + float(seconds)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect((server, 53))
    sent = streams = 0
    while time.monotonic() < until:
        for _ in range(50):
            kind = source.randrange(4)
            message = bytearray(query(source.randrange(65536), f"g{sent}.{APEX}"))
            if kind == 0:
                message = bytearray(source.randbytes(source.randrange(1500)))
            elif kind == 1:
                for _ in range(source.randrange(1, 9)):
                    message[source.randrange(len(message))] ^= 1 << source.randrange(8)
            elif kind == 2:
                message[2] |= 0x80
            else:
                message = message[: source.randrange(len(message))]
            try:
                udp.send(message)
            except OSError:
                pass
            sent += 1
        try:
            with socket.create_connection((server, 53), 1) as stream:
                stream.send(source.randbytes(source.randrange(1, 300)))
            streams += 1
        except OSError:
            pass
        time.sleep(0.02)
    print(json.dumps({"datagrams": sent, "streams": streams}))


if __name__ == "__main__":
    {"upstream": upstream, "probe": probe, "idle": idle, "garbage": garbage}[sys.argv[1]](*sys.argv[2:])
