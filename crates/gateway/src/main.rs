//! The program `causeway`: reads the configuration, builds the parts, wires them, runs them, stops them.

mod access;
mod accounts;
mod allocator;
mod buffers;
mod certificates;
mod certs;
mod command_line;
mod define;
mod engine;
mod exit;
mod gauge;
mod listeners;
mod master_key;
mod offline;
mod permissions;
mod random;
mod run;
mod store;

use std::io::Write;

use clap::Parser;
use config::{Config, Machine, Sources};

use crate::command_line::{CommandLine, ConfigCommand, Subcommands};
use crate::exit::Failure;

fn main() {
    let line = CommandLine::parse();
    if line.command.is_none() {
        allocator::give_back_soon();
    }
    if let Err(failure) = act(line) {
        failure.exit();
    }
}

fn act(line: CommandLine) -> Result<(), Failure> {
    if let Some(Subcommands::Config(ConfigCommand::Reference)) = line.command {
        return print(&config::reference());
    }
    if let Some(Subcommands::Certs(arguments)) = &line.command {
        return certs::run(arguments, &mut std::io::stdout().lock());
    }
    let config = configuration(&line)?;
    match line.command {
        None => run::run(&config),
        Some(Subcommands::Certs(arguments)) => certs::run(&arguments, &mut std::io::stdout().lock()),
        Some(Subcommands::Config(ConfigCommand::Show)) => print(&config::show(&config)),
        Some(Subcommands::Config(_)) => print("The configuration is sound.\n"),
        Some(Subcommands::Store(command)) => offline::run(command, &config, line.json),
        Some(Subcommands::Restore { backup }) => offline::restore(&backup, &config.data, line.json),
        Some(Subcommands::User(command)) => accounts::run_user(command, &config, line.json),
        Some(Subcommands::Key(command)) => accounts::run_key(command, &config, line.json),
        Some(Subcommands::Permissions(command)) => permissions::run(&command, &config, line.json),
        Some(Subcommands::Admin(command)) => {
            console::run(command, &config.data.join("admin.sock"), line.json, &mut std::io::stdout().lock())
                .map_err(|error| Failure::Start(error.to_string()))
        }
    }
}

fn configuration(line: &CommandLine) -> Result<Config, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Configuration(error.to_string());
    let file = line.settings.config.as_deref().map(config::read_file).transpose().map_err(|error| wrong(&error))?;
    let sources =
        Sources { file, environment: std::env::vars(), flags: line.settings.flags(), machine: Machine::read() };
    Config::load(sources).map_err(|errors| wrong(&errors))
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::Start(error.to_string()))
}
