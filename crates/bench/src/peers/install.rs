//! The peers that come from package registries: Python's and Node's kept in the user's cache folder, Debian's installed.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{activemq, rabbitmq};

/// Fixed, so that ratios of different days mean the same.
const MOTO: &str = "moto[sqs,server]==5.2.5";
const FAUXQS: &str = "fauxqs@2.4.1";

/// Installs what is missing.
///
/// # Errors
/// If `python3`, its `venv`, `npm` or `apt-get` is missing or fails; the last one usually needs root.
pub fn install() -> Result<()> {
    let folder = folder().context("neither XDG_CACHE_HOME nor HOME is set")?;
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    if moto_server().is_none() {
        let environment = folder.join("moto");
        run("python3", [OsStr::new("-m"), "venv".as_ref(), environment.as_os_str()])?;
        run(environment.join("bin/pip"), ["install", "--quiet", MOTO])?;
    }
    if fauxqs_modules().is_none() {
        let prefix = folder.join("fauxqs");
        let flags = ["install", "--no-audit", "--no-fund", "--prefix"].map(OsStr::new);
        run("npm", flags.into_iter().chain([prefix.as_os_str(), FAUXQS.as_ref()]))?;
    }
    let missing = [("rabbitmq-server", rabbitmq::program().is_some()), ("activemq", activemq::is_installed())];
    let missing = missing.into_iter().filter(|(_, found)| !found).map(|(package, _)| package);
    let packages: Vec<&str> = missing.collect();
    if !packages.is_empty() {
        let flags = ["install", "--yes", "--no-install-recommends"];
        run("apt-get", flags.into_iter().chain(packages))?;
    }
    Ok(())
}

pub(super) fn moto_server() -> Option<PathBuf> {
    Some(folder()?.join("moto/bin/moto_server")).filter(|path| path.is_file())
}

/// The `node_modules` that holds fauxqs.
pub(super) fn fauxqs_modules() -> Option<PathBuf> {
    Some(folder()?.join("fauxqs/node_modules")).filter(|path| path.join("fauxqs/package.json").is_file())
}

fn folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("causeway/peers"))
}

fn run(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
    let mut command = Command::new(program);
    let name = command.get_program().display().to_string();
    let status = command.args(arguments).status().with_context(|| format!("running {name}"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}
