#!/usr/bin/env bash
# Time to verdict and peak memory of `lsconfig doctor` on a real engine: two containers, and fifty on
# ten networks. Each measure is the middle one of several, and beside it stands what the engine needs
# for one container that ends at once, measured in between: on a busy machine only the ratio says much.
#
#   crates/doctor/benches/fifty.sh BINARY [OTHER_BINARY...]
#
# The binaries are statically linked:
#   RUSTFLAGS=-Ctarget-feature=+crt-static cargo build --release -p lsconfig-cli --target x86_64-unknown-linux-gnu
# Needs docker, python3, and a static busybox, which is installed with apt-get when missing. Everything
# that is made carries a label and is removed at the end.
set -euo pipefail
(($# > 0)) || { sed -n 2,12p "$0" >&2; exit 2; }
docker info >/dev/null || { echo "error: no Docker Engine answers" >&2; exit 1; }
ldd /bin/busybox 2>&1 | grep -q 'not a dynamic executable' ||
  { apt-get -qq update && apt-get -qq install -y busybox-static; } >/dev/null

label=lsbench$$
here=$(mktemp -d)
image=$label/localstack/localstack:4.12.0
app=$label/app:1
clear_all() {
  docker ps -aq --filter "label=$label" | xargs -r docker rm -f >/dev/null
  docker network ls -q --filter "label=$label" | xargs -r docker network rm >/dev/null
}
finish() {
  clear_all || true
  docker rmi -f "$image" "$app" >/dev/null 2>&1 || true
  docker images -q --filter label=cloud.lsconfig.probe | xargs -r docker rmi -f >/dev/null 2>&1 || true
  rm -rf "$here"
}
trap finish EXIT

mkdir -p "$here/bin" "$here/www/_localstack"
cp /bin/busybox "$here/bin/busybox"
echo '{"services": {"s3": "available"}, "version": "4.12.0"}' >"$here/www/_localstack/health"
printf 'FROM scratch\nCOPY bin /bin\nCOPY www /www\nENTRYPOINT ["/bin/busybox","httpd","-f","-p","4566","-h","/www"]\n' >"$here/Dockerfile.emulator"
printf 'FROM scratch\nCOPY bin /bin\nENTRYPOINT ["/bin/busybox","sleep","3600"]\n' >"$here/Dockerfile.app"
export DOCKER_BUILDKIT=0
docker build -q -t "$image" -f "$here/Dockerfile.emulator" "$here" >/dev/null 2>&1
docker build -q -t "$app" -f "$here/Dockerfile.app" "$here" >/dev/null 2>&1

network() { docker network create --label "$label" "$label-$1" >/dev/null; }
client() { # N NETWORK
  docker run -d --label "$label" --name "$label-app$1" --network "$label-$2" \
    -e AWS_ENDPOINT_URL=http://localstack:4566 "$app" >/dev/null
}

cat >"$here/measure.py" <<'P'
import resource, subprocess, sys, time
title, image, emulator, source, *binaries = sys.argv[1:]
def run(command):
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as status:
                lines = [l for l in status if l.startswith("VmHWM")]
            peak = max(peak, int(lines[0].split()[1]) if lines else 0)
        except OSError:
            pass
        time.sleep(0.005)
    return time.monotonic() - start, peak, process.returncode, process.stderr.read().decode()
middle = lambda all: sorted(all)[len(all) // 2]
one = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "/bin/busybox", image, "true"]
asked = ["-s", source] if source else []
doctor = {b: [b, "doctor", "-t", emulator, "--fail-on", "never", *asked] for b in binaries}
for command in doctor.values():
    seconds, _, code, said = run(command)  # The first run brings the image of the probe.
    if code or "note:" in said:
        sys.exit(f"{command[0]} failed: {said}")
times, peaks, ones = {b: [] for b in binaries}, {b: [] for b in binaries}, []
for _ in range(7):
    ones.append(run(one)[0])
    for b, command in doctor.items():
        seconds, peak, _, _ = run(command)
        times[b].append(seconds)
        peaks[b].append(peak)
unit = middle(ones)
for b in binaries:
    print(f"{title}: {b}: {middle(times[b]):.2f} s (from {min(times[b]):.2f} to {max(times[b]):.2f}), "
          f"{middle(times[b]) / unit:.1f} times a container of {unit:.2f} s, "
          f"peak {max(peaks[b]) / 1024:.0f} MB")
P

date -u +"%F %R UTC, $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), engine $(docker version -f '{{.Server.Version}}')"
network 0
docker run -d --label "$label" --name "$label-ls" --network "$label-0" --network-alias localstack "$image" >/dev/null
client 1 0
python3 "$here/measure.py" "two containers" "$app" "$label-ls" "$label-app1" "$@"
for n in {1..9}; do
  network "$n"
  docker network connect --alias localstack "$label-$n" "$label-ls"
done
for n in {2..49}; do client "$n" $((n % 10)); done
python3 "$here/measure.py" "fifty containers" "$app" "$label-ls" "" "$@"
