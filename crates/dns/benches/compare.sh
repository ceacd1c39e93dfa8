#!/usr/bin/env bash
# CPU per query and queries per second of `lsconfig dns` and its peers: nsd, knot, unbound, dnsmasq,
# dnsdist, LocalStack's own server, and a program that only sends datagrams back (echo.rs).
#
# Every server runs alone, pinned to one core with one worker; dnsperf runs on the other cores. CPU
# per query is what the server's process used (user and system, from /proc) divided by the queries it
# answered, so it depends little on how busy the machine is elsewhere. Loads: local names, an 80/20 mix
# of local and cached names, misses (names that are not asked twice), and local names at 20,000 queries
# a second for the slowest hundredth. Beside them: memory before and after, and the time from the start
# of the process to its first answer.
#
# compare.sh [SECONDS] [ROUNDS] [SERVER...] with LSCONFIG_BIN set to a release build; as root, because
# the upstream has port 53 of a loopback address. The rounds go through all servers in turn; the medians
# come last. Results go to standard output as tab-separated lines; keep them below benches/runs/.
# LSCONFIG_PEERS is where tests/live/install.sh put LocalStack 4.12.0.
set -euo pipefail
cd "$(dirname "$0")/../../.."
seconds=${1:-5}
rounds=${2:-3}
wanted=" ${*:3} "
bin=${LSCONFIG_BIN:?set LSCONFIG_BIN to a release build}
localstack=${LSCONFIG_PEERS:-target/peers}/localstack-4.12.0/bin/python
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

packages=()
for pair in dnsperf:dnsperf nsd:nsd knotd:knot unbound:unbound dnsmasq:dnsmasq-base dnsdist:dnsdist; do
  command -v "${pair%:*}" >/dev/null || packages+=("${pair#*:}")
