//! The catalogue of diagnostics: one row per code.
//!
//! A code is stable for ever, reads well after "allow", and is an anchor in `docs/diagnostics.md`.

use super::{Rule, Severity};

macro_rules! rules {
    ($($id:ident = $code:literal, $severity:ident, $summary:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $summary, ".")]
            pub static $id: Rule = Rule {
                code: $code,
                severity: Severity::$severity,
                summary: $summary,
                explanation: $explanation,
            };
        )*

        /// Every rule, in the order of the reference page.
        pub static RULES: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    DEPRECATED_VARIABLE = "deprecated-variable", Warning,
        "a deprecated variable is set",
        "LocalStack warns at start-up about every deprecated variable whose *name* is present, \
         even with an empty value. The message says since which release it is deprecated and \
         whether the release in question still obeys it. Replace it by the variable named in the \
         help; where there is none, remove it.";
    IGNORED_VARIABLE = "ignored-variable", Warning,
        "a variable has no effect in this release",
        "The release that the answer is for does not read the variable, or reads it without \
         effect: it was removed earlier (`EDGE_PORT` since 3.0) or appeared later \
         (`GATEWAY_LISTEN` in 2.0). The value is not used and nothing in LocalStack says so.";
    SHADOWED_VARIABLE = "shadowed-variable", Warning,
        "a value lost to another one",
        "Two settings answer the same question and only one is used: a modern variable wins over \
         the legacy ones it replaces, and a source with higher precedence (environment over file) \
         wins over a lower one. The losing value is named so that it can be removed.";
    EMPTY_VALUE = "empty-value", Note,
        "an empty value, or port 0, counts as unset",
        "A legacy variable is present but empty, or a legacy port is 0. LocalStack 1.x took the \
         default; 2.x did not start with an empty port and bound a random port for 0. Such a \
         value is taken as unset. A common cause is a Compose file that passes \
         `EDGE_PORT=${EDGE_PORT-}`.";
    INVALID_VALUE = "invalid-value", Error,
        "a value cannot be read",
        "The value does not have the form that the variable needs. The label points at the part \
         that is wrong. The default is used instead, so that the rest of the answer stays useful; \
         most LocalStack releases would not start.";
    DOES_NOT_START = "does-not-start", Error,
        "this release does not start with these settings",
        "The release raises an exception while it loads its configuration, before anything \
         listens. The message is the one of its `ValueError`.";
    ABSORBED_LISTEN_ADDRESS = "absorbed-listen-address", Note,
        "a listen address is covered by another one",
        "The same port is already bound by a wildcard that covers the address (`0.0.0.0` covers \
         IPv4, `[::]` covers IPv4 and IPv6), or the address is listed twice. Binding it again \
         would fail with \"address in use\", so it is left out. Nothing becomes unreachable.";
    LISTEN_ADDRESS_NOT_BOUND = "listen-address-not-bound", Warning,
        "this release does not bind a listed address",
        "LocalStack 2.0 to 2.2 accept several entries in `GATEWAY_LISTEN` but bind the first one \
         only, with one line in the log. Use 2.3 or later for several addresses.";
    BIND_HOST_IGNORED = "bind-host-ignored", Note,
        "this release ignores the host part of a listen address",
        "Some releases bind another host than the one asked for. LocalStack 2.3 no longer uses \
         `EDGE_BIND_HOST` for the gateway. From 3.5 on the default web server (twisted) binds \
         IPv4 entries and names to `0.0.0.0`, whatever their host: an emulator that was meant for \
         loopback alone is reachable from the network.";
    LISTEN_PORT_ZERO = "listen-port-zero", Warning,
        "port 0 is listened on",
        "Port 0 asks the system for any free port. Nobody knows it beforehand, it changes with every \
         start, and it cannot be published, so no client arrives. Returned URLs carry port 0.";
    LOCALSTACK_HOST_MOVES_PORT = "localstack-host-moves-port", Warning,
        "in 2.x the port of `LOCALSTACK_HOST` becomes the listen port",
        "From 2.0 to 2.3 `LOCALSTACK_HOST` changes no URL. Its one effect is that, without \
         `GATEWAY_LISTEN`, its port becomes the port that the gateway binds. Set `GATEWAY_LISTEN` \
         as well to keep the listen port.";
    LISTEN_HOST_IS_NUMBER = "listen-host-is-number", Warning,
        "a bare number is read as a host",
        "An address without colon is a host: `GATEWAY_LISTEN=8080` binds port 4566 on a host \
         called `8080`. Write `:8080` for a port.";
    IPV6_WITHOUT_BRACKETS = "ipv6-without-brackets", Warning,
        "an IPv6 address has no brackets",
        "Without brackets all of `::1:4566` is one IPv6 address, and the port is the default one. It \
         is taken as that address here; LocalStack 2.0 to 2.2 take the default host instead, and \
         later releases do not start. Write `[::1]:4566`, which LocalStack reads since 4.0.";
    CONFLICTING_HOSTS = "conflicting-hosts", Warning,
        "`HOSTNAME_EXTERNAL` and `LOCALSTACK_HOSTNAME` differ",
        "Both legacy names are set, to different hosts. LocalStack used them for different \
         services; one `LOCALSTACK_HOST` replaces both. `HOSTNAME_EXTERNAL` is taken, because \
         clients saw it in the URLs of SNS and S3. Set `LOCALSTACK_HOST` to decide.";
    HOST_CARRIES_PORT = "host-carries-port", Warning,
        "a host variable also carries a port",
        "`HOSTNAME_EXTERNAL` and `LOCALSTACK_HOSTNAME` are hosts. LocalStack did not split \
         `ext.example:8443`, it returned `http://ext.example:8443:4566`. The port is split off \
         and used for `LOCALSTACK_HOST`.";
    LOCALHOST_IS_DEFAULT = "localhost-is-default", Note,
        "`localhost` counts as unset for legacy host variables",
        "`localhost` is the default of `HOSTNAME_EXTERNAL` and `LOCALSTACK_HOSTNAME`, and the \
         image of 1.x sets it. Mapping it to `LOCALSTACK_HOST=localhost` would mint names below \
         `localhost`, which no release did, so it is taken as unset.";
    SQS_PORT_EXTERNAL = "sqs-port-external", Warning,
        "`SQS_PORT_EXTERNAL` is not applied",
        "The variable changed the port in queue URLs and nothing else, with the host of \
         `HOSTNAME_EXTERNAL`. `LOCALSTACK_HOST` changes the port of every service, so it is never \
         applied silently. Either set `LOCALSTACK_HOST=HOST:PORT` together with \
         `SQS_ENDPOINT_STRATEGY=off`, which gives the same queue URLs, or remove it.";
    FORWARD_URL_DROPPED = "forward-url-dropped", Warning,
        "`EDGE_FORWARD_URL` has no successor",
        "Only the port of this URL was ever used, by the helper that forwards a privileged port. \
         Since 3.0 nothing reads it. Remove it; use `GATEWAY_LISTEN` to bind the port you need.";
    FALLBACK_USED = "fallback-used", Note,
        "an old name is used because its successor is unset",
        "The old name is read because the new one is unset, as 1.x and 2.x did. LocalStack 3 no \
         longer does so: rename the variable.";
    UNKNOWN_STRATEGY = "unknown-strategy", Warning,
        "an endpoint strategy has an unknown value",
        "The comparison is exact: case and, for SQS, surrounding space count. Any other word acts \
         like the fallback named in the message, without a warning from LocalStack.";
    IP_AS_URL_HOST = "ip-as-url-host", Warning,
        "`LOCALSTACK_HOST` is an IP address",
        "Services put labels in front of the host (`sqs.us-east-1.HOST`), which an IP address \
         cannot carry: the names do not resolve, and with IPv6 they are no valid URLs. This \
         project falls back to the path form of each service for such hosts. Use a name.";
    MISSPELT_NAME = "misspelt-name", Warning,
        "a name looks like a misspelt variable",
        "The name is unknown and one or two letters away from a known one. Names are case- \
         sensitive: `gateway_listen` is ignored.";
    INERT_PREFIXED_NAME = "inert-prefixed-name", Warning,
        "a prefixed name is never copied",
        "The image copies `LOCALSTACK_X` to `X` at start-up, except names that begin with \
         `LOCALSTACK_HOST`. There is no prefixed spelling of `HOSTNAME_EXTERNAL` and \
         `HOSTNAME_FROM_LAMBDA`: `LOCALSTACK_HOSTNAME_EXTERNAL` does nothing.";
    PREFIXED_NAME_OUTSIDE_IMAGE = "prefixed-name-outside-image", Note,
        "a prefixed name works inside the image only",
        "The image strips the prefix `LOCALSTACK_`; the CLI and an emulator that runs on the host \
         do not. With `localstack start`, `LOCALSTACK_GATEWAY_LISTEN` moves the listener inside \
         the container while the CLI still publishes the default port, so nothing answers; that \
         is an error. Set the name without prefix for those.";
    ENTRYPOINT_DIES = "entrypoint-dies", Error,
        "the image does not start with this name",
        "The image copies `LOCALSTACK_X` to `X` with the shell. A name with a character that a \
         shell name cannot have (`LOCALSTACK_a-b`) ends the entrypoint, and the container exits.";
    LAUNCHER_LOSES_BRACKETS = "launcher-loses-brackets", Error,
        "the CLI hands an IPv6 address on without brackets",
        "`localstack start` passes `GATEWAY_LISTEN` on as `host:port` without brackets. \
         `[::1]:4566` arrives as `::1:4566`, which the emulator refuses, and the container exits. \
         Start the container yourself, or listen on `0.0.0.0`.";
    LAUNCHER_PUBLISHES_WIDER = "launcher-publishes-wider", Warning,
        "the CLI publishes a port on another host than asked",
        "`localstack start` publishes every port on the host of the first entry of \
         `GATEWAY_LISTEN`. With `0.0.0.0:4566,127.0.0.1:443` port 443 is open to the network too.";
    DNS_NOT_DISABLED = "dns-not-disabled", Warning,
        "this spelling does not switch the DNS server off",
        "Exactly `0`, `false` and `False` disable the server. `FALSE` or ` 0` are taken as an \
         address.";
    DNS_SERVER_NOT_IP = "dns-server-not-ip", Warning,
        "the upstream DNS server is no IP address",
        "`DNS_SERVER` is not resolved: with a name, or with surrounding space, every forwarded \
         query fails.";
    CERTIFICATE_MAY_BE_REPLACED = "certificate-may-be-replaced", Warning,
        "LocalStack may overwrite the custom certificate",
        "A certificate at `CUSTOM_SSL_CERT_PATH` that is older than 24 hours is overwritten by \
         the download, unless `SKIP_SSL_CERT_DOWNLOAD=1`. Set both.";
    PORT_RANGE_INVERTED = "port-range-inverted", Warning,
        "the port range for services ends before it starts",
        "`EXTERNAL_SERVICE_PORTS_END` is below `EXTERNAL_SERVICE_PORTS_START`. LocalStack accepts \
         this and has no port to give.";
    NETWORK_NAME_HAS_SPACE = "network-name-has-space", Warning,
        "a network name keeps its surrounding space",
        "`MAIN_DOCKER_NETWORK`, and the items of `LAMBDA_DOCKER_NETWORK` after a comma, are not \
         stripped. Docker knows no network of that name.";
    RELEASE_NOT_OBSERVED = "release-not-observed", Note,
        "the behaviour of this release was not observed",
        "The table of facts covers 1.0.0 to 4.14.0. An older version is read like 1.0, a newer \
         one like 4.14.";
    BAD_LINE = "bad-line", Warning,
        "a line of a settings file cannot be read",
        "The line is skipped and the rest of the file is read, as the reader of that format does. \
         Check quotes and names.";
    BAD_FILE = "bad-file", Error,
        "a file cannot be read as its format",
        "The file is not valid in its format, or exceeds a limit that protects against hostile \
         input. The label points at the place.";
    MISSING_FILE = "missing-file", Error,
        "a file that another one names is missing",
        "`env_file:` or `extends:` names a file that cannot be read. Compose refuses to start in \
         this case, unless `required: false`.";
    PROFILE_NOT_READ = "profile-not-read", Note,
        "a profile is named and not part of the answer",
        "`CONFIG_PROFILE` names profiles of the LocalStack CLI, `~/.localstack/NAME.env`. They are read \
         when the environment that names them is the one of this process, or when `--profile` names \
         them. Inside a container LocalStack looks in the home folder of the container, where there is \
         usually none.";
    UNSET_IN_INTERPOLATION = "unset-in-interpolation", Warning,
        "a variable in an interpolation is not set",
        "Compose replaces it with an empty text and warns. An empty `GATEWAY_LISTEN` still counts \
         as set. Use a default, `${NAME:-value}`, or pass the name without value to hand it on \
         only if set.";
    PUBLISHED_NOT_LISTENED = "published-not-listened", Error,
        "a published port reaches no listener",
        "`ports:` maps a host port to a container port on which the gateway does not listen. \
         Connections are accepted by Docker and reset at once. Publish the listen port, or add \
         the port to `GATEWAY_LISTEN`. It is a warning where another entry reaches the gateway, \
         and a note for 443, which LocalStack's own Compose file publishes in every edition. DNS \
         and the port range of services are not looked at.";
    LISTENED_NOT_PUBLISHED = "listened-not-published", Note,
        "a listen port is not published",
        "The gateway listens on a port that `ports:` does not publish. Containers reach it, the \
         host does not.";
    URL_PORT_NOT_PUBLISHED = "url-port-not-published", Warning,
        "returned URLs carry a port that the host cannot reach",
        "Queue URLs and others carry the port of `LOCALSTACK_HOST`. No `ports:` entry publishes \
         that port, so URLs that work in containers fail on the host, or the other way round. The \
         second case is a note: it is harmless where containers do not use these URLs.";
    LISTEN_LOOPBACK_IN_CONTAINER = "listen-loopback-in-container", Error,
        "the gateway binds loopback inside its container",
        "An address such as `127.0.0.1:4566` inside a container is reachable from that container \
         alone: published ports and other containers do not arrive. LocalStack from 3.5 on hides \
         this by binding all interfaces, so it is a warning there, as it is where another listen \
         address can be reached; other releases and engines do not. Use `0.0.0.0`.";
    IMAGE_READS_DIFFERENTLY = "image-reads-differently", Error,
        "the image in use does something else than what is meant",
        "The tag of the image names a release of LocalStack that does not read these settings the way \
         they are meant: it binds other addresses, returns other URLs, or does not start. This is the \
         usual picture after an upgrade past 3.0, which ignores `EDGE_PORT` and its siblings without a \
         word. Set the modern variables that the other diagnostics name.";
    NO_SERVICE = "no-service", Error,
        "no LocalStack service was found in a Compose file",
        "No service uses an image that is known as LocalStack, or several do. Name one with \
         `--service`.";
    DNS_PATTERN_REFUSED = "dns-pattern-refused", Warning,
        "a pattern of names to resolve upstream cannot be used",
        "Patterns are Python regular expressions, matched at the start of the name. `lsconfig dns` \
         runs them in linear time and refuses what needs backtracking: look-around, \
         back-references, conditions, possessive and atomic groups. The pattern is left out and the \
         others are used. LocalStack answers no name of its own while one pattern is invalid.";
}

/// Returns the rule of a code.
#[must_use]
pub fn lookup(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_names() {
        for (n, rule) in RULES.iter().enumerate() {
            assert!(
                rule.code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                rule.code
            );
            assert!(
                RULES[..n].iter().all(|other| other.code != rule.code),
                "{}",
                rule.code
            );
            assert!(
                !rule.summary.ends_with('.') && rule.explanation.ends_with('.'),
                "{}",
                rule.code
            );
        }
    }
}
