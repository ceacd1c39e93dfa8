//! The parser's words about YAML that it does not read, in plain ones.

/// What is said about a place that is no YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    /// What is wrong; `None` where the parser's words are plain enough.
    pub(crate) problem: Option<&'static str>,
    /// What was expected there.
    pub(crate) expected: &'static str,
    /// The fix.
    pub(crate) help: &'static str,
}

/// Each row: a part of the parser's words, what is wrong, what was expected, the fix. The first row
/// that fits counts.
const ROWS: [(&str, &str, &str, &str); 14] = [
    (
        "tab",
        "a tab indents this line",
        "expected spaces",
        "YAML is indented with spaces; replace each tab",
    ),
    (
        "while parsing a block mapping, did not find expected key",
        "this line does not fit the lines above it",
        "expected `key: value`, or another indentation",
        "give keys of one mapping the same indentation, and items of a list one dash each",
    ),
    (
        "did not find expected '-' indicator",
        "this line does not fit the list above it",
        "expected a `-`, or another indentation",
        "give all items of a list the same indentation, and a dash each",
    ),
    (
        "found unexpected end of stream",
        "a quote is opened and not closed",
        "the text starts here",
        "close the quote",
    ),
    (
        "document indicator",
        "a quote is opened and not closed",
        "the file is divided inside the quotes",
        "close the quote before this line",
    ),
    (
        "flow sequence, expected ',' or ']'",
        "a list in brackets is not closed",
        "expected `,` or `]`",
        "close the bracket, or put a comma between the items",
    ),
    (
        "flow mapping, did not find expected ',' or '}'",
        "a mapping in braces is not closed",
        "expected `,` or `}`",
        "close the brace, or put a comma between the entries",
    ),
    (
        "did not find expected node content",
        "a value is missing",
        "expected a value",
        "close brackets and braces that are open, and give each key a value",
    ),
    (
        "unknown anchor",
        "`*` refers to a name that no `&` defines",
        "no anchor of this name above",
        "define it above with `&NAME`, or put the value in quotes when the `*` is meant as such",
    ),
    (
        "mapping values are not allowed",
        "a second `: ` stands in one line",
        "expected the end of the value",
        "put the value in quotes, or begin a new line",
    ),
    (
        "escape",
        "an unknown escape stands in double quotes",
        "expected an escape such as `\\n`, `\\t` or `\\\\`",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    (
        "simple key",
        "a line is neither a key nor a value",
        "expected `key: value`",
        "put a colon and a space after the key",
    ),
    (
        "block sequence entries are not allowed",
        "an item of a list stands where none can be",
        "expected a value on this line",
        "begin the list on a new line",
    ),
    (
        "unexpected character",
        "a value begins with a character that YAML keeps for itself",
        "expected a value",
        "put the value in quotes",
    ),
];

/// Translates the parser's words.
pub(crate) fn plain(said: &str) -> Words {
    let row = ROWS.iter().find(|(part, ..)| said.contains(part));
    match row {
        Some(&(_, problem, expected, help)) => Words {
            problem: Some(problem),
            expected,
            help,
        },
        None => Words {
            problem: None,
            expected: "the file is read up to here",
            help: "check indentation, quotes and brackets on this line and the one above",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tree, YamlErrorKind};
    use super::*;

    #[track_caller]
    fn check(text: &str, problem: Option<&str>) {
        let error = Tree::parse(text).expect_err(text);
        let YamlErrorKind::Syntax(said) = error.kind else {
            panic!("{text:?}: {error}");
        };
        assert_eq!(plain(&said).problem, problem, "{text:?}: {said}");
    }

    #[test]
    fn frequent_slips_are_told_in_plain_words() {
        check("a:\n\t- b\n", Some("a tab indents this line"));
        check(
            "a:\n  b: 1\n c: 2\n",
            Some("this line does not fit the lines above it"),
        );
        check(
            "a:\n  - b\n  c: 2\n",
            Some("this line does not fit the list above it"),
        );
        check("a: \"b\n", Some("a quote is opened and not closed"));
        check("a: \"b\n---\nc", Some("a quote is opened and not closed"));
        check("a: [b c: [\n", Some("a value is missing"));
        check("a: [b\n", Some("a list in brackets is not closed"));
        check("a: {b: 1\n", Some("a mapping in braces is not closed"));
        check("a: *b\n", Some("`*` refers to a name that no `&` defines"));
        check("a: b: c\n", Some("a second `: ` stands in one line"));
        check(
            "a: \"\\q\"\n",
            Some("an unknown escape stands in double quotes"),
        );
        check("a: 1\nb\n", Some("a line is neither a key nor a value"));
        check(
            "a: - b\n",
            Some("an item of a list stands where none can be"),
        );
        check(
            "a: @b\n",
            Some("a value begins with a character that YAML keeps for itself"),
        );
        check("%YAML 1.2\n%YAML 1.2\n---\na: 1\n", None);
    }
}
