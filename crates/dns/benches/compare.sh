#!/usr/bin/env bash
# CPU per query and queries per second of `lsconfig dns` and its peers: dnsmasq, unbound, knot, nsd.
#
# Every server runs alone, pinned to one core with one worker; dnsperf runs on the other cores. CPU
# per query is what the server's process used (user and system, from /proc) divided by the queries it
# answered, so it does not depend on how busy the machine is elsewhere. Three loads: local names, an
# 80/20 mix of local and cached names, and misses (names that are not asked twice).
#
# compare.sh [SECONDS] [SERVER...] with LSCONFIG_BIN set to a release build. Results go to standard output as
# tab-separated lines; keep them below benches/runs/.
set -euo pipefail
seconds=${1:-5}
wanted=" ${*:2} "
bin=${LSCONFIG_BIN:?set LSCONFIG_BIN to a release build}
here=$(mktemp -d)
cores=$(nproc)
server_core=$((cores - 1))
load_cores=0-$((cores > 1 ? cores - 2 : 0))
pids=()

finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$here"
}
trap finish EXIT

# Queries: 10,000 local names, 1,000 outside names for the mix, and names that are never asked twice.
zone=localhost.localstack.cloud
seq 10000 | sed "s/.*/b&.s3.us-east-1.$zone A/" >"$here/local"
seq 10000 | awk -v zone=$zone '{ if (NR % 5) print "b" NR ".s3." zone " A"; else print "n" NR % 1000 ".out.test A" }' >"$here/mix"
seq 1000000 | sed "s/.*/m&.out.test A/" >"$here/miss"

# The upstream, on port 5390: ours with another suffix, because forwarders distrust an authoritative
# server that does not offer recursion.
taskset -c "$load_cores" "$bin" dns --listen 127.0.0.1:5390 --upstream 127.0.0.9 --suffix out.test \
  --workers 1 --user root >/dev/null 2>&1 &
pids+=($!)

cat >"$here/local.zone" <<Z
\$ORIGIN $zone.
@ 300 SOA ns hostmaster 1 3600 900 86400 60
@ 300 NS ns
@ 300 A 127.0.0.1
* 300 A 127.0.0.1
Z

# CPU ticks of a process and its children.
ticks() {
  local sum=0 pid
  for pid in "$1" $(pgrep -P "$1" || true) $(pgrep -P "$(pgrep -d, -P "$1" || echo 0)" || true); do
    [[ -r /proc/$pid/stat ]] && sum=$((sum + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')))
  done
  echo "$sum"
}

# measure NAME LOAD PORT PID
measure() {
  local before after
  before=$(ticks "$4")
  taskset -c "$load_cores" dnsperf -s 127.0.0.1 -p "$3" -d "$here/$2" -l "$seconds" -c 4 -q 200 \
    >"$here/dnsperf.log" 2>&1 || true
  after=$(ticks "$4")
  awk -v name="$1" -v load="$2" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
    /Queries completed/ { done = $3 }
    /Queries lost/ { lost = $3 }
    /Queries per second/ { qps = $4 }
    /Average Latency/ { latency = $4 * 1e6 }
    END { printf "%s\t%s\t%.0f q/s\t%.2f us CPU per query\t%.0f us latency\t%d lost\n",
          name, load, qps, done ? ticks / hz * 1e6 / done : 0, latency, lost }' "$here/dnsperf.log"
}

ready() { # PORT
  for _ in $(seq 100); do
    dig +time=1 +tries=1 -p "$1" @127.0.0.1 "$zone" A >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "nothing answers on port $1" >&2
}

# peer NAME PORT LOADS COMMAND...
peer() {
  local name=$1 port=$2 loads=$3 pid load
  shift 3
  [[ -z ${wanted// /} || $wanted == *" $name "* ]] || return 0
  command -v "$1" >/dev/null || { echo "# $name is not installed"; return; }
  taskset -c "$server_core" "$@" >/dev/null 2>&1 &
  pid=$!
  pids+=("$pid")
  ready "$port"
  for load in $loads; do measure "$name" "$load" "$port" "$pid"; done
  awk -v name="$name" '/VmRSS/ { printf "%s\tmemory\t%.1f MB\n", name, $2 / 1024 }' "/proc/$pid/status"
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

echo "# $(date -u +%F) $(uname -m), $cores cores, $(awk -F: '/model name/ { print $2; exit }' /proc/cpuinfo), load $(cut -d' ' -f1-3 /proc/loadavg)"
peer lsconfig 5391 "local mix miss" "$bin" dns --listen 127.0.0.1:5391 --upstream 127.0.0.1:5390 \
  --workers 1 --user root

cat >"$here/nsd.conf" <<C
server:
  ip-address: 127.0.0.1@5392
  username: ""
  chroot: ""
  zonesdir: "$here"
  database: ""
  pidfile: "$here/nsd.pid"
  xfrdfile: "$here/xfrd"
  zonelistfile: "$here/zones"
  server-count: 1
  reuseport: yes
  rrl-ratelimit: 0
  verbosity: 0
remote-control:
  control-enable: no
zone:
  name: $zone
  zonefile: local.zone
C
peer nsd 5392 "local" nsd -d -c "$here/nsd.conf"

cat >"$here/knot.conf" <<C
server:
  listen: 127.0.0.1@5393
  rundir: $here
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: $here/knot
zone:
  - domain: $zone
    file: $here/local.zone
C
mkdir -p "$here/knot"
peer knot 5393 "local" knotd -c "$here/knot.conf"

cat >"$here/unbound.conf" <<C
server:
  interface: 127.0.0.1@5394
  num-threads: 1
  so-reuseport: yes
  do-not-query-localhost: no
  username: ""
  chroot: ""
  directory: "$here"
  pidfile: ""
  module-config: "iterator"
  use-syslog: no
  msg-cache-size: 4m
  rrset-cache-size: 4m
  local-zone: "test." nodefault
  local-zone: "$zone" redirect
  local-data: "$zone 300 IN A 127.0.0.1"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@5390
C
peer unbound 5394 "local mix miss" unbound -d -c "$here/unbound.conf"

peer dnsmasq 5395 "local mix miss" dnsmasq -k -C /dev/null -p 5395 -a 127.0.0.1 -z -R -h -u root \
  --pid-file="$here/dnsmasq.pid" -A "/$zone/127.0.0.1" -S 127.0.0.1#5390 -c 10000 -0 1000
