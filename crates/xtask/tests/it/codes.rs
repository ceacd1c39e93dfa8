//! Every diagnostic code is reported somewhere.

use lsconfig::diagnostic::codes::RULES;
use lsconfig_xtask::{root, sources};

#[test]
fn every_code_is_reported_somewhere() {
    let code: String = sources()
        .into_iter()
        .filter(|path| !path.ends_with("diagnostic/codes.rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for rule in RULES {
        let name = rule.code.to_uppercase().replace('-', "_");
        assert!(
            code.contains(&format!("codes::{name}")),
            "nothing below {} reports `{}`",
            root().display(),
            rule.code
        );
    }
}
