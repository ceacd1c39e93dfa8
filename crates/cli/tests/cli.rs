//! Whole commands: what they print and how they exit.
//!
//! Each file under `cmd/` is a console session. `TRYCMD=overwrite cargo test -p lsconfig-cli` writes
//! what the commands print now; read the difference before you keep it.

#[test]
fn sessions_print_what_they_did() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.md")
        .default_bin_name("lsconfig")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .run();
}
