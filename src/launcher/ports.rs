//! Published ports: how the CLI collects and merges them, and takes `-p` out of `DOCKER_FLAGS`.

use std::fmt;

use crate::python::{self, Int};

/// A range of host ports, published for a range of container ports. Both ends are included.
///
/// The CLI does not check that ports are at most 65535, nor that both ranges have one length: two
/// host ports for one container port become `1-2:5-5`, which the engine refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortMapping {
    /// First and last port on the host.
    pub host: (u32, u32),
    /// First and last port in the container.
    pub container: (u32, u32),
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((a, b), (c, d)) = (self.host, self.container);
        if a == b && c == d {
            write!(f, "{a}:{c}")
        } else {
            write!(f, "{a}-{b}:{c}-{d}")
        }
    }
}

/// Why ports cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortsError {
    /// A port is negative, or beyond any number of a port.
    #[error("{0} is not a port that can be published")]
    NotAPort(Int),
    /// More ports, or separate ranges of them, than any engine publishes.
    #[error("too many ports are published")]
    TooMany,
}

/// The ports that are added for one plan, at most. There are no more ports than that.
const MAX_PORTS: u32 = 1 << 16;
/// The separate ranges of one plan, at most: every port is compared with every range.
const MAX_RANGES: usize = 1 << 10;

/// Collects published ports like `PortMappings` of 4.12, one host port at a time.
#[derive(Debug, Default)]
pub(super) struct Ports {
    mappings: Vec<PortMapping>,
    added: u32,
}

impl Ports {
    pub(super) fn into_vec(self) -> Vec<PortMapping> {
        self.mappings
    }

    /// Publishes `first` to `last` under the same numbers; nothing where the range is inverted.
    pub(super) fn add(&mut self, first: &Int, last: &Int) -> Result<(), PortsError> {
        let small = |port: &Int| port.as_i64().ok_or(PortsError::NotAPort(port.clone()));
        let (from, to) = (small(first)?, small(last)?);
        if to < from {
            return Ok(());
        }
        let port = |value: i64, text: &Int| {
            u32::try_from(value).map_err(|_| PortsError::NotAPort(text.clone()))
        };
        let (from, to) = (port(from, first)?, port(to, last)?);
        self.add_range(from, to, from)
    }

    /// Publishes each port of a range as the port that lies as far behind `container`.
    fn add_range(&mut self, first: u32, last: u32, container: u32) -> Result<(), PortsError> {
        if last < first {
            return Ok(());
        }
        let more = last - first;
        if more >= MAX_PORTS {
            return Err(PortsError::TooMany);
        }
        for n in 0..=more {
            let container = container.checked_add(n).ok_or(PortsError::TooMany)?;
            self.add_one(first + n, container)?;
        }
        Ok(())
    }

    /// Publishes one port, unless something is published there.
    ///
    /// It extends the first range that it touches on both sides, whether or not the numbers then
    /// correspond: `2:2` and `1:3` become `1-2:2-3`. An extended range moves to the end. Where 4.12
    /// would split a range because a fourth host port shares one container port, the port stays on
    /// its own here; an engine refuses either.
    fn add_one(&mut self, host: u32, container: u32) -> Result<(), PortsError> {
        self.added += 1;
        if self.added > MAX_PORTS || self.mappings.len() > MAX_RANGES {
            return Err(PortsError::TooMany);
        }
        if self.mappings.iter().any(|m| contains(m.host, host)) {
            return Ok(());
        }
        let extended = self.mappings.iter().enumerate().find_map(|(at, m)| {
            let length = m.host.1 - m.host.0;
            let regular = length == m.container.1 - m.container.0;
            let extends = touches(m.host, host)
                && touches(m.container, container)
                && (regular || length == 1 && contains(m.container, container));
            extends.then_some((at, *m))
        });
        let mapping = match extended {
            Some((at, m)) => {
                self.mappings.remove(at);
                PortMapping {
                    host: (m.host.0.min(host), m.host.1.max(host)),
                    container: (m.container.0.min(container), m.container.1.max(container)),
                }
            }
            None => PortMapping {
                host: (host, host),
                container: (container, container),
            },
        };
        self.mappings.push(mapping);
        Ok(())
    }
}

fn contains((first, last): (u32, u32), port: u32) -> bool {
    (first..=last).contains(&port)
}

