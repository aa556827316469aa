//! One SQS connection: its requests, what it has sent and what it has received.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::http::Client;
use super::queue::{Queue, Received, SendRequest, Tag};
use crate::clock::{self, Span};
use crate::statistics::Histogram;

/// Draining ends when nothing has arrived for so long.
const SILENCE: Duration = Duration::from_secs(3);

/// Sums over all workers.
#[derive(Default)]
pub struct Counts {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

pub struct Worker<'a> {
    queue: &'a Queue,
    client: Client,
    request: SendRequest,
    scratch: Vec<u8>,
    pub counts: &'a Counts,
    pub sent: u64,
    /// In order of arrival.
    pub received: Vec<Tag>,
    /// By action; only requests that began within the span.
    pub latency: BTreeMap<&'static str, Histogram>,
}

impl Counts {
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Messages sent and not received by anybody.
    pub fn left(&self) -> u64 {
        self.sent.load(Ordering::SeqCst).saturating_sub(self.received.load(Ordering::SeqCst))
    }
}

impl<'a> Worker<'a> {
    pub fn new(queue: &'a Queue, sender: u16, size: usize, counts: &'a Counts) -> Self {
        Self {
            queue,
            client: queue.client(),
            request: queue.send_request(sender, size),
            scratch: Vec::new(),
            counts,
            sent: 0,
            received: Vec::new(),
            latency: BTreeMap::new(),
        }
    }

    pub fn send(&mut self, span: &Span) -> Result<()> {
        let request = self.request.patch(self.sent);
        // Counted first: others may receive it before the answer is here.
        self.sent += 1;
        self.counts.sent.fetch_add(1, Ordering::SeqCst);
        let start = clock::nanos();
        self.queue.exchange(&mut self.client, request)?;
        self.note("send", start, span);
        Ok(())
    }

    /// False if the queue had nothing to give.
    pub fn receive_and_delete(&mut self, span: &Span) -> Result<bool> {
        self.queue.write_receive(1, &mut self.scratch);
        let start = clock::nanos();
        let answer = self.queue.exchange(&mut self.client, &self.scratch)?;
        self.note("receive", start, span);
        let messages = Received::parse(&answer)?;
        self.keep(&messages)?;
        for message in &messages {
            self.queue.write_delete(message, &mut self.scratch)?;
            let start = clock::nanos();
            self.queue.exchange(&mut self.client, &self.scratch)?;
            self.note("delete", start, span);
        }
        Ok(!messages.is_empty())
    }

    /// Receives and deletes until everything sent by anybody has arrived, or nothing more does.
    pub fn drain(&mut self) -> Result<()> {
        let mut last = Instant::now();
        while self.counts.left() > 0 && last.elapsed() < SILENCE {
            if self.receive_batch()? {
                last = Instant::now();
            }
        }
        Ok(())
    }

    /// Receives up to ten and deletes them; false if there were none.
    pub fn receive_batch(&mut self) -> Result<bool> {
        self.queue.write_receive(10, &mut self.scratch);
        let answer = self.queue.exchange(&mut self.client, &self.scratch)?;
        let messages = Received::parse(&answer)?;
        self.keep(&messages)?;
        if !messages.is_empty() {
            self.queue.write_delete_batch(&messages, &mut self.scratch)?;
            self.queue.exchange(&mut self.client, &self.scratch)?;
        }
        Ok(!messages.is_empty())
    }

    fn keep(&mut self, messages: &[Received<'_>]) -> Result<()> {
        for message in messages {
            self.received.push(message.tag()?);
        }
        self.counts.received.fetch_add(messages.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    fn note(&mut self, action: &'static str, start: u64, span: &Span) {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        if span.bounds().contains(&start) {
            self.latency.entry(action).or_default().record(clock::nanos() - start);
        }
    }
}
