//! What is done with a setting: one table, a row per kind of setting, a column per release line.
//!
//! Two promises are kept apart. *Safe* means that the same release has the same effective settings
//! before and after; the tool checks that by resolving both. Everything else that is offered changes
//! what runs today and is applied only when asked for.

use lsconfig::diagnostic::{Rule, Severity};
use lsconfig::release::TargetVersion;

use crate::image::{Product, Release};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Remove it; nothing changes.
    SafeDelete,
    /// Write it in the new names; nothing changes.
    SafeConvert,
    /// Remove it when asked.
    AskDelete,
    /// Write it in the new names when asked; what runs today changes.
    AskConvert,
    /// The release needs it; leave it.
    Keep,
    /// A person has to decide.
    Note,
}

impl Verdict {
    /// Returns a word for the reference page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SafeDelete => "remove",
            Self::SafeConvert => "convert",
            Self::AskDelete => "remove (unsafe)",
            Self::AskConvert => "convert (unsafe)",
            Self::Keep => "keep",
            Self::Note => "note",
        }
    }

    /// Returns the verdict where safety cannot be claimed.
    #[must_use]
    pub fn asked(self) -> Self {
        match self {
            Self::SafeDelete => Self::AskDelete,
            Self::SafeConvert => Self::AskConvert,
            other => other,
        }
    }
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Before 2.0: the new names are unknown there.
    Before2,
    /// 2.0 to 2.2.
    V20,
    /// 2.3.
    V23,
    /// 3.0 and later, and tags that move.
    V3,
    /// An image of LocalStack of unknown release, or a CLI of unknown version.
    Unknown,
    /// An image that somebody else builds.
    Custom,
}

impl Column {
    /// All columns, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Before2,
        Self::V20,
        Self::V23,
        Self::V3,
        Self::Unknown,
        Self::Custom,
    ];

    /// Returns the heading of the column.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Before2 => "before 2.0",
            Self::V20 => "2.0 to 2.2",
            Self::V23 => "2.3",
            Self::V3 => "3.0 and later, moving tags",
            Self::Unknown => "unknown release",
            Self::Custom => "custom image",
        }
    }

    /// Returns the column of a release.
    #[must_use]
    pub fn of(product: &Product, release: &Release) -> Self {
        match release.version() {
            Some(version) => Self::of_version(version),
            None if *product == Product::Custom => Self::Custom,
            None => Self::Unknown,
        }
    }

    /// Returns the column of a known release.
    #[must_use]
    pub fn of_version(version: TargetVersion) -> Self {
        match (version.major, version.minor) {
            (0..=1, _) => Self::Before2,
            (2, 0..=2) => Self::V20,
            (2, _) => Self::V23,
            _ => Self::V3,
        }
    }
}

/// A row: a kind of setting, and what to do with it in each release line.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    /// Code, severity and text, as for every diagnostic.
    pub rule: Rule,
    /// One verdict per column of [`Column::ALL`].
    pub verdicts: [Verdict; 6],
}

impl Decision {
    /// Returns the verdict of a column.
    #[must_use]
    pub fn verdict(&self, column: Column) -> Verdict {
        let at = Column::ALL.iter().position(|c| *c == column).unwrap_or(0);
        self.verdicts.get(at).copied().unwrap_or(Verdict::Note)
    }
}

macro_rules! decisions {
    ($($id:ident = $code:literal, $severity:ident, [$($verdict:ident),*], $summary:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $summary, ".")]
            pub static $id: Decision = Decision {
                rule: Rule {
                    code: $code,
                    severity: Severity::$severity,
                    summary: $summary,
                    explanation: $explanation,
                },
                verdicts: [$(Verdict::$verdict),*],
            };
        )*

        /// Every row, in the order of the reference page.
        pub static DECISIONS: &[&Decision] = &[$(&$id),*];
    };
}

