//! `explain --format env`: the normalized modern variables, ready for `source` or an env file.

use lsconfig::settings::{Basis, Resolution};
use lsconfig::source::dotenv::quote;

/// Renders one assignment for each variable: the addresses always, the others when they are set.
///
/// What holds a secret is left out; a comment names it and says what to do.
pub(super) fn render(resolution: &Resolution) -> String {
    let mut text = String::new();
    let mut left_out: Vec<&str> = Vec::new();
    let mut add = |name: &'static str, value: &str, secret: bool| {
        if secret || resolution.shown(value) != value {
            left_out.push(name);
        } else {
            text.push_str(&format!("{name}={}\n", quote(value)));
        }
    };
    let listen: Vec<String> = resolution.bind.iter().map(ToString::to_string).collect();
    add("GATEWAY_LISTEN", &listen.join(","), false);
    if let Some(host) = &resolution.localstack_host {
        add("LOCALSTACK_HOST", &host.value.to_string(), false);
    }
    for (variable, setting) in resolution.settings() {
        let set = matches!(setting.derivation.basis, Basis::Set | Basis::Fallback);
        let alive = variable.is_alive()
            && variable
                .lifecycle
                .deprecated
                .is_none_or(|d| d.delisted.is_some());
        if set && alive {
            add(variable.name, &setting.value.to_string(), variable.secret);
        }
    }
    for name in left_out {
        text.push_str(&format!(
            "# {name} holds a secret and is not printed; add it by hand\n"
        ));
    }
    text
}
