#!/usr/bin/env bash
# `lsconfig doctor` against a real Docker Engine: each scenario is set up with images made here from
# scratch, must give exactly its code, and nothing once its fix is applied. No registry is used.
#
# LSCONFIG_BIN names a statically linked binary:
#   RUSTFLAGS=-Ctarget-feature=+crt-static cargo build -p lsconfig-cli --target x86_64-unknown-linux-gnu
# Needs docker, python3, and a static busybox, which is installed with apt-get when missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

docker info >/dev/null || { echo "error: no Docker Engine answers" >&2; exit 1; }
command -v python3 >/dev/null || { echo "error: python3 is missing" >&2; exit 1; }
ldd /bin/busybox 2>&1 | grep -q 'not a dynamic executable' ||
  { apt-get -qq update && apt-get -qq install -y busybox-static; } >/dev/null
bin=${LSCONFIG_BIN:?set LSCONFIG_BIN to a statically linked binary}

run=lsdoc$$
emulator_image=$run/localstack/localstack:4.12.0
app_image=$run/app:1
here=$(mktemp -d)
domain=localhost.localstack.cloud
passed=0

clear_all() {
  local all
  all=$(docker ps -aq --filter "label=$run")
  [[ -z $all ]] || docker rm -f $all >/dev/null
  all=$(docker network ls -q --filter "label=$run")
  [[ -z $all ]] || docker network rm $all >/dev/null
}

finish() {
  local status=$?
  clear_all || true
  docker rmi -f "$emulator_image" "$app_image" >/dev/null 2>&1 || true
  rm -rf "$here"
  return "$status"
}
trap finish EXIT

# --- images ---
mkdir -p "$here/bin" "$here/www/_localstack"
cp "$bin" "$here/lsconfig"
cp /bin/busybox "$here/bin/busybox"
ln -s busybox "$here/bin/sh"
echo '{"services": {"s3": "available"}, "version": "4.12.0", "edition": "community"}' \
  >"$here/www/_localstack/health"
cat >"$here/emulator" <<'E'
#!/bin/sh
[ -n "$NODNS" ] || /lsconfig dns --in-container true --upstream 192.0.2.1 &
exec /bin/busybox httpd -f -p "${SERVE:-4566}" -h /www
E
chmod +x "$here/emulator"
cat >"$here/Dockerfile.emulator" <<'E'
FROM scratch
LABEL authors="LocalStack Contributors"
COPY bin /bin
COPY lsconfig emulator /
COPY www /www
EXPOSE 4566
ENTRYPOINT ["/emulator"]
E
cat >"$here/Dockerfile.app" <<'E'
FROM scratch
COPY bin /bin
COPY lsconfig /
ENTRYPOINT ["/bin/busybox", "sleep", "3600"]
E
export DOCKER_BUILDKIT=0
docker build -q -t "$emulator_image" -f "$here/Dockerfile.emulator" "$here" >/dev/null 2>&1
docker build -q -t "$app_image" -f "$here/Dockerfile.app" "$here" >/dev/null 2>&1

# --- pieces ---
network() { docker network create --label "$run" "$@" >/dev/null; }
start() { docker run -d --label "$run" "$@" >/dev/null; }
# emulator FLAGS...: the emulator, called `localstack` unless a name is given.
emulator() {
  local name=localstack
  [[ ${1:-} == --name ]] && { name=$2; shift 2; }
  start --name "$name" "$@" "$emulator_image"
}
app() { start --name app "$@" "$app_image"; }
# A DNS server that says what public DNS says.
public_dns() {
  start --name public-dns --network my-network --ip 10.213.2.53 --entrypoint /lsconfig "$app_image" \
    dns --in-container true --view 0.0.0.0/0=127.0.0.1 --upstream 192.0.2.1
}
net2() { network --subnet 10.213.2.0/24 my-network; }
ls2() { emulator --network my-network --ip 10.213.2.20 "$@"; }
app2() { app --network my-network "$@"; }
endpoint() { printf -- '-e\nAWS_ENDPOINT_URL=%s\n' "$1"; }

doctor() { "$bin" doctor -s app -t localstack "$@"; }

