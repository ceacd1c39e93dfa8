//! Interventions: what is planned for which cause, what is asked of the engine, and what is never.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use lsconfig_doctor::engine::{Address, Engine};
use lsconfig_doctor::facts::{Facts, Status};
use lsconfig_doctor::gather::{LABEL, STAND_IN};
use lsconfig_doctor::intervention::{
    Act, ActError, Intervention, Named, Place, RUN_LABEL, StandIn, Undone, mended, plan,
};
use lsconfig_doctor::judge::judge;
use serde_json::{Value, json};

use crate::engine::{Fake, http, ok, usual};
use crate::scenarios::all;

/// What is planned, in words, for every scenario of which a probe saw the failure.
#[test]
fn every_scenario_has_its_interventions() {
    let planned: BTreeMap<String, Vec<String>> = all()
        .into_iter()
        .map(|(id, scenario)| {
            let plan = plan(&judge(&scenario.facts));
            let texts = plan.proposals.iter().map(|p| p.intervention.to_string());
            (id, texts.collect::<Vec<_>>())
        })
        .filter(|(_, texts)| !texts.is_empty())
        .collect();
    let page = planned
        .iter()
        .flat_map(|(id, texts)| texts.iter().map(move |text| format!("{id}: {text}\n")))
        .collect::<String>();
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/interventions.txt");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap_or_default(),
        page,
        "UPDATE_DOCS=1 writes it anew"
    );
}

#[test]
fn every_finding_is_either_worked_on_or_listed_with_the_reason() {
    for (id, scenario) in all() {
        let judgement = judge(&scenario.facts);
        let plan = plan(&judgement);
        let found: BTreeSet<&str> = judgement
            .findings
            .iter()
            .filter(|f| f.severity > lsconfig::diagnostic::Severity::Note)
            .map(|f| f.check.rule.code)
            .collect();
        let mends = plan.proposals.iter().flat_map(|p| &p.mends);
        let listed: BTreeSet<&str> = mends
            .map(|m| m.code)
            .chain(plan.without.iter().map(|w| w.code))
            .collect();
        if judgement.world.is_some() {
            assert_eq!(found, listed, "{id}");
        }
        assert_eq!(
            mended(&plan.proposals, &judgement),
            plan.proposals.is_empty(),
            "{id}"
        );
    }
}

#[test]
fn stand_ins_are_seen_and_are_no_emulator() {
    let mut facts: Facts = all().remove("C35").unwrap().facts;
    let mut own = facts.containers[0].clone();
    own.id = "f".repeat(64);
    own.name = "lsconfig-stand-in-x-0".into();
    own.image = "lsconfig-probe:1".into();
    own.labels = BTreeMap::from([(LABEL.to_owned(), STAND_IN.to_owned())]);
    own.status = Status::Running;
    own.endpoints.clear();
    own.env.clear();
    own.compose = None;
    facts.containers.push(own);
    facts.question.target = None;
    assert_eq!(facts.stand_ins().count(), 1);
    let judgement = judge(&facts);
    assert!(judgement.findings.iter().all(|f| f.check.number != "CT002"));
}

const PAUSED: &str = "since";

