#!/usr/bin/env bash
# What `lsconfig migrate` promises against what real LocalStack releases do before and after.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/live/stage.sh
live_install
live_migrated
