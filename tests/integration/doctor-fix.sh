#!/usr/bin/env bash
# `lsconfig doctor --fix` against a real Docker Engine leaves what is not its own as it was: what
# `docker inspect` says of all foreign containers and networks, their hosts and resolv.conf files, and
# a connection that stays open through a published port. Before and after looking, fixing, undoing, and
# being killed at random moments. SEED chooses the moments, KILLS how many.
#
# See tests/integration/doctor/lib.sh for what is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/integration/doctor/lib.sh

seed=${SEED:-$RANDOM}
kills=${KILLS:-20}
fail() { echo "FAILED $1" >&2; exit 1; }
ok() { passed=$((passed + 1)); echo "ok  $1"; }

# --- the foreign system ---
start() { docker run -d --label "$run" "$@" >/dev/null; }
subnet=10.$((seed % 100 + 100)).$((seed % 200))
for n in a b; do
  [[ $n == a ]] && range=$subnet.0/25 || range=$subnet.128/25
  docker network create --label "$run" --subnet "$range" "$run-$n" >/dev/null
done
# The emulator is on one network, and its DNS server is reached through a published port.
start --name "$run-ls" --network "$run-a" -p 127.0.0.1::53/tcp "$emulator_image"
dns=$(docker port "$run-ls" 53/tcp | sed -n 1p)
# On another network; beside the emulator with a wrong endpoint; on the default bridge.
start --name "$run-far" --network "$run-b" --hostname far -e AWS_ENDPOINT_URL="http://$run-ls:4566" "$app_image"
start --name "$run-near" --network "$run-a" -e AWS_ENDPOINT_URL=http://localhost:4566 "$app_image"
start --name "$run-bridge" -e AWS_ENDPOINT_URL="http://$run-ls:4566" "$app_image"
start --name "$run-paused" --network "$run-a" "$emulator_image"
start --name "$run-user" --network "$run-a" -e AWS_ENDPOINT_URL="http://$run-paused:4566" "$app_image"
docker pause "$run-paused" >/dev/null
# An address of the host at which nothing listens.
free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

far=(-s "$run-far" -t "$run-ls")
near=(-s "$run-near" -t "$run-ls")
host=(--host -t "$run-ls" --endpoint "http://127.0.0.1:$free")
paused=(-s "$run-user" -t "$run-paused")

# --- the open connection: DNS over TCP, a query five times a second ---
cat >"$here/connection.py" <<'P'
import os, socket, struct, sys, time
host, port = sys.argv[1].rsplit(":", 1)
name = b"".join(bytes([len(l)]) + l for l in b"localhost.localstack.cloud".split(b".")) + b"\0"
query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)
stream = socket.create_connection((host, int(port)), 60)
stream.settimeout(60)
answers = 0
def exactly(n):
    data = b""
    while len(data) < n:
        part = stream.recv(n - len(data))
        if not part:
            sys.exit(f"the connection was closed after {answers} answers")
        data += part
    return data
while not os.path.exists(sys.argv[2]):
    stream.sendall(struct.pack(">H", len(query)) + query)
    exactly(struct.unpack(">H", exactly(2))[0])
    answers += 1
    open(sys.argv[3], "w").write(str(answers))
    time.sleep(0.2)
P
python3 "$here/connection.py" "$dns" "$here/stop" "$here/answers" &
connection=$!

# --- what must not change ---
foreign() { docker ps -aq --no-trunc --filter "label=$run" | sort; }
containers() {
  local id file
  foreign | xargs docker inspect
  for id in $(foreign); do
    for file in hosts resolv.conf hostname; do
      echo "--- $id $file"
      docker cp "$id:/etc/$file" - | tar -xO
    done
  done
}
networks() { docker network ls -q --no-trunc --filter "label=$run" | sort | xargs docker network inspect bridge host none; }
containers >"$here/containers"
networks_of_ours() {
  # Others may use the default networks of this engine meanwhile; their containers are not counted.
  networks | python3 -c '
import json, sys
ours = set(sys.argv[1].split())
for network in json.load(sys.stdin):
    mine = network["Labels"].get(sys.argv[2]) is not None
    network["Containers"] = {k: v for k, v in network["Containers"].items() if mine or k in ours}
    print(json.dumps(network, sort_keys=True))' "$(foreign)" "$run"
}
networks_of_ours >"$here/networks"

same_containers() {
  containers >"$here/now"
  cmp -s "$here/containers" "$here/now" || { diff "$here/containers" "$here/now" >&2; fail "$1: foreign containers changed"; }
}
same() {
  same_containers "$1"
  networks_of_ours >"$here/now"
  cmp -s "$here/networks" "$here/now" || { diff "$here/networks" "$here/now" >&2; fail "$1: networks changed"; }
  kill -0 "$connection" 2>/dev/null || fail "$1: the connection is gone"
  [[ ! -s $here/state/lsconfig/doctor.jsonl ]] || fail "$1: the journal is not empty"
  ok "$1: as it was"
}
stand_ins() {
  local id
  for id in $(docker ps -aq --filter label=cloud.lsconfig.run); do
    # Those of other people on this engine are theirs.
    if [[ $(docker inspect "$id" 2>/dev/null) == *"$run"* ]]; then echo "$id"; fi
  done
}