# codes ARGS...: the codes of errors and warnings, sorted, and the exit code.
codes() {
  local status=0
  "$@" --format json >"$here/out.json" 2>"$here/err" || status=$?
  [[ -s $here/out.json ]] || { cat "$here/err" >&2; return; }
  python3 - "$here/out.json" "$status" <<'P'
import json, sys
d = json.load(open(sys.argv[1]))
found = sorted({f["code"] for f in d["findings"] if f["severity"] != "note"})
print(" ".join(found + ["exit=" + sys.argv[2]]))
P
}

# expect NAME "CODES exit=N" COMMAND...
expect() {
  local name=$1 wanted=$2 got
  shift 2
  got=$(codes "$@")
  if [[ $got != "$wanted" ]]; then
    echo "FAILED $name: got '$got', expected '$wanted'" >&2
    "$@" -v >&2 || true
    cat "$here/err" >&2
    exit 1
  fi
  passed=$((passed + 1))
  echo "ok  $name: $wanted"
}
# offers TEXT: the best fixes of the last diagnosis name TEXT.
offers() {
  grep -qF -- "$1" "$here/out.json" || { echo "FAILED: the fix does not name '$1'" >&2; cat "$here/out.json" >&2; exit 1; }
}
clean() { expect "$1, fixed" "exit=0" "${@:2}"; clear_all; }

before() {
  docker ps -aq --no-trunc | sort | xargs -r docker inspect | sed '/"Pid"/d' >"$here/before"
  docker network ls -q --no-trunc | sort | xargs docker network inspect >>"$here/before"
}
unchanged() {
  docker ps -aq --no-trunc | sort | xargs -r docker inspect | sed '/"Pid"/d' >"$here/after"
  docker network ls -q --no-trunc | sort | xargs docker network inspect >>"$here/after"
  cmp -s "$here/before" "$here/after" || { echo "FAILED: looking changed something" >&2; diff "$here/before" "$here/after" >&2; exit 1; }
  passed=$((passed + 1))
}

api=https://abc.execute-api.$domain:4566/prod/

