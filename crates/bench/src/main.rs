//! `bench`: drives brokers over MQTT and SQS and says what they cost.

use std::io::Write;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;

use bench::arguments::{Arguments, Command, RelayArguments, StartArguments};
use bench::child::{self, Child};
use bench::relay::Relay;
use bench::workload::{Measurement, fsync, idle, mqtt, sqs, start};
use bench::{clock, report};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    clock::nanos();
    idle::raise_file_limit();
    let show = Show { json: arguments.json };
    match &arguments.command {
        Command::Mqtt(mqtt) => show.measurement("message", &mqtt::run(&mqtt.plan())?),
        Command::Sqs(sqs) => show.measurement("request", &sqs::run(&sqs.plan())?),
        Command::Idle(idle) => show.value(&idle::run(&idle.plan())?, report::idle),
        Command::Start(start) => show.value(&start_program(start)?, report::started),
        Command::Fsync(fsync) => {
            let found = fsync::run(&fsync.folder, Duration::from_secs_f64(fsync.seconds))?;
            show.value(&found, |found| report::latency("4 KiB overwrite + fdatasync", found))
        }
        Command::Relay(relay) => serve(relay),
        Command::Compare(_) | Command::Peers { .. } => anyhow::bail!("not built yet"),
    }
}

struct Show {
    json: bool,
}

impl Show {
    /// Loss is a failure, however good the figures are.
    fn measurement(&self, unit: &str, found: &Measurement) -> Result<ExitCode> {
        self.value(found, |found| report::measurement(unit, found))?;
        Ok(if found.account.lost > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn value<T: Serialize>(&self, value: &T, table: impl FnOnce(&T) -> String) -> Result<ExitCode> {
        let text = if self.json { serde_json::to_string_pretty(value)? + "\n" } else { table(value) };
        std::io::stdout().lock().write_all(text.as_bytes()).context("writing the result")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn start_program(arguments: &StartArguments) -> Result<start::Started> {
    child::end_on_signals()?;
    let (program, rest) = arguments.command.split_first().context("a program to start")?;
    let mut command = std::process::Command::new(program);
    command.args(rest).stdin(Stdio::null()).stdout(Stdio::null());
    start::check_free(arguments.address)?;
    let begin = Instant::now();
    let child = Child::spawn(&mut command)?;
    let accepts_after = start::wait_for_accept(&child, arguments.address, begin)?;
    start::settle(&child, accepts_after, Duration::from_secs_f64(arguments.settle))
}

fn serve(arguments: &RelayArguments) -> Result<ExitCode> {
    let relay = Relay::bind(arguments.address).with_context(|| format!("listening on {}", arguments.address))?;
    writeln!(std::io::stdout(), "{}, process {}", relay.address()?, std::process::id())?;
    relay.run(&AtomicBool::new(false))?;
    Ok(ExitCode::SUCCESS)
}
