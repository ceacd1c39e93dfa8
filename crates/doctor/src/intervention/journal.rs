//! What interventions were made and are not undone yet, on disk before each of them is made.
//!
//! One file of JSON lines, each with the run that wrote it. A line is on the disk before the next step
//! is taken. Who has the file open holds its lock, so that two runs never act at the same time. A last
//! line that was cut off belongs to an act that was not made, and is dropped; any other line that is
//! not ours stops everything, because the file is not ours then.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::Act;

/// The name of the file in the state directory.
pub const FILE: &str = "doctor.jsonl";
/// The version of a line. It counts up when a field changes its meaning or goes.
const SCHEMA: u32 = 1;
/// The largest journal that is read: some thousand acts.
const MAX_SIZE: u64 = 4 << 20;

/// Why the journal cannot be used. Nothing was done then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another run has it.
    #[error("another run of `doctor --fix` or `doctor --undo` is at work")]
    Busy,
    /// The system refused.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is a line that this program does not write.
    #[error("{}:{line}: this is no line of the doctor's journal: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, as a fragment.
        reason: String,
    },
    /// It is larger than any journal.
    #[error("{}: this is too large for the doctor's journal", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    schema: u32,
    run: String,
    #[serde(flatten)]
    step: Step,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Step {
    /// It begins on the engine at this address.
    Begin {
        /// The address.
        engine: String,
    },
    /// This is made next, unless it was made already.
    Act {
        /// What.
        act: Act,
    },
    /// The act of this number is undone.
    Undone {
        /// The number.
        number: u32,
    },
    /// The acts are to stay. A run without this was cut off.
    Kept,
}

/// A run with acts that are not undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub id: String,
    /// The address of its engine.
    pub engine: String,
    /// The acts that are not undone, in order.
    pub acts: Vec<Act>,
    /// Whether it ended with the wish to keep them.
    pub kept: bool,
}

/// The open journal. Its lock ends with it, also when the process is killed.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    runs: Vec<Run>,
}

impl Journal {
    /// Returns whether a directory holds a journal with something in it.
    #[must_use]
    pub fn is_there(directory: &Path) -> bool {
        std::fs::metadata(directory.join(FILE)).is_ok_and(|meta| meta.len() > 0)
    }

    /// Opens the journal of a state directory, both made where they are missing, and locks it.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was changed then.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { path, source }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(fail(directory))?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(fail(&path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(JournalError::Busy),
            Err(error) => return Err(fail(&path)(error.into())),
        }
        // The name of a new file has to last as well.
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(fail(directory))?;
        let mut journal = Self {
            path,
            file,
            runs: Vec::new(),
        };
        journal.load()?;
        Ok(journal)
    }

    /// Returns the runs with acts that are not undone, in the order in which they began.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter().filter(|run| !run.acts.is_empty())
    }

    /// Begins a run.
    ///
    /// # Errors
    /// When it cannot be written; then nothing may be done.
    pub fn begin(&mut self, run: &str, engine: &str) -> Result<(), JournalError> {
        let engine = engine.to_owned();
        self.append(run, Step::Begin { engine })
    }

    /// Writes down what is to be made next.
    ///
    /// # Errors
    /// When it cannot be written; then it may not be made.
    pub fn record(&mut self, run: &str, act: &Act) -> Result<(), JournalError> {
        self.append(run, Step::Act { act: act.clone() })
    }

    /// Writes down that an act was undone. With the last of all acts the journal becomes empty.
    ///
    /// # Errors
    /// When it cannot be written; the act is undone once more then, which does no harm.
    pub fn undone(&mut self, run: &str, number: u32) -> Result<(), JournalError> {
        self.append(run, Step::Undone { number })?;
        if self.runs().next().is_some() {
            return Ok(());
        }
        self.runs.clear();
        let emptied = self.file.set_len(0).and_then(|()| self.file.sync_all());
        emptied.map_err(|source| self.io(source))
    }

    /// Writes down that the acts of a run are to stay.
    ///
    /// # Errors
    /// When it cannot be written; the next run undoes them then.
    pub fn keep(&mut self, run: &str) -> Result<(), JournalError> {
        self.append(run, Step::Kept)
    }

    fn io(&self, source: io::Error) -> JournalError {
        JournalError::Io {
            path: self.path.clone(),
            source,
        }
    }

    fn append(&mut self, run: &str, step: Step) -> Result<(), JournalError> {
        let line = Line {
            schema: SCHEMA,
            run: run.to_owned(),
            step,
        };
        let mut text = serde_json::to_vec(&line).map_err(|error| self.io(error.into()))?;
        text.push(b'\n');
        let length = self.file.metadata().map_err(|error| self.io(error))?.len();
        let written = self
            .file
            .write_all(&text)
            .and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // Half a line in front of the next one would spoil both; where this fails as well, the
            // next line fails too.
            let _ = self.file.set_len(length);
            return Err(self.io(source));
        }
        // What was written just now fits what was read before.
        apply(&mut self.runs, line).map_err(|reason| JournalError::Foreign {
            path: self.path.clone(),
            line: 0,
            reason: reason.to_owned(),
        })
    }

    fn load(&mut self) -> Result<(), JournalError> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| (&self.file).take(MAX_SIZE + 1).read_to_end(&mut bytes));
        read.map_err(|source| self.io(source))?;
        if bytes.len() as u64 > MAX_SIZE {
            let path = self.path.clone();
            return Err(JournalError::TooLarge { path });
        }
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
        let (lines, cut) = bytes.split_at(whole);
        let foreign = |line: usize, reason: String| JournalError::Foreign {
            path: self.path.clone(),
            line,
            reason,
        };
        let mut runs = Vec::new();
        let mut count = 0;
        for text in lines.split_inclusive(|&b| b == b'\n') {
            count += 1;
            let line: Line =
                serde_json::from_slice(text).map_err(|error| foreign(count, error.to_string()))?;
            if line.schema != SCHEMA {
                let reason = format!("it has version {}, {SCHEMA} is known", line.schema);
                return Err(foreign(count, reason));
            }
            apply(&mut runs, line).map_err(|reason| foreign(count, reason.to_owned()))?;
        }
        // What a crash left of a line of ours starts like one, or is room that was never filled.
        // Anything else is somebody's text.
        const START: &[u8] = b"{\"schema\":";
        let ours = cut.starts_with(START) || START.starts_with(cut) || cut.iter().all(|&b| b == 0);
        if !ours {
            return Err(foreign(count + 1, "it does not start like one".into()));
        }
        if !cut.is_empty() {
            let repaired = self
                .file
                .set_len(whole as u64)
                .and_then(|()| self.file.sync_all());
            repaired.map_err(|source| self.io(source))?;
        }
        self.runs = runs;
        Ok(())
    }
}

/// Follows one line; the error is a fragment that says why it cannot stand where it does.
fn apply(runs: &mut Vec<Run>, line: Line) -> Result<(), &'static str> {
    let known = runs.iter_mut().find(|run| run.id == line.run);
    match (line.step, known) {
        (Step::Begin { engine }, None) => {
            runs.push(Run {
                id: line.run,
                engine,
                acts: Vec::new(),
                kept: false,
            });
            Ok(())
        }
        (Step::Begin { .. }, Some(_)) => Err("its run began before"),
        (_, None) => Err("its run never began"),
        (Step::Act { act }, Some(run)) => {
            run.acts.push(act);
            Ok(())
        }
        (Step::Undone { number }, Some(run)) => {
            run.acts.retain(|act| act.number != number);
            Ok(())
        }
        (Step::Kept, Some(run)) => {
            run.kept = true;
            Ok(())
        }
    }
}
