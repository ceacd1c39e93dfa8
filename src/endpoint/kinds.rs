//! Every form of URL by name, for the command line and the recorded vectors.
//!
//! A row stands in the file of its service. [`mint`] checks the inputs of a row, then mints.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::minted::Minted;
use super::{EndpointConfig, Endpoints};
use crate::aws::{AccountId, NameError, Region};
use crate::release::Semantics;

/// One form of URL.
#[derive(Debug)]
pub struct Kind {
    /// The name in recorded vectors: `sqs.queue_url`.
    pub name: &'static str,
    /// The name on the command line: `sqs-queue`.
    pub cli: &'static str,
    /// One line for people, without full stop.
    pub help: &'static str,
    /// What it is made from.
    pub inputs: &'static [Input],
    pub(super) mint: for<'a> fn(Endpoints<'a>, &Inputs<'a>) -> MintedValue,
}

/// One input of a form.
#[derive(Debug)]
pub struct Input {
    /// The name, with underscores: `request_host`.
    pub name: &'static str,
    /// One line for people, without full stop.
    pub help: &'static str,
    /// What stands in when it is left out.
    pub absent: Absent,
    /// What its text has to be.
    pub check: Check,
}

/// What happens when an input is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Minting fails.
    Fails,
    /// This text is used.
    Default(&'static str),
    /// The configuration decides.
    Configured,
}

/// What the text of an input has to be.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// Any text.
    Text,
    /// A port, 0 to 65535.
    Port,
    /// A name by AWS's rules. Releases are more lenient, so this holds for normalized text only.
    Name(fn(&str) -> Result<(), NameError>),
    /// A region or an account, which releases check as well before a service sees them.
    Scope(fn(&str) -> Result<(), NameError>),
    /// One of a few words. Releases take any word, so this holds for normalized text only.
    OneOf(&'static [&'static str]),
}

impl Input {
    pub(super) const REGION: Self = Self {
        name: "region",
        help: "region, by default us-east-1",
        absent: Absent::Default("us-east-1"),
        check: Check::Scope(|text| Region::new(text).map(drop)),
    };
    pub(super) const ACCOUNT: Self = Self {
        name: "account",
        help: "account, by default 000000000000",
        absent: Absent::Default("000000000000"),
        check: Check::Scope(|text| AccountId::new(text).map(drop)),
    };

    pub(super) const fn text(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            absent: Absent::Fails,
            check: Check::Text,
        }
    }

    pub(super) const fn name(
        name: &'static str,
        help: &'static str,
        check: fn(&str) -> Result<(), NameError>,
    ) -> Self {
        Self {
            name,
            help,
            absent: Absent::Fails,
            check: Check::Name(check),
        }
    }

    pub(super) const fn optional(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            absent: Absent::Configured,
            check: Check::Text,
        }
    }

    pub(super) const fn strategy(values: &'static [&'static str]) -> Self {
        Self {
            name: "strategy",
            help: "strategy instead of the configured one",
            absent: Absent::Configured,
            check: Check::OneOf(values),
        }
    }

    pub(super) const fn defaulted(
        name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            help,
            absent: Absent::Default(default),
            check: Check::Text,
        }
    }

    pub(super) const fn port(help: &'static str) -> Self {
        Self {
            name: "port",
            help,
            absent: Absent::Configured,
            check: Check::Port,
        }
    }
}

/// The checked inputs of one form.
pub(super) struct Inputs<'a> {
    inputs: &'static [Input],
    read: &'a dyn Fn(&str) -> Option<&'a str>,
}

impl<'a> Inputs<'a> {
    /// Returns an input that may be absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        (self.read)(name)
    }

    /// Returns an input that is required or has a default.
    pub(super) fn text(&self, name: &str) -> &'a str {
        (self.read)(name).unwrap_or_else(|| {
            let input = self.inputs.iter().find(|input| input.name == name);
            match input.map(|input| input.absent) {
                Some(Absent::Default(default)) => default,
                _ => "",
            }
        })
    }

    /// Returns a port that may be absent.
    pub(super) fn port(&self) -> Option<u16> {
        (self.read)("port")?.parse().ok()
    }
}

/// What a form gives: mostly a text. Serialises as the JSON value of the same shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MintedValue {
    /// A URL, authority or name.
    Text(String),
    /// Several values.
    List(Vec<MintedValue>),
    /// Named values, in order.
    Object(Vec<(&'static str, MintedValue)>),
    /// A number, such as a status code or port.
    Number(i64),
    /// Nothing.
    Null,
}

impl From<Minted<'_>> for MintedValue {
    fn from(minted: Minted<'_>) -> Self {
        Self::Text(minted.to_url())
    }
}

impl From<&str> for MintedValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Serialize for MintedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Null => serializer.serialize_unit(),
        }
    }
}

/// Why a form cannot be minted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// An input is required and absent.
    #[error("`{kind}` needs `{input}`: {help}")]
    Missing {
        /// The form, as on the command line.
        kind: &'static str,
        /// The input.
        input: &'static str,
        /// What it is.
        help: &'static str,
    },
    /// An input is not a port.
    #[error("`{input}` is not a number from 0 to 65535: `{text}`")]
    Port {
        /// The input.
        input: &'static str,
        /// Its text.
        text: Box<str>,
    },
    /// An input is none of the words that it may be.
    #[error("`{text}` is no {input}; it is one of `{}`", values.join("`, `"))]
    Word {
        /// The input.
        input: &'static str,
        /// Its text.
        text: Box<str>,
        /// What it may be.
        values: &'static [&'static str],
    },
    /// An input breaks a rule of AWS.
    #[error("{0}")]
    Name(#[from] NameError),
}

