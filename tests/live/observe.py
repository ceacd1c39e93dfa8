"""What one LocalStack release makes of environments.

Runs under the Python of that release's virtual environment (see install.sh). Reads lines
{"id", "env", "in_docker"} from stdin, writes {"id", "observed"} for each, where "observed" has the
members of tests/data/oracle/envs.jsonl.

The source of localstack.config is executed anew for every line, with `os.environ` holding nothing
but the line's variables. What the module would learn from this machine is fixed: the container
state is the line's, no profile is read, no process is started and no name is resolved.
"""

import ast
import importlib.util
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import types

# Settings read from the module; a release that has no such name is not asked for it.
# Not here: what the observation itself fixes (OVERRIDE_IN_DOCKER, CONFIG_DIR, CONFIG_PROFILE).
SETTINGS = """
    edge_bind_host edge_port edge_port_http edge_forward_url hostname_external localstack_hostname
    hostname_from_lambda use_ssl gateway_server sqs_endpoint_strategy sqs_port_external
    opensearch_endpoint_strategy opensearch_custom_backend opensearch_multi_cluster
    s3_virtual_hostname s3_static_website_hostname s3_skip_signature_validation sns_cert_url_host
    lambda_disable_aws_endpoint_url tf_compat_mode allow_nonstandard_regions
    dns_address dns_port dns_server dns_resolve_ip dns_verification_domain dns_local_name_patterns
    dns_name_patterns_to_resolve_upstream
    custom_ssl_cert_path skip_ssl_cert_download remove_ssl_cert
    external_service_ports_start external_service_ports_end
    main_container_name main_docker_network lambda_docker_network lambda_docker_dns
    lambda_docker_flags docker_flags docker_bridge_ip outbound_http_proxy outbound_https_proxy
    disable_cors_headers disable_cors_checks disable_custom_cors_s3 disable_custom_cors_apigateway
    disable_preflight_processing extra_cors_allowed_origins extra_cors_allowed_headers
    extra_cors_expose_headers
""".split()

# Files by which releases that ignore OVERRIDE_IN_DOCKER=0 recognise a container.
MARKERS = {"/.dockerenv", "/run/.containerenv", "/proc/1/cgroup"}

BRIDGE_IP = "172.17.0.1"


def isolate():
    """Keeps the machine out of the observation."""
    exists = os.path.exists
    os.path.exists = lambda path: path not in MARKERS and exists(path)

    def unresolved(name, *_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, f"{name} is not resolved here")

    socket.gethostbyname = socket.getaddrinfo = unresolved

    class Refused(subprocess.Popen):
        """Instead of any command, one that fails as if the command did not exist."""

        def __init__(self, *_args, **_kwargs):
            super().__init__("exit 127", shell=True, stderr=subprocess.DEVNULL)

    subprocess.Popen = Refused


