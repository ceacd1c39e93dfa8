//! What Compose refuses, in words for the author of the file: what is wrong, what was expected,
//! and the fix.

use std::borrow::Cow;

use crate::diagnostic::{Diagnostic, Label, codes};
use crate::layer::Origin;
use crate::source::compose_dotenv::{DotenvError, DotenvErrorKind};
use crate::source::interpolate::{InterpolateError, InterpolateErrorKind};
use crate::source::yaml::{YamlErrorKind, words};

/// Something in a file that Compose refuses.
#[derive(Debug)]
pub(super) enum Fault<'a> {
    /// The file is no YAML.
    Yaml(&'a YamlErrorKind),
    /// A dotenv file of the project is broken.
    Dotenv(&'a DotenvError),
    /// A reference such as `${NAME}` is broken.
    Interpolation(&'a InterpolateError),
    /// A limit against hostile input; holds what was exceeded.
    Limit(String),
    /// The file is a list or a text.
    TopLevel,
    /// `services:` is a list or a text.
    Services,
    /// A service is a list or a text.
    Service(&'a str),
    /// `environment:` is a text.
    Environment,
    /// An item of `environment:` is a mapping, a number and so on.
    EnvironmentItem,
    /// The value of a variable is a list or a mapping.
    VariableValue(&'a str),
    /// The name of a variable ends with a space: `NAME : value` in a list.
    NameEndsWithSpace(&'a str),
    /// `ports:` is a text or a mapping.
    Ports,
    /// An entry of `ports:` is refused; the entry, where it is a text, and why.
    Port(Option<&'a str>, String),
    /// A key is a list or a mapping.
    KeyForm,
    /// A key is a number, a boolean or null.
    KeyIsNoText(&'a str),
    /// A key occurs twice in one mapping.
    KeyTwice(&'a str),
    /// `<<:` has a value that cannot be merged.
    MergeKey,
    /// A file says a list where the file below it says a text, and the like.
    MergedForm,
    /// An item of `include:` has no path.
    IncludeWithoutPath,
    /// A file includes itself.
    IncludeCycle,
    /// `extends:` names no service.
    ExtendsNothing,
    /// `extends:` names a service that is not there.
    ExtendsMissing(&'a str),
    /// A service extends itself.
    ExtendsCycle,
    /// An item of `env_file:` has no path.
    EnvFileWithoutPath,
    /// An item of `extra_hosts:` has no address.
    ExtraHost,
}

impl Fault<'_> {
    /// Makes the diagnostic for a place.
    pub(super) fn at(&self, origin: Origin) -> Diagnostic {
        let (problem, expected, help) = self.words();
        let file = match self {
            Self::Dotenv(_) => "env",
            _ => "Compose",
        };
        let message = format!("invalid {file} file: {problem}");
        let mut diagnostic =
            Diagnostic::new(&codes::BAD_FILE, message).label(Label::at(origin, expected));
        diagnostic.help = help.map(Cow::Borrowed);
        diagnostic
    }

    /// Returns what is wrong, what was expected, and the fix.
    fn words(&self) -> (Cow<'static, str>, Cow<'static, str>, Option<&'static str>) {
        let (problem, expected, help): (Cow<'static, str>, &'static str, _) = match self {
            Self::Yaml(YamlErrorKind::Syntax(said)) => {
                let words = words::plain(said);
                return (
                    words
                        .problem
                        .map_or_else(|| said.to_string().into(), Cow::Borrowed),
                    words.expected.into(),
                    Some(words.help),
                );
            }
            Self::Yaml(kind) => (
                kind.to_string().into(),
                "not read any further",
                "a hand-written file stays far below this; is it the right file?",
            ),
            Self::Dotenv(error) => {
                let help = match error.kind {
                    DotenvErrorKind::Interpolate(ref error) => interpolation_help(&error.kind),
                    _ => "a line is `NAME=value`, with quotes around a value that has spaces",
                };
                return (error.to_string().into(), "here".into(), Some(help));
            }
            Self::Interpolation(error) => {
                let help = interpolation_help(&error.kind);
                return (error.to_string().into(), "here".into(), Some(help));
            }
            Self::Limit(what) => (
                what.clone().into(),
                "not read any further",
                "real projects stay far below this; is it the right file?",
            ),
            Self::TopLevel => (
                "it does not consist of keys and values".into(),
                "expected `services:`",
                "begin the file with `services:` and put the services below, indented",
            ),
            Self::Services => (
                "`services` holds no services".into(),
                "expected names of services, each with a colon",
                "write `services:`, and below it, indented, `localstack:`",
            ),
            Self::Service(name) => (
                format!("service `{name}` holds no settings").into(),
                "expected keys such as `image:`",
                "put `image:`, `environment:` and so on below the name, indented",
            ),
            Self::Environment => (
                "`environment` is a single text".into(),
                "expected a list or a mapping",
                "put each variable on a line of its own below `environment:`, as `- NAME=value`",
            ),
            Self::EnvironmentItem => (
                "an item of `environment` is no text".into(),
                "expected `NAME=value`",
                "write `- NAME=value`; to write `NAME: value`, leave out the dashes of all items",
            ),
            Self::VariableValue(name) => (
                format!("the value of `{name}` is a list or a mapping").into(),
                "expected one text or number",
                "join several addresses with commas, in quotes: `\"0.0.0.0:4566,0.0.0.0:443\"`",
            ),
            Self::NameEndsWithSpace(name) => (
                format!("the name `{name}` ends with a space").into(),
                "expected `=` right after the name",
                "remove the space before the `=`",
            ),
            Self::Ports => (
                "`ports` is no list".into(),
                "expected a list",
                "write `ports:`, and below it `- \"4566:4566\"`",
            ),
            Self::Port(shown, why) => {
                let problem = match shown {
                    Some(shown) => format!("the port `{shown}` is refused: {why}").into(),
                    None => why.clone().into(),
                };
                (
                    problem,
                    "expected `HOST:CONTAINER`",
                    "for example `\"4566:4566\"`, `\"127.0.0.1:4566:4566\"` or `\"4510-4559:4510-4559\"`; \
                     a port is a number from 1 to 65535",
                )
            }
            Self::KeyForm => (
                "a key is a list or a mapping".into(),
                "expected a name",
                "a `?`, `[` or `{` at the start of a line begins no name; put it in quotes",
            ),
            Self::KeyIsNoText(name) => (
                format!("the key `{name}` is no text").into(),
                "expected a name",
                "put it in quotes",
            ),
            Self::KeyTwice(name) => (
                format!("the key `{name}` occurs twice").into(),
                "already set above",
                "remove one of the two, or merge what stands below them",
            ),
            Self::MergeKey => (
                "`<<` cannot be merged".into(),
                "expected a mapping, or a list of mappings",
                "write `<<: *NAME`, where `&NAME` marks a mapping",
            ),
            Self::MergedForm => (
                "this value has another form than the one it is merged with".into(),
                "a list, a mapping and a text cannot be merged",
                "write it in the same form in both files",
            ),
            Self::IncludeWithoutPath => (
                "an item of `include` names no file".into(),
                "expected a path",
                "write `- path/to/compose.yaml`",
            ),
            Self::IncludeCycle => (
                "the file includes itself".into(),
                "includes a file that is being read",
                "remove the `include` that closes the circle",
            ),
            Self::ExtendsNothing => (
                "`extends` names no service".into(),
                "expected the name of a service",
                "write `extends: NAME`, or `service: NAME` below it",
            ),
            Self::ExtendsMissing(name) => (
                format!("service `{name}`, which is extended, does not exist").into(),
                "no service of this name",
                "correct the name, or name its file with `file:`",
            ),
            Self::ExtendsCycle => (
                "the service extends itself".into(),
                "extends a service that extends this one",
                "remove the `extends` that closes the circle",
            ),
            Self::EnvFileWithoutPath => (
                "an item of `env_file` names no file".into(),
                "expected a path",
                "write `- ./localstack.env`",
            ),
            Self::ExtraHost => (
                "an item of `extra_hosts` has no address".into(),
                "expected `NAME=ADDRESS`",
                "write `- \"aws.local=172.17.0.1\"`",
            ),
        };
        (problem, expected.into(), Some(help))
    }
}

fn interpolation_help(kind: &InterpolateErrorKind) -> &'static str {
    match kind {
        InterpolateErrorKind::Malformed => {
            "write `${NAME}` or `${NAME:-default}`; a `$` that is meant as such is written `$$`"
        }
        InterpolateErrorKind::Required { .. } => {
            "set it in the environment or in `.env`, or give a default: `${NAME:-default}`"
        }
        InterpolateErrorKind::TooDeep | InterpolateErrorKind::TooLong => {
            "real files stay far below this limit; is it the right file?"
        }
    }
}
