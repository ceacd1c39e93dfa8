//! What is put in order when the process is asked to end.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use lsconfig_doctor::launch::Launcher;

/// What there is to do at a signal, and the thread that waits for one.
#[derive(Default)]
pub(super) struct AtEnd {
    launcher: Mutex<Option<Arc<Launcher>>>,
    undo: Mutex<Option<Undo>>,
}

type Undo = Box<dyn FnOnce() + Send>;

impl AtEnd {
    /// Waits for a signal in a thread of its own. The exit code is 128 and the number of the signal.
    pub(super) fn watch() -> Arc<Self> {
        let at_end = Arc::new(Self::default());
        let own = Arc::clone(&at_end);
        std::thread::spawn(move || {
            if let Some(code) = signal() {
                own.finish();
                process::exit(code);
            }
        });
        at_end
    }

    /// Has the containers of a launcher removed.
    pub(super) fn clean(&self, launcher: Arc<Launcher>) {
        *self.launcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(launcher);
    }

    /// Has this done, or nothing any more.
    pub(super) fn undo(&self, undo: Option<Undo>) {
        *self.undo.lock().unwrap_or_else(PoisonError::into_inner) = undo;
    }

    fn finish(&self) {
        // Each is taken out first: what is done must not wait for a lock of this type.
        let launcher = self
            .launcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(launcher) = launcher {
            launcher.clean();
        }
        let undo = self
            .undo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(undo) = undo {
            undo();
        }
    }
}

fn signal() -> Option<i32> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    runtime.block_on(async {
        let (mut term, mut hup) = (
            signal(SignalKind::terminate()).ok()?,
            signal(SignalKind::hangup()).ok()?,
        );
        Some(tokio::select! {
            _ = tokio::signal::ctrl_c() => 130,
            _ = term.recv() => 143,
            _ = hup.recv() => 129,
        })
    })
}
