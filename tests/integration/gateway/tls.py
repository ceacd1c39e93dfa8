"""What `openssl` finds out about the TLS of a gateway: protocol versions, ciphers, ALPN, names, chain.

    tls.py

The checks of testssl.sh that concern a server of TLS 1.2 and 1.3, each named. `openssl` is told to
allow what it would not by default, so that a refusal is the gateway's. Exit status: 0 all held, 1 not.
"""

import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faults import SECONDS, Gateway, Upstream

# RFC 9325, section 4.2: forward secrecy and authenticated encryption, and nothing else.
STRONG = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
          "ECDHE-ECDSA-CHACHA20-POLY1305")
STRONG_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
WEAK = {
    "no encryption": "eNULL",
    "no authentication": "aNULL",
    "static RSA": "kRSA",
    "finite-field Diffie-Hellman": "kDHE",
    "CBC": "ECDHE+AES+SHA1:ECDHE+AES+SHA256:ECDHE+AES+SHA384:!AESGCM:!AESCCM",
    "CCM": "AESCCM",
    "ARIA and Camellia": "ARIA:CAMELLIA",
}
# What today's openssl does not speak any more, as a hello made by hand: version and ciphers.
OLD = {
    "SSL 3": (0x0300, (0xC009, 0x002F)),
    "RC4": (0x0303, (0x0005, 0xC007, 0xC011)),
    "3DES": (0x0303, (0x000A, 0xC008, 0xC012)),
    "DES and export ciphers": (0x0303, (0x0009, 0x0003, 0x0008)),
}
ALERT, SERVER_HELLO = 21, 22
CLOUD = "localhost.localstack.cloud"
NAMES = ("localhost", CLOUD, f"sqs.us-east-1.{CLOUD}", f"a.b.c.d.e.{CLOUD}",
         "b.s3.us-east-1.amazonaws.com")


class Server:
    """A gateway, as `openssl s_client` sees it."""

    def __init__(self, gateway, ca):
        self.address, self.ca = f"localhost:{gateway.port}", ca

    def ask(self, *flags, send=b""):
        """What openssl prints, and whether the handshake was done."""
        command = ["openssl", "s_client", "-connect", self.address, "-CAfile", self.ca, *flags]
        done = subprocess.run(command, input=send, capture_output=True, timeout=SECONDS, check=False)
        text = (done.stdout + done.stderr).decode(errors="replace")
        cipher = re.search(r"^New, (\S+), Cipher is (\S+)", text, re.M)
        return text, bool(cipher) and cipher[2] != "(NONE)"

    def hello(self, version, ciphers):
        """The type of the record that answers a hello."""
        ciphers = b"".join(struct.pack(">H", cipher) for cipher in ciphers)
        # Groups, formats of points and signature algorithms that suit whatever cipher is chosen.
        extensions = bytes.fromhex("000a00060004001d0017" "000b00020100" "000d000a0008040304010203" "0201")
        body = struct.pack(">H", version) + bytes(32) + b"\0"
        body += struct.pack(">H", len(ciphers)) + ciphers + b"\1\0"
        body += struct.pack(">H", len(extensions)) + extensions
        message = b"\1" + struct.pack(">I", len(body))[1:] + body
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port)), SECONDS) as stream:
            stream.sendall(b"\x16\x03\x01" + struct.pack(">H", len(message)) + message)
            answer = stream.recv(5)
        return answer[0] if answer else None

    def renegotiate(self):
        """What follows when a client asks for another handshake; nothing when it is not done."""
        command = ["openssl", "s_client", "-connect", self.address, "-CAfile", self.ca, "-tls1_2"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as client:
            client.stdin.write(b"R\n")
            client.stdin.flush()
            for line in client.stdout:
                if line.strip() == b"RENEGOTIATING":
                    break
            # A handshake takes milliseconds; its certificate would be verified aloud.
            time.sleep(2)
            client.kill()
            return client.stdout.read().decode(errors="replace").strip()

    def certificate(self, name, *fields):
        text, _ = self.ask("-servername", name)
        pem = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)[0]
        command = ["openssl", "x509", "-noout", *fields]
        return subprocess.run(command, input=pem.encode(), capture_output=True, check=True).stdout.decode()