class Messages(logging.Handler):
    """Collects what is logged."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


class Release:
    """The config module of the installed release, executable again and again."""

    def __init__(self, home):
        self.environ = {"HOME": home, "DOCKER_BRIDGE_IP": BRIDGE_IP}
        self.use({}, True)
        # The deprecation table imports the usage reporter, of which old releases need modules that
        # are no longer published. Nothing here reports.
        analytics = types.ModuleType("localstack.utils.analytics")
        analytics.log = None
        sys.modules[analytics.__name__] = analytics
        from localstack import config, deprecations

        self.affected = deprecations.collect_affected_deprecations
        with open(config.__file__, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        self.file = config.__file__
        self.code = compile(tree, self.file, "exec")
        self.statements = tree.body
        self.log = Messages()
        logger = logging.getLogger("localstack.config")
        logger.addHandler(self.log)
        logger.propagate = False

    def use(self, env, in_docker):
        os.environ.clear()
        os.environ.update(self.environ)
        os.environ.update(env)
        os.environ["OVERRIDE_IN_DOCKER"] = "1" if in_docker else "0"

    def observe(self, env, in_docker):
        self.use(env, in_docker)
        self.log.texts.clear()
        module = types.ModuleType("localstack.config")
        module.__file__ = self.file
        try:
            exec(self.code, module.__dict__)
            observed = self.read(module)
        except Exception as error:
            observed = {"error": self.describe(error)}
        observed["deprecated"] = [entry.env_var for entry in self.affected()]
        if self.log.texts:
            observed["config_log"] = list(self.log.texts)
        return observed

    def read(self, config):
        observed = {}
        for name in SETTINGS:
            if hasattr(config, name.upper()):
                observed[name] = getattr(config, name.upper())
        observed["is_in_docker"] = config.is_in_docker
        legacy = hasattr(config, "HOSTNAME_EXTERNAL")
        listen = getattr(config, "GATEWAY_LISTEN", None)
        # 2.0 to 2.2 keep the list as a text, whose parts were printed from parsed addresses.
        if isinstance(listen, str):
            listen = [part.rsplit(":", 1) for part in listen.split(",")]
            listen = [[host, int(port)] for host, port in listen]
        elif listen is not None:
            if hasattr(type(listen), "_ensure_unique"):
                # 4.x takes the hosts of one port from a set: their order differs by process.
                ports = [address.port for address in listen]
                observed["unordered"] = len(ports) != len(set(ports))
            listen = [[address.host, address.port] for address in listen]
        if listen is not None:
            observed["gateway_listen"] = listen
            host = config.LOCALSTACK_HOST
            if isinstance(host, str):
                host, port = host.rsplit(":", 1)
                observed["localstack_host"] = [host, int(port)]
            else:
                observed["localstack_host"] = [host.host, host.port]
        if listen is None or isinstance(config.GATEWAY_LISTEN, str):
            # do_start_edge of these releases: the HTTP port first, and one listener for equal ports.
            bind, port, http = config.EDGE_BIND_HOST, config.EDGE_PORT, config.EDGE_PORT_HTTP
            ports = [http, port] if http and http != port else [port]
            observed["bind"] = [[bind, port] for port in ports]
        else:
            observed["bind"] = listen
        if legacy:
            observed["external_url"] = config.external_service_url("s3")
            observed["external_url_sqs"] = config.external_service_url("sqs")
            observed["internal_url"] = config.service_url("s3")
            observed["edge_url"] = config.get_edge_url()
        else:
            observed["external_url"] = config.external_service_url()
            observed["external_url_sub"] = config.external_service_url(subdomains="a.b")
            observed["internal_url"] = config.internal_service_url()
        if hasattr(config, "use_custom_dns"):
            observed["use_custom_dns"] = config.use_custom_dns()
        return observed

    def describe(self, error):
        where = []
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.file:
                name = trace.tb_frame.f_code.co_name
                where.append(self.target(trace.tb_lineno) if name == "<module>" else name)
            trace = trace.tb_next
        described = {"type": type(error).__name__, "message": str(error), "where": where}
        if error.__cause__ is not None:
            cause = error.__cause__
            described["cause"] = {"type": type(cause).__name__, "message": str(cause)}
        return described

    def target(self, line):
        """Names the variables that the statement at a line of the module sets."""
        for statement in self.statements:
            if statement.lineno <= line <= statement.end_lineno:
                names = [
                    node.id
                    for target in getattr(statement, "targets", [])
                    for node in ast.walk(target)
                    if isinstance(node, ast.Name)
                ]
                return ",".join(names)
        return ""


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr
    if importlib.util.find_spec("localstack") is None:
        sys.exit("observe: no LocalStack is installed for this Python")
    isolate()
    with tempfile.TemporaryDirectory() as home:
        release = Release(home)
        for line in sys.stdin:
            record = json.loads(line)
            observed = release.observe(record["env"], record["in_docker"])
            print(json.dumps({"id": record["id"], "observed": observed}), file=answers)


if __name__ == "__main__":
    main()
