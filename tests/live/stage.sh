# The live stage, to be sourced by a CI script: LocalStack releases against the built binary.
#
#   . tests/live/stage.sh
#   live_install                     the environments (install.sh); slow the first time
#   live_conformance [OPTION...]     recorded and random environments (conformance.py)
#   live_urls [OPTION...]            URLs of a running LocalStack (urls.py)
#   live_dns [OPTION...]             answers of LocalStack's DNS server (dns_answers.py), as root
#   live_migrated [OPTION...]        environments before and after `lsconfig migrate` (migrated.py)
#   live_stage                       all of it, with the seed LSCONFIG_LIVE_SEED where it is set
#   live_localstack ARGUMENT...      the localstack command of 4.12.0 (localstack_cli.py)
#
# LSCONFIG_PEERS is where the environments are, LSCONFIG_BIN the binary, LSCONFIG_PYTHON a
# Python 3.11. Every function fails when what it needs is missing; none skips.
# shellcheck shell=bash

LIVE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${LSCONFIG_PEERS:=$(cd "$LIVE/../.." && pwd)/target/peers}"
export LSCONFIG_PEERS

live_install() {
    "$LIVE/install.sh" "$@"
}

live_conformance() {
    local python=${LSCONFIG_PYTHON:-python3}
    "$python" "$LIVE/test_live.py" &&
        "$python" "$LIVE/conformance.py" --recorded &&
        "$python" "$LIVE/conformance.py" "$@"
}

live_urls() {
    "$LSCONFIG_PEERS/clients/bin/python" "$LIVE/urls.py" "$@"
}

live_dns() {
    "$LSCONFIG_PEERS/localstack-4.12.0/bin/python" "$LIVE/dns_answers.py" "$@"
}

live_migrated() {
    "$LSCONFIG_PEERS/localstack-4.14.0/bin/python" "$LIVE/migrated.py" "$@"
}

live_stage() {
    local seed=()
    [[ -z ${LSCONFIG_LIVE_SEED-} ]] || seed=(--seed "$LSCONFIG_LIVE_SEED")
    live_install && live_conformance "${seed[@]}" && live_urls "${seed[@]}"
}

live_localstack() {
    "$LSCONFIG_PEERS/localstack-4.12.0/bin/python" "$LIVE/localstack_cli.py" "$@"
}
