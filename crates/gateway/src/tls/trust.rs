//! Making a system trust our authority: which acts do it, and which undo them.
//!
//! [`plan`] decides from what is found on the system and changes nothing. Who carries the acts out
//! keeps the undo list first.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The name under which stores keep our authority.
pub const NICKNAME: &str = "lsconfig-local-authority";

/// One change to a trust store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Copy the certificate of the authority to this path.
    Copy(PathBuf),
    /// Remove this file, which [`Act::Copy`] made.
    Remove(PathBuf),
    /// Run a program.
    Run(Vec<String>),
}

/// An act with what undoes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The store it concerns.
    pub store: String,
    /// What to do.
    pub act: Act,
    /// What undoes it.
    pub undo: Act,
}

/// What was found on a system.
#[derive(Debug, Clone, Default)]
pub struct System {
    /// Directories that exist.
    pub directories: Vec<PathBuf>,
    /// Programs that can be run.
    pub programs: Vec<String>,
    /// NSS databases of the user (directories with `cert9.db`).
    pub nss: Vec<PathBuf>,
    /// `JAVA_HOME`, when it has a `cacerts`.
    pub java_home: Option<PathBuf>,
}

/// Directory of local certificates, and the program that takes them over.
const LAYOUTS: [(&str, &str, &str); 3] = [
    (
        "Debian, Alpine",
        "/usr/local/share/ca-certificates",
        "update-ca-certificates",
    ),
    (
        "Fedora",
        "/etc/pki/ca-trust/source/anchors",
        "update-ca-trust",
    ),
    (
        "Arch, SUSE",
        "/etc/ca-certificates/trust-source/anchors",
        "update-ca-trust",
    ),
];

/// Places and programs that [`plan`] wants to know about.
pub fn places() -> impl Iterator<Item = (&'static str, &'static str)> {
    LAYOUTS
        .iter()
        .map(|(_, directory, program)| (*directory, *program))
}

/// Returns the steps that make `system` trust the certificate in `cert`.
#[must_use]
pub fn plan(system: &System, cert: &Path) -> Vec<Step> {
    let has = |program: &str| system.programs.iter().any(|p| p == program);
    let run = |words: &[&str]| Act::Run(words.iter().map(|&w| w.to_owned()).collect());
    let cert_text = cert.to_string_lossy();
    let mut steps = Vec::new();
    let layout = LAYOUTS.iter().find(|(_, directory, program)| {
        has(program) && system.directories.iter().any(|d| d == Path::new(directory))
    });
    if let Some((store, directory, program)) = layout {
        let file = Path::new(directory).join(format!("{NICKNAME}.crt"));
        steps.push(Step {
            store: (*store).to_owned(),
            act: Act::Copy(file.clone()),
            undo: Act::Remove(file),
        });
        steps.push(Step {
            store: (*store).to_owned(),
            act: run(&[program]),
            undo: run(&[program]),
        });
    }
    if has("certutil") {
        for database in &system.nss {
            let database = format!("sql:{}", database.display());
            steps.push(Step {
                store: "NSS".to_owned(),
                act: run(&[
                    "certutil", "-A", "-d", &database, "-t", "C,,", "-n", NICKNAME, "-i",
                    &cert_text,
                ]),
                undo: run(&["certutil", "-D", "-d", &database, "-n", NICKNAME]),
            });
        }
    }
    if let Some(home) = &system.java_home {
        let keytool = home.join("bin/keytool").display().to_string();
        let store = home.join("lib/security/cacerts").display().to_string();
        let common = [
            "-noprompt",
            "-keystore",
            &store,
            "-storepass",
            "changeit",
            "-alias",
            NICKNAME,
        ];
        let mut act = vec![keytool.as_str(), "-importcert", "-file", &cert_text];
        act.extend(common);
        let mut undo = vec![keytool.as_str(), "-delete"];
        undo.extend(common);
        steps.push(Step {
            store: "Java".to_owned(),
            act: run(&act),
            undo: run(&undo),
        });
    }
    steps
}

/// Returns the acts that undo `steps`: in reverse, but a program that takes files over runs after
/// the files have gone.
#[must_use]
pub fn undo(steps: &[Step]) -> Vec<Act> {
    let mut acts: Vec<Act> = steps.iter().rev().map(|step| step.undo.clone()).collect();
    acts.sort_by_key(|act| !matches!(act, Act::Remove(_)));
    acts
}

/// Prints an act as the shell command that does the same.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy(to) => write!(f, "cp {} {}", super::CA_CERT_FILE, to.display()),
            Self::Remove(file) => write!(f, "rm {}", file.display()),
            Self::Run(words) => f.write_str(&words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(system: &System) -> (Vec<String>, Vec<String>) {
        let steps = plan(system, Path::new("/s/ca.pem"));
        let acts = steps.iter().map(|s| s.act.to_string()).collect();
        (acts, undo(&steps).iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_debian_system_gets_one_file_and_one_program() {
        let system = System {
            directories: vec!["/usr/local/share/ca-certificates".into()],
            programs: vec!["update-ca-certificates".into(), "certutil".into()],
            nss: vec!["/h/.pki/nssdb".into()],
            java_home: None,
        };
        let file = "/usr/local/share/ca-certificates/lsconfig-local-authority.crt";
        let (acts, undone) = shown(&system);
        assert_eq!(
            acts,
            [
                format!("cp ca.pem {file}"),
                "update-ca-certificates".to_owned(),
                "certutil -A -d sql:/h/.pki/nssdb -t C,, -n lsconfig-local-authority -i /s/ca.pem"
                    .to_owned(),
            ]
        );
        assert_eq!(
            undone,
            [
                format!("rm {file}"),
                "certutil -D -d sql:/h/.pki/nssdb -n lsconfig-local-authority".to_owned(),
                "update-ca-certificates".to_owned(),
            ]
        );
    }

    #[test]
    fn a_directory_without_its_program_is_no_store() {
        let system = System {
            directories: vec!["/etc/pki/ca-trust/source/anchors".into()],
            ..System::default()
        };
        assert!(shown(&system).0.is_empty());
    }

    #[test]
    fn java_is_told_when_it_is_there() {
        let system = System {
            java_home: Some("/j".into()),
            ..System::default()
        };
        let (acts, undone) = shown(&system);
        assert!(acts[0].starts_with("/j/bin/keytool -importcert -file /s/ca.pem"));
        assert!(undone[0].starts_with("/j/bin/keytool -delete"));
    }
}