/// Mints a form.
///
/// `input` gives the text of an input by name, or nothing.
///
/// # Errors
///
/// [`MintError`] for the first input, in the order of the row, that is missing or wrong.
pub fn mint<'a>(
    kind: &Kind,
    config: &'a EndpointConfig,
    input: &'a dyn Fn(&str) -> Option<&'a str>,
) -> Result<MintedValue, MintError> {
    for row in kind.inputs {
        match (input(row.name), row.check) {
            (None, _) if row.absent == Absent::Fails => {
                return Err(MintError::Missing {
                    kind: kind.cli,
                    input: row.name,
                    help: row.help,
                });
            }
            (Some(text), Check::Name(check)) if config.semantics == Semantics::Normalized => {
                check(text)?;
            }
            (Some(text), Check::Scope(check)) => check(text)?,
            (Some(text), Check::OneOf(values))
                if config.semantics == Semantics::Normalized && !values.contains(&text) =>
            {
                return Err(MintError::Word {
                    input: row.name,
                    text: text.into(),
                    values,
                });
            }
            (Some(text), Check::Port) if text.parse::<u16>().is_err() => {
                return Err(MintError::Port {
                    input: row.name,
                    text: text.into(),
                });
            }
            _ => {}
        }
    }
    let inputs = Inputs {
        inputs: kind.inputs,
        read: input,
    };
    Ok((kind.mint)(config.endpoints(), &inputs))
}

/// Iterates over every form, grouped by service.
pub fn all() -> impl Iterator<Item = &'static Kind> + Clone {
    const SERVICES: &[&[Kind]] = &[
        super::sqs::KINDS,
        super::s3::KINDS,
        super::lambda::KINDS,
        super::sns::KINDS,
        super::apigateway::KINDS,
        super::opensearch::KINDS,
        super::ec2::KINDS,
        super::cloudformation::KINDS,
        super::cloudfront::KINDS,
        super::elb::KINDS,
        super::ecr::KINDS,
        super::instance::KINDS,
        super::cognito::KINDS,
        super::appsync::KINDS,
        super::iot::KINDS,
        super::codeartifact::KINDS,
        super::mediastore::KINDS,
        super::internal::KINDS,
    ];
    SERVICES.iter().flat_map(|kinds| kinds.iter())
}

/// Returns the form of a name, in either spelling.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.name == name || kind.cli == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_inputs_have_help() {
        let mut names: Vec<&str> = all().flat_map(|kind| [kind.name, kind.cli]).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for kind in all() {
            assert!(
                !kind.help.is_empty() && !kind.help.ends_with('.'),
                "{}",
                kind.cli
            );
            for input in kind.inputs {
                assert!(!input.help.is_empty(), "{} {}", kind.cli, input.name);
            }
        }
    }

    #[test]
    fn every_file_of_a_service_is_registered() {
        let listed = include_str!("../endpoint.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        let not_services = ["cors", "kinds", "parse", "prefix"];
        for module in listed.filter(|module| !not_services.contains(module)) {
            let row = format!("super::{module}::KINDS,");
            assert!(include_str!("kinds.rs").contains(&row), "{row} is missing");
        }
    }

    #[test]
    fn wrong_inputs_are_named() {
        let config = EndpointConfig::default();
        let message = |kind: &str, pairs: &[(&str, &'static str)]| {
            let read = |name: &str| pairs.iter().find(|p| p.0 == name).map(|p| p.1);
            mint(lookup(kind).unwrap(), &config, &read).map_err(|e| e.to_string())
        };
        assert_eq!(
            message("sqs-queue", &[]),
            Err("`sqs-queue` needs `queue`: name of the queue".into())
        );
        assert_eq!(
            message("sqs.queue_url", &[("queue", "q"), ("account", "1")]),
            Err("account id `1` has 1 characters; exactly 12 are allowed".into())
        );
        assert_eq!(
            message("opensearch-endpoint", &[("domain", "dom"), ("port", "x")]),
            Err("`port` is not a number from 0 to 65535: `x`".into())
        );
        assert_eq!(
            message("ecr", &[("repository", "r"), ("strategy", "of")]),
            Err("`of` is no strategy; it is one of `domain`, `off`".into())
        );
    }

    #[test]
    fn releases_take_names_verbatim() {
        let version = crate::release::NEWEST_KNOWN;
        let config = EndpointConfig::new(EndpointConfig::default().authority, version);
        let read = |name: &str| (name == "queue").then_some("bad name");
        let url = mint(lookup("sqs-queue").unwrap(), &config, &read).unwrap();
        let expected = "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/bad name";
        assert_eq!(url, expected.into());
        // A region and an account pass the gateway before SQS sees them.
        let read = |name: &str| match name {
            "queue" => Some("q"),
            "region" => Some("no region"),
            _ => None,
        };
        assert!(mint(lookup("sqs-queue").unwrap(), &config, &read).is_err());
    }
}
