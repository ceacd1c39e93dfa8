//! `lsconfig tls`: the local certificate authority, and who trusts it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lsconfig_gateway::tls::trust::{self, Act, Step, System};
use lsconfig_gateway::tls::{Authority, system_bundle};

use crate::error::CliError;
use crate::exit;
use crate::gateway::args::{TlsArgs, TlsCommand, TrustArgs};
use crate::gateway::settings::{read_own, state_dir};
use lsconfig::source::dotenv::quote;

/// What `install` did, for `uninstall`; in the state directory.
const DONE_FILE: &str = "trust.json";

/// Certificates of the system and ours; in the state directory.
const BUNDLE_FILE: &str = "bundle.pem";

/// Runs the command.
pub(crate) fn run(args: &TlsArgs) -> Result<ExitCode, CliError> {
    let dir = state_dir(args.state_dir.as_ref());
    match &args.command {
        TlsCommand::Uninstall(trust) => return uninstall(&dir, trust),
        TlsCommand::Status => return status(&dir),
        _ => {}
    }
    let authority = Authority::open(&dir, &read_own()?)
        .map_err(|error| CliError::usage(error.to_string(), "name another --state-dir"))?;
    match &args.command {
        TlsCommand::Install(trust) => install(&dir, &authority, trust),
        TlsCommand::Env => env(&dir, &authority),
        _ => {
            io::stdout().write_all(bundle(&authority)?.as_bytes())?;
            Ok(ExitCode::from(exit::CLEAN))
        }
    }
}

fn install(dir: &Path, authority: &Authority, args: &TrustArgs) -> Result<ExitCode, CliError> {
    let cert = authority.path().unwrap_or(dir).to_owned();
    let steps = trust::plan(&system(), &cert);
    if steps.is_empty() {
        return Err(CliError::usage(
            "no trust store was found",
            "use the variables of `lsconfig tls env` instead",
        ));
    }
    let mut out = io::stdout().lock();
    let mut done: Vec<Step> = Vec::new();
    for step in steps {
        writeln!(out, "{}: {}", step.store, step.act)?;
        if args.dry_run {
            continue;
        }
        done.push(step.clone());
        let list = serde_json::to_string_pretty(&done)?;
        write(&dir.join(DONE_FILE), &list)?;
        act(&step.act, &cert)?;
    }
    Ok(ExitCode::from(exit::CLEAN))
}

fn uninstall(dir: &Path, args: &TrustArgs) -> Result<ExitCode, CliError> {
    let file = dir.join(DONE_FILE);
    let Ok(list) = fs::read_to_string(&file) else {
        anstream::eprintln!("nothing was installed from {}", dir.display());
        return Ok(ExitCode::from(exit::CLEAN));
    };
    let done: Vec<Step> = serde_json::from_str(&list)
        .map_err(|error| CliError::usage(format!("{}: {error}", file.display()), ""))?;
    let mut out = io::stdout().lock();
    let mut failed = false;
    for undo in trust::undo(&done) {
        writeln!(out, "{undo}")?;
        if !args.dry_run
            && let Err(error) = act(&undo, &file)
        {
            error.print();
            failed = true;
        }
    }
    if args.dry_run {
        return Ok(ExitCode::from(exit::CLEAN));
    }
    if failed {
        anstream::eprintln!("what was not undone is still listed in {}", file.display());
        return Ok(ExitCode::from(exit::FINDINGS));
    }
    fs::remove_file(&file).map_err(CliError::Output)?;
    Ok(ExitCode::from(exit::CLEAN))
}