# fixes NAME "CODES exit=1" ARGS...: found, planned, mended, undone.
fixes() {
  local name=$1 wanted=$2 status=0
  shift 2
  expect "$name" "$wanted" "$bin" doctor "$@"
  same "$name, looked at"
  "$bin" doctor "$@" --fix --dry-run >/dev/null 2>&1 || status=$?
  ((status == 1)) || fail "$name: a dry run exits with $status"
  same "$name, a dry run"
  status=0
  "$bin" doctor "$@" --fix >/dev/null 2>"$here/err" </dev/null || status=$?
  ((status == 2)) && grep -q -- '--yes' "$here/err" || fail "$name: nobody was asked, exit $status"
  same "$name, without consent"
  expect "$name, fixed" "exit=0" "$bin" doctor "$@" --fix --yes
  expect "$name, looked at again" "exit=0" "$bin" doctor "$@"
  [[ $name == paused ]] || { same_containers "$name, fixed"; [[ -n $(stand_ins) ]] || fail "$name: no stand-in"; }
  "$bin" doctor --undo 2>"$here/err" || fail "$name: undo fails: $(cat "$here/err")"
  same "$name, undone"
  expect "$name, as before" "$wanted" "$bin" doctor "$@"
}

echo "--- found, fixed, undone (seed $seed)"
fixes far "no-shared-network exit=1" "${far[@]}"
fixes near "endpoint-is-client-itself exit=1" "${near[@]}"
fixes host "port-not-published exit=1" "${host[@]}"
fixes paused "emulator-not-ready exit=1" "${paused[@]}"

echo "--- nothing to be done, nothing that helps"
bridge=(-s "$run-bridge" -t "$run-ls")
expect bridge "no-shared-network exit=1" "$bin" doctor "${bridge[@]}" --fix --yes
grep -q "Nothing can be done at once" "$here/err" || fail "bridge: no reason is given"
same "bridge, not fixed"

start --name "$run-liar" --network "$run-a" --entrypoint /bin/busybox "$emulator_image" httpd -f -p 4566 -h /bin
containers >"$here/containers"; networks_of_ours >"$here/networks"
liar=(-s "$run-far" -t "$run-liar" --endpoint "http://$run-liar:4566")
status=0
"$bin" doctor "${liar[@]}" --fix --yes >/dev/null 2>"$here/err" || status=$?
((status == 4)) || { cat "$here/err" >&2; fail "what does not help exits with $status"; }
same "what did not help"

echo "--- an undo that the engine refuses stays in the journal"
"$bin" doctor "${far[@]}" --fix --yes >/dev/null 2>&1
journal=$here/state/lsconfig/doctor.jsonl
cp "$journal" "$here/journal"
sed -i 's|unix://[^"]*|unix:///nowhere|' "$journal"
status=0
"$bin" doctor --undo 2>"$here/err" || status=$?
((status == 5)) && grep -q "docker rm -f lsconfig-stand-in-" "$here/err" || fail "undo without engine: $status"
cp "$here/journal" "$journal"
"$bin" doctor --undo 2>/dev/null
same "an undo that failed first"

echo "--- two at a time"
"$bin" doctor "${far[@]}" --fix --yes >/dev/null 2>&1 & first=$!
"$bin" doctor "${near[@]}" --fix --yes >/dev/null 2>"$here/err" & second=$!
status=0; wait "$first" || status=$?
other=0; wait "$second" || other=$?
# The one that came second may have come after the first was done.
[[ $status == 0 || $other == 0 ]] && [[ $((status + other)) == 0 || $((status + other)) == 2 ]] ||
  fail "two at a time exit with $status and $other"
"$bin" doctor --undo 2>/dev/null
same "two at a time"

echo "--- SIGTERM, SIGINT, SIGHUP undo at once"
for signal in TERM INT HUP; do
  status=0
  # In the background bash has SIGINT ignored, which env takes back.
  env --default-signal=INT "$bin" doctor "${far[@]}" --fix --yes >/dev/null 2>&1 & victim=$!
  while kill -0 "$victim" 2>/dev/null && [[ ! -s $journal ]]; do sleep 0.01; done
  kill -"$signal" "$victim" 2>/dev/null || true
  wait "$victim" 2>/dev/null || status=$?
  # A run that was done before has kept its fix.
  ((status > 128)) || "$bin" doctor --undo 2>/dev/null
  [[ -z $(stand_ins) ]] || fail "SIG$signal leaves a stand-in"
  same "SIG$signal, exit $status"
