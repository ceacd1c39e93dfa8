#!/usr/bin/env bash
# `lsconfig dns` among real interfaces: several subnets, the gateway rule, an IPv6-only client, a
# routed client, a container without default route, an interface that appears later and one that
# goes, resolv.conf and signals. Needs root and iproute2; everything lives in namespaces of its own.
#
# LSCONFIG_BIN names the binary; target/debug/lsconfig otherwise.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
bin=${LSCONFIG_BIN:-${CARGO_TARGET_DIR:-target}/debug/lsconfig}
command -v ip >/dev/null || { apt-get -qq update && apt-get -qq install -y iproute2; } >/dev/null
run=lsdns$$
emu=$run-emu a=$run-a b=$run-b six=$run-six far=$run-far
log=$(mktemp)
pid=

finish() {
  local status=$?
  [[ -n $pid ]] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  ((status)) && cat "$log" >&2
  for ns in "$emu" "$a" "$b" "$six" "$far"; do ip netns del "$ns" 2>/dev/null || true; done
  rm -f "$log"
  return "$status"
}
trap finish EXIT

# A network that a client and the emulator are on.
# attach CLIENT DEVICE CLIENT-ADDRESS EMULATOR-ADDRESS
attach() {
  ip link add "$2" netns "$emu" type veth peer name eth0 netns "$1"
  local nodad=()
  [[ $3 == *:* ]] && nodad=(nodad)
  ip -n "$emu" addr add "$4" dev "$2" "${nodad[@]}"
  ip -n "$emu" link set "$2" up
  ip -n "$1" addr add "$3" dev eth0 "${nodad[@]}"
  ip -n "$1" link set eth0 up
}

for ns in "$emu" "$a" "$b" "$six" "$far"; do
  ip netns add "$ns"
  ip -n "$ns" link set lo up
done
attach "$a" eth0 172.31.1.3/24 172.31.1.2/24
ip -n "$a" addr add 172.31.1.1/24 dev eth0
attach "$b" eth1 10.92.2.30/24 10.92.2.20/24
ip -n "$b" addr add 10.92.2.1/24 dev eth0
attach "$six" eth2 fd00:6::9/64 fd00:6::2/64
ip -n "$emu" route add default via 172.31.1.1
# A routed client: behind a, in no network of the emulator's.
ip -n "$a" addr add 192.168.77.5/32 dev lo

start() {
  ip netns exec "$emu" env -i "$bin" dns --in-container true --user root --log-queries \
    --upstream 127.0.0.1:5999 "$@" >>"$log" 2>&1 &
  pid=$!
  for _ in $(seq 100); do
    ask "$emu" 127.0.0.1 localhost.localstack.cloud A >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "the server did not start" >&2
  return 1
}

stop() {
  kill "$pid"
  wait "$pid"
  pid=
}

# ask NAMESPACE SERVER NAME TYPE [SOURCE]: the data of the answer, one record for each line.
ask() {
  ip netns exec "$1" python3 - "$2" "$3" "$4" "${5:-}" <<'PY'
import ipaddress, os, socket, struct, sys
server, name, kind, source = sys.argv[1:5]
kinds = {"A": 1, "AAAA": 28, "TXT": 16}
labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
query = os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + labels + struct.pack("!HH", kinds[kind], 1)
six = ":" in server
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(8)
if source:
    s.bind((source, 0))
s.connect((server, 53))
s.send(query)
reply = s.recv(4096)
rcode, count = reply[3] & 15, struct.unpack("!H", reply[6:8])[0]
if rcode:
    sys.exit(print("RCODE", rcode))
at, out = 12 + len(labels) + 4, []
for _ in range(count):
    length = struct.unpack("!H", reply[at + 10:at + 12])[0]
    out.append(str(ipaddress.ip_address(reply[at + 12:at + 12 + length])))
    at += 12 + length
print(" ".join(out) or "NODATA")
PY
}

checks=0
check() {
  local expected=$1 got
  shift
  got=$(ask "$@" || true)
  if [[ $got != "$expected" ]]; then
    echo "error: $* answered '$got', expected '$expected'" >&2
    exit 1
  fi
  checks=$((checks + 1))
}

eventually() {
  local expected=$1
  shift
  for _ in $(seq 100); do
    [[ $(ask "$@" 2>/dev/null || true) == "$expected" ]] && { checks=$((checks + 1)); return; }
    sleep 0.05
  done
  echo "error: $* never answered '$expected'" >&2
  exit 1
}

name=bucket.s3.us-east-1.localhost.localstack.cloud
start
check 172.31.1.2 "$a" 172.31.1.2 $name A 172.31.1.3
check 10.92.2.20 "$b" 10.92.2.20 $name A 10.92.2.30
# The default gateway is the host; the gateway of another network is not.
check 127.0.0.1 "$a" 172.31.1.2 $name A 172.31.1.1
check 10.92.2.20 "$b" 10.92.2.20 $name A 10.92.2.1
check NODATA "$a" 172.31.1.2 $name AAAA 172.31.1.3
check NODATA "$a" 172.31.1.2 $name TXT 172.31.1.3
check 127.0.0.1 "$emu" 127.0.0.1 $name A
check ::1 "$emu" 127.0.0.1 $name AAAA
check 172.31.1.2 "$emu" 172.31.1.2 $name A
# IPv6 alone: an address of ours there, and none of the other family.
check fd00:6::2 "$six" fd00:6::2 $name AAAA
check NODATA "$six" fd00:6::2 $name A
check 127.0.0.1 "$a" 172.31.1.2 $name A 192.168.77.5
# Nobody upstream: local names work, others fail.
check "RCODE 2" "$a" 172.31.1.2 example.com A 172.31.1.3

# An interface appears, gets a second network, and goes.
attach "$far" eth3 10.7.7.9/24 10.7.7.7/24
eventually 10.7.7.7 "$far" 10.7.7.7 $name A
ip -n "$emu" addr add fd00:7::7/64 dev eth3 nodad
eventually fd00:7::7 "$far" 10.7.7.7 $name AAAA
ip -n "$emu" addr del fd00:7::7/64 dev eth3
eventually NODATA "$far" 10.7.7.7 $name AAAA

# The default route goes (`internal: true`), comes back elsewhere.
ip -n "$emu" route del default
eventually 172.31.1.2 "$a" 172.31.1.2 $name A 172.31.1.1
ip -n "$emu" route add default via 10.92.2.1
eventually 127.0.0.1 "$b" 10.92.2.20 $name A 10.92.2.1

# A reload loses nothing, a stop is clean.
kill -HUP "$pid"
check 172.31.1.2 "$a" 172.31.1.2 $name A 172.31.1.3
stop

start --view 172.31.1.0/24=172.31.1.77 --host-gateway 10.92.2.1 --suffix aws.test
check 172.31.1.77 "$a" 172.31.1.2 $name A 172.31.1.3
check 127.0.0.1 "$b" 10.92.2.20 x.aws.test A 10.92.2.1
stop
echo "dns in namespaces: $checks answers as expected"
