//! One publishing connection: a closed loop, or a fixed rate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::batch::{Batch, Template};
use super::dialect::{Progress, Replies};
use super::window::Window;
use crate::clock::{self, Span};

/// One write never carries more than this, but always a whole frame.
const WRITE_LIMIT: usize = 64 << 10;
/// For replies.
const BUFFER: usize = 64 << 10;
/// How often a publisher without room looks whether the run is over.
const GLANCE: Duration = Duration::from_millis(50);

pub struct Publisher<'a> {
    pub stream: TcpStream,
    pub sender: u16,
    pub template: Template,
    pub batch: usize,
    pub window: &'a Window,
    pub span: &'a Span,
}

impl Publisher<'_> {
    /// Keeps the window full until the span is closed: waits for a quarter, then one write of at most a batch.
    pub fn saturate(mut self) -> Result<()> {
        let limit = self.batch.min(WRITE_LIMIT / self.template.bytes.len()).max(1);
        let mut batch = Batch::new(&self.template, limit);
        self.window.adopt();
        let mut number = 0;
        while !self.span.is_closed() {
            if !self.window.wait(GLANCE) {
                continue;
            }
            let count = (self.window.free() as usize).min(limit);
            self.write(&mut batch, count, number)?;
            number += count as u64;
        }
        Ok(())
    }

    /// One message a write, `interval` apart by schedule. A publisher that is late catches up at once.
    pub fn pace(mut self, interval: Duration) -> Result<()> {
        // The default slack of 50 µs would bunch the messages; without the right to change it the run is still valid.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let mut batch = Batch::new(&self.template, 1);
        self.window.adopt();
        let start = Instant::now();
        let mut number = 0;
        while !self.span.is_closed() {
            let due = start + Duration::from_nanos(interval.as_nanos() as u64 * number);
            let early = due.saturating_duration_since(Instant::now());
            if !early.is_zero() {
                thread::sleep(early);
            }
            if self.window.free() == 0 {
                self.window.wait(GLANCE);
                continue;
            }
            self.write(&mut batch, 1, number)?;
            number += 1;
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch, count: usize, first: u64) -> Result<()> {
        self.window.send(count as u64);
        let bytes = batch.patch(count, self.sender, first, clock::nanos());
        self.stream.write_all(bytes).context("the broker does not take what is published")
    }
}

/// Follows what the broker tells the publisher until the connection is shut down.
pub fn listen(mut stream: TcpStream, mut replies: Box<dyn Replies>, window: &Window, span: &Span) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(()),
            Ok(read) => filled += read,
            // A broker may answer the end of a connection with a reset; what is lost, the account tells.
            Err(_) if span.is_closed() => return Ok(()),
            Err(error) => return Err(error).context("reading as a publisher"),
        }
        let mut at = 0;
        let mut progress = Progress::default();
        while let Some(len) = replies.take(&buffer[at..filled], &mut progress)? {
            at += len;
        }
        ensure!(at > 0 || filled < BUFFER, "a reply is longer than {BUFFER} bytes");
        buffer.copy_within(at..filled, 0);
        filled -= at;
        window.acknowledge(progress.confirmed);
        if let Some(allowed) = progress.allowed {
            window.allow(allowed);
        }
    }
}