done
((${#packages[@]} == 0)) ||
  { apt-get -qq update && RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "${packages[@]}"; } >/dev/null
cargo build --quiet --release --package lsconfig-dns --bench echo
echo_bin=$(cargo build --quiet --release --package lsconfig-dns --bench echo --message-format json |
  sed -n 's/.*"executable":"\([^"]*\/echo-[^"]*\)".*/\1/p')

# Queries: 10,000 local names, 1,000 outside names for the mix, and names that are never asked twice.
zone=localhost.localstack.cloud
seq 10000 | sed "s/.*/b&.s3.us-east-1.$zone A/" >"$here/local"
seq 10000 | awk -v zone=$zone '{ if (NR % 5) print "b" NR ".s3." zone " A"; else print "n" NR % 1000 ".out.test A" }' >"$here/mix"
seq 3000000 | sed "s/.*/m&.out.test A/" >"$here/miss"

# The upstream is ours with another suffix, because forwarders distrust an authoritative server that
# does not offer recursion. LocalStack's server knows upstreams at port 53 only.
upstream=127.0.0.90
taskset -c "$load_cores" "$bin" dns --listen $upstream --upstream 127.0.0.9 --suffix out.test \
  --workers 1 --user root >/dev/null 2>&1 &
pids+=($!)

cat >"$here/local.zone" <<Z
\$ORIGIN $zone.
@ 300 SOA ns hostmaster 1 3600 900 86400 60
@ 300 NS ns
@ 300 A 127.0.0.1
* 300 A 127.0.0.1
Z

# Starts a command, waits for its first answer, prints its process and the milliseconds.
cat >"$here/launch.py" <<'PY'
import socket, subprocess, sys, time
port, core, *command = sys.argv[1:]
query = b"\0\7\1\0\0\1\0\0\0\0\0\0\x09localhost\x0alocalstack\5cloud\0\0\1\0\1"
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(("127.0.0.1", int(port)))
client.settimeout(0.001)
start = time.monotonic()
process = subprocess.Popen(["taskset", "-c", core, *command], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
while time.monotonic() < start + 40:
    try:
        client.send(query)
        client.recv(512)
        print(process.pid, round((time.monotonic() - start) * 1000, 1))
        sys.exit(0)
    except ConnectionError:
        time.sleep(0.0005)
    except TimeoutError:
        pass
process.kill()
sys.exit(f"nothing answers on port {port}")
PY

# CPU ticks of a process and its children.
ticks() {
  local sum=0 pid
  for pid in "$1" $(pgrep -P "$1" || true) $(pgrep -P "$(pgrep -d, -P "$1" || echo 0)" || true); do
    [[ -r /proc/$pid/stat ]] && sum=$((sum + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')))
  done
  echo "$sum"
}

memory() { # WHEN NAME PID
  awk -v name="$2" -v when="$1" '/VmRSS/ { printf "%s\tmemory %s\t%.1f\tMB\n", name, when, $2 / 1024 }' "/proc/$3/status"
}

# measure NAME LOAD PORT PID
measure() {
  local before after flags=(-l "$seconds" -c 4 -q 200) data=$2
  [[ $2 == paced ]] && { flags=(-l "$seconds" -c 4 -q 1000 -Q 20000 -v); data=local; }
  before=$(ticks "$4")
  taskset -c "$load_cores" dnsperf -s 127.0.0.1 -p "$3" -d "$here/$data" "${flags[@]}" >"$here/dnsperf.log" 2>&1 || true
  after=$(ticks "$4")
  if [[ $2 == paced ]]; then
    awk '/^> NOERROR/ { print $NF }' "$here/dnsperf.log" | sort -n | awk -v name="$1" '
      { all[NR] = $1 }
      END { if (NR) printf "%s\tpaced p99\t%.0f\tus\n%s\tpaced p50\t%.0f\tus\n",
            name, all[int(NR * 0.99)] * 1e6, name, all[int(NR / 2)] * 1e6 }'
  fi
  awk -v name="$1" -v load="$2" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
    /Queries completed/ { done = $3 }
    /Queries lost/ { lost = $3 }
    /Queries per second/ { qps = $4 }
    END { if (done) printf "%s\t%s CPU\t%.2f\tus per query\n", name, load, ticks / hz * 1e6 / done
          if (load != "paced") printf "%s\t%s rate\t%.0f\tq/s, %d lost\n", name, load, qps, lost }' "$here/dnsperf.log"
}

# peer NAME PORT LOADS COMMAND...
peer() {
  local name=$1 port=$2 loads=$3 pid ms load
  shift 3
  [[ -z ${wanted// /} || $wanted == *" $name "* ]] || return 0
  read -r pid ms < <(python3 "$here/launch.py" "$port" "$server_core" "$@")
  pids+=("$pid")
  printf '%s\tfirst answer\t%s\tms\n' "$name" "$ms"
  sleep 0.5
  memory idle "$name" "$pid"
  for load in $loads; do measure "$name" "$load" "$port" "$pid"; done
  memory loaded "$name" "$pid"
  kill "$pid" 2>/dev/null || true
  while [[ -e /proc/$pid ]] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do sleep 0.05; done
}

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
  forward-addr: $upstream
C
cat >"$here/dnsdist.conf" <<C
setLocal("127.0.0.1:5396")
setSecurityPollSuffix("")
newServer({address="$upstream:53", checkName="check.out.test.", mustResolve=false})
cache = newPacketCache(10000)
getPool(""):setCache(cache)
addAction({"$zone."}, SpoofAction("127.0.0.1"))
setMaxUDPOutstanding(65535)
C

round() {
  peer echo 5390 "local paced" "$echo_bin" 127.0.0.1:5390
  peer lsconfig 5391 "local paced mix miss" "$bin" dns --listen 127.0.0.1:5391 --upstream $upstream \
    --workers 1 --user root
  peer nsd 5392 "local paced" nsd -d -c "$here/nsd.conf"
  peer knot 5393 "local paced" knotd -c "$here/knot.conf"
  peer unbound 5394 "local paced mix miss" unbound -d -c "$here/unbound.conf"
  peer dnsmasq 5395 "local paced mix miss" dnsmasq -k -C /dev/null -p 5395 -a 127.0.0.1 -z -R -h -u root \
    --pid-file="$here/dnsmasq.pid" -A "/$zone/127.0.0.1" -S "$upstream" -c 10000 -0 1000
  peer dnsdist 5396 "local paced mix miss" dnsdist --supervised --disable-syslog -C "$here/dnsdist.conf"
  if [[ -x $localstack ]]; then
    peer localstack 5397 "local" env OVERRIDE_IN_DOCKER=1 DNS_PORT=5397 DNS_SERVER=$upstream HOME="$here" \
      "$localstack" -m localstack.dns.server -p 5397
  else
    echo "# LocalStack 4.12.0 is not installed; see LSCONFIG_PEERS"
  fi
}

echo "# $(date -u +%F) $(uname -m), $cores cores, $(awk -F: '/model name/ { print $2; exit }' /proc/cpuinfo), load $(cut -d' ' -f1-3 /proc/loadavg)"
for n in $(seq "$rounds"); do
  echo "# round $n, load $(cut -d' ' -f1-3 /proc/loadavg)"
  round | tee -a "$here/all"
done
echo "# medians"
awk -F'\t' '!/^#/ { key = $1 FS $2; unit[key] = $4; sub(/,.*/, "", unit[key]); values[key] = values[key] " " $3
    if (!(key in seen)) { seen[key] = 1; order[++keys] = key } }
  END { for (k = 1; k <= keys; k++) { n = split(values[order[k]], v, " ")
      for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
      print order[k] FS v[int((n + 1) / 2)] FS unit[order[k]] } }' "$here/all"
