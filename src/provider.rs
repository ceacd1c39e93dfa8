//! The border to figment: any provider can be read into a layer, settings can be offered as one.
//!
//! figment types and merges values; this crate keeps texts and their origins. So figment stands at
//! the edges only. Environments do not come in this way: figment's own provider for them reads
//! `EDGE_PORT=04566` as the number 4566 and `GATEWAY_LISTEN=[::1]` as a list, and what was written is
//! lost. Use [`Layer::from_pairs`] or [`source::pairs`](crate::source::pairs) for them.

#[cfg(feature = "toml")]
mod table;

use figment::value::{Dict, Map, Num, Value};
use figment::{Error, Metadata, Profile, Provider, Source};

use crate::layer::{Layer, Origin, SourceKind};
use crate::settings::{self, Resolution};
use crate::variable;

#[cfg(feature = "toml")]
pub use table::{Table, remark};

/// The deepest nesting that is joined into one name; the longest name has seven words.
const MAX_DEPTH: usize = 8;

/// A provider does not give its data.
#[derive(Debug, thiserror::Error)]
#[error("{} gives no data", .provider)]
pub struct ProviderError {
    /// The provider's name for itself.
    pub provider: String,
    /// Its own error.
    #[source]
    pub source: Box<Error>,
}

/// Reads a provider into a layer.
///
/// Values of the default profile come first, then those of `profile`, then global ones; the last of
/// a name counts, as in figment. A key at the top level that names a known variable in any case sets
/// it, another one keeps its spelling. Nested keys are joined by `_` and count only when that gives a
/// known variable: `edge.port` sets `EDGE_PORT`. Values become texts: a number in decimal, a list
/// joined by commas. Empty values, and lists of lists, are left out.
///
/// The origin's source is the file or place that the provider names, else its own name; there are no
/// lines.
///
/// # Errors
///
/// [`ProviderError`] when the provider fails, for example on a file that is not valid.
pub fn layer(
    provider: &dyn Provider,
    profile: &Profile,
    kind: SourceKind,
) -> Result<Layer, ProviderError> {
    let metadata = provider.metadata();
    let source = match &metadata.source {
        Some(Source::File(path)) => path.display().to_string(),
        Some(Source::Custom(place)) => place.clone(),
        _ => metadata.name.to_string(),
    };
    let data = provider.data().map_err(|error| ProviderError {
        provider: metadata.name.to_string(),
        source: Box::new(error),
    })?;
    let origin = Origin::of_source(source);
    let mut layer = Layer::new(kind);
    let mut profiles = vec![Profile::Default, profile.clone(), Profile::Global];
    profiles.dedup();
    for dict in profiles.iter().filter_map(|profile| data.get(profile)) {
        for (key, value) in dict {
            add(&mut layer, key, value, &origin, 1);
        }
    }
    Ok(layer)
}

fn add(layer: &mut Layer, name: &str, value: &Value, origin: &Origin, depth: usize) {
    if let Value::Dict(_, nested) = value {
        for (key, value) in nested.iter().filter(|_| depth < MAX_DEPTH) {
            add(layer, &format!("{name}_{key}"), value, origin, depth + 1);
        }
        return;
    }
    let known = variable::lookup(&name.to_ascii_uppercase());
    let name = match known {
        Some(row) => row.name,
        None if depth == 1 => name,
        None => return,
    };
    if let Some(raw) = render(value) {
        layer.push(name, raw, origin.clone());
    }
}

fn render(value: &Value) -> Option<String> {
    match value {
        Value::Array(_, items) => items
            .iter()
            .map(scalar)
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(",")),
        value => scalar(value),
    }
}

fn scalar(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(_, text) => text.clone(),
        Value::Char(_, c) => c.to_string(),
        Value::Bool(_, on) => on.to_string(),
        Value::Num(_, number) => decimal(*number),
        Value::Empty(..) | Value::Dict(..) | Value::Array(..) => return None,
    })
}

fn decimal(number: Num) -> String {
    match (number.to_i128(), number.to_u128(), number.to_f64()) {
        (Some(n), ..) => n.to_string(),
        (_, Some(n), _) => n.to_string(),
        (_, _, Some(n)) => n.to_string(),
        (None, None, None) => String::new(),
    }
}

/// Settings as a provider of figment, for programs that take their configuration from one.
///
/// Keys are in lower case, as in figment's provider for environments: `gateway_listen`.
///
/// ```
/// use figment::Figment;
/// use lsconfig::provider::Settings;
///
/// let settings = Settings::new("lsconfig", [("EDGE_PORT", 4566)]);
/// let port: u16 = Figment::from(settings).extract_inner("edge_port")?;
/// assert_eq!(port, 4566);
/// # Ok::<(), Box<figment::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    name: String,
    pairs: Vec<(String, Value)>,
}

