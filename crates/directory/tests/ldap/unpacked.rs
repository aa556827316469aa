//! Debian's slapd, downloaded and unpacked below the build folder: nothing is installed, and nobody has to be root.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The programs and libraries of one system.
pub(crate) struct Unpacked {
    root: PathBuf,
}

impl Unpacked {
    /// `None`, said on the output, where there is no apt that has it; where it must be there (in CI), that fails.
    pub(crate) fn get() -> Option<&'static Self> {
        static UNPACKED: OnceLock<Result<Unpacked, String>> = OnceLock::new();
        match UNPACKED.get_or_init(unpack) {
            Ok(unpacked) => Some(unpacked),
            Err(reason) => {
                assert!(std::env::var_os("CI").is_none(), "slapd is missing: {reason}");
                println!("skipped: slapd is missing: {reason}");
                None
            }
        }
    }

    pub(crate) fn slapd(&self) -> Command {
        let mut command = Command::new(self.root.join("usr/sbin/slapd"));
        let folders: Vec<_> = libraries(&self.root).iter().map(|path| path.display().to_string()).collect();
        command.env("LD_LIBRARY_PATH", folders.join(":")).stdin(Stdio::null());
        command
    }

    pub(crate) fn modules(&self) -> PathBuf {
        self.root.join("usr/lib/ldap")
    }

    pub(crate) fn schema(&self, name: &str) -> PathBuf {
        self.root.join("etc/ldap/schema").join(name)
    }
}

fn unpack() -> Result<Unpacked, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let root = folder.join("slapd");
    if !root.exists() {
        // Under another name until it is whole.
        let fresh = tempfile::Builder::new().prefix("slapd-").tempdir_in(folder).map_err(|error| error.to_string())?;
        download(fresh.path())?;
        match fs::rename(fresh.path().join("root"), &root) {
            Err(error) if !root.exists() => return Err(error.to_string()),
            _ => {}
        }
    }
    Ok(Unpacked { root })
}

fn download(folder: &Path) -> Result<(), String> {
    // The lists of a bare machine may be missing, or too old: then some of our own.
    let archives = fetch(folder, &[]).or_else(|_| {
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part)).map_err(|error| error.to_string())?;
        }
        let lists = format!("Dir::State::lists={}", folder.join("lists").display());
        let cache = format!("Dir::Cache={}", folder.join("cache").display());
        let options = ["-o", lists.as_str(), "-o", cache.as_str()];
        run(Command::new("apt-get").args(options).arg("update"))?;
        fetch(folder, &options)
    })?;
    for archive in archives {
        run(Command::new("dpkg").arg("-x").arg(archive).arg(folder.join("root")))?;
    }
    Ok(())
}

/// The archives of slapd and of the libraries that it needs and the system does not have.
fn fetch(folder: &Path, options: &[&str]) -> Result<Vec<PathBuf>, String> {
    let archives = folder.join("archives");
    fs::create_dir_all(&archives).map_err(|error| error.to_string())?;
    let kinds = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
    let kinds = kinds.map(|kind| format!("--no-{kind}"));
    let listed = run(Command::new("apt-cache").args(options).args(["depends", "--recurse"]).args(kinds).arg("slapd"))?;
    let needed: BTreeSet<_> = listed.lines().filter(|name| is_library(name) && !is_installed(name)).collect();
    let mut command = Command::new("apt-get");
    run(command.current_dir(&archives).args(options).args(["download", "slapd"]).args(needed))?;
    let files = fs::read_dir(&archives).map_err(|error| error.to_string())?;
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|end| end == "deb")).collect())
}

/// Of a line that names a package: others are indented, or in angle brackets. Perl is for a back end that is not used.
fn is_library(line: &str) -> bool {
    line.starts_with("lib") && !line.contains("perl") && !line.contains(':')
}

fn is_installed(package: &str) -> bool {
    let status = run(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]));
    status.is_ok_and(|status| status.trim() == "installed")
}

fn libraries(root: &Path) -> Vec<PathBuf> {
    let entries = |folder: &str| fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let folders = ["usr/lib", "lib"].into_iter().flat_map(entries).map(|entry| entry.path());
    folders.filter(|path| path.to_string_lossy().contains("-linux-gnu")).collect()
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
