#!/usr/bin/env bash
# The readings and URLs of real LocalStack releases against ours.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/live/stage.sh
live_stage
