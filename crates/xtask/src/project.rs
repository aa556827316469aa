//! Where the work tree is, and what cargo says about it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

pub(crate) struct Project {
    pub(crate) root: PathBuf,
    /// The answer of `cargo metadata --no-deps`.
    pub(crate) metadata: Value,
}

impl Project {
    /// The work tree that `cargo xtask` was called in.
    ///
    /// The place is asked for at run time: a target folder shared between clones may hold a binary that was compiled
    /// in another one.
    pub(crate) fn find() -> Result<Self> {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").context("call this as `cargo xtask`")?;
        let root = Path::new(&own).ancestors().nth(2).context("xtask lives in crates/xtask")?.to_path_buf();
        let mut command = cargo(&root);
        let output = command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).output()?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(Self { metadata: serde_json::from_slice(&output.stdout)?, root })
    }

    pub(crate) fn target_folder(&self) -> Result<PathBuf> {
        Ok(self.metadata["target_directory"].as_str().context("cargo metadata names no target folder")?.into())
    }

    /// Names of the integration tests (`tests/*.rs`) of a crate.
    pub(crate) fn integration_tests(&self, package: &str) -> Vec<&str> {
        let of_package = items(&self.metadata["packages"]).find(|found| found["name"] == package);
        let targets = of_package.into_iter().flat_map(|package| items(&package["targets"]));
        let tests = targets.filter(|target| items(&target["kind"]).any(|kind| kind == "test"));
        tests.filter_map(|target| target["name"].as_str()).collect()
    }
}

/// A `cargo` of the toolchain that runs this program, started in `root`.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// The members of a JSON array; none if it is anything else.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integration_tests_are_those_of_the_crate() {
        let target = |kind: &str, name: &str| serde_json::json!({"kind": [kind], "name": name});
        let metadata = serde_json::json!({"packages": [
            {"name": "other", "targets": [target("test", "elsewhere")]},
            {"name": "conformance", "targets": [target("lib", "conformance"), target("test", "crash")]},
        ]});
        let project = Project { root: PathBuf::new(), metadata };
        assert_eq!(project.integration_tests("conformance"), ["crash"]);
        assert!(project.integration_tests("absent").is_empty());
    }
}
