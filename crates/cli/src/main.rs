//! The command `lsconfig`.

fn main() {}