done

echo "--- waiting and watching"
docker create --label "$run" --name "$run-late" --network "$run-a" "$emulator_image" >/dev/null
start --name "$run-waiter" --network "$run-a" -e AWS_ENDPOINT_URL="http://$run-late:4566" "$app_image"
late=(-s "$run-waiter" -t "$run-late")
expect "time is up" "emulator-not-running exit=1" "$bin" doctor "${late[@]}" --wait=1
"$bin" doctor "${late[@]}" --wait=300 >/dev/null 2>"$here/err" & waiter=$!
until [[ -s $here/err ]]; do sleep 0.1; done
docker start "$run-late" >/dev/null
wait "$waiter" || fail "waiting ends with $?: $(cat "$here/err")"
ok "waited for the emulator"
until_said() {
  for _ in {1..600}; do
    grep -q -- "$1" "$here/watched" && return
    sleep 0.2
  done
  cat "$here/watched" >&2
  fail "watching never says $1"
}
env --default-signal=INT "$bin" doctor "${late[@]}" --watch >"$here/watched" 2>/dev/null & watcher=$!
until_said "^  ok .*the emulator answers"
docker stop -t 0 "$run-late" >/dev/null
until_said "^error\[emulator-not-running\]"
docker start "$run-late" >/dev/null
until_said "^gone: error\[emulator-not-running\]"
status=0
kill -INT "$watcher"; wait "$watcher" || status=$?
((status == 130)) || fail "watching ends with $status"
(($(grep -c "^emulator " "$here/watched") == 1)) || fail "watching repeats itself"
ok "watched the emulator end and start"
docker rm -f "$run-late" "$run-waiter" >/dev/null
same "waiting and watching"

echo "--- SIGKILL at $kills random moments (seed $seed)"
RANDOM=$seed
took() { local begin=$EPOCHREALTIME; "$@" >/dev/null 2>&1 || true; echo $(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)); }
whole=$(took "$bin" doctor "${far[@]}" --fix --yes)
"$bin" doctor --undo 2>/dev/null
cut=0
for ((n = 1; n <= kills; n++)); do
  case $((RANDOM % 4)) in
    0) args=("${far[@]}") ;;
    1) args=("${near[@]}") ;;
    2) args=("${host[@]}") ;;
    *) args=("${paused[@]}") ;;
  esac
  "$bin" doctor "${args[@]}" --fix --yes >/dev/null 2>&1 & victim=$!
  # Every other kill is aimed at the acts: the first of them is in the journal then.
  aimed=$((n % 2))
  ms=$((RANDOM % (aimed ? 600 : whole)))
  ((!aimed)) || while kill -0 "$victim" 2>/dev/null && [[ ! -s $journal ]]; do sleep 0.01; done
  sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
  kill -KILL "$victim" 2>/dev/null || true
  wait "$victim" 2>/dev/null && done=done || done=killed
  # A run that was cut off is undone by the next one, whatever that is asked.
  if [[ -s $journal ]] && ! grep -q '"kept"' "$journal"; then cut=$((cut + 1)); fi
  "$bin" doctor "${far[@]}" >/dev/null 2>&1 || true
  if [[ -s $journal ]]; then
    grep -q '"kept"' "$journal" || fail "kill $n: the next run undoes nothing"
    "$bin" doctor --undo 2>/dev/null
  fi
  # What was asked for when the run was killed may be made by the engine only now.
  for _ in {1..40}; do
    [[ -n $(stand_ins) ]] || break
    sleep 0.5
    "$bin" doctor "${far[@]}" >/dev/null 2>&1 || true
  done
  [[ -z $(stand_ins) ]] || fail "kill $n: a stand-in is left"
  same "kill $n, $ms ms after $( ((aimed)) && echo "the first act" || echo "the start") ($done)"
done
echo "$cut of $kills kills left something in the journal"

echo "--- nothing is left"
# A probe ends by itself, and one that never started is removed by a run after ten seconds.
probes() {
  local id mode
  for id in $(docker ps -aq --filter label=cloud.lsconfig.probe); do
    mode=$(docker inspect -f '{{.HostConfig.NetworkMode}}' "$id" 2>/dev/null) || continue
    if [[ $(foreign) == *"${mode#container:}"* ]]; then echo "$id"; fi
  done
}
for _ in {1..40}; do
  [[ -n $(probes) ]] || break
  sleep 2
  "$bin" doctor "${far[@]}" >/dev/null 2>&1 || true
done
[[ -z $(probes) ]] || fail "probes are left"
same "the end"
touch "$here/stop"
wait "$connection" || fail "the connection through the published port was cut"
ok "one connection gave $(cat "$here/answers") answers"
echo "$passed checks passed"
