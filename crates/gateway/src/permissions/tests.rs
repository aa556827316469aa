use clap::Parser;
use config::{Machine, Sources};

use super::*;
use crate::command_line::{CommandLine, Subcommands};

const FILE: &str =
    "[[destination]]\nqueue = \"orders.>\"\nread = [\"drivers\"]\nvirtual_host = \"eu\"\nsecure = true\n";
const CONFIGURATION: &str = "[[virtual_host]]\nname = \"eu\"\naccount = \"111122223333\"\n";

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// What a command line prints or why it fails.
    fn run(&self, words: &[&str]) -> Result<String, String> {
        let data = self.folder.path().display().to_string();
        let line = CommandLine::try_parse_from(["causeway", "--data", &data].iter().chain(words)).unwrap();
        let sources = Sources {
            file: Some(("c.toml".into(), CONFIGURATION.to_owned())),
            environment: std::iter::empty(),
            flags: line.settings.flags(),
            machine: Machine::read(),
        };
        let config = Config::load(sources).unwrap();
        let Some(Subcommands::Permissions(command)) = &line.command else { panic!("{:?}", line.command) };
        let mut out = Vec::new();
        let done = match command {
            PermissionsCommand::Check { file } => check(&config, file.as_deref(), line.json, &mut out),
            PermissionsCommand::Import { file, from } => import(file, *from, line.json, &mut out),
            PermissionsCommand::Explain(question) => answer(&config, question, line.json, &mut out),
        };
        match done {
            Ok(()) => Ok(String::from_utf8(out).unwrap()),
            Err(Failure::Configuration(text) | Failure::Start(text) | Failure::Fatal(text)) => Err(text),
        }
    }
}

#[test]
fn a_file_is_checked() {
    let world = World::new();
    assert!(world.run(&["permissions", "check"]).unwrap().ends_with("who has logged in may use everything.\n"));
    world.write("permissions.toml", FILE);
    assert!(world.run(&["permissions", "check"]).unwrap().ends_with("permissions.toml is sound: 1 entries.\n"));
    let other = world.write("other.toml", "[[destination]]\nqueue = 1\n[[x]]\n");
    let errors = world.run(&["permissions", "check", &other]).unwrap_err();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 2, "{errors}");
    assert!(lines.iter().all(|line| line.starts_with(&other)), "{errors}");
    assert!(world.run(&["permissions", "check", "missing.toml"]).unwrap_err().starts_with("missing.toml: "));
    world.write("permissions.toml", "");
    assert!(world.run(&["permissions", "check"]).unwrap().contains("allows nothing"));
}

#[test]
fn a_decision_is_explained() {
    let world = World::new();
    world.write("permissions.toml", FILE);
    let ask = |more: &[&str]| {
        let words = ["permissions", "explain", "alice", "read", "queue:orders.eu", "--virtual-host", "eu"];
        world.run(&[&words[..], more].concat()).unwrap()
    };
    assert_eq!(
        ask(&["--group", "drivers", "--secure"]),
        "user \"alice\" may read queue \"orders.eu\" in \"111122223333/us-east-1\"\n  \
         given by line 1: [[destination]] queue = \"orders.>\", virtual_host = \"eu\"\n"
    );
    assert!(ask(&["--group", "drivers"]).contains("line 1 would, only over TLS"));
    assert!(ask(&[]).contains("no entry is about this user"));
    let mut users = Users::default();
    users.put(User { groups: ["drivers".to_owned()].into(), ..User::new("alice") }).unwrap();
    world.write("users.toml", &users.to_text());
    assert!(ask(&["--secure", "--json"]).starts_with("{\"allowed\":true,"));
}

#[test]
fn permissions_of_others_become_a_file() {
    let world = World::new();
    let acl = world.write("acl", "user alice\ntopic read a/#\npattern write x%c\n");
    let toml = world.run(&["permissions", "import", &acl]).unwrap();
    world.write("permissions.toml", &toml);
    assert!(world.run(&["permissions", "check"]).unwrap().ends_with("1 entries.\n"));
    assert!(world.run(&["permissions", "import", &acl, "--from", "rabbitmq"]).unwrap_err().contains("not JSON"));
    let denial = world.write("denial", "pattern deny x%c\n");
    assert!(world.run(&["permissions", "import", &denial]).unwrap_err().contains("denial"));
}
