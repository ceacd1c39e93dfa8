#!/usr/bin/env bash
# Line coverage of the root crate by its own tests; fails below 95 %. Prints a line for each file.
#
# cargo-tarpaulin reads what the compiler's instrumentation writes by itself, so no LLVM tools are
# needed. Functions that run at compile time, such as those that build the table, count as missed.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
export PATH=$target/ci/bin:$PATH
command -v cargo-tarpaulin >/dev/null ||
  cargo install --quiet --locked --root "$target/ci" cargo-tarpaulin@0.37.5
exec cargo tarpaulin --package lsconfig --all-features --lib --tests --engine llvm --skip-clean \
  --target-dir "$target/coverage" --include-files 'src/*' --fail-under 95
