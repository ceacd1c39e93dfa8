//! What this process may: descriptors enough, and root no longer than it takes to open sockets.

use std::io;

use nix::unistd::{Gid, Uid, User, setgid, setgroups, setuid};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The user that everything is run as by default, by name and by number where there is no such name.
const NOBODY: (&str, u32) = ("nobody", 65_534);

/// Returns whether this process is root.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Returns the user and the group of a user: by name, by number, or `nobody` when none is given.
///
/// # Errors
/// When the user is not known.
pub fn ids(user: Option<&str>) -> io::Result<(u32, u32)> {
    let name = user.unwrap_or(NOBODY.0);
    if let Ok(Some(user)) = User::from_name(name) {
        return Ok((user.uid.as_raw(), user.gid.as_raw()));
    }
    let number = match name.parse() {
        Ok(number) => number,
        Err(_) if user.is_none() => NOBODY.1,
        Err(_) => {
            let message = format!("there is no user {name}");
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
    };
    Ok((number, number))
}

/// Becomes another user: by name, by number, or `nobody` when none is given. Must be called before
/// threads are started by anything but this process's own libc.
///
/// # Errors
/// When the user is not known or the system refuses.
pub fn become_user(user: Option<&str>) -> io::Result<()> {
    let (uid, gid) = ids(user)?;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    setgroups(&[gid])?;
    setgid(gid)?;
    setuid(uid)?;
    Ok(())
}

/// Raises the number of descriptors that this process may have to `wanted`, as far as the system lets
/// it. Returns the number that it may have then.
#[must_use]
pub fn allow_descriptors(wanted: u64) -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let current = limits.current.unwrap_or(u64::MAX);
    let raised = wanted.min(limits.maximum.unwrap_or(u64::MAX));
    let new = Rlimit {
        current: Some(raised),
        ..limits
    };
    if raised > current && setrlimit(Resource::Nofile, new).is_ok() {
        raised
    } else {
        current
    }
}
