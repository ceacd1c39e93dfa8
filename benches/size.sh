#!/usr/bin/env bash
# Which crates take the room in the release binary: kilobytes of code for each, the largest first.
#
#   benches/size.sh [BINARY]            BINARY has symbols; without it one is built, which takes long
#
# Code that a crate has from generic types of another counts where the type's name begins.
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# == 0)); then
  CARGO_PROFILE_RELEASE_STRIP=none cargo build --quiet --package lsconfig-cli --release --target-dir target/size
  set -- target/size/release/lsconfig
fi
nm --print-size --size-sort --demangle "$1" | sed 's/^[0-9a-f]* //' |
  perl -ne '
    my ($size, $kind, $name) = /^([0-9a-f]+) (\w) (.*)/ or next;
    next unless $kind =~ /[tTwW]/;
    $name =~ s/^[<&*\[(]+(mut |dyn |const )*//;
    my ($crate) = $name =~ /^([a-z_0-9]+)(?:\[[0-9a-f]+\])?::/;
    $sum{$crate // "C and others"} += hex $size;
    END { printf "%8.1f kB  %s\n", $sum{$_} / 1000, $_ for sort { $sum{$b} <=> $sum{$a} } keys %sum }
  '
