//! Publishers and subscribers of one topic or queue: as fast as the window allows, or at a fixed rate.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Measurement;
use super::dialect::{Receiving, Sending, Speech};
use super::publisher::{self, Publisher};
use super::stamp::STAMP_LEN;
use super::subscriber::{Received, Subscriber};
use super::window::Window;
use crate::clock::Span;
use crate::ledger::Account;
use crate::process::{self, Spent, Usage};
use crate::statistics::Histogram;

/// Packet ids are 16 bits and must not meet in flight.
const WINDOW_LIMIT: u64 = 60_000;
/// A frame must fit a subscriber's buffer.
const SIZE_LIMIT: usize = 512 << 10;
/// Draining ends when nothing has arrived for so long.
const SILENCE: Duration = Duration::from_secs(3);
/// A second copy of the last message would come about now.
const LATE_DUPLICATES: Duration = Duration::from_millis(20);

static RUNS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Debug)]
pub struct Plan {
    pub address: SocketAddr,
    /// The broker's process, if its CPU is to be measured.
    pub pid: Option<u32>,
    pub speech: Speech,
    /// Payload bytes.
    pub size: usize,
    pub publishers: usize,
    pub subscribers: usize,
    /// Messages of one publisher under way; unused with a rate.
    pub window: u64,
    /// Messages in one write.
    pub batch: usize,
    pub warm_up: Duration,
    pub measured: Duration,
    /// Messages per second of all publishers together.
    pub rate: Option<f64>,
}

/// Runs the plan; the account in the result tells whether every message arrived once.
///
/// # Errors
/// If the broker refuses, breaks the protocol or drops a connection, or `pid` ends.
pub fn run(plan: &Plan) -> Result<Measurement> {
    plan.check()?;
    let dialect = plan.speech.dialect();
    let name = format!("bench-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let subscribe = |index| {
        let receiving = dialect.subscribe(plan.address, &name, index)?;
        receiving.stream.set_read_timeout(None)?;
        Ok(receiving)
    };
    let receiving = (0..plan.subscribers).map(subscribe).collect::<Result<Vec<Receiving>>>()?;
    let publish = |index| {
        let sending = dialect.publish(plan.address, &name, index, plan.size)?;
        sending.stream.set_read_timeout(None)?;
        Ok(sending)
    };
    let sending = (0..plan.publishers).map(publish).collect::<Result<Vec<Sending>>>()?;

    let size = if plan.rate.is_some() { WINDOW_LIMIT } else { plan.window };
    let new = |_| {
        let window = Window::new(size, plan.subscribers, dialect.confirms());
        if dialect.needs_credit() { window.with_credit() } else { window }
    };
    let windows: Vec<Window> = (0..plan.publishers).map(new).collect();
    let measured = drive(plan, receiving, sending, &windows)?;
    dialect.forget(plan.address, &name, plan.subscribers)?;
    Ok(measured)
}

/// What the main thread saw between opening and closing the span.
struct Observed {
    delivered: u64,
    elapsed: Duration,
    spent: Option<Spent>,
    anonymous_kib: Option<u64>,
}

impl Plan {
    fn check(&self) -> Result<()> {
        let dialect = self.speech.dialect();
        dialect.check()?;
        ensure!((STAMP_LEN..=SIZE_LIMIT).contains(&self.size), "a payload has {STAMP_LEN} to {SIZE_LIMIT} bytes");
        ensure!((1..=1000).contains(&self.publishers) && (1..=1000).contains(&self.subscribers), "1 to 1000 of each");
        ensure!(
            dialect.fans_out() || (self.publishers, self.subscribers) == (1, 1),
            "a queue has one publisher and one subscriber here"
        );
        ensure!((1..=WINDOW_LIMIT).contains(&self.window), "the window holds 1 to {WINDOW_LIMIT} messages");
        ensure!((1..=10_000).contains(&self.batch), "a batch has 1 to 10000 messages");
        ensure!(self.rate.is_none_or(|rate| rate >= 0.1), "the rate is at least 0.1 per second");
        Ok(())
    }
}

