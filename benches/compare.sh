#!/usr/bin/env bash
# How fast lsconfig is, as ratios to its limits, in one run:
#
#   benches/compare.sh                  needs LSCONFIG_BIN (a release build) or builds one
#
# The peer is `localstack config show` of 4.12.0, installed below ${LSCONFIG_PEERS:-target/peers}
# unless it is there. Results are tab-separated lines for benches/results/; a ratio above 1.00 in the
# column `of limit` misses a limit, and then the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

export LSCONFIG_PEERS=${LSCONFIG_PEERS:-$PWD/target/peers}
if [[ ! -f $LSCONFIG_PEERS/localstack-4.12.0/stamp ]]; then
  tests/live/install.sh localstack-4.12.0 >&2
fi
if [[ -z ${LSCONFIG_BIN:-} ]]; then
  cargo build --quiet --package lsconfig-cli --release
  LSCONFIG_BIN=$PWD/${CARGO_TARGET_DIR:-target}/release/lsconfig
fi
# Prints where cargo puts a bench.
bench() {
  cargo bench --quiet --package lsconfig --bench "$1" --no-run --message-format=json |
    sed -n "s/.*\"executable\":\"\([^\"]*$1-[^\"]*\)\".*/\1/p" | tail -1
}
LSCONFIG_BENCH=$(bench resolve)
LSCONFIG_COUNTS=$(bench counts)
export LSCONFIG_BIN LSCONFIG_BENCH LSCONFIG_COUNTS

python3 benches/compare.py