/// An engine with one foreign container, and what it was asked to change.
fn engine(state: Value) -> (Fake, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let fake = Fake::new(move |line| {
        if let Some(answer) = usual(line) {
            return answer;
        }
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        if method != "GET" {
            let path = path.split_once("/v1.41").unwrap().1;
            let path = path.split('?').next().unwrap();
            log.lock().unwrap().push(format!("{method} {path}"));
            if path.ends_with("/attach") {
                let mut body = vec![1, 0, 0, 0, 0, 0, 0, 6];
                body.extend_from_slice(b"ready\n");
                return http("200 OK", "", &body);
            }
            return match path {
                "/containers/create" => http("201 Created", "", br#"{"Id": "new"}"#),
                _ => http("204 No Content", "", b""),
            };
        }
        if state.is_null() {
            return http("404 Not Found", "", br#"{"message": "No such container"}"#);
        }
        ok(&state)
    });
    (fake, asked)
}

fn connect(fake: &Fake) -> Engine {
    Engine::connect(Address::Unix(fake.socket.clone())).unwrap()
}

fn container(paused: bool, started_at: &str) -> Value {
    json!({"Id": "c", "State": {"Running": true, "Paused": paused, "StartedAt": started_at}})
}

fn resume() -> Intervention {
    Intervention::Resume {
        container: Named {
            id: "c".into(),
            name: "localstack".into(),
        },
    }
}

fn stand_in(place: Place) -> Intervention {
    Intervention::StandIn(StandIn {
        place,
        ports: BTreeSet::from([4566]),
        route: Some("theirs".into()),
        target: "localstack:4566".into(),
        emulator: "localstack".into(),
    })
}

#[test]
fn a_paused_container_goes_on_and_is_paused_again_in_the_same_life_only() {
    let (fake, asked) = engine(container(true, PAUSED));
    let act = Act::prepare(&connect(&fake), 0, &resume()).unwrap();
    assert_eq!(act.started_at.as_deref(), Some(PAUSED));
    act.perform(&connect(&fake), "run", "image").unwrap();
    // The act was not made, or the container was paused again since.
    assert_eq!(act.undo(&connect(&fake), "run").unwrap(), Undone::Nothing);
    assert_eq!(*asked.lock().unwrap(), ["POST /containers/c/unpause"]);

    for (state, undone, calls) in [
        (container(false, PAUSED), Undone::Done, 1),
        (container(false, "later"), Undone::Nothing, 0),
        (Value::Null, Undone::Nothing, 0),
    ] {
        let (fake, asked) = engine(state);
        assert_eq!(act.undo(&connect(&fake), "run").unwrap(), undone);
        assert_eq!(asked.lock().unwrap().len(), calls);
    }
    let (fake, _) = engine(container(false, PAUSED));
    let error = Act::prepare(&connect(&fake), 0, &resume()).unwrap_err();
    assert!(matches!(error, ActError::Outdated(_)), "{error}");
}

#[test]
fn a_stand_in_is_created_attached_and_started_and_only_ours_is_removed() {
    let network = Place::Network {
        network: "mine".into(),
        aliases: BTreeSet::from(["localstack".to_owned()]),
    };
    let (fake, asked) = engine(Value::Null);
    let act = Act::prepare(&connect(&fake), 3, &stand_in(network)).unwrap();
    act.perform(&connect(&fake), "run", "image").unwrap();
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "POST /containers/create",
            "POST /networks/theirs/connect",
            "POST /containers/new/attach",
            "POST /containers/new/start",
        ]
    );
    let labelled = |run: &str| json!({"Id": "new", "Config": {"Labels": {RUN_LABEL: run}}});
    for (state, undone, calls) in [
        (
            labelled("run"),
            Undone::Done,
            &["DELETE /containers/new"][..],
        ),
        (labelled("another"), Undone::Nothing, &[]),
        (
            json!({"Id": "new", "Config": {"Labels": null}}),
            Undone::Nothing,
            &[],
        ),
        (Value::Null, Undone::Nothing, &[]),
    ] {
        let (fake, asked) = engine(state);
        assert_eq!(act.undo(&connect(&fake), "run").unwrap(), undone);
        assert_eq!(*asked.lock().unwrap(), calls);
    }
    assert_eq!(act.by_hand("run"), "docker rm -f lsconfig-stand-in-run-3");
}

#[test]
fn inside_a_namespace_and_on_the_host_nothing_is_attached() {
    let address: IpAddr = [127, 0, 0, 1].into();
    let container = Named {
        id: "c".into(),
        name: "app".into(),
    };
    for place in [
        Place::Namespace { container, address },
        Place::Host { address },
    ] {
        let (fake, asked) = engine(Value::Null);
        let act = Act::prepare(&connect(&fake), 0, &stand_in(place)).unwrap();
        act.perform(&connect(&fake), "run", "image").unwrap();
        assert!(!asked.lock().unwrap().iter().any(|a| a.contains("networks")));
    }
}

#[test]
fn an_engine_that_refuses_is_an_error_and_the_act_is_still_to_be_undone() {
    let fake = Fake::new(|line| {
        usual(line).unwrap_or_else(|| http("500 Internal", "", br#"{"message": "no"}"#))
    });
    let act = Act {
        number: 0,
        intervention: resume(),
        started_at: Some(PAUSED.into()),
    };
    assert!(act.undo(&connect(&fake), "run").is_err());
    let error = act.perform(&connect(&fake), "run", "image").unwrap_err();
    assert_eq!(error.to_string(), "engine says 500: no");
}
