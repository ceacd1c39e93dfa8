#!/usr/bin/env bash
# boto3 and the AWS CLI, unmodified, against moto, ministack and LocalStack 4.12.0: which URLs of
# responses work with the emulator alone, and which behind `lsconfig up`. Then what a gateway survives.
# Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/live/stage.sh
{ command -v ip && command -v openssl; } >/dev/null ||
  { apt-get -qq update && apt-get -qq install -y iproute2 openssl; } >/dev/null
LSCONFIG_PINS=$PWD/tests/integration/gateway/peers live_install
live_install localstack-4.12.0
"${LSCONFIG_PYTHON:-python3}" tests/integration/gateway/grid.py --records "$LSCONFIG_PEERS/grid.jsonl"
"${LSCONFIG_PYTHON:-python3}" tests/integration/gateway/faults.py
