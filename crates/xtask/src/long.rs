//! Runs that are longer than those of `cargo xtask test`: as many power cuts and random histories as somebody has time for.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{self, End};
use crate::project::{Project, cargo};

/// Kills the broker `cuts` times under load; true if what was confirmed held.
pub(crate) fn crash(project: &Project, cuts: u64, limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    let broker = project.target_folder()?.join("debug").join("causeway");
    let mut build = cargo(&project.root);
    build.args(["build", "--package", "gateway", "--bin", "causeway"]);
    Ok(passes(&mut build, deadline)? && passes(&mut cuts_of(&project.root, &broker, cuts), deadline)?)
}

/// Runs the random histories of the journal and the property tests of the broker; true if they passed.
pub(crate) fn sim(project: &Project, seeds: u64, limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    for mut command in histories(&project.root, seeds) {
        if !passes(&mut command, deadline)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn cuts_of(root: &Path, broker: &Path, cuts: u64) -> Command {
    let mut command = cargo(root);
    command.args(["test", "--package", "conformance", "--test", "crash", "--", "--nocapture"]);
    command.env("CAUSEWAY_BIN", broker).env("CAUSEWAY_CUTS", cuts.to_string());
    command
}

fn histories(root: &Path, seeds: u64) -> [Command; 2] {
    let test = |package: &str, test: &str| {
        let mut command = cargo(root);
        command.args(["test", "--release", "--package", package, "--test", test]);
        command
    };
    let (mut journal, mut broker) = (test("journal", "journal"), test("broker", "property"));
    journal.arg("histories").env("CAUSEWAY_SEEDS", seeds.to_string());
    broker.env("PROPTEST_CASES", seeds.to_string());
    [journal, broker]
}

fn passes(command: &mut Command, deadline: Instant) -> Result<bool> {
    match process::run(command, deadline, |line| println!("{line}"))? {
        End::Exited(status) => Ok(status.success()),
        End::OutOfTime => {
            println!("stopped: out of time");
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn variable<'a>(command: &'a Command, name: &str) -> Option<&'a str> {
        command.get_envs().find(|(key, _)| *key == OsStr::new(name)).and_then(|(_, value)| value?.to_str())
    }

    #[test]
    fn numbers_reach_the_tests() {
        let cuts = cuts_of(Path::new("."), Path::new("causeway"), 7);
        assert_eq!((variable(&cuts, "CAUSEWAY_CUTS"), variable(&cuts, "CAUSEWAY_BIN")), (Some("7"), Some("causeway")));
        let [journal, broker] = histories(Path::new("."), 5_000);
        assert_eq!(variable(&journal, "CAUSEWAY_SEEDS"), Some("5000"));
        assert_eq!(variable(&broker, "PROPTEST_CASES"), Some("5000"));
    }
}
