#!/usr/bin/env bash
# CPU for each request of `lsconfig gateway`, nginx, haproxy, caddy and LocalStack's own gateway, in one
# run, as ratios to the limits:
#
#   LSCONFIG_BIN=target/release/lsconfig crates/gateway/benches/compare.sh [OPTION...]
#
# compare.py says what is measured and takes the options. Installs the Debian packages that are missing.
# LSCONFIG_PEERS is where tests/live/install.sh put LocalStack 4.12.0; without it that line is left out
# and named. Results are tab-separated lines for benches/results/.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export LSCONFIG_BIN=${LSCONFIG_BIN:?set LSCONFIG_BIN to a release build}
export LSCONFIG_PEERS=${LSCONFIG_PEERS:-$PWD/target/peers}

packages=()
for pair in nginx:nginx haproxy:haproxy caddy:caddy wrk:wrk h2load:nghttp2-client openssl:openssl; do
  command -v "${pair%:*}" >/dev/null || packages+=("${pair#*:}")
done
[[ -e /usr/lib/nginx/modules/ngx_stream_module.so ]] || packages+=(libnginx-mod-stream)
((${#packages[@]} == 0)) ||
  { apt-get -qq update && RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "${packages[@]}"; } >/dev/null
exec python3 crates/gateway/benches/compare.py "$@"
