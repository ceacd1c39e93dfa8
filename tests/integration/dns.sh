#!/usr/bin/env bash
# `lsconfig dns` in network namespaces: see crates/dns/tests/netns/run.sh.
set -euo pipefail
exec "$(dirname "$0")/../../crates/dns/tests/netns/run.sh"
