//! Opening an AMQP 1.0 connection with one session and one link.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};

use super::frame::{self, ATTACH, BEGIN, OPEN, Role, SASL_MECHANISMS, SASL_OUTCOME, Settled};
use super::value::Fields;
use crate::workload::dialect;

const HEAD: usize = 8;

pub(super) struct Session {
    pub stream: TcpStream,
    /// Bytes of a frame that the broker takes.
    pub frame_max: usize,
    /// Frames that the broker takes before it says more.
    pub incoming_window: u32,
    /// Number of the first frame that the broker will send.
    pub next_incoming: u32,
    /// What the broker's end of the link counts deliveries from.
    pub delivery_count: u32,
}

impl Session {
    /// Connects as guest and attaches one link to the node `address`.
    pub(super) fn open(to: SocketAddr, name: &str, role: Role, settled: Settled, address: &str) -> Result<Self> {
        let stream = dialect::connect(to)?;
        let mut session = Self { stream, frame_max: 0, incoming_window: 0, next_incoming: 0, delivery_count: 0 };
        session.greet(frame::SASL)?;
        session.wait(SASL_MECHANISMS, |_| Ok(()))?;
        session.stream.write_all(&frame::sasl_init())?;
        let code = session.wait(SASL_OUTCOME, |mut fields| Ok(fields.uint()?))?;
        ensure!(code == Some(0), "the broker refused the credentials: {code:?}");
        session.greet(frame::PROTOCOL)?;
        session.stream.write_all(&frame::open(name))?;
        let frame_max = session.wait(OPEN, |mut fields| {
            fields.skip(2)?;
            Ok(fields.uint()?)
        })?;
        session.frame_max = frame_max.unwrap_or(u32::MAX).min(frame::FRAME_MAX) as usize;
        session.stream.write_all(&frame::begin(None, frame::INCOMING_WINDOW))?;
        (session.next_incoming, session.incoming_window) = session.wait(BEGIN, |mut fields| {
            fields.skip(1)?;
            Ok((fields.uint()?.context("next-outgoing-id")?, fields.uint()?.context("incoming-window")?))
        })?;
        session.stream.write_all(&frame::attach(name, role, settled, address))?;
        session.delivery_count = session.wait(ATTACH, |mut fields| {
            fields.skip(9)?;
            Ok(fields.uint()?.unwrap_or(0))
        })?;
        Ok(session)
    }

    fn greet(&mut self, header: [u8; HEAD]) -> Result<()> {
        self.stream.write_all(&header)?;
        let mut answer = [0; HEAD];
        self.stream.read_exact(&mut answer).context("waiting for a protocol header")?;
        ensure!(answer == header, "the broker answers the header {header:02x?} with {answer:02x?}");
        Ok(())
    }

    /// Reads the fields of the next frame, which must hold this performative.
    fn wait<T>(&mut self, expected: u64, read: impl FnOnce(Fields<'_>) -> Result<T>) -> Result<T> {
        let mut bytes = vec![0; HEAD];
        self.stream.read_exact(&mut bytes).with_context(|| format!("waiting for performative {expected:#x}"))?;
        ensure!(bytes[..2] == [0, 0], "a frame longer than a handshake needs: {bytes:02x?}");
        let size = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        bytes.resize(size.max(HEAD), 0);
        self.stream.read_exact(&mut bytes[HEAD..])?;
        let (body, _) = frame::next(&bytes)?.context("a frame shorter than its own head")?;
        let (found, _) = frame::read(body)?;
        ensure!(found.code == expected, "waiting for performative {expected:#x}: {}", super::complaint(&found));
        read(found.fields)
    }
}
