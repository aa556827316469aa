//! Installs what the Python and Node suites of `crates/conformance/clients` need, outside of the work tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::suite::{Context, Outcome, Verdict, stages};

/// A tool chain, the files that pin its packages, and how to install them.
struct Suite {
    name: &'static str,
    /// Programs that must be there.
    programs: &'static [&'static str],
    /// Below `crates/conformance/clients`; the first one must exist.
    pins: &'static [&'static str],
    /// Below the build folder: what the installation makes.
    product: &'static str,
    commands: fn(folder: &Path, pins: &[Pin]) -> Result<Vec<Command>>,
}

const SUITES: &[Suite] = &[
    Suite {
        name: "Python",
        programs: &["python3"],
        pins: &["python/requirements.txt"],
        product: "venv",
        commands: python,
    },
    Suite {
        name: "Node",
        programs: &["node", "npm"],
        pins: &["node/package.json", "node/package-lock.json"],
        product: "node/node_modules",
        commands: node,
    },
];

/// A file that pins packages.
struct Pin {
    path: PathBuf,
    text: String,
}

/// Installs each suite whose pins or tools changed since the last time.
///
/// A missing tool is named; it fails the stage where nothing may be skipped, else its suite is left out.
pub(crate) fn install(context: &Context) -> Result<Outcome> {
    fs::create_dir_all(&context.clients).with_context(|| context.clients.display().to_string())?;
    let mut notes = Vec::new();
    for suite in SUITES {
        let versions: Vec<_> =
            suite.programs.iter().map(|program| (*program, process::ask(program, "--version"))).collect();
        let missing: Vec<_> = versions.iter().filter(|(_, version)| version.is_none()).map(|(name, _)| *name).collect();
        if missing.is_empty() {
            let versions: Vec<_> = versions.into_iter().filter_map(|(_, version)| version).collect();
            let outcome = install_suite(context, suite, &versions.join("\n"))?;
            if outcome.verdict != Verdict::Pass {
                return Ok(outcome);
            }
        } else {
            notes.push(format!("{} not found: {} suites skipped", missing.join(", "), suite.name));
            println!("{}", notes[notes.len() - 1]);
        }
    }
    let verdict = if context.strict && !notes.is_empty() { Verdict::Fail } else { Verdict::Pass };
    Ok(Outcome::of(verdict, notes.join("; ")))
}

fn install_suite(context: &Context, suite: &Suite, versions: &str) -> Result<Outcome> {
    let pins = read_pins(&context.project.root.join("crates/conformance/clients"), suite)?;
    let stamp = context.clients.join(format!("{}.stamp", suite.product));
    let wanted = stamp_text(versions, &pins);
    let product = context.clients.join(suite.product);
    if product.is_dir() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        println!("{}: {} is up to date", suite.name, product.display());
        return Ok(Outcome::of(Verdict::Pass, ""));
    }
    remove(&stamp, fs::remove_file)?;
    remove(&product, fs::remove_dir_all)?;
    for mut command in (suite.commands)(&context.clients, &pins)? {
        let outcome = stages::run(context, &mut command)?;
        if outcome.verdict != Verdict::Pass {
            return Ok(outcome);
        }
    }
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(Outcome::of(Verdict::Pass, ""))
}

fn read_pins(clients: &Path, suite: &Suite) -> Result<Vec<Pin>> {
    let mut pins = Vec::new();
    for (position, name) in suite.pins.iter().enumerate() {
        let path = clients.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => pins.push(Pin { path, text }),
            Err(_) if position > 0 => {}
            Err(error) => bail!("crates/conformance/clients/{name}: {error}"),
        }
    }
    Ok(pins)
}

/// Everything that an installation depends on; it is up to date while this text stays the same.
fn stamp_text(versions: &str, pins: &[Pin]) -> String {
    let mut text = format!("{versions}\n");
    for pin in pins {
        text.push_str(&pin.text);
    }
    text
}

fn remove(path: &Path, how: fn(PathBuf) -> std::io::Result<()>) -> Result<()> {
    match how(path.to_path_buf()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context(path.display().to_string()),
        _ => Ok(()),
    }
}

fn python(folder: &Path, pins: &[Pin]) -> Result<Vec<Command>> {
    let mut create = Command::new("python3");
    create.args(["-m", "venv"]).arg(folder.join("venv"));
    let mut install = Command::new(folder.join("venv/bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for pin in pins {
        install.arg("--requirement").arg(&pin.path);
    }
    Ok(vec![create, install])
}

/// npm works beside its `package.json`, so the pins are copied to where `node_modules` shall be.
fn node(folder: &Path, pins: &[Pin]) -> Result<Vec<Command>> {
    let folder = folder.join("node");
    fs::create_dir_all(&folder)?;
    let lock = folder.join("package-lock.json");
    remove(&lock, fs::remove_file)?;
    for pin in pins {
        let name = pin.path.file_name().context("a pin is a file")?;
        fs::write(folder.join(name), &pin.text)?;
    }
    let mut install = Command::new("npm");
    install.arg(if lock.exists() { "ci" } else { "install" }).args(["--no-audit", "--no-fund"]).current_dir(folder);
    Ok(vec![install])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(command: &Command) -> Vec<String> {
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_missing_pin_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_pins(folder.path(), &SUITES[0]).err().unwrap();
        assert!(error.to_string().starts_with("crates/conformance/clients/python/requirements.txt: "), "{error}");
    }

    #[test]
    fn the_lock_file_is_optional_and_decides_how_npm_installs() {
        let (clients, build) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(clients.path().join("node")).unwrap();
        fs::write(clients.path().join("node/package.json"), "{}").unwrap();
        let install = || node(build.path(), &read_pins(clients.path(), &SUITES[1]).unwrap()).unwrap();
        assert_eq!(arguments(&install()[0])[0], "install");
        assert_eq!(fs::read_to_string(build.path().join("node/package.json")).unwrap(), "{}");

        fs::write(clients.path().join("node/package-lock.json"), "{}").unwrap();
        assert_eq!(arguments(&install()[0])[0], "ci");

        fs::remove_file(clients.path().join("node/package-lock.json")).unwrap();
        assert_eq!(arguments(&install()[0])[0], "install", "the copy of a lock file that is gone must not stay");
    }

    #[test]
    fn the_stamp_follows_tools_and_pins() {
        let pin = |text: &str| [Pin { path: PathBuf::new(), text: text.to_owned() }];
        let stamp = stamp_text("Python 3.11", &pin("boto3==1"));
        assert_eq!(stamp, stamp_text("Python 3.11", &pin("boto3==1")));
        assert_ne!(stamp, stamp_text("Python 3.12", &pin("boto3==1")));
        assert_ne!(stamp, stamp_text("Python 3.11", &pin("boto3==2")));
    }

    #[test]
    fn removing_what_is_not_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        remove(&file, fs::remove_file).unwrap();
        fs::write(&file, "x").unwrap();
        remove(&file, fs::remove_file).unwrap();
        assert!(!file.exists());
    }
}
