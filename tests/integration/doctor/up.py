"""Runs a Compose file as far as the scripts of the doctor need it, with the labels of Compose.

up.py FILE PROJECT LABEL
"""

import pathlib
import subprocess
import sys

import yaml

file, project, label = sys.argv[1:]
compose = yaml.safe_load(pathlib.Path(file).read_text())


def docker(*words):
    subprocess.run(["docker", *words], check=True, stdout=subprocess.DEVNULL)


def pairs(value):
    """Environment: a mapping, or a list of NAME=value."""
    if isinstance(value, dict):
        return [f"{name}={'' if text is None else text}" for name, text in value.items()]
    return value or []


networks = compose.get("networks") or {}


def name_of(network):
    settings = networks.get(network) or {}
    return settings.get("name") or f"{project}_{network}"


for network in {"default": None, **networks}:
    settings = networks.get(network) or {}
    if settings.get("external"):
        continue
    ranges = (settings.get("ipam") or {}).get("config") or []
    subnet = [word for r in ranges for word in ("--subnet", r["subnet"])]
    docker("network", "create", "--label", label, *subnet, name_of(network))

for service, settings in compose["services"].items():
    container = f"{project}-{service}-1"
    words = ["--name", container, "--label", label]
    words += ["--label", f"com.docker.compose.project={project}"]
    words += ["--label", f"com.docker.compose.service={service}"]
    words += ["--label", f"com.docker.compose.project.config_files={file}"]
    for flag, values in {
        "-e": pairs(settings.get("environment")),
        "-p": settings.get("ports", []),
        "--dns": settings.get("dns", []),
        "--add-host": settings.get("extra_hosts", []),
    }.items():
        words += [word for value in values for word in (flag, str(value))]
    attached = settings.get("networks") or ["default"]
    if isinstance(attached, list):
        attached = {network: None for network in attached}

    def flags(network):
        address = (attached[network] or {}).get("ipv4_address")
        alias = "--network-alias" if network == first else "--alias"
        return [alias, service, *(["--ip", address] if address else [])]

    first, *others = attached
    if "network_mode" in settings:
        words += ["--network", settings["network_mode"]]
        others = []
    else:
        words += ["--network", name_of(first), *flags(first)]
    entrypoint, *command = settings.get("entrypoint", [""])
    words += ["--entrypoint", entrypoint] if entrypoint else []
    docker("create", *words, settings["image"], *command)
    for network in others:
        docker("network", "connect", *flags(network), name_of(network), container)
    docker("start", container)
