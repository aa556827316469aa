//! `cargo xtask test`: the stages in their order, the time limit, and the account at the end.

mod clients;
mod report;
mod stages;
mod tally;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::project::Project;
use crate::suite::report::{Report, Row};
use crate::suite::stages::{STAGES, Stage};
use crate::suite::tally::Tally;

/// What every stage may know.
struct Context {
    project: Project,
    deadline: Instant,
    /// The broker under test.
    broker: PathBuf,
    /// Where the client suites find their virtual environment and `node_modules`.
    clients: PathBuf,
    /// Nothing may be skipped.
    strict: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
    NotRun,
}

/// How a stage ended.
struct Outcome {
    verdict: Verdict,
    /// Counts of its own; a stage without any counts as one test.
    tally: Tally,
    note: String,
}

impl Outcome {
    fn of(verdict: Verdict, note: impl Into<String>) -> Self {
        Self { verdict, tally: Tally::default(), note: note.into() }
    }
}

pub(crate) fn stage_names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

pub(crate) fn list() -> String {
    STAGES.iter().map(|stage| format!("{:<12} {}\n", stage.name, stage.about)).collect()
}

/// Runs all stages, or the one called `only`, within `limit`; prints the account; true if nothing failed.
pub(crate) fn run(project: Project, only: Option<&str>, limit: Duration) -> Result<bool> {
    let begun = Instant::now();
    let context = Context {
        deadline: begun + limit,
        broker: project.target_folder()?.join("debug").join("causeway"),
        clients: clients_folder()?,
        strict: std::env::var_os("CI").is_some(),
        project,
    };
    let mut report = Report::default();
    for stage in STAGES.iter().filter(|stage| only.is_none_or(|name| name == stage.name)) {
        let row = run_stage(stage, &context, &report);
        report.rows.push(row);
    }
    print!("{}", report.table(begun.elapsed()));
    println!("{}", report.closing_line());
    Ok(report.passed())
}

fn run_stage(stage: &Stage, context: &Context, report: &Report) -> Row {
    let begun = Instant::now();
    let outcome = if begun >= context.deadline {
        Outcome::of(Verdict::NotRun, "out of time")
    } else if let Some(need) = stage.needs.iter().find(|need| report.has_not_passed(need)) {
        Outcome::of(Verdict::NotRun, format!("needs {need}"))
    } else {
        println!("\n== {}: {}", stage.name, stage.about);
        (stage.run)(context).unwrap_or_else(|error| Outcome::of(Verdict::Fail, format!("{error:#}")))
    };
    if outcome.verdict == Verdict::Fail && !outcome.note.is_empty() {
        println!("{}: {}", stage.name, outcome.note);
    }
    Row { stage: stage.name, took: begun.elapsed(), outcome }
}

fn clients_folder() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("CAUSEWAY_CLIENTS_DIR") {
        return Ok(folder);
    }
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    Ok(cache.context("neither CAUSEWAY_CLIENTS_DIR, XDG_CACHE_HOME nor HOME is set")?.join("causeway").join("clients"))
}
