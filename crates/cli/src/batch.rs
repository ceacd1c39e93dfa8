//! JSON Lines in, one line out for each, in order, in constant memory, on every core.

use std::io::{self, BufRead as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::CliError;
use crate::exit;
use crate::input;

/// How many lines are answered at once; bounds memory together with [`MAX_LINE`].
const CHUNK: usize = 512;
/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// A line that cannot be answered, and why.
pub(crate) struct Refusal(pub(crate) String);

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Answers every line of a file, or of standard input for `-`. A line that is refused is answered
/// with its `id` and an `error`; the others go on, and the exit code tells.
pub(crate) fn run<F>(path: &Path, answer: F) -> Result<ExitCode, CliError>
where
    F: Fn(&str, &mut Vec<u8>) -> Result<(), Refusal> + Sync,
{
    let mut lines = input::open(path)?;
    let mut out = io::stdout().lock();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut refused = false;
    loop {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK * workers {
            let mut line = Vec::new();
            let mut limited = io::Read::take(&mut lines, MAX_LINE + 1);
            match limited.read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) if line.len() as u64 > MAX_LINE => {
                    let error = io::Error::new(io::ErrorKind::InvalidData, "a line exceeds 64 MiB");
                    return Err(input::read_error(path, error));
                }
                Ok(_) => chunk.push(line),
                Err(error) => return Err(input::read_error(path, error)),
            }
            // Whoever writes one line and waits for its answer gets it.
            if lines.buffer().is_empty() {
                break;
            }
        }
        if chunk.is_empty() {
            break;
        }
        let share = chunk.len().div_ceil(workers);
        let answers: Vec<(Vec<u8>, bool)> = thread::scope(|scope| {
            let parts: Vec<_> = chunk
                .chunks(share)
                .map(|part| scope.spawn(|| answer_all(part, &answer)))
                .collect();
            parts
                .into_iter()
                .map(|part| part.join().expect("no answer panics"))
                .collect()
        });
        for (text, ok) in answers {
            refused |= !ok;
            out.write_all(&text)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::from(if refused {
        exit::USAGE
    } else {
        exit::CLEAN
    }))
}

/// Answers some lines; false when one was refused.
fn answer_all<F>(lines: &[Vec<u8>], answer: &F) -> (Vec<u8>, bool)
where
    F: Fn(&str, &mut Vec<u8>) -> Result<(), Refusal>,
{
    let mut out = Vec::new();
    let mut ok = true;
    for line in lines {
        let line = String::from_utf8_lossy(line);
        if line.trim().is_empty() {
            continue;
        }
        let start = out.len();
        if let Err(refusal) = answer(&line, &mut out) {
            out.truncate(start);
            refuse(&line, &refusal, &mut out);
            ok = false;
        }
        out.push(b'\n');
    }
    (out, ok)
}

/// The part of a broken line that may still be readable.
#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

fn refuse(line: &str, Refusal(error): &Refusal, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Answer<'a> {
        id: Option<&'a RawValue>,
        error: &'a str,
    }
    let id = serde_json::from_str::<Identified<'_>>(line)
        .ok()
        .and_then(|line| line.id);
    serde_json::to_writer(out, &Answer { id, error }).expect("memory takes any answer");
}
