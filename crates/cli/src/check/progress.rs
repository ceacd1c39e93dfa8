//! How far a long search has come, for somebody who waits at a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A search that is done sooner says nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// One line on standard error that is written over and over, and wiped at the end.
pub(super) struct Progress {
    start: Instant,
    terminal: bool,
    shown: AtomicBool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            terminal: std::io::stderr().is_terminal(),
            shown: AtomicBool::new(false),
        }
    }

    /// Shows how many files were seen, unless it is too early or nobody looks.
    pub(super) fn show(&self, seen: usize) {
        if !self.terminal || self.start.elapsed() < PATIENCE {
            return;
        }
        self.shown.store(true, Ordering::Relaxed);
        // Whoever cannot be told is not told.
        let _ = write!(std::io::stderr(), "\r{seen} files searched");
    }

    /// Wipes the line.
    pub(super) fn clear(&self) {
        if self.shown.load(Ordering::Relaxed) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
