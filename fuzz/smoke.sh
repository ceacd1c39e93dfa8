#!/usr/bin/env bash
# Runs every fuzz target for a few seconds on its corpus: fuzz/smoke.sh [SECONDS], 10 by default.
#
# This is a plain build with libFuzzer's instrumentation, so it needs no nightly compiler and no
# cargo-fuzz. For long runs with sanitizers: `RUSTC_BOOTSTRAP=1 cargo fuzz run TARGET`.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-10}

target=${CARGO_TARGET_DIR:-../target}/fuzz
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
# With an explicit target, build scripts and macros get no instrumentation.
RUSTFLAGS=$flags cargo build --quiet --release --target "$host" --target-dir "$target"

for source in fuzz_targets/*.rs; do
  name=$(basename "$source" .rs)
  grown=$(mktemp -d)
  mkdir -p "corpus/$name"
  log=$(mktemp)
  # New inputs go to the scratch folder; a crash is kept below artifacts/.
  mkdir -p "artifacts/$name"
  if ! "$target/$host/release/$name" "$grown" "corpus/$name" -max_total_time="$seconds" \
    -timeout=10 -rss_limit_mb=1024 -max_len=65536 -artifact_prefix="artifacts/$name/" \
    >"$log" 2>&1; then
    tail -n 40 "$log"
    echo "error: fuzz target $name failed" >&2
    exit 1
  fi
  printf '%s\t%s\n' "$name" "$(sed -n 's/^Done \(.*\)$/\1/p' "$log")"
  rm -rf "$grown" "$log"
done
