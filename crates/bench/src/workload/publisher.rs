//! One publishing connection: a closed loop, or a fixed rate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::frame::{self, Batch, PUBACK};
use super::window::Window;
use crate::clock::{self, Span};

/// One write never carries more than this, but always a whole frame.
const WRITE_LIMIT: usize = 64 << 10;
/// How often a publisher without room looks whether the run is over.
const GLANCE: Duration = Duration::from_millis(50);

pub struct Publisher<'a> {
    pub stream: TcpStream,
    pub sender: u16,
    pub topic: &'a str,
    pub qos: u8,
    pub size: usize,
    pub batch: usize,
    pub window: &'a Window,
    pub span: &'a Span,
}

impl Publisher<'_> {
    /// Keeps the window full until the span is closed: waits for a quarter, then one write of at most a batch.
    pub fn saturate(mut self) -> Result<()> {
        let mut batch = self.frames(self.batch);
        let limit = self.batch.min(WRITE_LIMIT / batch.frame_len()).max(1);
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
        let mut batch = self.frames(1);
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

    fn frames(&self, count: usize) -> Batch {
        let probe = Batch::new(self.topic, self.qos, self.size, 1);
        Batch::new(self.topic, self.qos, self.size, count.min(WRITE_LIMIT / probe.frame_len()).max(1))
    }

    fn write(&mut self, batch: &mut Batch, count: usize, first: u64) -> Result<()> {
        self.window.send(count as u64);
        let bytes = batch.patch(count, self.sender, first, clock::nanos());
        self.stream.write_all(bytes).context("the broker does not take what is published")
    }
}

/// Counts PUBACKs until the connection is shut down.
pub fn count_acknowledgements(mut stream: TcpStream, window: &Window) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).context("reading PUBACKs")?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let (mut at, mut count) = (0, 0);
        while let Some((frame, len)) = frame::next(&buffer[at..filled])? {
            if frame.kind != PUBACK {
                bail!("the broker sent packet type {} to a publisher", frame.kind);
            }
            at += len;
            count += 1;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        window.acknowledge(count);
    }
}
