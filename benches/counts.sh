#!/usr/bin/env bash
# Counts the instructions of every case of benches/cases, which do not depend on what else runs.
# Prints `case instructions`, tab-separated, so that two results can be joined. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(cargo bench --quiet --bench counts --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*counts-[^"]*\)".*/\1/p' | tail -1)

# Instructions that `binary CASE TIMES` executes.
count() {
  valgrind --tool=none --log-file=/dev/null true
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-fd=9 "$binary" "$1" "$2" 9>&1 >/dev/null |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

"$binary" | while read -r case; do
  few=$(count "$case" 10)
  many=$(count "$case" 110)
  printf '%s\t%s\n' "$case" $(((many - few) / 100))
done