echo "--- the four scenarios of docker-debug"
net2; public_dns
docker network connect bridge public-dns
pub=$(docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' public-dns)
emulator -p 127.0.0.1:14566:4566
app --dns "$pub" -e UPSTREAM_URL="$api"
expect S1 "default-bridge-only emulator-dns-not-used exit=1" doctor
offers "docker network create --subnet"; offers "--dns"
docker rm -f localstack app >/dev/null
ls2; app2 --dns 10.213.2.20 -e UPSTREAM_URL="http://abc.execute-api.$domain:4566/prod/"
clean S1 doctor

net2; emulator --network my-network; app2
expect S2 "subdomain-of-container-name exit=1" doctor --endpoint http://abc.execute-api.localstack:4566
offers "dns: [172.28."
clear_all; net2
start --name localstack --network my-network --ip 10.213.2.20 --entrypoint /bin/sh "$emulator_image" \
  -c '/lsconfig dns --in-container true --upstream 192.0.2.1 --suffix localstack & exec /bin/busybox httpd -f -p 4566 -h /www'
app2 --dns 10.213.2.20
clean S2 doctor --endpoint http://abc.execute-api.localstack.$domain:4566

net2; public_dns; ls2
app2 --dns 10.213.2.53 $(endpoint http://localstack:4566) -e QUEUE_URL=http://sqs.us-east-1.$domain:4566/000000000000/q
expect S3 "emulator-dns-not-used exit=1" doctor
offers "minted-host-unknown"
docker rm -f app >/dev/null
app2 --dns 10.213.2.20 $(endpoint http://localstack:4566) -e QUEUE_URL=http://sqs.us-east-1.$domain:4566/000000000000/q
clean S3 doctor

net2; public_dns; docker network connect bridge public-dns
pub=$(docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' public-dns)
ls2; app --dns "$pub" -e UPSTREAM_URL="$api"
expect S4 "emulator-dns-not-used no-shared-network exit=1" doctor
offers "docker network connect my-network app"
docker rm -f app >/dev/null
app2 --dns 10.213.2.20 -e UPSTREAM_URL="http://abc.execute-api.$domain:4566/prod/"
clean S4 doctor

echo "--- names"
net2; public_dns; ls2; app2 --dns 10.213.2.53 $(endpoint http://$domain:4566)
before
expect C01 "emulator-dns-not-used exit=1" doctor
unchanged
offers "asked at 10.213.2.20"; offers "dns: [10.213.2.20]"
docker rm -f app >/dev/null
app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
clean C01 doctor

net2; ls2; app2 --dns 10.213.2.77 $(endpoint http://$domain:4566)
expect C02 "dns-server-gone exit=1" doctor
offers 10.213.2.77; offers "dns: [10.213.2.20]"
docker rm -f app >/dev/null
app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
clean C02 doctor

net2; emulator --network my-network
ip=$(docker inspect -f '{{(index .NetworkSettings.Networks "my-network").IPAddress}}' localstack)
app2 --dns "$ip" $(endpoint http://$domain:4566)
expect C03 "dns-address-not-pinned exit=0" doctor
offers ipv4_address
docker rm -f localstack app >/dev/null
ls2; app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
clean C03 doctor

net2; ls2 -e DNS_ADDRESS=0 -e NODNS=1; app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
expect C04 "emulator-dns-off exit=1" doctor
offers DNS_ADDRESS
docker rm -f localstack >/dev/null; ls2
clean C04 doctor

net2; public_dns; ls2 --network-alias $domain; app2 --dns 10.213.2.53 $(endpoint http://$domain:4566)
expect C06 "alias-covers-one-name exit=0" doctor
docker rm -f app localstack >/dev/null
ls2; app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
clean C06 doctor

net2; ls2; app2 --dns 10.213.2.20 --add-host $domain:127.0.0.1 $(endpoint http://$domain:4566)
expect C07 "hosts-entry-in-the-way exit=1" doctor
offers "remove the line"
docker rm -f app >/dev/null; app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
clean C07 doctor

echo "--- ports"
emulator
expect C09 "port-not-published exit=1" "$bin" doctor --host -t localstack
offers 127.0.0.1:4566:4566
docker rm -f localstack >/dev/null; emulator -p 127.0.0.1:4566:4566
clean C09 "$bin" doctor --host -t localstack

emulator -p 127.0.0.1:4566:4566
app --add-host host.docker.internal:host-gateway $(endpoint http://host.docker.internal:4566)
expect C10 "published-elsewhere exit=1" doctor
docker rm -f localstack >/dev/null; emulator -p 4566:4566
clean C10 doctor

net2; ls2 -p 4566:4566 -e GATEWAY_LISTEN=0.0.0.0:5000 -e SERVE=5000; app2 $(endpoint http://localstack:4566)
expect C11 "published-not-listened exit=1" doctor
docker rm -f localstack app >/dev/null
ls2 -p 4566:5000 -e GATEWAY_LISTEN=0.0.0.0:5000 -e SERVE=5000; app2 $(endpoint http://localstack:5000)
clean C11 doctor

net2; ls2 -p 4566:4566 -e SERVE=127.0.0.1:4566; app2 $(endpoint http://localstack:4566)
expect C12 "listen-loopback-in-container exit=1" doctor
offers GATEWAY_LISTEN
docker rm -f localstack >/dev/null; ls2 -p 4566:4566
clean C12 doctor

start --name owner -p 4566:80 "$app_image"
docker create --label "$run" --name localstack -p 4566:4566 "$emulator_image" >/dev/null
docker start localstack >/dev/null 2>&1 || true
expect C13 "host-port-taken exit=1" "$bin" doctor --host -t localstack
offers "docker stop owner"
docker stop -t 0 owner >/dev/null; docker start localstack >/dev/null
clean C13 "$bin" doctor --host -t localstack

emulator -p 127.0.0.1:4566:4566
expect C14 "ipv6-loopback-not-published exit=1" "$bin" doctor --host -t localstack --endpoint 'http://[::1]:4566'
offers "http://127.0.0.1:4566"
clean C14 "$bin" doctor --host -t localstack --endpoint http://127.0.0.1:4566

echo "--- returned URLs"
net2; ls2 -e LOCALSTACK_HOST=foo.bar:4566; app2 $(endpoint http://localstack:4566)
expect C15 "minted-host-unknown exit=1" doctor
docker rm -f app >/dev/null; app2 --dns 10.213.2.20 $(endpoint http://localstack:4566)
clean C15 doctor

emulator -p 14566:4566
expect C16 "url-port-not-published exit=1" "$bin" doctor --host -t localstack
offers "LOCALSTACK_HOST"
docker rm -f localstack >/dev/null; emulator -p 14566:4566 -e LOCALSTACK_HOST=$domain:14566
clean C16 "$bin" doctor --host -t localstack

net2; public_dns; ls2; app2 --dns 10.213.2.53 -e NODE_VERSION=20 $(endpoint http://localstack:4566)
expect C17 "queue-url-replaces-endpoint exit=0" doctor
docker rm -f localstack >/dev/null; ls2 -e SQS_ENDPOINT_STRATEGY=dynamic
clean C17 doctor

echo "--- TLS, S3, settings"
net2; ls2; app2 $(endpoint https://localstack:4566)
expect C20 "tls-to-plain-port exit=1" doctor
offers "use http://localstack:4566"
docker rm -f app >/dev/null; app2 $(endpoint http://localstack:4566)
clean C20 doctor

net2; ls2; app2 -e JAVA_VERSION=17 -e AWS_ENDPOINT_URL_S3=http://localstack:4566
expect C21 "bucket-host-unresolvable exit=0" doctor
docker rm -f app >/dev/null
app2 --dns 10.213.2.20 -e JAVA_VERSION=17 -e AWS_ENDPOINT_URL_S3=http://s3.$domain:4566
clean C21 doctor

net2; ls2 -e EDGE_PORT=5000 -p 5000:5000
expect C22 "ignored-variable published-not-listened exit=1" "$bin" doctor --host -t localstack
offers "GATEWAY_LISTEN=0.0.0.0:5000"
docker rm -f localstack >/dev/null
ls2 -e GATEWAY_LISTEN=0.0.0.0:5000 -e SERVE=5000 -p 5000:5000
clean C22 "$bin" doctor --host -t localstack

net2; ls2; app2 $(endpoint http://localstack:4566)
docker stop -t 0 localstack >/dev/null
expect C23-stopped "emulator-not-running exit=1" doctor
docker start localstack >/dev/null
expect C23-started "exit=0" doctor
docker pause localstack >/dev/null
expect C23-paused "emulator-not-ready exit=1" doctor
offers "docker unpause localstack"
docker unpause localstack >/dev/null
clean C23 doctor

net2; emulator --name ls-one --network my-network --ip 10.213.2.20 --network-alias localstack
start --name other --network my-network --network-alias localstack "$app_image"
app2 $(endpoint http://localstack:4566)
expect C24 "name-has-two-owners exit=1" "$bin" doctor -s app -t ls-one
docker rm -f other >/dev/null
clean C24 "$bin" doctor -s app -t ls-one

echo "--- networks"
net2; ls2 -p 4566:4566; app --network host $(endpoint http://localstack:4566)
expect C25 "names-unknown-on-host exit=1" doctor
docker rm -f app >/dev/null; app --network host $(endpoint http://localhost:4566)
clean C25 doctor

net2; emulator --network host -p 4566:4566 2>/dev/null; app2 $(endpoint http://localstack:4566)
expect C26 "emulator-on-host-network exit=1" doctor
docker rm -f localstack >/dev/null; ls2 -p 4566:4566
clean C26 doctor

emulator; app --link localstack:aws $(endpoint http://aws:4566)
expect C27 "legacy-link exit=0" doctor
docker rm -f app localstack >/dev/null; net2; ls2; app2 $(endpoint http://localstack:4566)
clean C27 doctor

network --subnet 10.213.2.0/24 -o com.docker.network.bridge.enable_icc=false my-network
ls2; app2 $(endpoint http://localstack:4566)
expect C28 "blocked-within-network exit=1" doctor
clear_all; net2; ls2; app2 $(endpoint http://localstack:4566)
clean C28 doctor

net2; ls2; app2 -e HTTP_PROXY=http://proxy.invalid:3128 $(endpoint http://localstack:4566)
expect C29 "proxy-in-the-way exit=1" doctor
offers NO_PROXY
docker rm -f app >/dev/null
app2 -e HTTP_PROXY=http://proxy.invalid:3128 -e NO_PROXY=localstack -e no_proxy=localstack $(endpoint http://localstack:4566)
clean C29 doctor

net2; ls2; app2 --dns 10.213.2.20 -e HTTP_PROXY=http://proxy.invalid:3128 -e "NO_PROXY=*.$domain" $(endpoint http://s3.$domain:4566)
expect C30 "no-proxy-ineffective exit=1" doctor
docker rm -f app >/dev/null
app2 --dns 10.213.2.20 -e HTTP_PROXY=http://proxy.invalid:3128 -e "NO_PROXY=.$domain" $(endpoint http://s3.$domain:4566)
clean C30 doctor

net2; emulator --name localstack_main --network my-network --network-alias localstack
app2 $(endpoint http://localstack_main:4566)
expect C31 "underscore-in-host exit=1" "$bin" doctor -s app -t localstack_main
offers "http://localstack:4566"
docker rm -f app >/dev/null; app2 $(endpoint http://localstack:4566)
clean C31 "$bin" doctor -s app -t localstack_main

net2; ls2 -e HOSTNAME=localhost; app2 $(endpoint http://localstack:4566)
expect C32 "hostname-overridden exit=0" doctor
docker rm -f localstack >/dev/null; ls2
clean C32 doctor

net2; ls2 -e SERVICES=lambda; app2 $(endpoint http://localstack:4566)
expect C33 "docker-socket-missing exit=0" doctor
docker rm -f localstack >/dev/null; ls2 -e SERVICES=lambda -v /var/run/docker.sock:/var/run/docker.sock
clean C33 doctor

network --internal --subnet 10.213.2.0/24 my-network; network outside
ls2 -e NODNS=1; app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
expect C34 "emulator-dns-without-upstream exit=1" doctor
docker rm -f localstack >/dev/null; ls2; docker network connect outside localstack
clean C34 doctor

echo "--- other clients"
net2; ls2; app2 $(endpoint http://localhost:4566)
expect R01 "endpoint-is-client-itself exit=1" doctor
docker rm -f app >/dev/null; app --network none $(endpoint http://localstack:4566)
expect R02 "client-without-network exit=1" doctor
docker rm -f app >/dev/null; app2 $(endpoint http://localstack:4567)
expect R04 "endpoint-port-not-listened exit=1" doctor
docker rm -f app >/dev/null; app2 $(endpoint http://localstack:4566)
clean R doctor

echo "--- a healthy system, a bundle, an engine that is away, what is left behind"
net2; ls2 -p 127.0.0.1:4566:4566; app2 --dns 10.213.2.20 $(endpoint http://$domain:4566)
before
expect C35 "exit=0" "$bin" doctor
unchanged
doctor --bundle "$here/bundle.json" >/dev/null
expect "C35 replayed" "exit=0" env DOCKER_HOST=unix:///nowhere "$bin" doctor --replay "$here/bundle.json"
expect C36 "engine-unreachable exit=3" env DOCKER_HOST=unix:///nowhere "$bin" doctor
for delay in 0.05 0.15 0.3 0.5; do
  timeout -s KILL "$delay" "$bin" doctor >/dev/null 2>&1 || true
  timeout -s TERM "$delay" "$bin" doctor >/dev/null 2>&1 || true
done
# A probe ends by itself, and one that never started is removed by a run after ten seconds.
sleep 20
expect "after killed runs" "exit=0" "$bin" doctor
left=$(docker ps -aq --filter label=cloud.lsconfig.probe | wc -l)
((left == 0)) || { echo "FAILED: $left probes are left behind" >&2; docker ps -a >&2; exit 1; }
passed=$((passed + 1))
clear_all
echo "$passed checks passed"
