#!/usr/bin/env bash
# The Compose example of the blog post on a real engine: an emulator at 10.0.2.20, an application that
# asks it, an outside name from a stub upstream, a second network, and the host. Images are built
# FROM scratch around our own binary, so no registry is needed.
#
# LSCONFIG_BIN names a statically linked binary:
#   RUSTFLAGS=-Ctarget-feature=+crt-static cargo build -p lsconfig-cli --target x86_64-unknown-linux-gnu
set -euo pipefail
bin=${LSCONFIG_BIN:?set LSCONFIG_BIN to a statically linked binary}
docker info >/dev/null
run=lsdns$$
here=$(mktemp -d)

finish() {
  local status=$?
  ((status)) && for name in emulator beside; do docker logs "$run-$name" >&2 || true; done
  docker rm -f "$run-emulator" "$run-beside" "$run-upstream" "$run-app" "$run-second" >/dev/null 2>&1 || true
  docker network rm "$run-a" "$run-b" >/dev/null 2>&1 || true
  docker rmi -f "$run" >/dev/null 2>&1 || true
  rm -rf "$here"
  return "$status"
}
trap finish EXIT

cp "$bin" "$here/lsconfig"
printf 'outside.test A 203.0.113.7\n' >"$here/records"
printf 'FROM scratch\nCOPY lsconfig records /\nENTRYPOINT ["/lsconfig"]\n' >"$here/Dockerfile"
DOCKER_BUILDKIT=0 docker build -q -t "$run" "$here" >/dev/null
docker network create --subnet 10.0.2.0/24 "$run-a" >/dev/null
docker network create --subnet 10.0.3.0/24 "$run-b" >/dev/null

docker run -d --name "$run-upstream" --network "$run-a" --ip 10.0.2.53 "$run" \
  dns --records /records --upstream 127.0.0.9 >/dev/null
docker run -d --name "$run-emulator" --network "$run-a" --ip 10.0.2.20 "$run" \
  dns --in-container true --upstream 10.0.2.53 --log-queries >/dev/null

checks=0
# check EXPECTED COMMAND...: the address in what `lsconfig dns check` prints.
check() {
  local expected=$1 got
  shift
  for _ in $(seq 20); do
    got=$("$@" 2>&1 | sed -n 's/^  .* A \([0-9.]*\)$/\1/p' || true)
    [[ $got == "$expected" ]] && { checks=$((checks + 1)); return; }
    sleep 0.25
  done
  echo "error: $* answered '$got', expected '$expected'" >&2
  exit 1
}

app() { docker run --rm --name "$run-app" --network "$run-a" --dns 10.0.2.20 "$run" dns check "$@"; }
second() { docker run --rm --name "$run-second" --network "$run-b" --dns 10.0.3.20 "$run" dns check "$@"; }

name=localhost.localstack.cloud
check 10.0.2.20 app $name
check 10.0.2.20 app mybucket.s3.us-east-1.$name
check 203.0.113.7 app outside.test
# The host comes from the gateway of the emulator's default network.
check 127.0.0.1 "$bin" dns check $name --server 10.0.2.20

# A second network, attached while the server runs.
docker network connect --ip 10.0.3.20 "$run-b" "$run-emulator"
check 10.0.3.20 second $name
check 203.0.113.7 second outside.test
check 10.0.2.20 app $name

# A server beside the emulator, which follows that container through the engine.
docker network disconnect "$run-b" "$run-emulator"
docker run -d --name "$run-beside" --network "$run-a" --ip 10.0.2.60 \
  -v /var/run/docker.sock:/var/run/docker.sock "$run" \
  dns --in-container true --upstream 10.0.2.53 --target-container "$run-emulator" >/dev/null
docker network connect --ip 10.0.3.60 "$run-b" "$run-beside"
check 10.0.2.20 app $name --server 10.0.2.60
check 127.0.0.1 "$bin" dns check $name --server 10.0.2.60
docker network connect --ip 10.0.3.21 "$run-b" "$run-emulator"
check 10.0.3.21 second $name --server 10.0.3.60
check 203.0.113.7 second outside.test --server 10.0.3.60
# While it is down its address stays, and comes back changed.
docker stop -t 2 "$run-emulator" >/dev/null
check 10.0.2.20 app $name --server 10.0.2.60
docker network disconnect "$run-a" "$run-emulator"
docker network connect --ip 10.0.2.22 "$run-a" "$run-emulator"
docker start "$run-emulator" >/dev/null
check 10.0.2.22 app $name --server 10.0.2.60
if "$bin" dns --target-container "$run-none" --listen 127.0.0.1:0 2>"$here/error"; then
  echo "error: a container that does not exist was followed" >&2
  exit 1
fi
grep -q "there is no container called \`$run-none\`" "$here/error"
checks=$((checks + 1))
echo "dns on $(docker version -f '{{.Server.Version}}'): $checks answers as expected"
