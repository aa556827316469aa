//! One subscribing connection: counts, checks and acknowledges what arrives.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail, ensure};

use super::dialect::Inbox;
use super::stamp::Stamp;
use super::window::Window;
use crate::clock::{self, Span};
use crate::ledger::{Account, Sequence};
use crate::statistics::Histogram;

const BUFFER: usize = 1 << 20;

pub struct Subscriber<'a> {
    pub stream: TcpStream,
    pub inbox: Box<dyn Inbox>,
    pub index: usize,
    /// By sender.
    pub windows: &'a [Window],
    pub span: &'a Span,
}

/// What one subscriber saw until its connection was shut down.
pub struct Received {
    pub sequences: Vec<Sequence>,
    pub latency: Histogram,
}

impl Subscriber<'_> {
    /// Reads until the connection ends. All answers to one read go out in one write.
    pub fn run(mut self) -> Result<Received> {
        let mut received = Received::new(self.windows.len());
        let mut fresh = vec![0; self.windows.len()];
        let mut reply = Vec::new();
        let mut buffer = vec![0; BUFFER];
        let mut filled = 0;
        loop {
            let read = match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => return Ok(received),
                Ok(read) => read,
                Err(error) if self.span.is_closed() => {
                    eprintln!("subscriber {}: {error}", self.index);
                    return Ok(received);
                }
                Err(error) => return Err(error).context("reading as a subscriber"),
            };
            let now = clock::nanos();
            filled += read;
            let mut at = 0;
            while let Some(taken) = self.inbox.take(&buffer[at..filled], &mut reply)? {
                if let Some(stamp) = taken.stamp {
                    received.note(stamp, now, self.span, self.windows, &mut fresh)?;
                }
                at += taken.len;
            }
            self.inbox.rest(&mut reply);
            ensure!(at > 0 || filled < BUFFER, "a frame is longer than {BUFFER} bytes");
            buffer.copy_within(at..filled, 0);
            filled -= at;
            if !reply.is_empty() {
                self.stream.write_all(&reply).context("acknowledging")?;
                reply.clear();
            }
            for (window, count) in self.windows.iter().zip(&mut fresh) {
                window.receive(self.index, std::mem::take(count));
            }
        }
    }
}

impl Received {
    /// The account against what each sender sent.
    pub fn account(&self, windows: &[Window]) -> Account {
        let mut account = Account::default();
        for (sequence, window) in self.sequences.iter().zip(windows) {
            account.add(sequence.account(window.sent()));
        }
        account
    }

    fn new(senders: usize) -> Self {
        Self { sequences: (0..senders).map(|_| Sequence::default()).collect(), latency: Histogram::default() }
    }

    fn note(&mut self, stamp: Stamp, now: u64, span: &Span, windows: &[Window], fresh: &mut [u64]) -> Result<()> {
        let sender = usize::from(stamp.sender);
        let Some(sequence) = self.sequences.get_mut(sender) else { bail!("a message of an unknown sender arrived") };
        ensure!(stamp.number < windows[sender].sent(), "a message arrived that was never sent");
        if sequence.see(stamp.number) {
            fresh[sender] += 1;
            if span.bounds().contains(&stamp.nanos) {
                self.latency.record(now.saturating_sub(stamp.nanos));
            }
        }
        Ok(())
    }
}
