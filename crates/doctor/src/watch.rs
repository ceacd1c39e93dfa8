//! Waiting until something happens to containers or networks that are not ours.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::{Engine, Events};
use crate::gather::LABEL;

/// How long one look at the stream takes at most.
const LOOK: Duration = Duration::from_millis(200);
/// After something happened, how long it has to be quiet before that counts as all of it.
const SETTLE: Duration = Duration::from_millis(400);
/// How long a change may go on before it is looked at all the same.
const UNSETTLED: Duration = Duration::from_secs(5);
/// How long to wait before the engine is asked for its stream again.
const RECONNECT: Duration = Duration::from_secs(1);

/// What ended the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Something happened.
    Changed,
    /// Nothing happened for as long as was waited.
    Quiet,
    /// The engine went away.
    Gone,
}

/// Follows the events of an engine. What happens between two waits is not lost.
#[derive(Debug)]
pub struct Watcher {
    engine: Engine,
    events: Option<Events>,
}

impl Watcher {
    /// Opens the stream; where that fails it is tried again with every wait.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            events: engine.events(LOOK).ok(),
            engine: engine.clone(),
        }
    }

    /// Waits until something happened and it is quiet again, or until `patience` ends.
    pub fn wait(&mut self, patience: Duration) -> Woken {
        let deadline = Instant::now() + patience;
        let Some(events) = &mut self.events else {
            std::thread::sleep(RECONNECT.min(patience));
            self.events = self.engine.events(LOOK).ok();
            // What happened in between is not known.
            return if self.events.is_some() {
                Woken::Changed
            } else {
                Woken::Gone
            };
        };
        let mut changed: Option<Instant> = None;
        let mut last = Instant::now();
        loop {
            match events.next() {
                None => {
                    self.events = None;
                    return Woken::Gone;
                }
                Some(Some(event)) if matters(&event) => {
                    last = Instant::now();
                    changed.get_or_insert(last);
                }
                Some(_) => {}
            }
            let now = Instant::now();
            match changed {
                Some(first) if now - last >= SETTLE || now - first >= UNSETTLED => {
                    return Woken::Changed;
                }
                None if now >= deadline => return Woken::Quiet,
                _ => {}
            }
        }
    }
}

/// Returns whether an event may change a diagnosis: not those of probes, nor commands that run in
/// containers, such as health checks.
fn matters(event: &Value) -> bool {
    let ours = event
        .pointer("/Actor/Attributes")
        .and_then(Value::as_object)
        .is_some_and(|attributes| attributes.contains_key(LABEL));
    let action = event
        .get("Action")
        .and_then(Value::as_str)
        .unwrap_or_default();
    !ours && !action.starts_with("exec_") && !matches!(action, "top" | "attach" | "resize")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn probes_and_health_checks_do_not_matter() {
        let event = |action: &str, attributes: Value| json!({"Type": "container", "Action": action, "Actor": {"Attributes": attributes}});
        assert!(matters(&event("start", json!({"name": "app"}))));
        assert!(matters(&event("health_status: healthy", json!({}))));
        assert!(matters(&json!({"Type": "network", "Action": "connect"})));
        assert!(!matters(&event("die", json!({LABEL: "run"}))));
        assert!(!matters(&event("exec_start: curl", json!({"name": "app"}))));
        assert!(!matters(&event("archive-path", json!({LABEL: "run"}))));
    }
}
