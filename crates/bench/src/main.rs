//! `bench`: drives brokers over MQTT, AMQP, STOMP and SQS and says what they cost.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;

use bench::arguments::{
    Arguments, Command, CompareArguments, PeersCommand, RelayArguments, StartArguments, StormArguments,
};
use bench::child::{self, Child};
use bench::compare::{self, table};
use bench::peers::{self, install};
use bench::relay::Relay;
use bench::workload::dialect::Speech;
use bench::workload::{Measurement, fsync, idle, sqs, start, traffic};
use bench::{clock, report, storm, tunnel};

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
    let show = Show { json: arguments.json.as_deref() };
    match &arguments.command {
        Command::Mqtt(mqtt) => show.traffic(&mqtt.plan()),
        Command::Amqp091(queue) => show.traffic(&queue.plan(Speech::Amqp091)),
        Command::Amqp10(queue) => show.traffic(&queue.plan(Speech::Amqp10)),
        Command::Stomp(queue) => show.traffic(&queue.plan(Speech::Stomp)),
        Command::Sqs(sqs) => show.measurement("request", &sqs::run(&sqs.plan())?),
        Command::Idle(idle) => show.value(&idle::run(&idle.plan())?, report::idle),
        Command::Storm(storm) => show.storm(storm),
        Command::Start(start) => show.value(&start_program(start)?, report::started),
        Command::Fsync(fsync) => {
            let found = fsync::run(&fsync.folder, Duration::from_secs_f64(fsync.seconds))?;
            show.value(&found, |found| report::latency("4 KiB overwrite + fdatasync", found))
        }
        Command::Tunnel(tunnel) => tunnel::run(&tunnel.plan()).map(|()| ExitCode::SUCCESS),
        Command::Relay(relay) => serve(relay),
        Command::Compare(arguments) => show.comparison(arguments),
        Command::Peers { command: PeersCommand::Install } => install::install().map(|()| ExitCode::SUCCESS),
        Command::Peers { command: PeersCommand::List } => list_peers(),
    }
}

/// Where results go: to the screen as a table or, for `-`, as JSON; to any other file as JSON beside the table.
struct Show<'a> {
    json: Option<&'a Path>,
}

impl Show<'_> {
    fn traffic(&self, plan: &traffic::Plan) -> Result<ExitCode> {
        self.measurement("message", &traffic::run(plan)?)
    }

    /// Loss is a failure, however good the figures are.
    fn measurement(&self, unit: &str, found: &Measurement) -> Result<ExitCode> {
        self.value(found, |found| report::measurement(unit, found))?;
        Ok(if found.account.lost > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn comparison(&self, arguments: &CompareArguments) -> Result<ExitCode> {
        child::end_on_signals()?;
        let found = compare::run(arguments)?;
        self.value(&found, |found| table::render(&found.sheet, &found.verdicts))?;
        Ok(if found.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn storm(&self, arguments: &StormArguments) -> Result<ExitCode> {
        child::end_on_signals()?;
        self.value(&storm::run(&arguments.plan())?, storm::report)
    }

    fn value<T: Serialize>(&self, value: &T, table: impl FnOnce(&T) -> String) -> Result<ExitCode> {
        let json = || serde_json::to_string_pretty(value).map(|text| text + "\n");
        let text = match self.json {
            None => table(value),
            Some(path) if path.as_os_str() == "-" => json()?,
            Some(path) => {
                fs::write(path, json()?).with_context(|| format!("writing {}", path.display()))?;
                table(value)
            }
        };
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

fn list_peers() -> Result<ExitCode> {
    let mut table = report::Table::new(["peer", "program"]);
    for peer in peers::find(None)? {
        table.row([peer.name.to_owned(), peer.program.display().to_string()]);
    }
    write!(std::io::stdout(), "{}", table.render())?;
    Ok(ExitCode::SUCCESS)
}

fn serve(arguments: &RelayArguments) -> Result<ExitCode> {
    let relay = Relay::bind(arguments.address).with_context(|| format!("listening on {}", arguments.address))?;
    writeln!(std::io::stdout(), "{}, process {}", relay.address()?, std::process::id())?;
    relay.run(&AtomicBool::new(false))?;
    Ok(ExitCode::SUCCESS)
}
