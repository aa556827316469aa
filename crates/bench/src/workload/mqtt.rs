//! P publishers and S subscribers on one topic: as fast as the window allows, or at a fixed rate.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Measurement;
use super::frame::STAMP_LEN;
use super::publisher::{self, Publisher};
use super::session::{self, Kept};
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
    pub qos: u8,
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
    /// Whether the subscribers' sessions outlive their connections, so that the broker has to keep QoS 1 messages.
    pub kept: Kept,
}

/// Runs the plan; the account in the result tells whether every message arrived once.
///
/// # Errors
/// If the broker refuses, breaks the protocol or drops a connection, or `pid` ends.
pub fn run(plan: &Plan) -> Result<Measurement> {
    plan.check()?;
    let name = format!("bench-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let topic = format!("bench/{name}");
    let subscriptions = (0..plan.subscribers).map(|index| {
        let mut stream = session::open(plan.address, &format!("{name}-s{index}"), plan.kept)?;
        session::subscribe(&mut stream, &topic, plan.qos)?;
        Ok(stream)
    });
    let subscribers = subscriptions.collect::<Result<Vec<TcpStream>>>()?;
    let open = |index| session::open(plan.address, &format!("{name}-p{index}"), Kept::No);
    let publishers = (0..plan.publishers).map(open).collect::<Result<Vec<TcpStream>>>()?;

    let window = if plan.rate.is_some() { WINDOW_LIMIT } else { plan.window };
    let new = |_| Window::new(window, plan.subscribers, plan.qos > 0);
    let windows: Vec<Window> = (0..plan.publishers).map(new).collect();
    let measured = drive(plan, &topic, subscribers, publishers, &windows)?;

    if plan.kept == Kept::Yes {
        for index in 0..plan.subscribers {
            session::forget(plan.address, &format!("{name}-s{index}"))?;
        }
    }
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
        ensure!(self.qos <= 1, "QoS 0 and 1 are what can be measured");
        ensure!((STAMP_LEN..=SIZE_LIMIT).contains(&self.size), "a payload has {STAMP_LEN} to {SIZE_LIMIT} bytes");
        ensure!((1..=1000).contains(&self.publishers) && (1..=1000).contains(&self.subscribers), "1 to 1000 of each");
        ensure!((1..=WINDOW_LIMIT).contains(&self.window), "the window holds 1 to {WINDOW_LIMIT} messages");
        ensure!((1..=10_000).contains(&self.batch), "a batch has 1 to 10000 messages");
        ensure!(self.rate.is_none_or(|rate| rate >= 0.1), "the rate is at least 0.1 per second");
        Ok(())
    }
}

fn drive(
    plan: &Plan,
    topic: &str,
    subscribers: Vec<TcpStream>,
    publishers: Vec<TcpStream>,
    windows: &[Window],
) -> Result<Measurement> {
    let span = Span::default();
    let handles = subscribers.iter().chain(&publishers).map(TcpStream::try_clone);
    let handles = handles.collect::<std::io::Result<Vec<TcpStream>>>()?;
    // Cloned before any thread runs: leaving the scope early would wait for threads that nobody stops.
    let replies = publishers.iter().filter(|_| plan.qos > 0).map(TcpStream::try_clone);
    let replies = replies.collect::<std::io::Result<Vec<TcpStream>>>()?;
    let (observed, received) = thread::scope(|scope| {
        let start = |(index, stream)| {
            let subscriber = Subscriber { stream, index, windows, span: &span };
            scope.spawn(move || subscriber.run())
        };
        let receiving: Vec<_> = subscribers.into_iter().enumerate().map(start).collect();
        let count = |(stream, window)| scope.spawn(move || publisher::count_acknowledgements(stream, window));
        let acknowledging: Vec<_> = replies.into_iter().zip(windows).map(count).collect();
        let mut sending = Vec::new();
        for (stream, (window, sender)) in publishers.into_iter().zip(windows.iter().zip(0_u16..)) {
            let &Plan { qos, size, batch, .. } = plan;
            let publisher = Publisher { stream, sender, topic, qos, size, batch, window, span: &span };
            let interval = plan.rate.map(|rate| Duration::from_secs_f64(plan.publishers as f64 / rate));
            sending.push(scope.spawn(move || match interval {
                Some(interval) => publisher.pace(interval),
                None => publisher.saturate(),
            }));
        }
        let observed = observe(plan, &span, windows);
        span.close();
        let sent: Vec<Result<()>> = sending.into_iter().map(join).collect();
        drain(windows);
        for handle in &handles {
            // Ends the readers; a connection that the broker closed already is reported by its reader.
            let _ = handle.shutdown(Shutdown::Both);
        }
        let received = receiving.into_iter().map(join).collect::<Result<Vec<Received>>>()?;
        sent.into_iter().collect::<Result<()>>()?;
        acknowledging.into_iter().try_for_each(join)?;
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
