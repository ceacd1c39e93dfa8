//! Annotations of GitHub workflows: one command in the log for each finding.

use lsconfig::diagnostic::Severity;

/// What an annotation says.
#[derive(Debug, Clone)]
pub struct Annotation<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// The file with line and column, both from 1, where it has one.
    pub place: Option<(&'a str, u32, u32)>,
    /// What it is about: a code.
    pub title: &'a str,
    /// What is said; may have lines.
    pub message: String,
}

impl Annotation<'_> {
    /// Returns the workflow command, with its line end.
    #[must_use]
    pub fn command(&self) -> String {
        let level = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let place = self.place.map_or(String::new(), |(file, line, column)| {
            format!("file={},line={line},col={column},", property(file))
        });
        format!(
            "::{level} {place}title={}::{}\n",
            property(self.title),
            data(&self.message)
        )
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_command_is_escaped() {
        let annotation = Annotation {
            severity: Severity::Note,
            place: Some(("a,b.yml", 2, 3)),
            title: "some-code",
            message: "100%\nsure".into(),
        };
        assert_eq!(
            annotation.command(),
            "::notice file=a%2Cb.yml,line=2,col=3,title=some-code::100%25%0Asure\n"
        );
        let nowhere = Annotation {
            place: None,
            ..annotation
        };
        assert_eq!(
            nowhere.command(),
            "::notice title=some-code::100%25%0Asure\n"
        );
    }
}
