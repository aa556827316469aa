mod defaults;
mod directories;
mod listeners;
mod mistakes;
mod precedence;
mod reference;
mod round_trip;
mod secrets;
mod tls;

use std::path::PathBuf;

use crate::{Config, Errors, Flags, Machine, Sources};

const GIB: u64 = 1 << 30;
const MACHINE: Machine = Machine { cores: 6, memory: Some(8 * GIB), cgroup_memory: None };

fn load(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Config, Errors> {
    load_on(MACHINE, file, environment, flags)
}

fn load_on(machine: Machine, file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Config, Errors> {
    Config::load(Sources {
        file: Some((PathBuf::from("causeway.toml"), file.to_owned())),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        flags,
        machine,
    })
}

fn from_file(file: &str) -> Config {
    load(file, &[], Flags::default()).unwrap_or_else(|errors| panic!("{errors}\nin\n{file}"))
}

fn from_environment(variables: &[(&str, &str)]) -> Config {
    load("", variables, Flags::default()).unwrap_or_else(|errors| panic!("{errors}\nin {variables:?}"))
}

/// The lines that are printed for this file.
fn file_errors(file: &str) -> String {
    load(file, &[], Flags::default()).map(|config| panic!("accepted: {config:?}")).unwrap_err().to_string()
}

fn environment_errors(variables: &[(&str, &str)]) -> String {
    load("", variables, Flags::default()).map(|config| panic!("accepted: {config:?}")).unwrap_err().to_string()
}
