//! STOMP 1.2 on one queue.

pub mod frame;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};

use super::dialect::{self, Care, Dialect, Inbox, Name, PREFETCH, Progress, Receiving, Replies, Sending, Taken};
use super::stamp::Stamp;
use frame::Frame;

const SUBSCRIBED: &str = "subscribed";

pub struct Stomp {
    pub care: Care,
}

impl Dialect for Stomp {
    fn fans_out(&self) -> bool {
        false
    }

    fn confirms(&self) -> bool {
        self.care == Care::Confirmed
    }

    fn subscribe(&self, address: SocketAddr, name: &Name, _index: usize) -> Result<Receiving> {
        let mut stream = open(address)?;
        let (destination, prefetch) = (destination(name), PREFETCH.to_string());
        let mut headers = vec![("id", "0"), ("destination", &destination), ("receipt", SUBSCRIBED)];
        match self.care {
            Care::Transient => headers.push(("ack", "auto")),
            Care::Confirmed => headers.extend([
                ("ack", "client-individual"),
                // The same in the words of either broker.
                ("activemq.prefetchSize", &prefetch),
                ("prefetch-count", &prefetch),
            ]),
        }
        stream.write_all(&frame::frame("SUBSCRIBE", &headers))?;
        answer(&mut stream, "RECEIPT")?;
        Ok(Receiving { stream, inbox: Box::new(Messages { acknowledges: self.confirms() }) })
    }

    fn publish(&self, address: SocketAddr, name: &Name, _index: usize, size: usize) -> Result<Sending> {
        let template = frame::send(&destination(name), self.confirms(), size);
        Ok(Sending { stream: open(address)?, replies: Box::new(Receipts), template })
    }
}

fn destination(name: &Name) -> String {
    format!("/queue/{name}")
}

/// Connects as guest, without heart-beats.
fn open(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = dialect::connect(address)?;
    let headers =
        [("accept-version", "1.2"), ("host", "/"), ("login", "guest"), ("passcode", "guest"), ("heart-beat", "0,0")];
    stream.write_all(&frame::frame("CONNECT", &headers))?;
    answer(&mut stream, "CONNECTED")?;
    Ok(stream)
}

/// Waits for a frame without a body, and takes nothing behind it.
fn answer(stream: &mut TcpStream, expected: &str) -> Result<()> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    loop {
        stream.read_exact(&mut byte).with_context(|| format!("waiting for {expected}"))?;
        bytes.push(byte[0]);
        if byte == [0]
            && let Some((frame, _)) = frame::next(&bytes)?
        {
            ensure!(frame.command == expected.as_bytes(), "waiting for {expected}: {}", complaint(&frame));
            return Ok(());
        }
    }
}

struct Messages {
    acknowledges: bool,
}

impl Inbox for Messages {
    fn take(&mut self, input: &[u8], reply: &mut Vec<u8>) -> Result<Option<Taken>> {
        let Some((frame, len)) = frame::next(input)? else { return Ok(beats(input)) };
        ensure!(frame.command == b"MESSAGE", "a subscriber got {}", complaint(&frame));
        let stamp = Stamp::read(frame.body).context("a payload without a stamp arrived")?;
        if self.acknowledges {
            frame::write_ack(frame.header("ack").context("a message without the header `ack`")?, reply);
        }
        Ok(Some(Taken { len, stamp: Some(stamp) }))
    }
}

struct Receipts;

impl Replies for Receipts {
    fn take(&mut self, input: &[u8], progress: &mut Progress) -> Result<Option<usize>> {
        let Some((frame, len)) = frame::next(input)? else { return Ok(beats(input).map(|taken| taken.len)) };
        if frame.command != b"RECEIPT" {
            bail!("a publisher got {}", complaint(&frame));
        }
        progress.confirmed += 1;
        Ok(Some(len))
    }
}

fn beats(input: &[u8]) -> Option<Taken> {
    let len = frame::beats(input);
    (len > 0).then_some(Taken { len, stamp: None })
}

fn complaint(frame: &Frame<'_>) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let message = frame.header("message").map(text).unwrap_or_default();
    format!("{}: {message} {}", text(frame.command), text(frame.body).trim_end())
}
