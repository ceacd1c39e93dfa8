#!/bin/sh
# Compares `lsconfig check` on a made tree of 100,000 files with ripgrep searching it for the names.
#
# Usage: tree.sh LSCONFIG [FILES]. Needs rg. Prints wall times, their ratio and the peak memory.
set -eu
lsconfig=$1
files=${2:-100000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 - "$folder" "$files" <<'PY'
import os, random, sys
folder, files = sys.argv[1], int(sys.argv[2])
random.seed(7)
word = lambda: "".join(random.choice("abcdefghijklmnop") for _ in range(7))
filler = ["\n".join("%s: %s" % (word(), " ".join(word() for _ in range(8))) for _ in range(60)) for _ in range(50)]
compose = "services:\n  ls:\n    image: localstack/localstack:%s\n    environment:\n      - SERVICES=s3\n      - EDGE_PORT=%s\n"
kinds = ["a.yaml", "b.md", "c.py", "d.go", "e.ts", "f.json", "g.sh", "h.txt", "i.rs", "j.java"]
for n in range(files):
    path = os.path.join(folder, "d%03d" % (n % 400))
    os.makedirs(path, exist_ok=True)
    text = filler[n % 50]
    name = "%06d-%s" % (n, kinds[n % 10])
    if n % 500 == 0:
        text = compose % (random.choice(["4", "1.4.0", "2.3.2"]), random.choice(["4566", "7001"]))
        name = "%06d.yaml" % n
    with open(os.path.join(path, name), "w") as out:
        out.write(text)
PY

names='EDGE_PORT|EDGE_BIND_HOST|EDGE_FORWARD_URL|HOSTNAME_EXTERNAL|LOCALSTACK_HOST|GATEWAY_LISTEN|_PORT_EXTERNAL'
python3 - "$lsconfig" "$folder" "$names" <<'PY'
import os, resource, subprocess, sys, time
lsconfig, folder, names = sys.argv[1:]
def best(command):
    times = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.monotonic() - start)
    return min(times)
rg = best(["rg", "--hidden", "--count", names, folder])
ours = best([lsconfig, "check", folder])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print("rg %.3f s, lsconfig check %.3f s, ratio %.2f, peak of the children %.0f MB" % (rg, ours, ours / rg, peak))
PY
