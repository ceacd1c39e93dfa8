//! The journal of interventions: what a crash, a stranger or a second run does to it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use lsconfig_doctor::intervention::journal::{FILE, Journal, JournalError};
use lsconfig_doctor::intervention::{Act, Intervention, Named, Place, StandIn};

fn resume(number: u32) -> Act {
    Act {
        number,
        intervention: Intervention::Resume {
            container: Named {
                id: "c0ffee".into(),
                name: "localstack".into(),
            },
        },
        started_at: Some("2026-01-01T00:00:00Z".into()),
    }
}

fn stand_in(number: u32) -> Act {
    Act {
        number,
        intervention: Intervention::StandIn(StandIn {
            place: Place::Network {
                network: "n".into(),
                aliases: BTreeSet::from(["localstack".to_owned()]),
            },
            ports: BTreeSet::from([4566]),
            route: Some("other".into()),
            target: "c0ffee:4566".into(),
            emulator: "localstack".into(),
        }),
        started_at: None,
    }
}

/// A journal with two runs: one of two acts that was cut off, and one that is to stay.
fn written(directory: &Path) -> Vec<u8> {
    let mut journal = Journal::open(directory).unwrap();
    journal.begin("one", "unix:///a.sock").unwrap();
    journal.record("one", &stand_in(0)).unwrap();
    journal.record("one", &resume(1)).unwrap();
    journal.begin("two", "tcp://h:1").unwrap();
    journal.record("two", &stand_in(0)).unwrap();
    journal.keep("two").unwrap();
    std::fs::read(directory.join(FILE)).unwrap()
}

#[test]
fn what_was_written_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path());
    let mut journal = Journal::open(directory.path()).unwrap();
    let runs: Vec<_> = journal.runs().cloned().collect();
    assert_eq!(
        (runs[0].engine.as_str(), runs[0].kept),
        ("unix:///a.sock", false)
    );
    assert_eq!(runs[0].acts, [stand_in(0), resume(1)]);
    assert_eq!((runs[1].id.as_str(), runs[1].kept), ("two", true));
    journal.undone("one", 1).unwrap();
    journal.undone("two", 0).unwrap();
    let left: Vec<_> = journal.runs().cloned().collect();
    assert_eq!((left.len(), left[0].acts.len()), (1, 1));
    journal.undone("one", 0).unwrap();
    drop(journal);
    assert!(!Journal::is_there(directory.path()));
    assert_eq!(Journal::open(directory.path()).unwrap().runs().count(), 0);
}

#[test]
fn a_journal_that_is_cut_anywhere_keeps_every_whole_line_and_can_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let whole = written(directory.path());
    let file = directory.path().join(FILE);
    for length in 0..whole.len() {
        for tail in [&b""[..], &[0; 5]] {
            std::fs::write(&file, [&whole[..length], tail].concat()).unwrap();
            let at_line_end = length == 0 || whole[length - 1] == b'\n';
            if !tail.is_empty() && !at_line_end {
                continue;
            }
            let mut journal = Journal::open(directory.path()).unwrap();
            let lines = whole[..length].split(|&b| b == b'\n').count() - 1;
            let acts: usize = journal.runs().map(|run| run.acts.len()).sum();
            assert_eq!(acts, [0, 0, 1, 2, 2, 3, 3][lines], "cut at {length}");
            journal.begin("three", "unix:///b.sock").unwrap();
            journal.record("three", &resume(7)).unwrap();
            drop(journal);
            let again = Journal::open(directory.path()).unwrap();
            assert_eq!(again.runs().last().unwrap().acts, [resume(7)]);
        }
    }
}

#[test]
fn what_is_not_ours_is_refused_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let whole = written(directory.path());
    let file = directory.path().join(FILE);
    let newer = String::from_utf8_lossy(&whole).replacen("\"schema\":1", "\"schema\":2", 1);
    let without_begin = whole.splitn(2, |&b| b == b'\n').nth(1).unwrap();
    let twice = [&whole[..], &whole[..]].concat();
    for (bytes, line) in [
        (b"hello\n".to_vec(), 1),
        (b"hello".to_vec(), 1),
        (b"\n".to_vec(), 1),
        ([&whole[..], b"{\"schema\":1}\n"].concat(), 7),
        ([&whole[..], b"\xff\xfe"].concat(), 7),
        (newer.into_bytes(), 1),
        (without_begin.to_vec(), 1),
        (twice, 7),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        match Journal::open(directory.path()).unwrap_err() {
            JournalError::Foreign { line: found, .. } => assert_eq!(found, line),
            other => panic!("{other}"),
        }
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
    }
    let large = std::fs::File::create(&file).unwrap();
    large.set_len(5 << 20).unwrap();
    let error = Journal::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::TooLarge { .. }), "{error}");
}

#[test]
fn two_runs_never_have_it_at_the_same_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = Journal::open(directory.path()).unwrap();
    let error = Journal::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::Busy), "{error}");
    drop(first);
    assert!(Journal::open(directory.path()).is_ok());
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::File::create(&file)
        .unwrap()
        .write_all(b"x")
        .unwrap();
    for below in ["file", "file/below"] {
        let error = Journal::open(&directory.path().join(below)).unwrap_err();
        assert!(matches!(error, JournalError::Io { .. }), "{error}");
    }
}
