//! Running a probe inside the network namespace of a container.
//!
//! The image is made from this very executable, so nothing is pulled and nothing is needed in the
//! container that is looked at. What is created is ours and labelled: an image with a content hash for
//! a tag, which is kept for the next run, and one short-lived container for each probe. A probe runs
//! as nobody, without capabilities, on a read-only file system. The engine removes it when it ends,
//! even when this process is gone by then; [`Launcher::clean`] removes what could not start.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::engine::{Engine, EngineError};
use crate::facts::{Observation, Position, Record};
use crate::gather::{LABEL, STAND_IN};
use crate::probe::Plan;

/// The repository of our images.
const REPOSITORY: &str = "lsconfig-probe";
/// How long one probe may take, as a whole.
const RUN: Duration = Duration::from_secs(20);
/// A probe that is older than this, in seconds, belongs to a run that was killed.
const STALE: u64 = 60;
/// The same for one that was not started: that follows on its making at once.
const STALE_UNSTARTED: u64 = 10;
/// How long the end of a run waits for the engine to remove its containers.
const GONE: Duration = Duration::from_secs(3);
/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How much of the output of a probe is read.
const MAX_OUTPUT: usize = 1 << 20;

/// Why no probe can run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The executable cannot be read.
    #[error("this executable cannot be read: {0}")]
    Executable(#[source] io::Error),
    /// The executable needs a loader that the image would not have.
    #[error("this executable is not linked statically, so it cannot run in a container of its own")]
    Dynamic,
    /// The engine refused or went away.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Runs probes on one engine.
#[derive(Debug)]
pub struct Launcher {
    engine: Engine,
    image: String,
    run: String,
    probes: AtomicU32,
    stopped: AtomicBool,
}

impl Launcher {
    /// Makes sure that the image is there, and removes what killed runs left.
    ///
    /// # Errors
    /// When the executable is not static, or the engine does not take it.
    pub fn prepare(engine: &Engine, executable: &Path) -> Result<Self, LaunchError> {
        let mut file = File::open(executable).map_err(LaunchError::Executable)?;
        if !is_static(&mut file).map_err(LaunchError::Executable)? {
            return Err(LaunchError::Dynamic);
        }
        let (hash, size) = hash(&mut file).map_err(LaunchError::Executable)?;
        let tag = format!("{hash:016x}");
        let image = format!("{REPOSITORY}:{tag}");
        if !engine.has_image(&image)? {
            let changes = [
                r#"ENTRYPOINT ["/lsconfig","probe"]"#.to_owned(),
                format!("LABEL {LABEL}=image"),
                "USER 65534:65534".to_owned(),
            ];
            file.seek(SeekFrom::Start(0))
                .map_err(LaunchError::Executable)?;
            engine.import(REPOSITORY, &tag, &changes, "lsconfig", &mut file, size)?;
            for old in engine.images(LABEL)? {
                if old != image && old.contains(REPOSITORY) {
                    // One that is in use by another run stays.
                    let _ = engine.remove_image(&old);
                }
            }
        }
        let launcher = Self {
            engine: engine.clone(),
            image,
            run: run_id(),
            probes: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
        };
        launcher.sweep(|age, state, _| {
            age > if state == "created" {
                STALE_UNSTARTED
            } else {
                STALE
            }
        });
        Ok(launcher)
    }

    /// Returns the name of the image that is made from this program.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Runs a plan in the network namespace of a container.
    #[must_use]
    pub fn observe(&self, container: &str, plan: &Plan) -> Observation {
        let mut observation = Observation {
            position: Position::Container(container.to_owned()),
            records: Vec::new(),
            failure: None,
        };
        match self.try_observe(container, plan) {
            Ok((records, complaint)) => {
                observation.failure = records.is_empty().then_some(complaint);
                observation.records = records;
            }
            Err(error) => observation.failure = Some(error.to_string()),
        }
        observation
    }

    fn try_observe(
        &self,
        container: &str,
        plan: &Plan,
    ) -> Result<(Vec<Record>, String), EngineError> {
        let plan = serde_json::to_string(plan).map_err(|_| EngineError::Malformed("a plan"))?;
        let mut labels = serde_json::Map::new();
        labels.insert(LABEL.to_owned(), Value::from(self.run.as_str()));
        let settings = json!({
            "Image": self.image,
            "Cmd": [plan],
            "User": "65534:65534",
            "Labels": labels,
            "AttachStdout": true,
            "AttachStderr": true,
            "HostConfig": {
                "NetworkMode": format!("container:{container}"),
                "ReadonlyRootfs": true,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "AutoRemove": true,
                "LogConfig": {"Type": "none"},
            },
        });
        if self.stopped.load(Ordering::SeqCst) {
            return Err(EngineError::Malformed("the run was stopped"));
        }
        let name = format!(
            "lsconfig-probe-{}-{}-{}",
            self.run,
            self.probes.fetch_add(1, Ordering::Relaxed),
            container.get(..12).unwrap_or(container)
        );
        let id = self.engine.create(&name, &settings)?;
        // What ended is removed by the engine, without waiting for it; `clean` does that for all.
        let output = self.output(&id);
        if output.is_err() {
            let _ = self.engine.remove(&id);
        }
        let (out, err) = output?;
        let records = out
            .split(|&b| b == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let complaint = String::from_utf8_lossy(&err)
            .trim()
            .chars()
            .take(300)
            .collect::<String>();
        let complaint = if complaint.is_empty() {
            "the probe said nothing".to_owned()
        } else {
            complaint
        };
        Ok((records, complaint))
    }

    fn output(&self, id: &str) -> Result<(Vec<u8>, Vec<u8>), EngineError> {
        let stream = self.engine.attach(id, RUN)?;
        self.engine.start(id)?;
        let mut bytes = Vec::new();
        stream.take(MAX_OUTPUT as u64).read_to_end(&mut bytes)?;
        Ok(crate::engine::demultiplex(&bytes))
    }

    /// Removes every container of this run, and waits until the engine has none of them any more.
    /// Nothing is created after it.
    pub fn clean(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let deadline = Instant::now() + GONE;
        while self.sweep(|_, _, run| run == self.run) > 0 && Instant::now() < deadline {
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Removes those of our containers that `is_old` picks by age in seconds, state and run. Of the
    /// stand-ins only those are looked at that never started: the others are the journal's.
    /// Returns how many there were.
    fn sweep(&self, is_old: impl Fn(u64, &str, &str) -> bool) -> usize {
        let mut picked = 0;
        let filters = json!({ "label": [LABEL] });
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        for container in self.engine.containers(Some(&filters)).unwrap_or_default() {
            let created = container
                .get("Created")
                .and_then(Value::as_u64)
                .unwrap_or(now);
            let labels = container.get("Labels");
            let state = container
                .get("State")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let run = labels
                .and_then(|l| l.get(LABEL)?.as_str())
                .unwrap_or_default();
            if let Some(id) = container.get("Id").and_then(Value::as_str)
                && (run != STAND_IN || state == "created")
                && is_old(now.saturating_sub(created), state, run)
            {
                picked += 1;
                // One that the engine is removing already refuses, and is gone soon.
                let _ = self.engine.remove(id);
            }
        }
        picked
    }
}

/// Returns a name for this run that no other run has.
#[must_use]
pub fn run_id() -> String {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:x}-{:x}", std::process::id(), nanos.as_nanos())
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.clean();
    }
}

/// Returns whether an ELF file needs no loader: it has no program header `PT_INTERP` (elf(5)).
fn is_static(file: &mut File) -> io::Result<bool> {
    const PT_INTERP: u32 = 3;
    let mut head = [0; 64];
    if file.read_exact(&mut head).is_err()
        || head[..4] != *b"\x7fELF"
        || head[4] != 2
        || head[5] != 1
    {
        return Ok(false);
    }
    let number = |at: usize, length: usize| {
        let bytes = head[at..at + length].iter().rev();
        bytes.fold(0u64, |n, &b| n << 8 | u64::from(b))
    };
    let (offset, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    for n in 0..count {
        file.seek(SeekFrom::Start(offset.saturating_add(n * size)))?;
        let mut kind = [0; 4];
        file.read_exact(&mut kind)?;
        if u32::from_le_bytes(kind) == PT_INTERP {
            return Ok(false);
        }
    }
    Ok(true)
}

/// FNV-1a over words of eight bytes, and the size.
fn hash(file: &mut File) -> io::Result<(u64, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut size = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        // Whole buffers, so that the result does not depend on how reads are cut.
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        if filled == 0 {
            return Ok((hash, size));
        }
        size += filled as u64;
        for word in buffer[..filled].chunks(8) {
            let word = word.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
            hash = (hash ^ word).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
