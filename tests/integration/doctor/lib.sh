# What the scripts of the doctor share: images made from scratch, and what takes them away again.
#
# LSCONFIG_BIN names a statically linked binary:
#   RUSTFLAGS=-Ctarget-feature=+crt-static cargo build -p lsconfig-cli --target x86_64-unknown-linux-gnu
# Needs docker, python3, and a static busybox, which is installed with apt-get when missing. No registry
# is used. Sets `bin`, `run` (a label and a prefix of names), `here` (a folder), `emulator_image` and
# `app_image`.

docker info >/dev/null || { echo "error: no Docker Engine answers" >&2; exit 1; }
command -v python3 >/dev/null || { echo "error: python3 is missing" >&2; exit 1; }
ldd /bin/busybox 2>&1 | grep -q 'not a dynamic executable' ||
  { apt-get -qq update && apt-get -qq install -y busybox-static; } >/dev/null
bin=${LSCONFIG_BIN:?set LSCONFIG_BIN to a statically linked binary}

run=lsdoc$$
emulator_image=$run/localstack/localstack:4.12.0
app_image=$run/app:1
here=$(mktemp -d)

clear_all() {
  local all
  all=$(docker ps -aq --filter "label=$run")
  [[ -z $all ]] || docker rm -f $all >/dev/null
  all=$(docker network ls -q --filter "label=$run")
  [[ -z $all ]] || docker network rm $all >/dev/null
}

finish() {
  local status=$?
  # Only the journal of this script, and only where it got so far.
  [[ ! -s $here/state/lsconfig/doctor.jsonl ]] || "$bin" doctor --undo || true
  clear_all || true
  docker rmi -f "$emulator_image" "$app_image" >/dev/null 2>&1 || true
  rm -rf "$here"
  return "$status"
}
trap finish EXIT
export XDG_STATE_HOME=$here/state

mkdir -p "$here/image/bin" "$here/image/www/_localstack"
cp "$bin" "$here/image/lsconfig"
cp /bin/busybox "$here/image/bin/busybox"
ln -s busybox "$here/image/bin/sh"
echo '{"services": {"s3": "available"}, "version": "4.12.0", "edition": "community"}' \
  >"$here/image/www/_localstack/health"
cat >"$here/image/emulator" <<'SH'
#!/bin/sh
[ -n "$NODNS" ] || [ "$DNS_ADDRESS" = 0 ] ||
  /lsconfig dns --in-container true --upstream 192.0.2.1 ${SUFFIX:+--suffix $SUFFIX} &
exec /bin/busybox httpd -f -p "${SERVE:-${GATEWAY_LISTEN:-4566}}" -h /www
SH
chmod +x "$here/image/emulator"
cat >"$here/image/Dockerfile.emulator" <<'DOCKERFILE'
FROM scratch
LABEL authors="LocalStack Contributors"
COPY bin /bin
COPY lsconfig emulator /
COPY www /www
EXPOSE 4566
ENTRYPOINT ["/emulator"]
DOCKERFILE
cat >"$here/image/Dockerfile.app" <<'DOCKERFILE'
FROM scratch
COPY bin /bin
COPY lsconfig /
ENTRYPOINT ["/bin/busybox", "sleep", "3600"]
DOCKERFILE
export DOCKER_BUILDKIT=0
docker build -q -t "$emulator_image" -f "$here/image/Dockerfile.emulator" "$here/image" >/dev/null 2>&1
docker build -q -t "$app_image" -f "$here/image/Dockerfile.app" "$here/image" >/dev/null 2>&1

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

passed=0
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
