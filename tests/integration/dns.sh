#!/usr/bin/env bash
# `lsconfig dns` among real interfaces, under load while its peers fail, on a real Docker Engine, and
# beside LocalStack's own server.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/live/stage.sh
crates/dns/tests/netns/run.sh
crates/dns/tests/load/run.sh 20
crates/dns/tests/docker/run.sh
live_install localstack-4.12.0
live_dns --seed "${LSCONFIG_LIVE_SEED:-9}"