fn drive(plan: &Plan, receiving: Vec<Receiving>, sending: Vec<Sending>, windows: &[Window]) -> Result<Measurement> {
    let span = Span::default();
    let streams = receiving.iter().map(|one| &one.stream).chain(sending.iter().map(|one| &one.stream));
    let handles = streams.map(TcpStream::try_clone).collect::<std::io::Result<Vec<TcpStream>>>()?;
    // Cloned before any thread runs: leaving the scope early would wait for threads that nobody stops.
    let answers = sending.iter().map(|one| one.stream.try_clone());
    let answers = answers.collect::<std::io::Result<Vec<TcpStream>>>()?;
    let (observed, received) = thread::scope(|scope| {
        let start = |(index, one): (usize, Receiving)| {
            let subscriber = Subscriber { stream: one.stream, inbox: one.inbox, index, windows, span: &span };
            scope.spawn(move || subscriber.run())
        };
        let receivers: Vec<_> = receiving.into_iter().enumerate().map(start).collect();
        let (mut listeners, mut senders) = (Vec::new(), Vec::new());
        for (((one, answers), window), sender) in sending.into_iter().zip(answers).zip(windows).zip(0_u16..) {
            let Sending { stream, replies, template } = one;
            listeners.push(scope.spawn(|| publisher::listen(answers, replies, window, &span)));
            let publisher = Publisher { stream, sender, template, batch: plan.batch, window, span: &span };
            let interval = plan.rate.map(|rate| Duration::from_secs_f64(plan.publishers as f64 / rate));
            senders.push(scope.spawn(move || match interval {
                Some(interval) => publisher.pace(interval),
                None => publisher.saturate(),
            }));
        }
        let observed = observe(plan, &span, windows);
        span.close();
        let sent: Vec<Result<()>> = senders.into_iter().map(join).collect();
        drain(windows);
        for handle in &handles {
            // Ends the readers; a connection that the broker closed already is reported by its reader.
            let _ = handle.shutdown(Shutdown::Both);
        }
        let received = receivers.into_iter().map(join).collect::<Result<Vec<Received>>>()?;
        sent.into_iter().collect::<Result<()>>()?;
        listeners.into_iter().try_for_each(join)?;
        anyhow::Ok((observed?, received))
    })?;

    let mut account = Account::default();
    let mut latency = Histogram::default();
    for one in &received {
        account.add(one.account(windows));
        latency.merge(&one.latency);
    }
    let mut measurement = Measurement::new(observed.delivered, observed.elapsed.as_secs_f64(), observed.spent, account);
    measurement.anonymous_kib = observed.anonymous_kib;
    measurement.latency.extend(latency.latency().map(|latency| ("delivery".to_owned(), latency)));
    Ok(measurement)
}

fn observe(plan: &Plan, span: &Span, windows: &[Window]) -> Result<Observed> {
    let delivered = || windows.iter().map(Window::delivered).sum::<u64>();
    let usage = || plan.pid.map(Usage::of).transpose();
    thread::sleep(plan.warm_up);
    let (before, start, count) = (usage()?, Instant::now(), delivered());
    span.open();
    thread::sleep(plan.measured);
    let (after, elapsed, count) = (usage()?, start.elapsed(), delivered() - count);
    let spent = after.zip(before).map(|(after, before)| after.since(&before));
    let anonymous_kib = plan.pid.map(process::anonymous_kib).transpose()?;
    Ok(Observed { delivered: count, elapsed, spent, anonymous_kib })
}

/// Waits until everything sent has arrived, or nothing more does.
fn drain(windows: &[Window]) {
    let mut last = (Instant::now(), 0);
    while !windows.iter().all(Window::is_drained) && last.0.elapsed() < SILENCE {
        let delivered = windows.iter().map(Window::delivered).sum::<u64>();
        if delivered != last.1 {
            last = (Instant::now(), delivered);
        }
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(LATE_DUPLICATES);
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow::anyhow!("a worker panicked")).flatten().context("in a worker")
}
