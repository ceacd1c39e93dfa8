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

/// How many lines each core answers at once.
const CHUNK: usize = 512;
/// From this size on no further line is read before those read so far are answered; bounds memory
/// together with [`MAX_LINE`].
const CHUNK_BYTES: usize = 16 << 20;
/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// Why a line cannot be answered.
pub(crate) struct Refusal {
    /// The character at which reading stopped, where the line is no JSON.
    column: Option<usize>,
    message: String,
}

impl Refusal {
    /// Refuses for a reason that is not about the form of the line.
    pub(crate) fn new(message: impl ToString) -> Self {
        Self {
            column: None,
            message: message.to_string(),
        }
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        // Every line is a text of its own to the parser, which calls it line 1.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let said = error.to_string();
        let said = said.strip_suffix(&place).unwrap_or(&said);
        if error.is_data() {
            return Self::new(said);
        }
        Self {
            column: Some(error.column()),
            message: format!("no JSON object: {said}"),
        }
    }
}

/// Answers every line of a file, or of standard input for `-`. A line that is refused is answered
/// with its `id` and an `error` that names the line; the others go on, and the exit code tells.
pub(crate) fn run<F>(path: &Path, answer: F) -> Result<ExitCode, CliError>
where
    F: Fn(&str, &mut Vec<u8>) -> Result<(), Refusal> + Sync,
{
    let mut lines = input::open(path)?;
    let mut out = io::stdout().lock();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut refused = false;
    let mut answered = 0;
    loop {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        while chunk.len() < CHUNK * workers && bytes < CHUNK_BYTES {
            let mut line = Vec::new();
            let mut limited = io::Read::take(&mut lines, MAX_LINE + 1);
            match limited.read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) if line.len() as u64 > MAX_LINE => {
                    let error = io::Error::new(io::ErrorKind::InvalidData, "a line exceeds 64 MiB");
                    return Err(input::read_error(path, error));
                }
                Ok(_) => {
                    bytes += line.len();
                    chunk.push(line);
                }
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
                .enumerate()
                .map(|(n, part)| {
                    let first = answered + n * share + 1;
                    let answer = &answer;
                    scope.spawn(move || answer_all(part, first, answer))
                })
                .collect();
            parts
                .into_iter()
                .map(|part| part.join().expect("no answer panics"))
                .collect()
        });
        answered += chunk.len();
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

/// Answers some lines, the first of which has the number `first`; false when one was refused. A blank
/// line is counted and has no answer.
fn answer_all<F>(lines: &[Vec<u8>], first: usize, answer: &F) -> (Vec<u8>, bool)
where
    F: Fn(&str, &mut Vec<u8>) -> Result<(), Refusal>,
{
    let mut out = Vec::new();
    let mut ok = true;
    for (number, line) in (first..).zip(lines) {
        let line = String::from_utf8_lossy(line);
        if line.trim().is_empty() {
            continue;
        }
        let start = out.len();
        let answered = if line.trim_start().starts_with('{') {
            answer(&line, &mut out)
        } else {
            Err(Refusal::new("expected a JSON object"))
        };
        if let Err(refusal) = answered {
            out.truncate(start);
            refuse(&line, number, &refusal, &mut out);
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

fn refuse(line: &str, number: usize, refusal: &Refusal, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Answer<'a> {
        id: Option<&'a RawValue>,
        error: String,
    }
    let Refusal { column, message } = refusal;
    let error = match column {
        Some(column) => format!("line {number}, column {column}: {message}"),
        None => format!("line {number}: {message}"),
    };
    let object = line.trim_start().starts_with('{').then_some(line);
    let id = object
        .and_then(|line| serde_json::from_str::<Identified<'_>>(line).ok())
        .and_then(|line| line.id);
    serde_json::to_writer(out, &Answer { id, error }).expect("memory takes any answer");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers `{"id", "n"}` with the number.
    fn answer(line: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
        #[derive(Deserialize)]
        struct Request {
            n: u8,
        }
        let request: Request = serde_json::from_str(line)?;
        if request.n == 0 {
            return Err(Refusal::new("nothing to do"));
        }
        write!(out, "{}", request.n)?;
        Ok(())
    }

    impl From<io::Error> for Refusal {
        fn from(error: io::Error) -> Self {
            Self::new(error)
        }
    }

    #[test]
    fn refusals_name_the_line_and_blank_lines_count() {
        let text = "{\"n\":1}\n\n{\"id\":3,\"n\":0}\n{bad\n  \n[1]\n{\"id\":\"x\"}\n{\"n\":2}";
        let lines: Vec<Vec<u8>> = text.split_inclusive('\n').map(|l| l.into()).collect();
        let (out, ok) = answer_all(&lines, 10, &answer);
        let expected = [
            "1",
            r#"{"id":3,"error":"line 12: nothing to do"}"#,
            r#"{"id":null,"error":"line 13, column 2: no JSON object: key must be a string"}"#,
            r#"{"id":null,"error":"line 15: expected a JSON object"}"#,
            r#"{"id":"x","error":"line 16: missing field `n`"}"#,
            "2",
        ];
        let out = String::from_utf8(out).expect("answers are text");
        assert_eq!(out.lines().collect::<Vec<_>>(), expected);
        assert!(!ok);
    }
}
