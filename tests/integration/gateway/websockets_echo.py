"""WebSockets through a gateway: the library `websockets` on both sides, and frames made by hand.

    websockets_echo.py

Autobahn's test suite needs Python 2; these are its groups of cases (framing, pings, reserved bits,
opcodes, fragmentation, UTF-8, closing, large messages, compression), each named. A gateway passes bytes
on after 101, so that what the echo server does with a broken frame has to reach the client as it was.
Run by the Python of the environment `websockets`. Exit status: 0 all held, 1 not.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import sys
import tempfile
import threading
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from faults import SECONDS, Gateway, need

MEBIBYTE = 1 << 20


class Echo:
    """An echo server that speaks one subprotocol, and HTTP to whoever asks without upgrade."""

    def __init__(self):
        self.port = None
        started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.run(started)), daemon=True).start()
        need(started.wait(SECONDS), "the echo server did not start")

    async def run(self, started):
        async def echo(socket):
            # A connection that ends otherwise than by a close is what some cases are about.
            with contextlib.suppress(ConnectionClosed):
                async for message in socket:
                    if message == "close":
                        await socket.close(4321, "as asked")
                        return
                    await socket.send(message)

        def plain(connection, request):
            # The gateway's start is awaited with a request that is no upgrade.
            return None if "Upgrade" in request.headers else connection.respond(200, "ok")

        def agree(_, offered):
            return "echo" if "echo" in offered else None

        async with serve(echo, "127.0.0.1", 0, process_request=plain, select_subprotocol=agree,
                         max_size=32 * MEBIBYTE) as server:
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await asyncio.Future()


class Client:
    """The client of the library, on an event loop of its own. The one of `websockets.sync` reads and
    writes from two threads, of which one can wait for ever where the connection is TLS (Python 3.11)."""

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def __init__(self, *args, **options):
        async def opened():
            return await connect(*args, **options)
        self.socket = self.wait(opened())

    @classmethod
    def wait(cls, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, cls.loop).result(SECONDS)

    @property
    def subprotocol(self):
        return self.socket.subprotocol

    def send(self, message):
        self.wait(self.socket.send(message))

    def recv(self):
        return self.wait(self.socket.recv())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wait(self.socket.close())


class Raw:
    """A client that sends frames as they are told."""

    def __init__(self, port, tls):
        stream = socket.create_connection(("localhost", port), SECONDS)
        self.stream = tls.wrap_socket(stream, server_hostname="localhost") if tls else stream
        self.stream.sendall(
            f"GET /raw HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.take(1)
        need(head.startswith(b"HTTP/1.1 101 "), head)
        need(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head)

    def take(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def send(self, first, payload=b"", masked=True):
        """A frame: its first byte, and the payload, masked with zeros."""
        size, mask = len(payload), 0x80 if masked else 0
        if size < 126:
            length = bytes([mask | size])
        elif size < 1 << 16:
            length = bytes([mask | 126]) + struct.pack(">H", size)
        else:
            length = bytes([mask | 127]) + struct.pack(">Q", size)
        self.stream.sendall(bytes([first]) + length + (b"\0" * 4 if masked else b"") + payload)

    def frame(self):
        """The next frame: first byte and payload."""
        first, size = self.take(2)
        if size == 126:
            size = struct.unpack(">H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.take(8))[0]
        return first, self.take(size)

    def closed_with(self):
        """The code that the server closes with."""
        while True:
            first, payload = self.frame()
            if first == 0x88:
                return struct.unpack(">H", payload[:2])[0] if payload else None


TEXT, BINARY, CONTINUED, CLOSE, PING, PONG, FIN = 1, 2, 0, 8, 9, 10, 0x80


def cases(port, tls):
    """Yields name and a function that fails when the case does."""
    scheme = "wss" if tls else "ws"
    options = {"ssl": tls} if tls else {}

    def client(**more):
        return Client(f"{scheme}://localhost:{port}/echo", max_size=32 * MEBIBYTE, proxy=None,
                      open_timeout=SECONDS, **options, **more)

    def echoes(*messages, **more):
        with client(**more) as socket:
            for message in messages:
                socket.send(message)
                got = socket.recv()
                whole = message if isinstance(message, (str, bytes)) else type(message[0])().join(message)
                need(got == whole, f"{len(got)} of {len(whole)} came back")

    for size in (0, 1, 125, 126, 127, 128, 65_535, 65_536, MEBIBYTE, 16 * MEBIBYTE):
        yield f"1 text of {size} bytes", lambda size=size: echoes("*" * size, compression=None)
        yield f"1 binary of {size} bytes", lambda size=size: echoes(b"\xfe" * size, compression=None)

    def raw(run):
        def held():
            peer = Raw(port, tls)
            try:
                run(peer)
            finally:
                peer.stream.close()
        return held

    def expect(*frames, of, masked=True):
        def run(peer):
            for first, payload in frames:
                peer.send(first, payload, masked)
            for wanted in of:
                got = peer.frame()
                need(got == wanted, f"{got}, expected {wanted}")
        return raw(run)

    def refused(*frames, code, masked=True):
        def run(peer):
            for first, payload in frames:
                peer.send(first, payload, masked)
            found = peer.closed_with()
            need(found == code, f"closed with {found}, expected {code}")
        return raw(run)

    ping, pong = FIN | PING, FIN | PONG
    text, fin = FIN | TEXT, FIN | CONTINUED
    for size in (0, 5, 125):
        yield f"2 a ping of {size} bytes", expect((ping, b"p" * size), of=[(pong, b"p" * size)])
    yield "2 ten pings", expect(*[(ping, b"%d" % n) for n in range(10)], of=[(pong, b"%d" % n) for n in range(10)])
    yield "2 a pong that nobody asked for", expect((pong, b"x"), (text, b"a"), of=[(text, b"a")])
    yield "2 a ping of 126 bytes", refused((ping, b"p" * 126), code=1002)
    for bit in (0x40, 0x20, 0x10):
        yield f"3 reserved bit {bit:#x}", refused((text | bit, b"a"), code=1002)
    for opcode in (3, 7, 11, 15):
        yield f"4 opcode {opcode}", refused((FIN | opcode, b""), code=1002)
    yield "5 two fragments", expect((TEXT, b"a"), (fin, b"b"), of=[(text, b"ab")])
    yield "5 a ping between fragments", expect((TEXT, b"a"), (ping, b"p"), (fin, b"b"), of=[(pong, b"p"), (text, b"ab")])
    yield "5 a fragmented ping", refused((PING, b"p"), (fin, b"q"), code=1002)
    yield "5 a fragment without start", refused((fin, b"b"), code=1002)
    yield "5 a start within fragments", refused((TEXT, b"a"), (text, b"b"), code=1002)
    yield "5 a thousand fragments", lambda: echoes(["ab"] * 1000, compression=None)
    yield "5 fragments of 64 KiB", lambda: echoes([b"x" * 65_536] * 16, compression=None)
    yield "6 UTF-8", lambda: echoes("κόσμε 𐀀 \U0010ffff \0")
    yield "6 a character in two fragments", expect((TEXT, b"\xce"), (fin, b"\xba"), of=[(text, b"\xce\xba")])
    for what, octets in (("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"), ("cut off", b"\xce"), ("above the last", b"\xf4\x90\x80\x80")):
        yield f"6 {what}", refused((text, octets), code=1007)
    yield "7 a client closes", raw(lambda peer: (peer.send(FIN | CLOSE, b"\x03\xe8bye"), need(peer.closed_with() == 1000, "another code")))
    yield "7 a close without code", raw(lambda peer: (peer.send(FIN | CLOSE), need(peer.closed_with() is None, "a code")))
    for code in (1001, 1003, 1011, 3000, 4999):
        yield f"7 code {code}", raw(lambda peer, code=code: (peer.send(FIN | CLOSE, struct.pack(">H", code)), need(peer.closed_with() == code, "another code")))
    for code in (0, 999, 1004, 1005, 1006, 1015, 5000):
        yield f"7 code {code} is none", refused((FIN | CLOSE, struct.pack(">H", code)), code=1002)
    yield "7 a close of one byte", refused((FIN | CLOSE, b"\x03"), code=1002)
    yield "7 a frame without mask", refused((text, b"a"), code=1002, masked=False)

    def server_closes():
        with client() as socket:
            socket.send("close")
            try:
                socket.recv()
            except ConnectionClosed as closed:
                need((closed.rcvd.code, closed.rcvd.reason) == (4321, "as asked"), closed)
            else:
                need(False, "the connection is open")
    yield "7 a server closes", server_closes

    def end_of_bytes(peer):
        peer.send(FIN | CLOSE, b"\x03\xe8")
        peer.closed_with()
        need(peer.stream.recv(1) == b"", "bytes behind the close")
    yield "7 the connection ends behind the close", raw(end_of_bytes)

    def chopped(peer):
        for octet in bytes([text, 0x83, 0, 0, 0, 0]) + b"abc":
            peer.stream.sendall(bytes([octet]))
        need(peer.frame() == (text, b"abc"), "another frame")
    yield "9 byte by byte", raw(chopped)
    yield "9 a thousand messages", lambda: echoes(*["%d" % n for n in range(1000)])

    def many():
        with contextlib.ExitStack() as all_open:
            sockets = [all_open.enter_context(client()) for _ in range(50)]
            for n, socket in enumerate(sockets):
                socket.send(f"{n}")
            for n, socket in enumerate(sockets):
                need(socket.recv() == f"{n}", "the message of another")
    yield "9 fifty connections at once", many
    yield "12 compressed messages", lambda: echoes("a" * 100_000, os.urandom(100_000), "", b"b")
    yield "13 fragments of a compressed message", lambda: echoes(["abc" * 1000] * 10)

    def subprotocol():
        with client(subprotocols=["other", "echo"]) as socket:
            need(socket.subprotocol == "echo", socket.subprotocol)
    yield "14 a subprotocol is agreed on", subprotocol


def main():
    failed = total = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        gateway = Gateway(folder, Echo().port, "--state-dir", folder / "state")
        trusted = ssl.create_default_context(cafile=folder / "state/ca.pem")
        for tls in (None, trusted):
            for name, held in cases(gateway.port, tls):
                total += 1
                try:
                    held()
                except (Exception, SystemExit) as error:  # noqa: BLE001 a case fails however it does
                    failed += 1
                    print(f"failed: {name} over {'TLS' if tls else 'TCP'}: {type(error).__name__} {error}", flush=True)
        gateway.stop()
    print(f"WebSockets: {total - failed} of {total} cases hold", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