fn touches((first, last): (u32, u32), port: u32) -> bool {
    port.saturating_add(1) >= first && port <= last.saturating_add(1)
}

/// Takes every `-p HOST[-HOST]:CONTAINER[-CONTAINER]` out of `flags`, publishes it, and returns the
/// rest.
///
/// The CLI looks for this pattern anywhere, also in the middle of a word, and knows neither
/// addresses nor protocols: `-p 127.0.0.1:80:80` stays, `-p 53:53/udp` leaves `/udp` behind. The end
/// of the container's range is not used.
pub(super) fn take_published(flags: &str, ports: &mut Ports) -> Result<String, PortsError> {
    let mut rest = String::with_capacity(flags.len());
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = flags[from..].find("-p") {
        let start = from + found;
        from = start + 2;
        let Some((flag, end)) = published(flags, from) else {
            continue;
        };
        rest.push_str(&flags[copied..start]);
        let [first, last, container] = flag.map(|digits| {
            let number = Int::parse(digits).map_err(|_| PortsError::TooMany)?;
            let small = number.as_i64().and_then(|n| u32::try_from(n).ok());
            small.ok_or(PortsError::NotAPort(number))
        });
        ports.add_range(first?, last?, container?)?;
        copied = end;
        from = end;
    }
    rest.push_str(&flags[copied..]);
    Ok(rest)
}

/// Reads what follows `-p`: the first and last host port, the first container port, and where it
/// ends.
fn published(flags: &str, at: usize) -> Option<([&str; 3], usize)> {
    let text = flags[at..].trim_start_matches(python::is_space);
    if text.len() == flags.len() - at {
        return None;
    }
    let (first, text) = digits(text)?;
    let (last, text) = text.strip_prefix('-').map_or(Some((first, text)), digits)?;
    let (container, text) = digits(text.strip_prefix(':')?)?;
    let text = text
        .strip_prefix('-')
        .and_then(digits)
        .map_or(text, |(_, text)| text);
    Some(([first, last, container], flags.len() - text.len()))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let split = text.split_at(end.unwrap_or(text.len()));
    (!split.0.is_empty()).then_some(split)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(flags: &str, published: &str, rest: &str) {
        let mut ports = Ports::default();
        let left = match take_published(flags, &mut ports) {
            Ok(left) => left,
            Err(error) => error.to_string(),
        };
        let shown: Vec<String> = ports.mappings.iter().map(ToString::to_string).collect();
        assert_eq!((&*shown.join(" "), &*left), (published, rest), "{flags:?}");
    }

    #[test]
    fn only_plain_numbers_are_taken() {
        check("-p 8080:80 --network=ls", "8080:80", " --network=ls");
        check("-p 127.0.0.1:8080:80", "", "-p 127.0.0.1:8080:80");
        check("-p 53:53/udp", "53:53", "/udp");
        check("-e X=-p\u{a0}1:2-9-x", "1:2", "-e X=-x");
        check(
            "-p 6-8:1 -p=9:9 -p9:9 -p 9-:9",
            "6-8:1-3",
            " -p=9:9 -p9:9 -p 9-:9",
        );
        check("-p 3-2:1", "", "");
    }

    #[test]
    fn touching_ports_merge_whether_they_correspond_or_not() {
        check("-p 1:1 -p 10:10 -p 2:2", "10:10 1-2:1-2", "  ");
        check("-p 2:2 -p 1:3", "1-2:2-3", " ");
        check("-p 1:5 -p 2:5 -p 3:5 -p 3:9", "1-3:5-5", "   ");
        check("-p 1:1 -p 1:2", "1:1", " ");
    }

    #[test]
    fn endless_ranges_are_refused() {
        check("-p 1-4294967295:1", "", "too many ports are published");
        check(
            "-p 1-2:4294967295",
            "1:4294967295",
            "too many ports are published",
        );
        let huge = "9".repeat(30);
        let refused = format!("{huge} is not a port that can be published");
        check(&format!("-p {huge}:1"), "", &refused);
        let mut ports = Ports::default();
        let scattered: String = (0..3000).map(|n| format!("-p {}:1 ", n * 3)).collect();
        assert_eq!(
            take_published(&scattered, &mut ports),
            Err(PortsError::TooMany)
        );
    }
}
