//! Which crate may depend on which: the architecture as a table.

use serde_json::Value;

use super::Finding;
use super::tree::Tree;
use crate::project::items;

enum May {
    Use(&'static [&'static str]),
    UseProtocolsAnd(&'static [&'static str]),
    UseAll,
}

const PROTOCOLS: &[&str] = &["mqtt", "amqp091", "amqp10", "stomp", "openwire", "aws"];

const TABLE: &[(&str, May)] = &[
    ("model", May::Use(&[])),
    ("selector", May::Use(&[])),
    ("broker", May::Use(&["model", "selector"])),
    ("mqtt", May::Use(&["model", "selector"])),
    ("amqp091", May::Use(&["model", "selector"])),
    ("amqp10", May::Use(&["model", "selector"])),
    ("stomp", May::Use(&["model", "selector"])),
    ("openwire", May::Use(&["model", "selector"])),
    ("aws", May::Use(&["model", "selector"])),
    ("auth", May::Use(&["model"])),
    ("directory", May::Use(&["auth", "config", "model"])),
    ("journal", May::Use(&[])),
    ("replica", May::Use(&[])),
    ("net", May::Use(&["model", "auth"])),
    ("bridge", May::UseProtocolsAnd(&["model", "net"])),
    ("console", May::Use(&["model", "net", "auth"])),
    ("config", May::Use(&[])),
    ("gateway", May::UseAll),
    ("bench", May::UseProtocolsAnd(&[])),
    ("conformance", May::Use(&[])),
    ("xtask", May::Use(&[])),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    items(&tree.metadata["packages"]).flat_map(|package| check_crate(tree, package)).collect()
}

fn check_crate(tree: &Tree, package: &Value) -> Vec<Finding> {
    let name = package["name"].as_str().unwrap_or_default();
    let manifest = format!("crates/{name}/Cargo.toml");
    let Some((_, may)) = TABLE.iter().find(|(known, _)| *known == name) else {
        return vec![Finding::error(
            &manifest,
            1,
            "unknown crate: add it to the table in xtask's tidy/dependencies.rs",
        )];
    };
    let forbidden = in_house(package).filter(|dependency| !may.allows(dependency));
    let finding = |dependency| {
        let line = line_of(tree, &manifest, dependency);
        Finding::error(&manifest, line, format!("{name} may not depend on {dependency}"))
    };
    forbidden.map(finding).collect()
}

impl May {
    fn allows(&self, dependency: &str) -> bool {
        match self {
            Self::Use(list) => list.contains(&dependency),
            Self::UseProtocolsAnd(list) => list.contains(&dependency) || PROTOCOLS.contains(&dependency),
            Self::UseAll => true,
        }
    }
}

/// Dependencies that live in this work tree, without those of tests.
fn in_house(package: &Value) -> impl Iterator<Item = &str> {
    let shipped = |dependency: &&Value| dependency["kind"] != "dev" && dependency["path"].is_string();
    items(&package["dependencies"]).filter(shipped).filter_map(|dependency| dependency["name"].as_str())
}

fn line_of(tree: &Tree, manifest: &str, dependency: &str) -> usize {
    let names = |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    let found = tree.file(manifest).and_then(|file| file.lines().find(|(_, line)| names(line)));
    found.map_or(1, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependency = |(name, kind): &(&str, Option<&str>)| json!({"name": name, "kind": kind, "path": "somewhere"});
        let mut list: Vec<_> = dependencies.iter().map(dependency).collect();
        list.push(json!({"name": "bytes", "kind": null, "source": "registry"}));
        json!({"name": name, "dependencies": list})
    }

    fn findings(packages: &[Value]) -> Vec<String> {
        let mut tree =
            Tree::of(&[("crates/net/Cargo.toml", "[dependencies]\nmodel.workspace = true\nbroker.workspace = true\n")]);
        tree.metadata = json!({ "packages": packages });
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_is_obeyed() {
        let packages = [
            package("broker", &[("model", None), ("selector", None)]),
            package("bridge", &[("net", None), ("stomp", None)]),
            package("gateway", &[("broker", None), ("xtask", None)]),
            package("model", &[("broker", Some("dev"))]),
        ];
        assert_eq!(findings(&packages), [""; 0]);
    }

    #[test]
    fn a_forbidden_dependency_is_shown_at_its_line() {
        let found = findings(&[package("net", &[("model", None), ("broker", None)])]);
        assert_eq!(found, ["crates/net/Cargo.toml:3: net may not depend on broker"]);
        assert_eq!(findings(&[package("journal", &[("model", Some("build"))])]).len(), 1);
    }

    #[test]
    fn an_unknown_crate_is_an_error() {
        assert!(findings(&[package("misc", &[])])[0].starts_with("crates/misc/Cargo.toml:1: unknown crate"));
    }
}
