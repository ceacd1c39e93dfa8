//! Giving up root after the sockets are open.

use std::io;

use nix::unistd::{Gid, Uid, User, setgid, setgroups, setuid};

/// The user that everything is run as by default, by name and by number where there is no such name.
const NOBODY: (&str, u32) = ("nobody", 65_534);

/// Returns whether this process is root.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Becomes another user: by name, by number, or `nobody` when none is given. Must be called before
/// threads are started by anything but this process's own libc.
///
/// # Errors
/// When the user is not known or the system refuses.
pub fn become_user(user: Option<&str>) -> io::Result<()> {
    let name = user.unwrap_or(NOBODY.0);
    let (uid, gid) = match User::from_name(name) {
        Ok(Some(user)) => (user.uid, user.gid),
        _ => {
            let number = match name.parse() {
                Ok(number) => number,
                Err(_) if user.is_none() => NOBODY.1,
                Err(_) => {
                    let message = format!("there is no user {name}");
                    return Err(io::Error::new(io::ErrorKind::NotFound, message));
                }
            };
            (Uid::from_raw(number), Gid::from_raw(number))
        }
    };
    setgroups(&[gid])?;
    setgid(gid)?;
    setuid(uid)?;
    Ok(())
}
