//! The project's own tool: `cargo xtask test` runs every check, `cargo xtask tidy` checks the house rules; `crash` and `sim`
//! run some of the tests for longer.
#![expect(clippy::print_stdout, reason = "a command-line tool answers on standard output")]

mod long;
mod process;
mod project;
mod suite;
mod tidy;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::project::Project;

const MINUTES: u64 = 55;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks of the project")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every stage: formatting, house rules, lints, unit tests, real clients, crashes.
    Test {
        /// Run this stage only.
        #[arg(long, value_name = "NAME", value_parser = suite::stage_names())]
        stage: Option<String>,
        /// Name the stages, in order, and stop.
        #[arg(long)]
        list: bool,
        /// Stop, and fail, after this many minutes.
        #[arg(long, default_value_t = MINUTES)]
        minutes: u64,
    },
    /// Kill the broker under load more often than `test` does.
    Crash {
        #[arg(long, default_value_t = 100)]
        cuts: u64,
        /// Stop, and fail, after this many minutes.
        #[arg(long, default_value_t = MINUTES)]
        minutes: u64,
    },
    /// Run more random histories of the journal and of the broker than `test` does, optimised.
    Sim {
        #[arg(long, default_value_t = 100_000)]
        seeds: u64,
        /// Stop, and fail, after this many minutes.
        #[arg(long, default_value_t = MINUTES)]
        minutes: u64,
    },
    /// Install what the Python and Node suites need; a stage of `test`.
    Clients,
    /// Check the house rules: dependencies, layout, sizes, text.
    Tidy,
}

fn main() -> anyhow::Result<ExitCode> {
    let passed = match Arguments::parse().task {
        Task::Test { list: true, .. } => {
            print!("{}", suite::list());
            true
        }
        Task::Test { stage, minutes, .. } => {
            suite::run(Project::find()?, stage.as_deref(), Duration::from_secs(60 * minutes))?
        }
        Task::Crash { cuts, minutes } => long::crash(&Project::find()?, cuts, Duration::from_secs(60 * minutes))?,
        Task::Sim { seeds, minutes } => long::sim(&Project::find()?, seeds, Duration::from_secs(60 * minutes))?,
        Task::Clients => suite::run(Project::find()?, Some("clients"), Duration::from_secs(60 * MINUTES))?,
        Task::Tidy => tidy::run(&Project::find()?)?,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
