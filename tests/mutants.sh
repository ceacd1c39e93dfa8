#!/usr/bin/env bash
# Mutation testing of the rules: makes one small change at a time to how addresses are resolved and
# merged, and runs the tests of the root crate, which fail when they notice it. Lists the changes
# that no test noticed, and fails when there are any. Takes an hour on two cores.
#
#   tests/mutants.sh [OPTION]...        options of cargo-mutants: --list, --shard 0/8, --re PATTERN
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
export PATH=$target/ci/bin:$PATH
command -v cargo-mutants >/dev/null ||
  cargo install --quiet --locked --root "$target/ci" cargo-mutants@27.1.0
mkdir -p "$target"
exec cargo mutants --package lsconfig --all-features --output "$target" --minimum-test-timeout 60 \
  --file src/listen.rs --file src/resolve.rs --file 'src/resolve/**/*.rs' "$@" \
  -- --lib --test it
