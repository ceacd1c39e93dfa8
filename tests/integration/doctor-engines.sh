#!/usr/bin/env bash
# `lsconfig doctor` on a real Docker Engine where more than containers is needed: the engine over TLS and
# over ssh, a resolver with rebind protection (C05), the emulator's DNS through the host (C08), and a
# certificate with a wildcard for one level (C19). Images are made here from scratch.
#
# LSCONFIG_BIN names a statically linked binary:
#   RUSTFLAGS=-Ctarget-feature=+crt-static cargo build -p lsconfig-cli --target x86_64-unknown-linux-gnu
# Runs as root. Needs docker, python3, openssl, ssh; static busybox, socat and openssh-server are installed
# with apt-get when missing. A server that apt-get starts is not touched.
set -euo pipefail
cd "$(dirname "$0")/../.."

docker info >/dev/null || { echo "error: no Docker Engine answers" >&2; exit 1; }
missing=()
ldd /bin/busybox 2>&1 | grep -q 'not a dynamic executable' || missing+=(busybox-static)
command -v socat >/dev/null || missing+=(socat)
[[ -x /usr/sbin/sshd ]] || missing+=(openssh-server)
((${#missing[@]} == 0)) || { apt-get -qq update && apt-get -qq install -y "${missing[@]}"; } >/dev/null
bin=$(realpath "${LSCONFIG_BIN:?set LSCONFIG_BIN to a statically linked binary}")

run=lseng$$
emulator_image=$run/localstack/localstack:4.12.0
app_image=$run/app:1
here=$(mktemp -d)
domain=localhost.localstack.cloud
passed=0
started=()

clear_all() {
  docker ps -aq --filter "label=$run" | xargs -r docker rm -f >/dev/null
  docker network ls -q --filter "label=$run" | xargs -r docker network rm >/dev/null
}
finish() {
  local status=$?
  clear_all || true
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  docker rmi -f "$emulator_image" "$app_image" >/dev/null 2>&1 || true
  rm -rf "$here"
  return "$status"
}
trap finish EXIT

# --- images ---
root=$here/image
mkdir -p "$root/bin" "$root/www/_localstack"
cp "$bin" "$root/lsconfig"
cp /bin/busybox "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
# socat with the libraries that it is linked with
for file in $(command -v socat) $(ldd "$(command -v socat)" | grep -o '/[^ ]*'); do
  mkdir -p "$root$(dirname "$(realpath -s "$file")")"
  cp -L "$file" "$root$(realpath -s "$file")"
done
echo '{"services": {"s3": "available"}, "version": "4.12.0"}' >"$root/www/_localstack/health"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$domain" -keyout "$root/key.pem" \
  -out "$root/cert.pem" -addext "subjectAltName=DNS:$domain,DNS:*.$domain" 2>/dev/null
cat >"$root/emulator" <<'E2'
#!/bin/sh
/lsconfig dns --in-container true --upstream 192.0.2.1 &
[ -z "$TLS" ] || /usr/bin/socat OPENSSL-LISTEN:4566,fork,reuseaddr,verify=0,cert=/cert.pem,key=/key.pem TCP:127.0.0.1:4567 &
exec /bin/busybox httpd -f -p "${SERVE:-4566}" -h /www
E2
chmod +x "$root/emulator"
export DOCKER_BUILDKIT=0
printf 'FROM scratch\nLABEL authors="LocalStack Contributors"\nCOPY . /\nEXPOSE 4566\nENTRYPOINT ["/emulator"]\n' >"$here/emulator.docker"
printf 'FROM scratch\nCOPY bin /bin\nENTRYPOINT ["/bin/busybox", "sleep", "3600"]\n' >"$here/app.docker"
docker build -q -t "$emulator_image" -f "$here/emulator.docker" "$root" >/dev/null 2>&1
docker build -q -t "$app_image" -f "$here/app.docker" "$root" >/dev/null 2>&1

# --- pieces ---
network() { docker network create --label "$run" "$@" >/dev/null; }
start() { docker run -d --label "$run" "$@" >/dev/null; }
emulator() { start --name "$run-ls" "$@" "$emulator_image"; }
app() { start --name "$run-app" "$@" "$app_image"; }
doctor() { "$bin" doctor -s "$run-app" -t "$run-ls" "$@"; }
# expect NAME "CODES exit=N" COMMAND...: the codes of errors and warnings, and the exit code.
expect() {
  local name=$1 wanted=$2 got status=0
  shift 2
  "$@" --format json >"$here/out.json" 2>"$here/err" || status=$?
  got=$(python3 - "$here/out.json" "$status" <<'P'
import json, sys
text = open(sys.argv[1]).read()
found = json.loads(text)["findings"] if text else []
codes = sorted({f["code"] for f in found if f["severity"] != "note"})
print(" ".join(codes + ["exit=" + sys.argv[2]]))
P
  )
  if [[ $got != "$wanted" ]]; then
    echo "FAILED $name: got '$got', expected '$wanted'" >&2
    cat "$here/err" >&2
    "$@" -v >&2 || true
    exit 1
  fi
  passed=$((passed + 1))
  echo "ok  $name: $wanted"
}
says() {
  grep -qF -- "$1" "$here/out.json" || { echo "FAILED: no word of '$1'" >&2; cat "$here/out.json" >&2; exit 1; }
}
# The address of this machine that containers reach and that belongs to no network of the engine.
host=$(ip -4 -o address show scope global | grep -v 'docker\|br-' | grep -o '[0-9.]*/' | sed -n 1p | tr -d /)

echo "--- the engine over TLS and over ssh"
network "$run-a"
emulator --network "$run-a" --network-alias localstack
app --network "$run-a" -e AWS_ENDPOINT_URL=http://localstack:4566
certs=$here/certs
mkdir -p "$certs"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$certs/ca-key.pem" \
  -out "$certs/ca.pem" -addext basicConstraints=critical,CA:true 2>/dev/null
issue() { # NAME SAN
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$certs/$1.key" -out "$certs/$1.csr" 2>/dev/null
  printf 'subjectAltName=%s\nbasicConstraints=CA:false\n' "$2" >"$certs/$1.ext"
  openssl x509 -req -days 2 -in "$certs/$1.csr" -CA "$certs/ca.pem" -CAkey "$certs/ca-key.pem" \
    -CAcreateserial -extfile "$certs/$1.ext" -out "$certs/$1.pem" 2>/dev/null
}
issue engine IP:127.0.0.1
issue client DNS:client
mv "$certs/client.pem" "$certs/cert.pem"
mv "$certs/client.key" "$certs/key.pem"
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
await() { for _ in {1..100}; do if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi; sleep 0.1; done; return 1; }
socket=$(docker context inspect -f '{{.Endpoints.docker.Host}}')
port=$(free_port)
socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr,verify=1,cert=$certs/engine.pem,key=$certs/engine.key,cafile=$certs/ca.pem" \
  "UNIX-CONNECT:${socket#unix://}" 2>/dev/null &
started+=($!)
await "$port"
tls=(env DOCKER_HOST="tcp://127.0.0.1:$port" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$certs" "$bin" doctor -s "$run-app" -t "$run-ls")
expect "over TLS" "exit=0" "${tls[@]}"
expect "over TLS without certificates" "engine-unreachable exit=3" \
  env DOCKER_HOST="tcp://127.0.0.1:$port" "$bin" doctor
expect "over TLS, nobody's folder" "engine-unreachable exit=3" \
  env DOCKER_HOST="tcp://127.0.0.1:$port" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$here" "$bin" doctor
says ca.pem

port=$(free_port)
ssh-keygen -q -t ed25519 -N '' -f "$here/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$here/user_key"
cp "$here/user_key.pub" "$here/authorized"
mkdir -p /run/sshd
/usr/sbin/sshd -D -e -f /dev/null -h "$here/host_key" -p "$port" -o ListenAddress=127.0.0.1 \
  -o PermitRootLogin=yes -o StrictModes=no -o PidFile=none -o UsePAM=no \
  -o "AuthorizedKeysFile=$here/authorized" 2>"$here/sshd.log" &
started+=($!)
await "$port"
# ssh reads no file but that of its user, so the key comes from an agent, and the host's key from a copy
# of the known hosts that is put in front for this run alone.
mkdir -p "$here/wrapped"
cat >"$here/wrapped/ssh" <<S
#!/bin/sh
exec /usr/bin/ssh -F /dev/null -i $here/user_key -o UserKnownHostsFile=$here/known -o StrictHostKeyChecking=accept-new "\$@"
S
chmod +x "$here/wrapped/ssh"
ssh=(env PATH="$here/wrapped:$PATH" DOCKER_HOST="ssh://root@127.0.0.1:$port" "$bin" doctor -s "$run-app" -t "$run-ls")
expect "over ssh" "exit=0" "${ssh[@]}"
: >"$here/authorized"
expect "over ssh without a key" "engine-unreachable exit=3" "${ssh[@]}"
says "Permission denied"
expect "a named pipe" "engine-unreachable exit=3" env DOCKER_HOST=npipe:////./pipe/docker_engine "$bin" doctor
clear_all

echo "--- C05: a resolver that hides names which lead to loopback"
cat >"$here/resolver.py" <<'P'
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
while True:
    query, client = server.recvfrom(512)
    end = query.index(0, 12) + 5
    hidden = b"\x09localhost\x0alocalstack\x05cloud" in query
    head = query[:2] + b"\x81\x80\x00\x01" + (b"\x00\x00" if hidden else b"\x00\x01") + b"\x00\x00\x00\x00"
    answer = b"" if hidden else b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
    server.sendto(head + query[12:end] + answer, client)
P
python3 "$here/resolver.py" "$host" 2>/dev/null &
resolver=$!
started+=("$resolver")
network "$run-a"
emulator --network "$run-a"
app --network "$run-a" --dns "$host" -e AWS_ENDPOINT_URL=http://$domain:4566
expect C05 "rebind-protection exit=1" doctor
docker rm -f "$run-app" >/dev/null
ip=$(docker inspect -f "{{(index .NetworkSettings.Networks \"$run-a\").IPAddress}}" "$run-ls")
app --network "$run-a" --dns "$ip" -e AWS_ENDPOINT_URL=http://$domain:4566
expect "C05, fixed" "dns-address-not-pinned exit=0" doctor
kill "$resolver"
clear_all

echo "--- C08: the emulator's DNS server asked through the host"
network "$run-a"
network "$run-b"
gateway=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "$run-b")
emulator --network "$run-a" -p "$gateway:53:53/udp"
app --network "$run-b" --dns "$gateway" -e AWS_ENDPOINT_URL=http://$domain:4566
expect C08 "dns-answers-loopback no-shared-network exit=1" doctor
docker network connect "$run-b" "$run-ls"
docker rm -f "$run-app" >/dev/null
ip=$(docker inspect -f "{{(index .NetworkSettings.Networks \"$run-b\").IPAddress}}" "$run-ls")
app --network "$run-b" --dns "$ip" -e AWS_ENDPOINT_URL=http://$domain:4566
expect "C08, fixed" "dns-address-not-pinned exit=0" doctor
clear_all

echo "--- C19: a wildcard stands for one level"
network --subnet 10.219.2.0/24 "$run-a"
emulator --network "$run-a" --ip 10.219.2.20 -e TLS=1 -e SERVE=4567
app --network "$run-a" --dns 10.219.2.20 -e AWS_ENDPOINT_URL=https://a.b.$domain:4566
expect C19 "certificate-name-mismatch exit=1" doctor
docker rm -f "$run-app" >/dev/null
app --network "$run-a" --dns 10.219.2.20 -e AWS_ENDPOINT_URL=http://$domain:4567
expect "C19, over HTTP" "exit=0" doctor
clear_all
echo "$passed checks passed"
