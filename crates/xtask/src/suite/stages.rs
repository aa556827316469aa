//! The stages of `cargo xtask test`, in order.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::process::{self, End};
use crate::project::cargo;
use crate::suite::tally::Tally;
use crate::suite::{Context, Outcome, Verdict, clients};
use crate::tidy;

pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Stages that must have passed, if they are part of the same run.
    pub(crate) needs: &'static [&'static str],
    pub(crate) run: fn(&Context) -> Result<Outcome>,
}

pub(crate) const STAGES: &[Stage] = &[
    Stage { name: "fmt", about: "formatting", needs: &[], run: fmt },
    Stage { name: "tidy", about: "house rules", needs: &[], run: house_rules },
    Stage { name: "clippy", about: "lints", needs: &[], run: clippy },
    Stage { name: "build", about: "the broker, development profile", needs: &[], run: build },
    Stage { name: "rust", about: "tests of every crate, with the corpora of the fuzz targets", needs: &[], run: rust },
    Stage { name: "clients", about: "install what the Python and Node suites need", needs: &[], run: clients::install },
    Stage {
        name: "conformance",
        about: "real clients and the examples against the broker",
        needs: &["build"],
        run: conformance,
    },
    Stage { name: "tls", about: "the same over TLS", needs: &["build"], run: conformance_over_tls },
    Stage {
        name: "mutual",
        about: "the same with certificates of clients",
        needs: &["build"],
        run: conformance_mutual,
    },
    Stage {
        name: "crash",
        about: "kill the broker, restart it, check what it promised",
        needs: &["build"],
        run: crash,
    },
];

fn fmt(context: &Context) -> Result<Outcome> {
    run(context, cargo(&context.project.root).args(["fmt", "--all", "--check"]))
}

fn house_rules(context: &Context) -> Result<Outcome> {
    let verdict = if tidy::run(&context.project)? { Verdict::Pass } else { Verdict::Fail };
    Ok(Outcome::of(verdict, ""))
}

fn clippy(context: &Context) -> Result<Outcome> {
    let mut command = cargo(&context.project.root);
    run(context, command.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn build(context: &Context) -> Result<Outcome> {
    run(context, cargo(&context.project.root).args(["build", "--package", "gateway", "--bin", "causeway"]))
}

fn rust(context: &Context) -> Result<Outcome> {
    let mut command = cargo(&context.project.root);
    run(context, command.args(["test", "--workspace", "--exclude", "conformance", "--no-fail-fast"]))
}

/// Every test of `crates/conformance` but `tests/crash.rs`, which is a stage of its own.
fn conformance(context: &Context) -> Result<Outcome> {
    chapters(context, "0")
}

fn conformance_over_tls(context: &Context) -> Result<Outcome> {
    chapters(context, "1")
}

fn conformance_mutual(context: &Context) -> Result<Outcome> {
    chapters(context, "mutual")
}

fn chapters(context: &Context, security: &str) -> Result<Outcome> {
    let mut chapters = context.project.integration_tests("conformance");
    chapters.retain(|chapter| *chapter != CRASH);
    ensure!(!chapters.is_empty(), "crates/conformance/tests holds no chapter yet");
    let mut command = against_broker(context)?;
    command.env(SECURITY, security).args(["--no-fail-fast", "--lib"]);
    for chapter in chapters {
        command.args(["--test", chapter]);
    }
    // Each test runs a broker and often a client program beside it.
    run(context, command.args(["--", "--test-threads=2"]))
}

fn crash(context: &Context) -> Result<Outcome> {
    ensure!(
        context.project.integration_tests("conformance").contains(&CRASH),
        "crates/conformance has no test {CRASH}"
    );
    run(context, against_broker(context)?.args(["--test", CRASH]))
}

const CRASH: &str = "crash";
/// How clients of the conformance tests reach the broker.
const SECURITY: &str = "CAUSEWAY_TEST_TLS";

fn against_broker(context: &Context) -> Result<Command> {
    ensure!(context.broker.is_file(), "{} is missing: run the stage build first", context.broker.display());
    let mut command = cargo(&context.project.root);
    command.args(["test", "--package", "conformance"]);
    command.env("CAUSEWAY_BIN", &context.broker).env("CAUSEWAY_CLIENTS_DIR", &context.clients);
    Ok(command)
}

/// Runs one command of a stage, passes its output on, and counts the tests in it.
pub(crate) fn run(context: &Context, command: &mut Command) -> Result<Outcome> {
    let mut tally = Tally::default();
    let end = process::run(command, context.deadline, |line| {
        println!("{line}");
        tally += Tally::of_line(line).unwrap_or_default();
    })?;
    let (verdict, note) = match end {
        End::Exited(status) if status.success() => (Verdict::Pass, String::new()),
        End::Exited(status) => (Verdict::Fail, status.to_string()),
        End::OutOfTime => (Verdict::Fail, "stopped: out of time".to_owned()),
    };
    Ok(Outcome { verdict, tally, note })
}
