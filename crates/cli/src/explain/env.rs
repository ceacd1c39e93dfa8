//! `explain --format env`: the normalized modern variables, ready for `source` or an env file.

use lsconfig::settings::{Basis, Resolution};
use lsconfig::source::dotenv::quote;

/// Renders one assignment for each variable: the addresses always, the others when they are set.
///
/// Secrets are left out; a comment says so.
pub(super) fn render(resolution: &Resolution) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name}={}\n", quote(value)));
    };
    let listen: Vec<String> = resolution.bind.iter().map(ToString::to_string).collect();
    line("GATEWAY_LISTEN", &listen.join(","));
    if let Some(host) = &resolution.localstack_host {
        line("LOCALSTACK_HOST", &host.value.to_string());
    }
    let mut secrets = Vec::new();
    for (variable, setting) in resolution.settings() {
        let set = matches!(setting.derivation.basis, Basis::Set | Basis::Fallback);
        let alive = variable.is_alive()
            && variable
                .lifecycle
                .deprecated
                .is_none_or(|d| d.delisted.is_some());
        if !set || !alive {
            continue;
        }
        let value = setting.value.to_string();
        if variable.secret || lsconfig::redact::redact(variable.name, &value) != value {
            secrets.push(variable.name);
        } else {
            line(variable.name, &value);
        }
    }
    for name in secrets {
        text.push_str(&format!("# {name} is set and secret; it is not printed\n"));
    }
    text
}
