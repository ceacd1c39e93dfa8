//! Generated pages are up to date.

use lsconfig::diagnostic::codes::RULES;
use lsconfig::variable::TABLE;
use lsconfig_xtask::{PAGES, root};

/// With `UPDATE_EXPECT=1` the pages are written instead of compared, as `cargo xtask docs` does.
#[test]
fn generated_pages_are_up_to_date() {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        lsconfig_xtask::write_pages().unwrap();
    }
    for page in PAGES {
        let present = std::fs::read_to_string(root().join(page.path)).unwrap_or_default();
        let text = (page.render)();
        let difference = text
            .lines()
            .zip(present.lines())
            .find(|(new, old)| new != old);
        assert!(
            present == text,
            "{} is stale; run `cargo xtask docs`. First difference: {difference:?}",
            page.path
        );
    }
}

#[test]
fn every_row_of_the_tables_has_its_place() {
    let page = |name| {
        let page = PAGES.iter().find(|page| page.path.ends_with(name));
        (page.expect("it is listed").render)()
    };
    let (variables, diagnostics) = (page("variables.md"), page("diagnostics.md"));
    for row in TABLE {
        assert!(
            variables.contains(&format!("| `{}` |", row.name)),
            "{}",
            row.name
        );
    }
    for rule in RULES {
        assert!(
            diagnostics.contains(&format!("\n## {}\n", rule.code)),
            "{}",
            rule.code
        );
    }
}

#[test]
fn every_line_of_a_table_has_the_columns_of_its_head() {
    for page in PAGES {
        let text = (page.render)();
        let mut columns = None;
        for line in text.lines() {
            if !line.starts_with('|') {
                columns = None;
                continue;
            }
            let found = line.replace("\\|", "").matches('|').count();
            assert_eq!(
                *columns.get_or_insert(found),
                found,
                "{}: {line}",
                page.path
            );
        }
    }
}
