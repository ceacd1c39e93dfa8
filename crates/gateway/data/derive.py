"""Writes services.txt from botocore's service models: `python3 derive.py BOTOCORE_DATA > services.txt`.

BOTOCORE_DATA is the folder `botocore/data` of the wheel named in services.txt. Only facts are taken
(names, protocols, prefixes, versions, operation names), no documentation. botocore is Apache-2.0.
"""

import gzip
import json
import pathlib
import sys

# Protocols and prefixes that the released model does not name, but LocalStack 4.12 serves: the
# query protocol of SQS and the RPC protocols of CloudWatch (recorded in routing.jsonl).
EXTRA = {"sqs": [("query", None)]}
MULTI = {"cloudwatch": ("multi", "GraniteServiceVersion20100801")}


def models(root):
    for folder in sorted(p for p in pathlib.Path(root).iterdir() if p.is_dir()):
        versions = sorted(p for p in folder.iterdir() if p.is_dir())
        for name, load in (("service-2.json.gz", gzip.open), ("service-2.json", open)):
            if versions and (path := versions[-1] / name).exists():
                with load(path) as file:
                    yield folder.name, json.load(file)
                break


def main(root):
    rows = []
    for name, model in models(root):
        meta = model["metadata"]
        protocol, target = MULTI.get(name, (meta["protocol"], meta.get("targetPrefix")))
        prefix = meta["endpointPrefix"]
        signing = meta.get("signingName", prefix)
        for protocol, target in [(protocol, target), *EXTRA.get(name, [])]:
            rows.append((name, protocol, prefix, signing, target or "-", meta["apiVersion"],
                         sorted(model["operations"])))
    targets = [row[4] for row in rows if row[4] != "-"]
    print("# botocore 1.42.4; written by derive.py; service protocol endpoint-prefix signing-name "
          "target-prefix version operations")
    for *fields, operations in sorted(rows):
        decides = fields[1] in ("query", "ec2", "multi") or targets.count(fields[4]) > 1
        print(*fields, ",".join(operations) if decides else "-")


main(sys.argv[1])
