//! Every workload against every broker, interleaved within each round, so that all share the machine's moods.

pub mod matrix;
pub mod sheet;
pub mod table;
pub mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::statfs;
use serde::Serialize;

use crate::arguments::CompareArguments;
use crate::peers::{self, Broker, CAUSEWAY, Face, Peer, RELAY};
use crate::report;
use crate::workload::{fsync, idle, sqs, start, traffic};
use matrix::{Row, Work};
use sheet::{Outcome, Run, Sheet};
use targets::Verdict;

const FSYNC: Duration = Duration::from_secs(1);
/// Of a broker that compiles itself while it runs, once for each protocol.
const WARMING: Duration = Duration::from_secs(4);
const MISSING: &str = "the broker lacks the face that it was chosen for";
const REST_AFTER_START: Duration = Duration::from_secs(2);
/// `TMPFS_MAGIC` of linux/magic.h.
const TMPFS: i64 = 0x0102_1994;

/// All that a comparison found.
#[derive(Serialize)]
pub struct Comparison {
    pub sheet: Sheet,
    pub verdicts: Vec<Verdict>,
}

/// Runs all rounds; progress goes to standard error.
///
/// # Errors
/// If nothing is selected or no broker can be started. A run that fails is part of the result.
pub fn run(arguments: &CompareArguments) -> Result<Comparison> {
    let rows: Vec<Row> = matrix::rows().into_iter().filter(|row| wanted(row.name, &arguments.only)).collect();
    ensure!(!rows.is_empty(), "no workload contains any of {:?}", arguments.only);
    let mut contest = Contest::new(arguments)?;
    let mut sheet = Sheet::default();
    for round in 1..=arguments.rounds {
        sheet.fsync.push(fsync::run(&contest.folder, FSYNC)?);
        for row in &rows {
            for peer in contest.order(&row.work, round) {
                let outcome = contest.attempt(&row.work, peer);
                let (broker, workload) = (contest.peers[peer].name, row.name);
                eprintln!("[{round}/{}] {workload:24} {broker:16} {}", arguments.rounds, brief(&outcome));
                sheet.runs.push(Run { round, workload, broker, outcome });
            }
        }
    }
    let asked = targets::targets().into_iter().filter(|target| target.is_asked(&sheet));
    let verdicts = asked.map(|target| target.judge(&sheet)).collect();
    Ok(Comparison { sheet, verdicts })
}

impl Comparison {
    /// Whether every run worked and no broker lost anything; verdicts do not count.
    pub fn is_sound(&self) -> bool {
        self.sheet.runs.iter().all(|run| match &run.outcome {
            Outcome::Measured(found) => found.account.lost == 0,
            Outcome::Failed(_) => false,
            Outcome::Idle(_) | Outcome::Started(_) => true,
        })
    }
}

/// The brokers of this comparison, started when first needed.
struct Contest<'a> {
    arguments: &'a CompareArguments,
    folder: PathBuf,
    peers: Vec<Peer>,
    running: BTreeMap<&'static str, Broker>,
    /// What each running broker has been warmed for.
    warm: Vec<(&'static str, Face)>,
}

impl<'a> Contest<'a> {
    fn new(arguments: &'a CompareArguments) -> Result<Self> {
        let folder = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
        let folder = folder.canonicalize().with_context(|| format!("the folder {}", folder.display()))?;
        if is_in_memory(&folder)? {
            eprintln!("{} is in memory: durable figures mean nothing, use --folder", folder.display());
        }
        let mut peers = peers::find(arguments.causeway.as_deref())?;
        peers.retain(|peer| [CAUSEWAY, RELAY].contains(&peer.name) || wanted(peer.name, &arguments.peers));
        if !peers.iter().any(|peer| peer.name == CAUSEWAY) {
            eprintln!("no causeway program beside this one: only the peers are measured (--causeway PATH)");
        }
        let names: Vec<&str> = peers.iter().map(|peer| peer.name).collect();
        eprintln!("brokers: {}", names.join(", "));
        Ok(Self { arguments, folder, peers, running: BTreeMap::new(), warm: Vec::new() })
    }

    /// The peers that suit, another one first in each round.
    fn order(&self, work: &Work, round: u32) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.peers.len()).filter(|index| work.suits(&self.peers[*index])).collect();
        let by = round as usize % order.len().max(1);
        order.rotate_left(by);
        order
    }

    fn attempt(&mut self, work: &Work, peer: usize) -> Outcome {
        self.try_run(work, peer).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")))
    }

    fn try_run(&mut self, work: &Work, peer: usize) -> Result<Outcome> {
        let peer = &self.peers[peer];
        if work.needs_fresh_process() {
            return measure(work, &peer.start(&self.folder)?, self.arguments);
        }
        if !self.running.get(peer.name).is_some_and(Broker::is_running) {
            let broker = peer.start(&self.folder)?;
            self.running.insert(peer.name, broker);
            self.warm.retain(|(name, _)| *name != peer.name);
        }
        if let Work::Traffic(shape) = work
            && peer.compiles_itself()
            && !self.warm.contains(&(peer.name, shape.face()))
        {
            let plan = shape.plan(&self.running[peer.name], self.arguments).context(MISSING)?;
            traffic::run(&traffic::Plan { measured: WARMING, ..plan })?;
            self.warm.push((peer.name, shape.face()));
        }
        measure(work, &self.running[peer.name], self.arguments)
    }
}

fn measure(work: &Work, broker: &Broker, arguments: &CompareArguments) -> Result<Outcome> {
    Ok(match work {
        Work::Traffic(shape) => Outcome::Measured(traffic::run(&shape.plan(broker, arguments).context(MISSING)?)?),
        Work::Sqs { connections, phase } => {
            let plan = matrix::sqs_plan(*connections, *phase, broker, arguments).context(MISSING)?;
            Outcome::Measured(sqs::run(&plan)?)
        }
        Work::Idle => Outcome::Idle(idle::run(&matrix::idle_plan(broker, arguments).context(MISSING)?)?),
        Work::Start => Outcome::Started(start::settle(broker.child(), broker.accepts_after, REST_AFTER_START)?),
    })
}

fn brief(outcome: &Outcome) -> String {
    let number = report::number;
    match outcome {
        Outcome::Measured(found) => report::brief(found),
        Outcome::Idle(found) => format!("{} KiB each", number(found.kib_per_connection)),
        Outcome::Started(found) => {
            format!("{} ms, {} KiB", number(found.accepts_after_millis), found.anonymous_kib)
        }
        Outcome::Failed(error) => format!("FAILED: {error}"),
    }
}

fn wanted(name: &str, texts: &[String]) -> bool {
    texts.is_empty() || texts.iter().any(|text| name.contains(text.as_str()))
}

fn is_in_memory(folder: &Path) -> Result<bool> {
    match statfs(folder) {
        Ok(found) => Ok(found.f_type == TMPFS),
        Err(error) => bail!("looking at {}: {error}", folder.display()),
    }
}
