//! Events of the engine: cut anywhere, ended, or not there.

use std::time::Duration;

use lsconfig_doctor::engine::{Address, Engine};
use lsconfig_doctor::watch::{Watcher, Woken};

use crate::engine::{Fake, http, usual};

fn watcher(fake: &Fake) -> Watcher {
    Watcher::new(&Engine::connect(Address::Unix(fake.socket.clone())).unwrap())
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_stream_that_ends_is_an_engine_that_went_away() {
    let fake = Fake::new(|line| usual(line).unwrap_or_else(|| http("200 OK", "", b"")));
    let mut watcher = watcher(&fake);
    assert_eq!(watcher.wait(LONG), Woken::Gone);
    // It is opened again, and what happened in between is not known.
    assert_eq!(watcher.wait(Duration::ZERO), Woken::Changed);
}

#[test]
fn without_a_stream_nothing_is_known() {
    let fake = Fake::new(|line| {
        usual(line).unwrap_or_else(|| http("500 Internal", "", br#"{"message": "no"}"#))
    });
    assert_eq!(watcher(&fake).wait(Duration::ZERO), Woken::Gone);
}
