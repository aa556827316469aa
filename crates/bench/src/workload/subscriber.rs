//! One subscribing connection: counts, checks and acknowledges what arrives.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail, ensure};

use super::frame::{self, PUBLISH, Stamp};
use super::window::Window;
use crate::clock::{self, Span};
use crate::ledger::{Account, Sequence};
use crate::statistics::Histogram;

const BUFFER: usize = 1 << 20;

pub struct Subscriber<'a> {
    pub stream: TcpStream,
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
    /// Reads until the connection ends. All acknowledgements of one read go out in one write.
    pub fn run(mut self) -> Result<Received> {
        let mut received = Received::new(self.windows.len());
        let mut fresh = vec![0; self.windows.len()];
        let mut acknowledgements = Vec::new();
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
            while let Some((frame, len)) = frame::next(&buffer[at..filled])? {
                if frame.kind == PUBLISH {
                    let publish = frame.publish()?;
                    received.note(publish.payload, now, self.span, self.windows, &mut fresh)?;
                    acknowledgements.extend(publish.packet_id.iter().flat_map(|id| frame::puback(*id)));
                }
                at += len;
            }
            ensure!(at > 0 || filled < BUFFER, "a packet is longer than {BUFFER} bytes");
            buffer.copy_within(at..filled, 0);
            filled -= at;
            if !acknowledgements.is_empty() {
                self.stream.write_all(&acknowledgements).context("acknowledging")?;
                acknowledgements.clear();
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

    fn note(&mut self, payload: &[u8], now: u64, span: &Span, windows: &[Window], fresh: &mut [u64]) -> Result<()> {
        let stamp = Stamp::read(payload).context("a payload without a stamp arrived")?;
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
