//! An engine behind ssh: `docker system dial-stdio` there joins its socket to our pipe, as the docker
//! client does it. Every call logs in anew; `ControlMaster` in `~/.ssh/config` makes that cheap.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// How long words of a failed login are waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How much of them is kept, in bytes.
const MAX_WORDS: u64 = 2000;

impl Target {
    /// Reads `user@host:port`, of which only the host is needed. Nothing in it can be taken for an
    /// option of `ssh`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let authority = text.split('/').next()?;
        let (user, rest) = match authority.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, authority),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, Some(port.parse().ok()?)),
            _ => (rest, None),
        };
        let sound = |word: &str| {
            let odd = |c: char| c.is_whitespace() || c.is_control();
            !word.is_empty() && !word.starts_with('-') && !word.contains(odd)
        };
        (sound(host) && user.is_none_or(sound)).then(|| Self {
            user: user.map(str::to_owned),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        })
    }

    /// Starts `ssh` and returns the way to the engine.
    pub(super) fn connect(&self) -> io::Result<Login> {
        let (own, theirs) = UnixStream::pair()?;
        let (words, their_words) = UnixStream::pair()?;
        let mut command = Command::new("ssh");
        // Nobody can be asked for a password in between.
        command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]);
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", &self.host, "docker", "system", "dial-stdio"]);
        let child = command
            .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::from(OwnedFd::from(their_words)))
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("ssh: {error}")))?;
        Ok(Login {
            stream: own,
            has_answered: false,
            words,
            child,
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A login that stands until it is dropped.
#[derive(Debug)]
pub(super) struct Login {
    /// The way to the engine.
    pub(super) stream: UnixStream,
    /// Whether anything came back.
    pub(super) has_answered: bool,
    words: UnixStream,
    child: Child,
}

impl Login {
    /// Returns what `ssh` says about its failure, in one line; empty when it says nothing.
    pub(super) fn last_words(&mut self) -> String {
        let mut bytes = Vec::new();
        if self.words.set_read_timeout(Some(LAST_WORDS)).is_ok() {
            // What came until the time is over is what there is.
            let _ = (&self.words).take(MAX_WORDS).read_to_end(&mut bytes);
        }
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is collected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_hold_no_options() {
        let shown = |text: &str| Target::parse(text).map(|target| target.to_string());
        assert_eq!(shown("me@box:2222").as_deref(), Some("me@box:2222"));
        assert_eq!(shown("box/ignored").as_deref(), Some("box"));
        for text in [
            "",
            "-oProxyCommand=x",
            "-l@box",
            "a b",
            "box:",
            "box:x",
            "me@",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
