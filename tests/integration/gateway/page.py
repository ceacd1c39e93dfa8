"""The status page in a real browser: content, no error, nothing from elsewhere.

    page.py

Needs Chromium. Exit status: 0 all held, 1 not.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from faults import SECONDS, Gateway, Upstream, need

# Two looks at the gateway by the page's own clock.
PAGE_MILLISECONDS = 5000


def open_page(folder, port, scheme="http"):
    """The document after its scripts ran, the console, and every address that was asked for."""
    log = folder / "net.json"
    done = subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={folder / 'profile'}", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--ignore-certificate-errors",
         "--enable-logging=stderr", "--v=0", f"--log-net-log={log}",
         f"--virtual-time-budget={PAGE_MILLISECONDS}", "--dump-dom",
         f"{scheme}://localhost:{port}/_lsconfig/"],
        capture_output=True, timeout=4 * SECONDS, check=True, env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )
    console = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    events = json.loads(log.read_text())["events"]
    urls = {event["params"]["url"] for event in events if "url" in event.get("params", {})}
    return done.stdout.decode(), console, urls


def main():
    upstream = Upstream().server_port
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        gateway = Gateway(folder, upstream, "--state-dir", folder / "state",
                          "--route", "sqs=http://127.0.0.1:9324")
        for scheme in ("http", "https"):
            dom, console, urls = open_page(folder, gateway.port, scheme)
            need(not console, console)
            for part in (
                "Up for ",
                f"127.0.0.1:{gateway.port}",
                "<td>sqs</td><td>http://127.0.0.1:9324</td>",
                f"<td>everything else</td><td>http://127.0.0.1:{upstream}</td><td>generic</td>",
                f"{folder / 'state'}/ca.pem; ",
                f"export AWS_ENDPOINT_URL={scheme}://localhost:{gateway.port}",
                "<td>200</td><td>GET localhost",
            ):
                need(part in dom, f"no {part!r} in the page\n{dom}")
            ours = {url for url in urls if urlsplit(url).port == gateway.port}
            for page in ("", "settings", "requests"):
                wanted = f"{scheme}://localhost:{gateway.port}/_lsconfig/{page}"
                need(wanted in ours, f"{wanted} was not asked for, but {urls}")
            # The browser's own pages and services are no part of the document.
            foreign = [url for url in urls - ours if url.startswith(("http:", "https:", "ws:"))]
            foreign = [url for url in foreign if not urlsplit(url).hostname.endswith("google.com")
                       and not urlsplit(url).hostname.endswith("googleapis.com")]
            need(not foreign, f"the page asks others: {foreign}")
        gateway.stop()
    print("status page: content is there over http and https, no error, nothing from elsewhere", flush=True)


if __name__ == "__main__":
    main()