impl Settings {
    /// Makes a provider of names and values; `name` is what errors call it.
    pub fn new<N, V>(name: impl Into<String>, pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: Into<Value>,
    {
        let lower = |(name, value): (N, V)| (name.as_ref().to_ascii_lowercase(), value.into());
        Self {
            name: name.into(),
            pairs: pairs.into_iter().map(lower).collect(),
        }
    }
}

/// Offers the effective settings: `gateway_listen` as a list of addresses, `localstack_host` as an
/// address, every other variable by its type. Unset ones are left out.
impl From<&Resolution> for Settings {
    fn from(resolution: &Resolution) -> Self {
        let listen = resolution.gateway_listen.as_ref().map(|setting| {
            let addresses = setting.value.iter().map(ToString::to_string);
            ("GATEWAY_LISTEN", Value::from(addresses.collect::<Vec<_>>()))
        });
        let host = resolution.localstack_host.as_ref();
        let host = host.map(|setting| ("LOCALSTACK_HOST", Value::from(setting.value.to_string())));
        let others = resolution.settings().filter_map(|(variable, setting)| {
            let value = match &setting.value {
                settings::Value::Unset => return None,
                settings::Value::Flag(on) => Value::from(*on),
                settings::Value::Number(number) => match number.as_i64() {
                    Some(small) => Value::from(small),
                    None => Value::from(number.to_string()),
                },
                settings::Value::Text(text) => Value::from(&**text),
            };
            Some((variable.name, value))
        });
        let name = format!("settings of {}", resolution.semantics);
        Self::new(name, listen.into_iter().chain(host).chain(others))
    }
}

impl Provider for Settings {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let dict: Dict = self.pairs.iter().cloned().collect();
        Ok(Profile::Default.collect(dict))
    }
}

#[cfg(test)]
mod tests {
    use figment::providers::Serialized;

    use super::*;
    use crate::facts::Facts;
    use crate::layer::Layers;
    use crate::release::Semantics;
    use crate::resolve::resolve;

    #[track_caller]
    fn check(provider: &dyn Provider, expected: &str) {
        let layer = layer(provider, &Profile::from("dev"), SourceKind::File).unwrap();
        let shown: Vec<String> = layer
            .occurrences
            .iter()
            .map(|o| format!("{} {}={}", o.origin, o.name, o.raw))
            .collect();
        assert_eq!(shown.join("|"), expected);
    }

    fn settings(pairs: &[(&str, Value)]) -> Settings {
        Settings::new("s", pairs.iter().cloned())
    }

    #[test]
    fn values_become_texts() {
        check(
            &settings(&[
                ("a", "x y".into()),
                ("b", 80.into()),
                ("c", true.into()),
                ("d", 1.5.into()),
                ("e", 'x'.into()),
                ("f", vec![Value::from(":1"), Value::from(2)].into()),
                ("g", vec![vec![1]].into()),
                ("h", u128::MAX.into()),
            ]),
            "s a=x y|s b=80|s c=true|s d=1.5|s e=x|s f=:1,2|s h=340282366920938463463374607431768211455",
        );
    }

    #[test]
    fn nested_names_count_when_they_are_known() {
        let edge = Dict::from([("port".to_owned(), 1.into()), ("prot".to_owned(), 2.into())]);
        check(
            &settings(&[
                ("edge", edge.into()),
                ("Gateway_Listen", ":1".into()),
                ("foo", 3.into()),
            ]),
            "s EDGE_PORT=1|s foo=3|s GATEWAY_LISTEN=:1",
        );
        let mut deep = Value::from(1);
        for _ in 0..1000 {
            deep = Dict::from([("x".to_owned(), deep)]).into();
        }
        check(&settings(&[("x", deep)]), "");
    }

    struct Profiles;

    impl Provider for Profiles {
        fn metadata(&self) -> Metadata {
            Metadata::from("TOML file", std::path::Path::new("lsconfig.toml"))
        }

        fn data(&self) -> Result<Map<Profile, Dict>, Error> {
            let dict = |value: &str| Dict::from([("EDGE_PORT".to_owned(), value.into())]);
            Ok([
                (Profile::Global, dict("3")),
                (Profile::Default, dict("1")),
                (Profile::from("dev"), dict("2")),
                (Profile::from("prod"), dict("4")),
            ]
            .into_iter()
            .collect())
        }
    }

    #[test]
    fn the_chosen_profile_lies_between_default_and_global() {
        let file = "lsconfig.toml EDGE_PORT=";
        check(&Profiles, &format!("{file}1|{file}2|{file}3"));
    }

    /// figment's provider for environments parses every text as it does here.
    #[test]
    fn environment_texts_are_lost_in_figment() {
        for (written, kept) in [
            ("04566", "4566"),
            ("[::1]", "::1"),
            ("1.50", "1.5"),
            (" x ", "x"),
        ] {
            let value: Value = written.parse().unwrap();
            check(&settings(&[("a", value)]), &format!("s a={kept}"));
        }
    }

    #[test]
    fn failures_name_the_provider() {
        let error = layer(
            &Serialized::defaults(5),
            &Profile::Default,
            SourceKind::File,
        )
        .unwrap_err();
        assert!(error.to_string().ends_with("gives no data"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn effective_settings_extract_by_type() {
        let layer = Layer::from_pairs(
            SourceKind::File,
            "f",
            [("EDGE_PORT", "9000"), ("USE_SSL", "1")],
        );
        let layers: Layers = [layer].into_iter().collect();
        let resolution = resolve(&layers, &Facts::container(), Semantics::Normalized);
        let figment = figment::Figment::from(Settings::from(&resolution));
        let listen: Vec<String> = figment.extract_inner("gateway_listen").unwrap();
        assert_eq!(listen, ["0.0.0.0:9000"]);
        assert!(figment.extract_inner::<bool>("use_ssl").unwrap());
        assert_eq!(figment.extract_inner::<u16>("dns_port").unwrap(), 53);
        assert!(figment.find_value("dns_server").is_err());
    }
}
