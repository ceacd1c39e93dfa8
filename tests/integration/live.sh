#!/usr/bin/env bash
# The readings and URLs of real LocalStack releases against ours.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/live/stage.sh
# A fixed seed, so that a run repeats; LSCONFIG_LIVE_SEED gives another one.
export LSCONFIG_LIVE_SEED=${LSCONFIG_LIVE_SEED:-9}
live_stage
