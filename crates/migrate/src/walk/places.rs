//! Lines of other files that name what a fix moves: listed with the finding, never edited.
//!
//! Which port moves is known only when every file was read, and a tree is not read twice for it. So
//! the walk takes down every URL with a port on its way. Lines of other kinds, such as `ports:` of an
//! override, are looked for in the folder of the finding alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use memchr::{memchr_iter, memmem};

use super::{fill, passed_over};
use crate::file::File;
use crate::finding::{Finding, Moves, Related};
use crate::format::Format;
use crate::project::Files as _;
use crate::text::{Text, find_word};

/// Places of one finding that are listed at most, its own file included.
const LISTED: usize = 8;
/// Files of settings that are read at most beside a finding.
const BESIDE: usize = 64;
/// URLs that are taken down at most for one port.
const KEPT: usize = 10_000;
/// The account that every client of a default setup has in its URLs of queues.
const ACCOUNT: &[u8] = b"/000000000000/";
/// The longest URL that is looked at.
const MAX_URL: usize = 300;

/// A line of a file.
type Place = (PathBuf, u32);

/// The URLs of a tree, by what may move in them.
#[derive(Debug, Default)]
pub(super) struct Urls {
    found: Mutex<BTreeMap<Moves, Vec<Place>>>,
}

impl Urls {
    /// Takes down the URLs of one file.
    pub(super) fn read(&self, path: &Path, bytes: &[u8]) {
        let (mut line, mut counted) = (1, 0);
        let mut last = None;
        for at in memmem::find_iter(bytes, b"://") {
            let rest = bytes.get(at + 3..).unwrap_or_default();
            let url = url(rest.get(..MAX_URL).unwrap_or(rest));
            let queue = memmem::find(url, ACCOUNT).is_some();
            let port = port(url);
            if port.is_none() && !queue {
                continue;
            }
            line += memchr_iter(b'\n', bytes.get(counted..at).unwrap_or_default()).count();
            counted = at;
            let number = u32::try_from(line).unwrap_or(u32::MAX);
            let port = port.map(|port| Moves::Port(port.to_owned()));
            let queue = queue.then_some(Moves::QueueUrls);
            for moved in port.into_iter().chain(queue) {
                if last.as_ref() == Some(&(number, moved.clone())) {
                    continue;
                }
                last = Some((number, moved.clone()));
                let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                let places = found.entry(moved).or_default();
                if places.len() < KEPT {
                    places.push((path.to_path_buf(), number));
                }
            }
        }
    }

    /// Adds the places in other files to the findings that move a port or a host.
    pub(super) fn add_to(self, files: &mut [File]) {
        let mut found = self
            .found
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        found.values_mut().for_each(|places| places.sort());
        for file in files {
            let own = file.path.clone();
            let folder = own.parent().unwrap_or(Path::new(""));
            for finding in &mut file.findings {
                let Some(moved) = finding.moves.clone() else {
                    continue;
                };
                let mut places: Vec<Place> = match &moved {
                    Moves::Port(port) => beside(&own, port),
                    Moves::QueueUrls => Vec::new(),
                };
                let urls = found.get(&moved).into_iter().flatten();
                places.extend(
                    urls.filter(|(path, _)| {
                        // The lines of the file itself that name a port are listed already.
                        let other = *path != *own || moved == Moves::QueueUrls;
                        path.starts_with(folder) && other
                    })
                    .cloned(),
                );
                places.sort();
                places.dedup();
                list(finding, &own, &moved, places);
            }
        }
    }
}

/// Adds places to a finding, the first ones by name and the rest by number.
fn list(finding: &mut Finding, own: &Path, moved: &Moves, places: Vec<Place>) {
    let mut left = 0;
    for (path, line) in places {
        if finding.related.len() >= LISTED {
            left += 1;
            continue;
        }
        finding.related.push(Related {
            path: (path != own).then_some(path),
            line,
            message: match moved {
                Moves::Port(port) => format!("names port {port}"),
                Moves::QueueUrls => "holds the URL of a queue".to_owned(),
            },
        });
    }
    match left {
        0 => {}
        1 => finding.help.push("one more line names it".to_owned()),
        _ => finding.help.push(format!("{left} more lines name it")),
    }
}

/// Lines that name a port in the files of settings beside a file.
fn beside(own: &Path, port: &str) -> Vec<Place> {
    let folder = own.parent().unwrap_or(Path::new(""));
    let mut places = Vec::new();
    let mut buffer = Vec::new();
    let listed = super::Disk.list(folder);
    let settings = listed.into_iter().filter(|path| {
        let code = matches!(
            Format::of(path, ""),
            None | Some(Format::Source | Format::Markdown)
        );
        path != own && !code && passed_over(path).is_none()
    });
    for path in settings.take(BESIDE) {
        let Ok(Some(bytes)) = fill(&path, &mut buffer) else {
            continue;
        };
        if memmem::find(bytes, port.as_bytes()).is_none() || bytes.contains(&0) {
            continue;
        }
        let text = Text::new(bytes.to_vec());
        for (at, line) in text.as_str().lines().enumerate() {
            let comment = line.trim_start().starts_with(['#', ';', '/']);
            if !comment && find_word(line, port).is_some() {
                places.push((path.clone(), u32::try_from(at + 1).unwrap_or(u32::MAX)));
            }
        }
    }
    places
}

/// Cuts a text where a URL ends.
fn url(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .position(|b| b.is_ascii_whitespace() || b"\"'`<>(){}[]|\\,;".contains(b));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// Returns the port of a URL without its scheme; the default port of LocalStack never moves.
fn port(url: &[u8]) -> Option<&str> {
    let authority = url.split(|b| matches!(b, b'/' | b'?' | b'#')).next()?;
    let colon = memchr::memrchr(b':', authority)?;
    let port = std::str::from_utf8(authority.get(colon + 1..)?).ok()?;
    let number = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    (number && port != "4566").then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_with_ports_and_queues_are_taken_down() {
        let urls = Urls::default();
        let text =
            "a\nx = \"http://b:7001/q\" http://c/000000000000/d\nhttp://b:4566 ftp://[::1]:7001";
        urls.read(Path::new("f"), text.as_bytes());
        let found = urls.found.into_inner().unwrap();
        let place = |line| (PathBuf::from("f"), line);
        assert_eq!(found[&Moves::Port("7001".to_owned())], [place(2)]);
        assert_eq!(found[&Moves::QueueUrls], [place(2)]);
        assert_eq!(found.len(), 2);
    }
}
