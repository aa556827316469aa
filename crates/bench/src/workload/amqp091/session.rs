//! Opening an AMQP 0-9-1 connection with one channel, and asking it for things.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};

use super::frame::{self, CHANNEL, Id, METHOD, OVERHEAD};
use crate::workload::dialect;

/// What this side would take; brokers usually offer less or the same.
const FRAME_MAX: u32 = 128 << 10;

pub(super) struct Session {
    pub stream: TcpStream,
    /// Bytes.
    pub frame_max: usize,
}

impl Session {
    /// Connects as guest, without heartbeats.
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let mut session = Self { stream: dialect::connect(address)?, frame_max: 0 };
        session.stream.write_all(&frame::PROTOCOL)?;
        session.wait(frame::CONNECTION_START)?;
        let credentials = frame::long_string(b"\0guest\0guest");
        let start = [&frame::long_string(b"")[..], &frame::string("PLAIN"), &credentials, &frame::string("en_US")];
        session.send(frame::CONNECTION_START_OK, 0, &start.concat())?;
        let tune = session.wait(frame::CONNECTION_TUNE)?;
        let &[a, b, c, d, e, f, _, _] = &tune[..] else { bail!("a Tune of {} bytes", tune.len()) };
        let offered = u32::from_be_bytes([c, d, e, f]);
        let frame_max = if offered == 0 { FRAME_MAX } else { offered.min(FRAME_MAX) };
        ensure!(frame_max >= 4096, "the broker offers frames of {offered} bytes");
        session.frame_max = frame_max as usize;
        let tune = [&[a, b][..], &frame_max.to_be_bytes(), &[0, 0]].concat();
        session.send(frame::CONNECTION_TUNE_OK, 0, &tune)?;
        session.send(frame::CONNECTION_OPEN, 0, &[&frame::string("/")[..], &[0, 0]].concat())?;
        session.wait(frame::CONNECTION_OPEN_OK)?;
        session.ask(frame::CHANNEL_OPEN, &[0], frame::CHANNEL_OPEN_OK)?;
        Ok(session)
    }

    /// Calls a method of the channel and waits for its answer.
    pub(super) fn ask(&mut self, method: Id, arguments: &[u8], answer: Id) -> Result<()> {
        self.send(method, CHANNEL, arguments)?;
        self.wait(answer).map(drop)
    }

    fn send(&mut self, method: Id, channel: u16, arguments: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(&frame::method(method, channel, arguments))?)
    }

    /// The arguments of the next method, which must be this one.
    fn wait(&mut self, expected: Id) -> Result<Vec<u8>> {
        let mut bytes = vec![0; OVERHEAD];
        self.stream.read_exact(&mut bytes).with_context(|| format!("waiting for method {expected:?}"))?;
        ensure!(bytes[0] == METHOD, "unexpected frame, first bytes {bytes:02x?}");
        // All but a refused protocol header: the sizes that matter here are far below this.
        let size = usize::from(u16::from_be_bytes([bytes[5], bytes[6]]));
        bytes.resize(OVERHEAD + size, 0);
        self.stream.read_exact(&mut bytes[OVERHEAD..])?;
        let (frame, _) = frame::next(&bytes)?.context("a frame longer than a handshake needs")?;
        let (method, arguments) = frame.method()?;
        ensure!(method == expected, "waiting for {expected:?}: {}", super::complaint(method, arguments));
        Ok(arguments.to_vec())
    }
}