def checks(server):
    """Yields name, whether it holds, and what was found."""
    anything = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    for version in ("tls1", "tls1_1"):
        text, done = server.ask(f"-{version}", *anything)
        yield f"{version} is refused", not done and "alert" in text, text
    for version in ("tls1_2", "tls1_3"):
        text, done = server.ask(f"-{version}")
        yield f"{version} is spoken", done, text
    text, _ = server.ask()
    yield "the newest version is preferred", "New, TLSv1.3" in text, text
    yield "a hello made by hand is understood", server.hello(0x0303, (0xC02B,)) == SERVER_HELLO, "no hello"
    for what, offer in OLD.items():
        kind = server.hello(*offer)
        yield f"{what} is refused", kind == ALERT, kind
    for what, ciphers in WEAK.items():
        text, done = server.ask("-tls1_2", "-cipher", f"{ciphers}:@SECLEVEL=0")
        yield f"ciphers with {what} are refused", not done and "no cipher match" not in text, text
    for cipher in STRONG:
        text, done = server.ask("-tls1_2", "-cipher", cipher)
        yield f"{cipher} is spoken", done, text
    for cipher in STRONG_13:
        text, done = server.ask("-tls1_3", "-ciphersuites", cipher)
        yield f"{cipher} is spoken", done and cipher in text, text
    for group in ("X25519", "P-256"):
        text, done = server.ask("-groups", group)
        yield f"keys are exchanged over {group}", done, text

    text, _ = server.ask("-tls1_2", "-comp")
    yield "nothing is compressed", "Compression: NONE" in text, text
    yield "renegotiation is secure", "Secure Renegotiation IS supported" in text, text
    text = server.renegotiate()
    yield "renegotiation by a client is not done", text == "", text
    text, _ = server.ask("-tls1_2", "-tlsextdebug")
    yield "no heartbeat is offered", "heartbeat" not in text, text
    yield "the extended master secret is used", "Extended master secret: yes" in text, text
    text, done = server.ask("-tls1_2", "-fallback_scsv")
    yield "a fallback from TLS 1.3 is refused", not done and "inappropriate fallback" in text, text

    for offered, chosen in (("h2,http/1.1", "h2"), ("http/1.1,h2", "h2"), ("http/1.1", "http/1.1")):
        text, _ = server.ask("-alpn", offered)
        yield f"ALPN {offered} gives {chosen}", f"ALPN protocol: {chosen}\n" in text, text
    text, done = server.ask()
    yield "no ALPN is as good", done and "No ALPN negotiated" in text, text
    text, _ = server.ask("-alpn", "spdy/3")
    yield "ALPN of nothing we speak is refused", "alert no application protocol" in text, text

    for name in NAMES:
        flags = ("-servername", name, "-verify_hostname", name, "-verify_return_error")
        text, done = server.ask(*flags)
        yield f"{name} is trusted", done and "Verify return code: 0 (ok)" in text, text
    text, done = server.ask("-noservername", "-verify_ip", "127.0.0.1", "-verify_return_error")
    yield "an address without SNI is trusted", done, text
    flags = ("-servername", "example.com", "-verify_hostname", "example.com", "-verify_return_error")
    text, _ = server.ask(*flags)
    yield "a name of others is not", "permitted subtree violation" in text, text

    text = server.certificate(CLOUD, "-text")
    yield "the key is of P-256", "NIST CURVE: P-256" in text, text
    yield "the signature is of SHA-256", "ecdsa-with-SHA256" in text, text
    yield "it is a server's", "TLS Web Server Authentication" in text, text
    yield "it signs no others", "CA:TRUE" not in text, text
    yield "the name is an alternative name", f"DNS:{CLOUD}" in text, text
    # More than 825 days are refused by Apple's systems.
    past = subprocess.run(["openssl", "x509", "-noout", "-checkend", str(825 * 86400)],
                          input=pem_of(server), capture_output=True, check=False)
    yield "it ends within 825 days", past.returncode == 1, past.stdout
    yield "it lasts for a day at least", checkend(server, 86400), "it ends"
    ca = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", server.ca],
                        capture_output=True, check=True).stdout.decode()
    yield "the authority is constrained to names", "X509v3 Name Constraints: critical" in ca, ca
    yield "the authority signs no other authorities", "CA:TRUE, pathlen:0" in ca, ca


def pem_of(server):
    text, _ = server.ask("-servername", CLOUD)
    return text.encode()


def checkend(server, seconds):
    command = ["openssl", "x509", "-noout", "-checkend", str(seconds)]
    return subprocess.run(command, input=pem_of(server), capture_output=True, check=False).returncode == 0


def main():
    failed = total = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        gateway = Gateway(folder, Upstream().server_port, "--state-dir", folder / "state")
        for name, holds, found in checks(Server(gateway, folder / "state/ca.pem")):
            total += 1
            if not holds:
                failed += 1
                print(f"failed: {name}\n{found}", flush=True)
        gateway.stop()
    print(f"TLS: {total - failed} of {total} checks hold", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
