//! N keep-alive connections to one SQS queue, one request under way on each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use super::Measurement;
use super::queue::{Queue, TAG_LEN, Tag};
use super::signer::AccessKey;
use super::worker::{Counts, Worker};
use crate::clock::Span;
use crate::ledger::Account;
use crate::process::{self, Spent, Usage};
use crate::statistics::Histogram;

/// SQS's own limit of a message.
const SIZE_LIMIT: usize = 256 << 10;

static RUNS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    /// SendMessage.
    Send,
    /// ReceiveMessage of one and DeleteMessage, after as long a time of sending; ends early when the queue is empty.
    Receive,
    /// SendMessage, ReceiveMessage of one, DeleteMessage, by turns.
    Mixed,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub address: SocketAddr,
    /// The server's process, if its CPU is to be measured.
    pub pid: Option<u32>,
    pub connections: usize,
    /// Body bytes.
    pub size: usize,
    pub warm_up: Duration,
    pub measured: Duration,
    pub phase: Phase,
    /// Whose requests they are.
    pub key: Option<AccessKey>,
}

struct Observed {
    requests: u64,
    elapsed: Duration,
    spent: Option<Spent>,
}

/// Runs the plan on a queue of its own, then empties and deletes it.
///
/// # Errors
/// If any request fails or is answered with anything but 200, or `pid` ends.
pub fn run(plan: &Plan) -> Result<Measurement> {
    ensure!((1..=4096).contains(&plan.connections), "1 to 4096 connections");
    ensure!((TAG_LEN..=SIZE_LIMIT).contains(&plan.size), "a body has {TAG_LEN} to {SIZE_LIMIT} bytes");
    let name = format!("bench-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let queue = Queue::create(plan.address, &name, plan.key.as_ref())?;
    let counts = Counts::default();
    let mut workers: Vec<Worker<'_>> =
        (0..plan.connections).map(|index| Worker::new(&queue, index as u16, plan.size, &counts)).collect();
    if plan.phase == Phase::Receive {
        let filling = Plan { phase: Phase::Send, warm_up: Duration::ZERO, pid: None, ..plan.clone() };
        stage(&filling, &mut workers, &counts).context("filling the queue")?;
        workers.iter_mut().for_each(|worker| worker.latency.clear());
    }
    let observed = stage(plan, &mut workers, &counts)?;
    let anonymous_kib = plan.pid.map(process::anonymous_kib).transpose()?;
    drain(&mut workers).context("draining")?;
    queue.delete()?;

    let account = account(&workers)?;
    let mut measurement = Measurement::new(observed.requests, observed.elapsed.as_secs_f64(), observed.spent, account);
    measurement.anonymous_kib = anonymous_kib;
    for action in workers.iter().flat_map(|worker| worker.latency.keys()) {
        let mut all = Histogram::default();
        workers.iter().filter_map(|worker| worker.latency.get(action)).for_each(|one| all.merge(one));
        measurement.latency.extend(all.latency().map(|latency| ((*action).to_owned(), latency)));
    }
    Ok(measurement)
}

fn stage(plan: &Plan, workers: &mut [Worker<'_>], counts: &Counts) -> Result<Observed> {
    let span = Span::default();
    let connections = workers.len() as u64;
    thread::scope(|scope| {
        let start = |worker| {
            let (span, phase) = (&span, plan.phase);
            scope.spawn(move || {
                let result = turns(worker, phase, span, connections);
                if result.is_err() {
                    // One broken connection spoils the figures: nobody needs to go on.
                    span.close();
                }
                result
            })
        };
        let running: Vec<_> = workers.iter_mut().map(start).collect();
        let observed = observe(plan, &span, counts);
        span.close();
        for worker in running {
            worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        observed
    })
}

fn turns(worker: &mut Worker<'_>, phase: Phase, span: &Span, connections: u64) -> Result<()> {
    while !span.is_closed() {
        match phase {
            Phase::Send => worker.send(span)?,
            Phase::Receive => {
                if !worker.receive_and_delete(span)? && worker.counts.left() <= connections {
                    span.close();
                }
            }
            Phase::Mixed => {
                worker.send(span)?;
                worker.receive_and_delete(span)?;
            }
        }
    }
    Ok(())
}

fn observe(plan: &Plan, span: &Span, counts: &Counts) -> Result<Observed> {
    let usage = || plan.pid.map(Usage::of).transpose();
    sleep_unless_closed(plan.warm_up, span);
    let (before, start, requests) = (usage()?, Instant::now(), counts.requests());
    span.open();
    sleep_unless_closed(plan.measured, span);
    let (after, elapsed, requests) = (usage()?, start.elapsed(), counts.requests() - requests);
    let spent = after.zip(before).map(|(after, before)| after.since(&before));
    Ok(Observed { requests, elapsed, spent })
}

fn sleep_unless_closed(duration: Duration, span: &Span) {
    let end = Instant::now() + duration;
    while Instant::now() < end && !span.is_closed() {
        thread::sleep(Duration::from_millis(2).min(end.saturating_duration_since(Instant::now())));
    }
}

fn drain(workers: &mut [Worker<'_>]) -> Result<()> {
    thread::scope(|scope| {
        let running: Vec<_> = workers.iter_mut().map(|worker| scope.spawn(|| worker.drain())).collect();
        for worker in running {
            worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        anyhow::Ok(())
    })?;
    // Whatever still comes is a second copy.
    workers.first_mut().map_or(Ok(()), |worker| worker.receive_batch().map(|_| ()))
}

fn account(workers: &[Worker<'_>]) -> Result<Account> {
    let owed = workers.iter().map(|worker| worker.sent).sum::<u64>();
    let mut tags: Vec<Tag> = workers.iter().flat_map(|worker| &worker.received).copied().collect();
    for tag in &tags {
        let sender = workers.get(usize::from(tag.sender));
        ensure!(
            sender.is_some_and(|sender| tag.number < sender.sent),
            "a message arrived that was never sent: {tag:?}"
        );
    }
    let total = tags.len() as u64;
    tags.sort_unstable();
    tags.dedup();
    let received = tags.len() as u64;
    Ok(Account { owed, received, lost: owed - received, duplicated: total - received })
}
