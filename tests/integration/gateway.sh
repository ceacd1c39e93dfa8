#!/usr/bin/env bash
# boto3 and the AWS CLI, unmodified, against moto, ministack and LocalStack 4.12.0: which URLs of
# responses work with the emulator alone, and which behind `lsconfig up`; clients in containers; TLS as
# openssl sees it; WebSockets; the status page in Chromium; and what a gateway survives. Needs root and
# a Docker Engine.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/live/stage.sh
{ command -v ip && command -v openssl && command -v chromium; } >/dev/null ||
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium iproute2 openssl; } >/dev/null
LSCONFIG_PINS=$PWD/tests/integration/gateway/peers live_install
live_install localstack-4.12.0
python=${LSCONFIG_PYTHON:-python3} here=tests/integration/gateway
"$python" $here/tls.py
"$LSCONFIG_PEERS/websockets/bin/python" $here/websockets_echo.py
"$python" $here/page.py
"$python" $here/containers.py --records "$LSCONFIG_PEERS/containers.jsonl"
"$python" $here/grid.py --records "$LSCONFIG_PEERS/grid.jsonl"
"$python" $here/faults.py
