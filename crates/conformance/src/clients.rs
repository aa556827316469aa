//! Runs the suites that are written with official client libraries in Python and Node.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::broker::Broker;
use crate::process::Process;

/// A suite runs for seconds; this only ends one that hangs.
const SUITE_DEADLINE: Duration = Duration::from_secs(120);

/// Runs `file` of `clients/python`; every case that fails is named in the panic.
pub fn python(file: &str, broker: &Broker) {
    let interpreter = folder().join("venv/bin/python");
    if present(&interpreter, file) {
        let suites = suites("python");
        run(Command::new(interpreter).arg(suites.join(file)).env("PYTHONPATH", &suites), file, broker);
    }
}

/// Runs `file` of `clients/node`; every case that fails is named in the panic.
pub fn node(file: &str, broker: &Broker) {
    let modules = folder().join("node/node_modules");
    if present(&modules, file) {
        let suite = suites("node").join(file);
        run(Command::new("node").args(node_paths(&modules)).arg(suite).env("NODE_MODULES", &modules), file, broker);
    }
}

/// A command for one program at `path` (Python or Node by its extension), in the environment of the clients;
/// `None`, after saying so, where that is not installed.
pub fn program(path: &Path) -> Option<Command> {
    let name = path.display().to_string();
    if path.extension().is_some_and(|extension| extension == "py") {
        let interpreter = folder().join("venv/bin/python");
        return present(&interpreter, &name).then(|| {
            let mut command = Command::new(interpreter);
            command.arg("-u").arg(path);
            command
        });
    }
    let modules = folder().join("node/node_modules");
    present(&modules, &name).then(|| {
        let mut command = Command::new("node");
        command.args(node_paths(&modules)).arg(path).env("NODE_MODULES", &modules);
        command
    })
}

/// Where `cargo xtask clients` puts the libraries: `CAUSEWAY_CLIENTS_DIR`, else the user's cache.
pub fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("CAUSEWAY_CLIENTS_DIR") {
        return folder.into();
    }
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("causeway/clients")
}

fn run(command: &mut Command, file: &str, broker: &Broker) {
    command.envs(broker.environment()).env("ADMIN_SOCKET", broker.admin_socket()).env("DATA_DIR", broker.data());
    command.env("PROGRAM", crate::broker::command().get_program());
    let ended = Process::start(command).wait(SUITE_DEADLINE);
    println!("{}", ended.stdout.join("\n"));
    let failed: Vec<_> = ended.stdout.iter().filter(|line| line.starts_with("not ok ")).cloned().collect();
    assert!(ended.status.success(), "{file}: {}\n{}\n{}", ended.status, failed.join("\n"), ended.stderr);
    assert!(ended.stdout.iter().any(|line| line.starts_with("ok ")), "{file} ran no case");
}

/// True when the client libraries are installed; where they must be (in CI), their absence is a failure.
fn present(what: &Path, file: &str) -> bool {
    let there = what.exists();
    let missing = format!("{} is missing: run `cargo xtask clients`", what.display());
    assert!(there || std::env::var_os("CI").is_none(), "{file}: {missing}");
    if !there {
        println!("skipped {file}: {missing}");
    }
    there
}

fn suites(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(language)
}

/// ES modules ignore NODE_PATH, so a loader hook that looks into the installed folder comes first.
fn node_paths(_modules: &Path) -> [OsString; 2] {
    ["--import".into(), suites("node").join("resolve.mjs").into_os_string()]
}
