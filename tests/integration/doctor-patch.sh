#!/usr/bin/env bash
# The patches that `lsconfig doctor` prints, applied with `patch` and run on a real Docker Engine: a
# Compose project is started, diagnosed from inside, its file patched with exactly what `--diff` says,
# and started anew, after which nothing is wrong. `--write` makes the same file, and the file judged
# without an engine is clean too.
#
# ONLY="C01 C12" runs these alone. Needs python3-yaml and patch besides what tests/integration/doctor/lib.sh names.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/integration/doctor/lib.sh
{ python3 -c 'import yaml' 2>/dev/null && command -v patch; } >/dev/null ||
  { apt-get -qq update && apt-get -qq install -y python3-yaml patch; } >/dev/null

root=$PWD
domain=localhost.localstack.cloud
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
net=10.$((RANDOM % 100 + 100)).$((RANDOM % 200))
# A server that says what public DNS says.
public="
  public:
    image: $app_image
    entrypoint: [/lsconfig, dns, --in-container, 'true', --view, 0.0.0.0/0=127.0.0.1, --upstream, 192.0.2.1]
    networks:
      default:
        ipv4_address: $net.53"
pinned="
    networks:
      default:
        ipv4_address: $net.20"
subnet="
networks:
  default:
    ipam:
      config:
        - subnet: $net.0/24"
emulator="services:
  localstack:
    image: $emulator_image"
app="
  app:
    # A line with a secret is no part of a difference.
    image: $app_image
    environment:
      AWS_SECRET_ACCESS_KEY: hunter2"

up() { python3 "$root/tests/integration/doctor/up.py" "$1/compose.yml" "$run" "$run"; }
app_doctor=("$bin" doctor -s "$run-app-1" -t "$run-localstack-1")

# mends NAME "CODES exit=N" FILE [HOST-ARGS...]: without further words the client is `app`.
mends() {
  if (($# > 3)) && (exec 3<>/dev/tcp/127.0.0.1/4566) 2>/dev/null; then
    echo "--  $1 is left out: something of this host answers at port 4566, where the doctor looks too"
    return 0
  fi
  [[ -z ${ONLY:-} || " $ONLY " == *" $1 "* ]] || return 0
  local name=$1 wanted=$2 folder=$here/$1 doctor=("${app_doctor[@]}") static=(-s app)
  mkdir "$folder"
  printf '%s\n' "$3" >"$folder/compose.yml"
  if (($# > 3)); then
    doctor=("$bin" doctor --host -t "$run-localstack-1" "${@:4}")
    static=(--host "${@:4}")
  fi
  up "$folder"
  expect "$name" "$wanted" "${doctor[@]}"
  (cd "$folder" && "${doctor[@]}" --diff >"$here/$name.diff" 2>"$here/err" || true)
  grep -q '^+++ b/compose.yml$' "$here/$name.diff" ||
    { echo "FAILED $name: no patch: $(cat "$here/err" "$here/$name.diff")" >&2; exit 1; }
  ! grep -q hunter2 "$here/$name.diff" || { echo "FAILED $name: a secret" >&2; exit 1; }
  # The same by another way, before the file changes.
  cp "$folder/compose.yml" "$here/before"
  (cd "$folder" && "${doctor[@]}" --write >/dev/null 2>&1 || true)
  cp "$folder/compose.yml" "$here/written"
  cp "$here/before" "$folder/compose.yml"
  (cd "$folder" && patch -s -p1 --fuzz=0 <"$here/$name.diff")
  cmp "$folder/compose.yml" "$here/written" || { echo "FAILED $name: --write makes another file" >&2; exit 1; }
  clear_all
  up "$folder"
  expect "$name, patched" "exit=0" "${doctor[@]}"
  expect "$name, the patched file" "exit=0" "$bin" doctor "$folder/compose.yml" "${static[@]}"
  clear_all
}

echo "--- names"
mends C01 "emulator-dns-not-used exit=1" "$emulator$pinned$public$app
      AWS_ENDPOINT_URL: http://$domain:4566
    dns: [$net.53]
$subnet"
mends C02 "dns-server-gone exit=1" "$emulator$pinned$app
      AWS_ENDPOINT_URL: http://$domain:4566
    dns:
      - $net.77
$subnet"
mends C04 "emulator-dns-off exit=1" "$emulator$pinned
    environment:
      - DNS_ADDRESS=0
      - DEBUG=1$app
      AWS_ENDPOINT_URL: http://$domain:4566
    dns: [$net.20]
$subnet"
mends C07 "hosts-entry-in-the-way exit=1" "$emulator$pinned$app
      AWS_ENDPOINT_URL: http://$domain:4566
    dns: [$net.20]
    extra_hosts: # from an old guide
      - $domain:127.0.0.1
$subnet"
mends C15 "minted-host-unknown exit=1" "$emulator$pinned
    environment:
      LOCALSTACK_HOST: foo.bar:4566$public$app
      AWS_ENDPOINT_URL: http://localstack:4566
    dns: [$net.53]
$subnet"

echo "--- endpoints, proxies, networks"
mends R01 "endpoint-is-client-itself exit=1" "$emulator$app
      AWS_ENDPOINT_URL: http://localhost:4566"
mends R02 "client-without-network exit=1" "$emulator$app
      AWS_ENDPOINT_URL: http://localstack:4566
    network_mode: none"
mends R04 "endpoint-port-not-listened exit=1" "$emulator$app
      AWS_ENDPOINT_URL: http://localstack:4567"
mends C20 "tls-to-plain-port exit=1" "$emulator$app
      AWS_ENDPOINT_URL: https://localstack:4566"
mends C25 "names-unknown-on-host url-port-not-published exit=1" "$emulator
    ports: ['127.0.0.1:$port:4566']$app
      AWS_ENDPOINT_URL: http://localstack:4566
    network_mode: host"
mends C29 "proxy-in-the-way exit=1" "$emulator$app
      HTTP_PROXY: http://proxy.invalid:3128
      AWS_ENDPOINT_URL: http://localstack:4566"
mends C30 "no-proxy-ineffective exit=1" "$emulator$pinned$app
      HTTP_PROXY: http://proxy.invalid:3128
      NO_PROXY: '*.$domain'
      AWS_ENDPOINT_URL: http://s3.$domain:4566
    dns: [$net.20]
$subnet"

echo "--- the emulator"
mends C09 "port-not-published exit=1" "$emulator
    environment: {LOCALSTACK_HOST: 'localhost:$port'}" --endpoint "http://127.0.0.1:$port"
mends C11 "published-not-listened exit=1" "$emulator
    ports:
      - '127.0.0.1:$port:4566'
    environment:
      GATEWAY_LISTEN: 0.0.0.0:5000$app
      AWS_ENDPOINT_URL: http://localstack:5000"
mends C12 "listen-loopback-in-container exit=1" "$emulator
    environment:
      GATEWAY_LISTEN: 127.0.0.1:4566$app
      AWS_ENDPOINT_URL: http://localstack:4566"
mends C16 "url-port-not-published exit=1" "$emulator
    ports: ['127.0.0.1:$port:4566']" --endpoint "http://localhost:$port"
mends C22 "ignored-variable published-not-listened exit=1" "$emulator
    ports: ['127.0.0.1:$port:5000']
    environment:
      EDGE_PORT: 5000
      LOCALSTACK_HOST: localhost:$port" --endpoint "http://localhost:$port"
mends C32 "hostname-overridden exit=0" "$emulator
    environment:
      - HOSTNAME=localhost
      - DEBUG=1$app
      AWS_ENDPOINT_URL: http://localstack:4566"
echo "$passed checks passed"
