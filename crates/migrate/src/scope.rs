//! What a file sets, and for whom: the answer of every format.
//!
//! A [`Document`] holds [`Scope`]s: one container, one command, one file of settings. Whose variable
//! a name is follows from the scope and its [`Owner`], never from the name alone.

use std::ops::Range;

use crate::image::{Image, Release};
use crate::slots::{Block, Slot};

/// Everything that one file says.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The scopes in the order of the file.
    pub scopes: Vec<Scope>,
    /// The lists and mappings that settings stand in; [`Slot`]s point here.
    pub blocks: Vec<Block>,
    /// Why the file was not read further, if it was not.
    pub broken: Option<String>,
    /// Places that read one of the names or are worth a remark, without being a setting.
    pub remarks: Vec<Remark>,
}

/// A place that is reported and never edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What kind of place it is.
    pub kind: RemarkKind,
    /// The name that stands there.
    pub name: String,
    /// Its bytes.
    pub span: Range<usize>,
}

/// Kinds of places that are reported and never edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemarkKind {
    /// Application code that reads a variable which LocalStack injects.
    Reader,
    /// Code that sets a variable for a test container of LocalStack.
    TestContainer,
    /// Text that produces another file, for example a heredoc with a Compose file.
    Produced,
    /// Code that sets a variable on a container of other software.
    StrayCode,
    /// An export in a script that runs inside the server, too late to count.
    InitHook,
}

/// Whose settings these are, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A container of LocalStack.
    Server(Image),
    /// The CLI on the host, `localstack start`; its own version decides.
    Cli(Release),
    /// A container that never reads the names: a database, a mail server.
    Stray(Image),
    /// Settings in a file of their own; the project says who loads it.
    File,
    /// Another container or process.
    Other,
}

/// One container, command or file of settings.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Where it stands, for people: `services.localstack`, `docker run`.
    pub label: String,
    /// The scope that loads it, for a file of settings whose loader is known.
    pub loaded_by: Option<String>,
    /// The image as written, where there is one.
    pub image: Option<String>,
    /// Whose settings these are.
    pub owner: Owner,
    /// Whether the process runs in a container.
    pub in_container: bool,
    /// The settings in the order of the file.
    pub settings: Vec<Setting>,
    /// Files of settings that it loads, below its own settings.
    pub env_files: Vec<String>,
    /// Container ports that are published or probed, as texts of digits.
    pub ports: Vec<String>,
    /// Whether published ports hold an expression.
    pub expands_ports: bool,
    /// Names under which other containers reach it.
    pub aliases: Vec<String>,
    /// The folder and the Dockerfile that its image is built from, if it is built here.
    pub build: Option<Build>,
    /// The service of Compose that it extends.
    pub extends: Option<Extends>,
    /// Settings that come from what it extends, the lowest first.
    pub inherited: Vec<(String, String)>,
    /// Whether it is a container of Kubernetes, with the names of a cluster around it.
    pub in_cluster: bool,
    /// Host paths that are mounted into the container.
    pub mounts: Vec<String>,
    /// Why nothing here is edited without asking, if so.
    pub shared: Option<&'static str>,
    /// Why nothing here is edited at all, if so.
    pub sealed: Option<&'static str>,
}

impl Scope {
    /// An empty scope.
    #[must_use]
    pub fn new(label: impl Into<String>, owner: Owner) -> Self {
        Self {
            label: label.into(),
            loaded_by: None,
            image: None,
            owner,
            in_container: true,
            settings: Vec::new(),
            env_files: Vec::new(),
            ports: Vec::new(),
            expands_ports: false,
            aliases: Vec::new(),
            build: None,
            extends: None,
            inherited: Vec::new(),
            in_cluster: false,
            mounts: Vec::new(),
            shared: None,
            sealed: None,
        }
    }
}

/// What an image is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder, as written.
    pub context: String,
    /// The Dockerfile in it, where one is named.
    pub dockerfile: Option<String>,
}

/// A service that another one is based on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extends {
    /// The file, as written, where it is another one.
    pub file: Option<String>,
    /// The name of the service.
    pub service: String,
}

/// One variable set in a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name as written.
    pub name: String,
    /// Its bytes.
    pub name_span: Range<usize>,
    /// The value after unquoting; `None` where it comes from elsewhere (`-e NAME`).
    pub value: Option<String>,
    /// The bytes between the quotes of the value, or of the value itself.
    pub value_span: Range<usize>,
    /// How the value is written.
    pub writing: Writing,
    /// How the item is removed.
    pub slot: Slot,
}

impl Setting {
    /// Returns whether the value holds an expression that something else replaces.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.value.as_deref().is_none_or(is_dynamic)
    }
}

/// Returns whether a value holds an expression.
#[must_use]
pub fn is_dynamic(value: &str) -> bool {
    value.contains(['$', '`', '%']) || value.contains("{{") || value.contains("<<")
}

/// How a value is written, which says what can be put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Inside quotes, or where any address can stand.
    Free,
    /// A plain YAML value in a block mapping: quoted when it would begin with a bracket.
    Plain,
    /// A plain YAML value in a flow mapping: quoted when it holds a comma or bracket.
    Flow,
    /// Part of a plain YAML text in a flow list, or of a shell word: no comma, bracket or space.
    Bare,
    /// A shell word or the like: no bracket.
    Word,
    /// Not written here at all, or in a way that is not edited.
    Fixed,
}

impl Writing {
    /// Returns `value` as it is written here, if it can be.
    #[must_use]
    pub fn encode(self, value: &str) -> Option<String> {
        let brackets = value.contains(['[', ']']);
        let comma = value.contains(',');
        match self {
            Self::Free => Some(value.to_owned()),
            Self::Plain if value.starts_with('[') => Some(format!("\"{value}\"")),
            Self::Plain => Some(value.to_owned()),
            Self::Flow if brackets || comma => Some(format!("\"{value}\"")),
            Self::Flow => Some(value.to_owned()),
            Self::Bare if brackets || comma => None,
            Self::Word if brackets => None,
            Self::Bare | Self::Word => Some(value.to_owned()),
            Self::Fixed => None,
        }
    }
}
