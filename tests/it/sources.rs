//! Profiles (`dotenv.jsonl`), the image's entrypoint (`entrypoint.jsonl`) and the CLI (`cli.jsonl`)
//! as recorded.

use std::collections::BTreeMap;

use lsconfig::entrypoint::{self, Effect};
use lsconfig::facts::Facts;
use lsconfig::launcher;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::TargetVersion;
use lsconfig::source::dotenv::{self, Order};
use lsconfig::source::profile::{self, Selection};
use serde_json::{Value, json};

use crate::vectors::{assert_none, records};

fn texts(value: &Value) -> Vec<(&str, &str)> {
    let object = value.as_object().expect("object");
    object
        .iter()
        .map(|(name, text)| (&**name, text.as_str().expect("text")))
        .collect()
}

/// The last value of each name in a layer.
fn settled(layer: &Layer) -> BTreeMap<&str, &str> {
    let pairs = layer.occurrences.iter();
    pairs.map(|o| (&*o.name, &*o.raw)).collect()
}

#[test]
fn every_release_loads_profiles_as_recorded() {
    let mut mismatches = Vec::new();
    let mut cases = 0;
    for record in records("dotenv") {
        let files: BTreeMap<&str, &str> = texts(&record["files"]).into_iter().collect();
        let environment: BTreeMap<&str, &str> = texts(&record["env"]).into_iter().collect();
        for (version, observed) in record["observed"].as_object().expect("object") {
            cases += 1;
            let selection = Selection {
                profile: record["profile"].as_str(),
                directory: profile::DEFAULT_DIRECTORY,
                version: version.parse().expect("version"),
            };
            let file = |name: &str| files.get(&*format!("{name}.env")).map(|t| (*t).to_owned());
            let (layer, _) = profile::load(&selection, file, |name| environment.get(name).copied());
            let mut ours = settled(&layer);
            ours.retain(|name, _| !environment.contains_key(name));
            // Before 3.1 one name was kept, and only when its file existed; later the list is kept
            // as it was split.
            let loaded = match &observed["loaded"] {
                Value::Null => Value::Null,
                Value::Array(_) => selection.names().into(),
                _ => selection.names()[0].into(),
            };
            let stripped: Value = match &observed["loaded"] {
                Value::Array(names) => names
                    .iter()
                    .map(|name| name.as_str().expect("text").trim().to_owned())
                    .collect(),
                other => other.clone(),
            };
            if json!(ours) != observed["added"] || loaded != stripped {
                mismatches.push(format!(
                    "{} {version}: {observed} observed, {ours:?} {loaded} here",
                    record["id"]
                ));
            }
        }
    }
    assert_none(&mismatches, cases);
}

#[test]
fn texts_of_any_shape_are_read_as_recorded() {
    let mut mismatches = Vec::new();
    let mut cases = 0;
    for record in records("dotenv-random") {
        let text = record["text"].as_str().expect("text");
        let environment = |name: &str| match name {
            "A" => Some("enva"),
            "E" => Some("env"),
            _ => None,
        };
        for (key, order) in [
            ("raw", None),
            ("file_first", Some(Order::FileFirst)),
            ("env_first", Some(Order::EnvironmentFirst)),
        ] {
            cases += 1;
            let mut parsed = dotenv::parse(text, ".env");
            if let Some(order) = order {
                dotenv::interpolate(&mut parsed, order, environment);
            }
            let ours: BTreeMap<&str, Option<&str>> = parsed
                .bindings
                .iter()
                .map(|b| (&*b.name, b.value.as_deref()))
                .collect();
            if json!(ours) != record[key] {
                mismatches.push(format!(
                    "{text:?} {key}: {} observed, {} here",
                    record[key],
                    json!(ours)
                ));
            }
        }
    }
    assert_none(&mismatches, cases);
}

#[test]
fn the_entrypoint_copies_names_as_recorded() {
    let mut mismatches = Vec::new();
    let mut cases = 0;
    for record in records("entrypoint") {
        for (version, observed) in record["observed"].as_object().expect("object") {
            cases += 1;
            let line = version.parse::<TargetVersion>().expect("version").line();
            let (ours, theirs) = match entrypoint::run(texts(&record["env"]), line) {
                Ok(exports) => {
                    let changed = exports.iter().filter(|e| e.effect != Effect::Unchanged);
                    let changed: BTreeMap<_, _> = changed.map(|e| (&*e.name, &*e.value)).collect();
                    (json!(changed), &observed["added_or_changed"])
                }
                Err(_) => (json!(1), &observed["error_rc"]),
            };
            if ours != *theirs {
                mismatches.push(format!(
                    "{} {version}: {observed} observed, {ours} here",
                    record["id"]
                ));
            }
        }
    }
    assert_none(&mismatches, cases);
}

fn planned(environment: &Value) -> Value {
    let layers: Layers = [Layer::from_pairs(
        SourceKind::Environment,
        "environment",
        texts(environment),
    )]
    .into_iter()
    .collect();
    match launcher::plan(&layers, &Facts::default()) {
        Ok(plan) => json!({
            "env": plan.environment.iter().map(|(n, v)| (&**n, &**v)).collect::<BTreeMap<_, _>>(),
            "publish": plan.publish_flags().flat_map(|p| ["-p".to_owned(), p]).collect::<Vec<_>>(),
            "publish_bind_host": plan.publish_host.as_str(),
            "additional_flags": plan.additional_flags.trim(),
            "name": &*plan.container_name,
            "cli_gateway_listen":
                plan.gateway_listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "non_prefixed_warned": plan.unprefixed.iter().map(|n| &**n).collect::<Vec<_>>(),
        }),
        Err(launcher::PlanError::Configuration(failure)) => json!({ "error": failure.message }),
        Err(_) => json!({ "error": "ports" }),
    }
}

#[test]
fn the_cli_starts_the_container_as_recorded() {
    for file in ["cli", "cli-more"] {
        let mut mismatches = Vec::new();
        let records = records(file);
        for record in &records {
            let ours = planned(&record["env"]);
            if ours != record["observed"] {
                mismatches.push(format!(
                    "{}: {} observed, {ours} here",
                    record["env"], record["observed"]
                ));
            }
        }
        assert_none(&mismatches, records.len());
    }
}
