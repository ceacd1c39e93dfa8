#!/usr/bin/env bash
# `lsconfig dns` at the highest rate while everything goes wrong at once: an upstream that comes and
# goes, packet loss, 10,000 idle TCP clients, and garbage. Needs root, iproute2, dnsperf and Python;
# everything lives in network namespaces of its own.
#
# run.sh [SECONDS], 20 by default. A second server runs beside it at the same time, on the same core and
# with the same load, but without any fault: the control. What the machine does to one it does to the
# other, so latencies are judged by the ratio of their percentiles. Both servers are pinned to the last
# core, their peers to the others. Results go to standard output as tab-separated lines; keep those of
# long runs below benches/runs/. Ratios are judged in runs of a minute and more.
#
# LSCONFIG_BIN names the binary, a release build; target/release/lsconfig otherwise.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
seconds=${1:-20}
bin=${LSCONFIG_BIN:-${CARGO_TARGET_DIR:-target}/release/lsconfig}
peers=crates/dns/tests/load/peers.py
missing=()
command -v ip >/dev/null || missing+=(iproute2)
command -v dnsperf >/dev/null || missing+=(dnsperf)
((${#missing[@]} == 0)) ||
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends "${missing[@]}"; } >/dev/null
run=lsload$$
srv=$run-srv cli=$run-cli up=$run-up
here=$(mktemp -d)
cores=$(nproc)
server_core=$((cores - 1))
load_cores=0-$((cores > 1 ? cores - 2 : 0))
pids=()

finish() {
  local status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ((status)) && tail -n 20 "$here"/*.log >&2 || true
  for ns in "$srv" "$cli" "$up"; do ip netns del "$ns" 2>/dev/null || true; done
  rm -rf "$here"
  return "$status"
}
trap finish EXIT

for ns in "$srv" "$cli" "$up"; do
  ip netns add "$ns"
  ip -n "$ns" link set lo up
done
link() { # NAMESPACE DEVICE ADDRESS SERVER-ADDRESS
  ip link add "$2" netns "$srv" type veth peer name eth0 netns "$1"
  ip -n "$srv" addr add "$4/24" dev "$2"
  ip -n "$srv" link set "$2" up
  ip -n "$1" addr add "$3/24" dev eth0
  ip -n "$1" link set eth0 up
}
link "$cli" clients 10.91.1.9 10.91.1.1
link "$up" upstreams 10.91.2.2 10.91.2.1
for last in 3 4 5; do ip -n "$up" addr add "10.91.2.$last/24" dev eth0; done
ip -n "$srv" addr add 10.91.1.2/24 dev clients
ip -n "$cli" addr add 10.91.1.8/24 dev eth0
for last in $(seq 100 199); do ip -n "$cli" addr add "10.91.1.$last/24" dev eth0; done
# Closed sockets wait for minutes otherwise, and the ports of the idle clients run out.
ip netns exec "$cli" sysctl -qw net.ipv4.tcp_fin_timeout=5

seq 100000 | sed "s/.*/b&.s3.us-east-1.localhost.localstack.cloud A/" >"$here/local"
seq 3000000 | sed "s/.*/m&.out.test A/" >"$here/miss"

# start NAME ADDRESS FIRST SECOND LOSS PERIOD SILENT CLOSED: a server and its two upstreams. The faults
# are those of the first upstream; the second one pauses less often.
declare -A server=()
start() {
  local name=$1 address=$2 first=$3 second=$4 loss=$5 period=$6 silent=$7 closed=$8
  in_up "$first" "$loss" "$period" "$silent" "$closed" "$here/$name.first"
  in_up "$second" "$loss" "$(awk "BEGIN { print $period * 3.7 }")" "$(awk "BEGIN { print $silent / 2 }")" 0 "$here/$name.second"
  ip netns exec "$srv" taskset -c "$server_core" env -i "$bin" dns --user root --workers 1 --listen "$address" \
    --tcp-connections 24000 --upstream "$first" --upstream "$second" --metrics "$address:9153" >"$here/$name.log" 2>&1 &
  server[$name]=$!
  pids+=($!)
  for _ in $(seq 100); do
    in_cli python3 -c "import socket; socket.create_connection(('$address', 9153), 1)" 2>/dev/null && return
    sleep 0.05
  done
  echo "error: the server did not start" >&2
  return 1
}
in_up() {
  ip netns exec "$up" taskset -c "$load_cores" python3 "$peers" upstream "$@" &
  pids+=($!)
  upstreams+=($!)
}
in_cli() { ip netns exec "$cli" taskset -c "$load_cores" "$@"; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/${server[faults]}/status"; }
# What the server with faults counts, as `NAME VALUE` lines.
metrics() {
  in_cli python3 -c '
import urllib.request
print(urllib.request.urlopen("http://10.91.1.1:9153/metrics").read().decode())' |
    sed -n 's/^lsconfig_dns_//p'
}
metric() { awk -v name="$1" '$1 == name { print $2 }'; }

# load NAME ADDRESS SOURCE: local names as fast as they are answered, misses at a fixed rate, and the
# probe.
load() {
  in_cli dnsperf -s "$2" -d "$here/local" -l "$seconds" -c 4 -q 100 -t 9 >"$here/$1.local.dnsperf" 2>&1 &
  local first=$!
  in_cli dnsperf -s "$2" -d "$here/miss" -l "$seconds" -c 4 -q 4000 -Q 1000 -t 9 >"$here/$1.miss.dnsperf" 2>&1 &
  local second=$!
  in_cli python3 "$peers" probe "$2" "$3" "$seconds" >"$here/$1.json"
  wait "$first" "$second"
}

# The share of the time that a server was ready to run and had no core.
starved() { # NAME
  awk -v seconds="$seconds" '{ sum += $2 } END { printf "%.1f", sum / 1e7 / seconds }' /proc/"${server[$1]}"/task/*/schedstat
}

# report NAME: lines of the run that ended.
report() {
  awk -v name="$1" '
    FNR == 1 { what = FILENAME; sub(/\.dnsperf/, "", what); sub(/.*\./, "", what) }
    /Queries sent/ { sent = $3 }
    /Queries lost/ { lost = $3 }
    /Response codes/ { sub(/.*Response codes: */, ""); codes = $0 }
    /Queries per second/ { qps = $4 }
    /Average Latency/ { printf "%s\t%s\t%d sent\t%d lost\t%.0f q/s\t%.0f us average\t%s\n",
                        name, what, sent, lost, qps, $4 * 1e6, codes }' \
    "$here/$1.local.dnsperf" "$here/$1.miss.dnsperf"
  python3 - "$1" "$here" <<'PY'
import json, sys
name, here = sys.argv[1:]
result = json.load(open(f"{here}/{name}.json"))
for kind in ("local", "tcp"):
    print(name, "probe " + kind, *(f"{value} {key}" for key, value in result[kind].items()), sep="\t")
answered = {line.strip() for log in ("first", "second") for line in open(f"{here}/{name}.{log}")}
outside = result["outside"]
good = {name for name, rcode in outside.items() if rcode == 0}
silent = [name for name, rcode in outside.items() if rcode is None]
# Answered by an upstream, and the client did not get it.
lost = sorted(answered - good)
print(name, "probe outside", f"{len(outside)} asked", f"{len(good)} answered",
      f"{len(outside) - len(good) - len(silent)} failed", f"{len(silent)} without reply",
      f"{len(lost)} answered upstream and lost", sep="\t")  # fmt: skip
json.dump({"lost": lost, "silent": silent}, open(f"{here}/{name}.lost", "w"))
PY
}

upstreams=()
echo "# $(date -u +%F) $(uname -m), $cores cores, $(awk -F: '/model name/ { print $2; exit }' /proc/cpuinfo), load $(cut -d' ' -f1-3 /proc/loadavg)"

# Queries to the upstreams get lost and are late; replies are late, so that they arrive out of order.
# That is so for both servers with netem. A kernel without it (a small virtual machine) leaves the loss
# to the upstreams.
loss=0
if ip netns exec "$srv" tc qdisc add dev upstreams root netem limit 100000 loss 5% delay 2ms 1ms 2>"$here/tc.log"; then
  ip netns exec "$up" tc qdisc add dev eth0 root netem limit 100000 delay 2ms 1ms
  printf 'faults\tloss\tnetem\n'
else
  loss=0.05
  printf 'faults\tloss\tby the upstreams, since this kernel has no netem\n'
fi
start faults 10.91.1.1 10.91.2.2 10.91.2.3 "$loss" 5 1 1
start control 10.91.1.2 10.91.2.4 10.91.2.5 0 1e9 0 0
in_cli python3 "$peers" idle 10.91.1.1 10.91.1 10000 "$seconds" >"$here/idle.json" &
idle=$!
in_cli python3 "$peers" garbage 10.91.1.1 "$seconds" 7 >"$here/garbage.json" &
garbage=$!
(
  # The first tenth fills the cache and the buffers.
  sleep "$(awk "BEGIN { print $seconds / 10 }")"
  while [[ -e /proc/${server[faults]} ]]; do
    metrics >"$here/now" && echo "$(rss) $(($(metric tcp_connections_total <"$here/now") - $(metric tcp_connections_closed_total <"$here/now")))"
    sleep "$(awk "BEGIN { print $seconds / 40 }")"
  done
) >"$here/rss" 2>/dev/null &
pids+=($!)
load control 10.91.1.2 10.91.1.8 &
control=$!
load faults 10.91.1.1 10.91.1.9
wait "$control" "$idle" "$garbage"
for name in faults control; do printf '%s\tno core for the server\t%s %%\n' "$name" "$(starved "$name")"; done
metrics >"$here/metrics"
for name in udp_queries_total tcp_connections_total tcp_connections_refused_total unreadable_total \
  upstream_timeouts_total upstream_mismatched_total failed_total; do
  printf 'faults\t%s\t%s\n' "$name" "$(metric "$name" <"$here/metrics")"
done
for pid in "${upstreams[@]}" "${server[@]}"; do kill "$pid" && wait "$pid" 2>/dev/null || true; done
report control
report faults
for what in idle garbage; do printf 'faults\t%s\t%s\n' "$what" "$(tr -d '{}"' <"$here/$what.json")"; done
open=$(awk '$2 > max { max = $2 } END { print max + 0 }' "$here/rss")
printf 'faults\tTCP connections open at once\t%s\n' "$open"
# The peak of the first half against that of the second.
read -r before after < <(awk '{ kb[NR] = $1 } END {
  for (n = 1; n <= NR; n++) if (n <= NR / 2) { if (kb[n] > a) a = kb[n] } else if (kb[n] > b) b = kb[n]
  print a, b }' "$here/rss")
printf 'faults\tmemory\t%s kB, then %s kB\n' "$before" "$after"

python3 - "$here" "$before" "$after" "$open" "$seconds" <<'PY'
import json, sys
here, before, after, held, seconds = sys.argv[1], *map(int, sys.argv[2:])
quiet, faults = (json.load(open(f"{here}/{name}.json")) for name in ("control", "faults"))
lost = json.load(open(f"{here}/faults.lost"))
ratios = {key: faults["local"][key] / quiet["local"][key] for key in ("p50", "p99")}
print("faults", "latency against the control", *(f"{key} {ratio:.2f} times" for key, ratio in ratios.items()), sep="\t")
# Shorter runs are for what is lost, and may share their machine.
LONG = 60
failures = []
def check(good, text):
    if not good:
        failures.append(text)
check(faults["local"]["lost"] == 0, "local answers were lost")
if seconds < LONG:
    print("faults", "latency is not judged: the run is short", sep="\t")
else:
    check(ratios["p50"] <= 2, "local answers became slow (median)")
    check(ratios["p99"] <= 2, "local answers became slow (p99)")
    check(held >= 9000, "the idle clients were not held")
check(faults["tcp"]["failed"] <= faults["tcp"]["asked"] / 100, "queries over TCP failed")
check(not lost["lost"], f"an upstream answered {len(lost['lost'])} names and the client did not get it: {lost['lost'][:9]}")
check(not lost["silent"], f"{len(lost['silent'])} queries got no reply at all")
# In kilobytes. A short run is still filling the cache and its buffers, one of a minute has not seen
# its peaks.
growth = 1.05 if seconds >= 5 * LONG else 1.1
check(after <= (before * growth + 512 if seconds >= LONG else 80_000), "memory grows")
sys.exit("\n".join("error: " + text for text in failures) if failures else 0)
PY
echo "# as expected"
