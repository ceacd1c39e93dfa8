//! What the image's entrypoint does to names before the emulator starts.

use crate::release::Line;

/// Returns the name that the entrypoint copies `name` to, if it does: `LOCALSTACK_X` to `X`.
#[must_use]
pub fn copied_name(name: &str, line: Line) -> Option<&str> {
    let bare = name.strip_prefix("LOCALSTACK_")?;
    let kept = if line == Line::V1 { "HOSTNAME" } else { "HOST" };
    let starts_well = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts_well && !bare.starts_with(kept)).then_some(bare)
}