fn act(act: &Act, cert: &Path) -> Result<(), CliError> {
    let failed = |what: String, error: io::Error| {
        CliError::usage(format!("{what}: {error}"), "run the command as root")
    };
    match act {
        Act::Copy(to) => fs::copy(cert, to)
            .map(drop)
            .map_err(|error| failed(to.display().to_string(), error)),
        Act::Remove(file) => match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed(file.display().to_string(), error))
            }
            _ => Ok(()),
        },
        Act::Run(words) => {
            let Some((program, arguments)) = words.split_first() else {
                return Ok(());
            };
            let status = Command::new(program)
                .args(arguments)
                .status()
                .map_err(|error| failed(program.clone(), error))?;
            if status.success() {
                Ok(())
            } else {
                Err(CliError::usage(format!("{program} failed: {status}"), ""))
            }
        }
    }
}

fn status(dir: &Path) -> Result<ExitCode, CliError> {
    let mut out = io::stdout().lock();
    let cert = dir.join(lsconfig_gateway::tls::CA_CERT_FILE);
    let Ok(pem) = fs::read_to_string(&cert) else {
        writeln!(
            out,
            "no authority in {}; it is made when it is needed",
            dir.display()
        )?;
        return Ok(ExitCode::from(exit::CLEAN));
    };
    writeln!(out, "authority {}", cert.display())?;
    let trusted = system_bundle()
        .and_then(|bundle| fs::read_to_string(bundle).ok())
        .is_some_and(|bundle| bundle.replace('\r', "").contains(pem.trim()));
    writeln!(
        out,
        "system    {}",
        if trusted {
            "trusts it"
        } else {
            "does not trust it"
        }
    )?;
    let done = fs::read_to_string(dir.join(DONE_FILE)).unwrap_or_default();
    let done: Vec<Step> = serde_json::from_str(&done).unwrap_or_default();
    for step in done {
        writeln!(out, "done      {}: {}", step.store, step.act)?;
    }
    Ok(ExitCode::from(exit::CLEAN))
}

fn env(dir: &Path, authority: &Authority) -> Result<ExitCode, CliError> {
    let both = dir.join(BUNDLE_FILE);
    write(&both, &bundle(authority)?)?;
    let ours = authority.path().unwrap_or(&both);
    let mut out = io::stdout().lock();
    let variables = [
        ("AWS_CA_BUNDLE", both.as_path()),
        ("REQUESTS_CA_BUNDLE", &both),
        ("CURL_CA_BUNDLE", &both),
        ("SSL_CERT_FILE", &both),
        ("NODE_EXTRA_CA_CERTS", ours),
    ];
    for (name, file) in variables {
        writeln!(out, "export {name}={}", quote(&file.display().to_string()))?;
    }
    writeln!(
        out,
        "# Java reads no variable: use `lsconfig tls install` with JAVA_HOME set"
    )?;
    Ok(ExitCode::from(exit::CLEAN))
}

/// The certificates of the system, when it has a bundle, and ours.
fn bundle(authority: &Authority) -> Result<String, CliError> {
    let mut text = match system_bundle() {
        Some(path) => {
            fs::read_to_string(path).map_err(|error| crate::input::read_error(path, error))?
        }
        None => String::new(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(authority.cert_pem());
    Ok(text)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|error| CliError::usage(format!("{}: {error}", path.display()), ""))
}

/// Looks for the stores that `plan` knows.
fn system() -> System {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let runs = |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let mut system = System::default();
    for (directory, program) in trust::places() {
        if Path::new(directory).is_dir() {
            system.directories.push(directory.into());
        }
        if runs(program) {
            system.programs.push(program.to_owned());
        }
    }
    if runs("certutil") {
        system.programs.push("certutil".to_owned());
    }
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let mut databases = vec![home.join(".pki/nssdb")];
    let profiles = fs::read_dir(home.join(".mozilla/firefox"))
        .into_iter()
        .flatten();
    databases.extend(profiles.flatten().map(|profile| profile.path()));
    databases.retain(|database| database.join("cert9.db").exists());
    databases.sort();
    system.nss = databases;
    system.java_home = std::env::var_os("JAVA_HOME")
        .map(PathBuf::from)
        .filter(|java| java.join("lib/security/cacerts").exists());
    system
}
