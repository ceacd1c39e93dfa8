#!/usr/bin/env bash
# Installs the LocalStack releases that the live stage compares with, one virtual environment each.
#
#   tests/live/install.sh [NAME...]      NAME is a file of peers/ without .txt; default: all
#
# LSCONFIG_PINS names another folder of requirement files. The environments go to
# ${LSCONFIG_PEERS:-target/peers}/NAME. One that was made from the same requirement file by the
# same Python is kept. At most two are installed at a time. A release
# that cannot be installed or imported is an error: nothing is skipped.
# ${LSCONFIG_PYTHON:-python3} must be Python 3.11, the version the pins were seen to work with.
set -euo pipefail

live=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$live/../.." && pwd)
peers=${LSCONFIG_PEERS:-$root/target/peers}
pins=${LSCONFIG_PINS:-$live/peers}
base=${LSCONFIG_PYTHON:-python3}

stamp_of() { # NAME: what the environment depends on
    printf '%s %s %s\n' "$(sha256sum <"$pins/$1.txt" | cut -c1-64)" "$version" "$peers/$1"
}

check() { # NAME: the environment answers as that release
    local name=$1
    if [[ $name != localstack-* ]]; then
        "$peers/$name/bin/python" -m pip check
        return
    fi
    # PYTHONWARNINGS: old releases use modules that newer pins announce to be going.
    HOME=$peers/home PYTHONWARNINGS=ignore DOCKER_BRIDGE_IP=172.17.0.1 "$peers/$name/bin/python" - "${name#localstack-}" <<'PY'
import sys
from localstack import config, constants
version = getattr(constants, "VERSION", None)
if version is None:
    from importlib.metadata import version as installed
    version = installed("localstack-core")
if version.split(".post")[0] != sys.argv[1]:
    sys.exit(f"localstack {version} was installed, {sys.argv[1]} was asked for")
PY
}

install() { # NAME
    local name=$1 dir=$peers/$1 log=$peers/$1.log started=$SECONDS
    if [[ -f $dir/stamp && $(<"$dir/stamp") == "$(stamp_of "$name")" ]]; then
        echo "live: $name is there"
        return
    fi
    echo "live: $name is being installed"
    if ! {
        rm -rf "$dir" &&
            "$base" -m venv "$dir" &&
            "$dir/bin/python" -m pip install --no-deps --no-input --disable-pip-version-check \
                --progress-bar off -r "$pins/$name.txt" &&
            check "$name"
    } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "live: $name cannot be installed, see $log" >&2
        return 1
    fi
    stamp_of "$name" >"$dir/stamp"
    echo "live: $name is installed, $((SECONDS - started)) s"
}

version=$("$base" -c 'import platform; print(platform.python_version())')
[[ $version == 3.11.* ]] || {
    echo "live: $base is Python $version, the pins need 3.11 (set LSCONFIG_PYTHON)" >&2
    exit 2
}

if [[ ${1-} == --one ]]; then
    install "$2"
    exit
fi

if (($#)); then names=("$@"); else
    names=()
    for file in "$pins"/*.txt; do names+=("$(basename "$file" .txt)"); done
fi
for name in "${names[@]}"; do
    [[ -f $pins/$name.txt ]] || {
        echo "live: there is no $pins/$name.txt" >&2
        exit 2
    }
done

mkdir -p "$peers/home"
exec 9>"$peers/lock"
flock 9
printf '%s\0' "${names[@]}" | xargs -0 -n 1 -P 2 "${BASH_SOURCE[0]}" --one
echo "live: ${#names[@]} environments ready in $peers"