decisions! {
    DEFAULT_SETTING = "default-setting", Warning,
        [SafeDelete, SafeDelete, SafeDelete, SafeDelete, SafeDelete, AskDelete],
        "a legacy setting has the value that every release takes anyway",
        "`EDGE_PORT=4566` and `HOSTNAME_EXTERNAL=localhost` are the defaults of every release that \
         reads them, so the line says nothing. It is removed, unless a script in the container or in \
         the same shell reads the variable.";
    DEFAULT_HOSTNAME = "default-hostname", Warning,
        [Keep, SafeDelete, SafeDelete, SafeDelete, Note, AskDelete],
        "`LOCALSTACK_HOSTNAME=localhost` is the default",
        "From 2.0 on the default says the same. Images before 2.0 set the variable for init scripts \
         as well, so the line stays there.";
    CLOUD_NAME = "cloud-name", Warning,
        [Keep, AskDelete, AskDelete, SafeDelete, AskDelete, AskDelete],
        "a legacy host name is `localhost.localstack.cloud`",
        "From 3.0 on this is the default host of returned URLs, so the line is not needed. Before 3.0 \
         the default was `localhost` for the URLs that follow this variable.";
    EDGE_PORT = "edge-port", Warning,
        [Keep, SafeConvert, SafeConvert, AskConvert, Note, Note],
        "`EDGE_PORT` sets a port of its own",
        "In 2.x `GATEWAY_LISTEN=0.0.0.0:PORT` binds the same socket and returns the same URLs. From 3.0 \
         on `EDGE_PORT` is ignored and the server listens on 4566: the new name revives the port that \
         was meant, removal makes today's behaviour permanent. Ports, probes and URLs that name the \
         port are listed.";
    EDGE_PORT_PAIR = "edge-port-pair", Warning,
        [Keep, Keep, AskConvert, AskConvert, Note, Note],
        "`EDGE_PORT` and `EDGE_PORT_HTTP` set two ports",
        "From 2.3 on one `GATEWAY_LISTEN` binds both. In 2.3 the URLs of OpenSearch domains and S3 \
         buckets name `EDGE_PORT` and all others `EDGE_PORT_HTTP`; afterwards all name the first \
         port of the list, which is why the edit asks. Releases 2.0 to 2.2 bind only the first entry \
         of `GATEWAY_LISTEN`, so the legacy names stay there.";
    EDGE_BIND_HOST = "edge-bind-host", Warning,
        [Keep, SafeConvert, AskConvert, AskConvert, Note, Note],
        "`EDGE_BIND_HOST` sets the host that the gateway binds",
        "Up to 2.2 it counts. 2.3 no longer uses it for the gateway and 3.0 no longer reads it: the \
         server then listens on its default. `GATEWAY_LISTEN=HOST:PORT` says what was meant.";
    HOSTNAME_EXTERNAL = "hostname-external", Warning,
        [Keep, AskConvert, AskConvert, AskConvert, Note, Note],
        "`HOSTNAME_EXTERNAL` names the host of returned URLs",
        "From 3.0 on it is ignored and `LOCALSTACK_HOST` takes its place; 2.x never linked the two. \
         Converting changes URLs: queue URLs become `http://sqs.REGION.HOST:4566/...`, and the DNS of \
         Docker does not know names below a service name. `SQS_ENDPOINT_STRATEGY=path` (or `dynamic` \
         from 3.2 on) keeps the plain host; `--sqs-strategy` writes that line too.";
    LOCALSTACK_HOSTNAME = "localstack-hostname", Warning,
        [Keep, AskConvert, AskConvert, AskConvert, Note, Note],
        "`LOCALSTACK_HOSTNAME` names the host of returned URLs on the server",
        "From 3.0 on the server ignores it and `LOCALSTACK_HOST` takes its place. Functions still \
         receive a variable of this name; code that reads it is not touched.";
    AGREEING_PORTS = "agreeing-ports", Warning,
        [Keep, SafeDelete, SafeDelete, SafeDelete, AskDelete, AskDelete],
        "a legacy port says the same as `GATEWAY_LISTEN`",
        "From 2.0 on an explicit `GATEWAY_LISTEN` wins, so the legacy line is not read. Images before \
         2.0 know only the legacy name; both lines together serve both.";
    AGREEING_HOSTS = "agreeing-hosts", Warning,
        [Keep, AskDelete, AskDelete, SafeDelete, AskDelete, AskDelete],
        "a legacy host says the same as `LOCALSTACK_HOST`",
        "From 3.0 on only `LOCALSTACK_HOST` is read. In 2.x the S3 `Location` header still follows the \
         legacy name.";
    DIFFERING_NAMES = "differing-names", Warning,
        [Note, Note, Note, SafeDelete, Note, Note],
        "a legacy setting and its successor say different things",
        "From 3.0 on only the successor is read, so removing the legacy line changes nothing; look \
         whether the other value was the one that was meant. Before that a person has to choose.";
    CONFLICTING_HOSTNAMES = "conflicting-hostnames", Warning,
        [Note, Note, Note, Note, Note, Note],
        "`HOSTNAME_EXTERNAL` and `LOCALSTACK_HOSTNAME` say different things",
        "One `LOCALSTACK_HOST` replaces both, and only a person knows which of the two is meant.";
    HOST_WITH_SCHEME = "host-with-scheme", Warning,
        [Keep, AskConvert, AskConvert, AskConvert, Note, Note],
        "a host variable holds a scheme or path",
        "`LOCALSTACK_HOST=http://name` stops 2.3 and later from starting. The scheme and path are left \
         out when the setting is converted.";
    EXTERNAL_PORT = "external-port", Warning,
        [Keep, Keep, Keep, AskDelete, Note, Note],
        "`SQS_PORT_EXTERNAL` or a relative of it is set",
        "Only the one of SQS was ever read, up to 2.3, for queue URLs. From 3.0 on the port belongs to \
         `LOCALSTACK_HOST`, which changes the URLs of every service.";
    FORWARD_URL = "forward-url", Warning,
        [Keep, Keep, Keep, AskDelete, Note, Note],
        "`EDGE_FORWARD_URL` is set",
        "Only its port was ever used. From 3.0 on nothing reads it and nothing replaces it.";
    NAME_PATTERNS = "name-patterns", Warning,
        [Note, Keep, Keep, AskConvert, Note, Note],
        "`DNS_LOCAL_NAME_PATTERNS` has a new name",
        "It is called `DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM` since 3.1. The old name still works.";
    SEARCH_STRATEGY = "search-strategy", Warning,
        [Keep, AskConvert, AskConvert, AskConvert, Note, Note],
        "`ES_ENDPOINT_STRATEGY` has a new name",
        "It is called `OPENSEARCH_ENDPOINT_STRATEGY`; up to 2.3 the old name was read where the new one \
         was unset.";
    INERT_PREFIX = "inert-prefix", Warning,
        [Note, Note, Note, Note, Note, Note],
        "a prefixed name that was never read",
        "The image strips `LOCALSTACK_` from names, except from those that begin with \
         `LOCALSTACK_HOST`. `LOCALSTACK_HOSTNAME_EXTERNAL` never did anything.";
    NO_VALUE = "no-value", Warning,
        [Note, Note, Note, Note, Note, Note],
        "a legacy name is passed on without a value",
        "The value comes from the shell or `.env` at run time. Set the new name there, then pass that.";
    REPEATED_SETTING = "repeated-setting", Warning,
        [Note, Note, Note, Note, Note, Note],
        "a legacy name is set more than once",
        "The last one counts. Removing one of several changes which one is last, so nothing is edited.";
    STRAY_SETTING = "stray-setting", Warning,
        [Note, Note, Note, Note, Note, Note],
        "a LocalStack setting stands on a container that never reads it",
        "The container is a database or the like. The line does nothing and can go.";
    NO_OWNER = "no-owner", Note,
        [Note, Note, Note, Note, Note, Note],
        "a file of settings holds a legacy name and nothing shows who loads it",
        "Whose variable it is depends on what loads the file: the server, an interpolation in Compose, \
         or an application.";
    INJECTED_NAME = "injected-name", Note,
        [Note, Note, Note, Note, Note, Note],
        "code reads a variable that LocalStack injects",
        "Functions still receive `LOCALSTACK_HOSTNAME` and `EDGE_PORT`. Both are deprecated for \
         `AWS_ENDPOINT_URL`; use that when it is set. Code is never edited.";
    TEST_CONTAINER = "test-container", Note,
        [Note, Note, Note, Note, Note, Note],
        "code sets a legacy name on a test container",
        "The modules for test containers set host names themselves, by the tag of the image. From 2.0 \
         on remove the line by hand.";
    PRODUCED_TEXT = "produced-text", Note,
        [Note, Note, Note, Note, Note, Note],
        "a legacy name stands in text that becomes another file",
        "A heredoc or the like writes a Compose file or script. It is reported and not edited.";
    INIT_HOOK = "init-hook", Note,
        [Note, Note, Note, Note, Note, Note],
        "an init hook exports a server setting",
        "Hooks run when the server is already up: the export has no effect on it.";
    KEPT_BY_ENGINE = "kept-by-engine", Note,
        [Note, Note, Note, Note, Note, Note],
        "another engine reads the name as LocalStack did",
        "With `--to` and the name of an engine: the setting keeps its meaning there.";
    LOST_ON_ENGINE = "lost-on-engine", Warning,
        [Note, Note, Note, Note, Note, Note],
        "another engine does not keep the meaning of a setting",
        "With `--to` and the name of an engine: it sets the name itself, or nothing is known of how it \
         reads it. Nothing is edited; an older name that it honours is named where there is one.";
    FIX_WITHDRAWN = "fix-withdrawn", Note,
        [Note, Note, Note, Note, Note, Note],
        "an edit did not pass its own proof",
        "The file was read and resolved again after the edit, and something else than announced had \
         changed. The edit is not offered. Please report this.";
    UNREADABLE_FILE = "unreadable-file", Warning,
        [Note, Note, Note, Note, Note, Note],
        "a file could not be read",
        "The file holds one of the names but is no valid text of its format, or could not be opened. It \
         is not edited.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_names() {
        for (n, row) in DECISIONS.iter().enumerate() {
            let code = row.rule.code;
            assert!(
                code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{code}"
            );
            assert!(
                DECISIONS[..n].iter().all(|other| other.rule.code != code),
                "{code}"
            );
            let root = lsconfig::diagnostic::codes::RULES.iter();
            assert!(
                root.clone().all(|rule| rule.code != code),
                "{code} is taken"
            );
            assert!(
                row.rule.explanation.ends_with('.') && !row.rule.summary.ends_with('.'),
                "{code}"
            );
        }
    }

    #[test]
    fn nothing_is_edited_before_2_0_except_defaults() {
        for row in DECISIONS {
            let verdict = row.verdict(Column::Before2);
            let edits = !matches!(verdict, Verdict::Keep | Verdict::Note);
            assert_eq!(
                edits,
                row.rule.code == "default-setting",
                "{}",
                row.rule.code
            );
        }
    }

    #[test]
    fn nothing_but_defaults_is_safe_on_unknown_releases() {
        for row in DECISIONS {
            let safe = |c| matches!(row.verdict(c), Verdict::SafeDelete | Verdict::SafeConvert);
            assert_eq!(
                safe(Column::Unknown),
                row.rule.code == "default-setting",
                "{}",
                row.rule.code
            );
            assert!(!safe(Column::Custom), "{}", row.rule.code);
        }
    }
}
