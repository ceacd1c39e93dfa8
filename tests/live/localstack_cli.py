"""The `localstack` command of an installed release, for benchmarks.

Runs under that release's Python. Without the commercial package `localstack config show` of 3.x and
4.x exits with 0 and prints nothing; an empty module in its place lets it print the settings. Usage
reports are off.
"""

import os
import sys
import types

os.environ["DISABLE_EVENTS"] = "1"
os.environ.setdefault("DOCKER_BRIDGE_IP", "172.17.0.1")
for name in ["localstack.pro", "localstack.pro.core", "localstack.pro.core.config"]:
    sys.modules[name] = types.ModuleType(name)
sys.modules["localstack.pro.core"].config = sys.modules["localstack.pro.core.config"]

from localstack.cli.main import main  # noqa: E402

sys.argv[0] = "localstack"
main()
