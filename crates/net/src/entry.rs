//! From an accepted socket to a stream that a protocol can speak on: PROXY header, TLS, and the limits of both.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use model::{Certificate, Time};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::bucket::Quiet;
use crate::gate::{Access, Door, Guest, Refused};
use crate::half_open::{HalfOpen, Ticket};
use crate::pace::Pace;
use crate::proxy::{self, Progress};
use crate::raw::Stream;
use crate::tls::{Tls, shake_hands};

/// Log lines a second about connections that were refused at the door.
const REFUSALS_SAID: u32 = 1;
/// And about those whose handshake failed.
const FAILURES_SAID: u32 = 10;
/// The first byte of a TLS connection: a record of the handshake (RFC 8446, 5.1).
const TLS_BEGINS: u8 = 0x16;
/// First bytes of a connection that a log line shows.
const SHOWN: usize = 8;

/// What stands between a listener and its protocol.
#[derive(Clone, Debug)]
pub struct Entry {
    /// For the log: the face and its address.
    pub name: String,
    pub access: Access,
    pub tls: Option<Tls>,
    pub proxy: Option<Proxy>,
    /// Connections whose PROXY header or TLS handshake is not complete; with one more the oldest is closed.
    pub half_open: usize,
}

/// Connections come through a load balancer that says by the PROXY protocol whose they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// Where the balancers are; if nothing is given, anybody is believed.
    pub from: Vec<IpNet>,
}

impl Entry {
    /// Nothing stands between.
    pub fn open(name: impl Into<String>) -> Self {
        Self { name: name.into(), access: Access::default(), tls: None, proxy: None, half_open: 1 }
    }
}

/// An entry in use, shared by the threads.
pub(crate) struct Gatehouse {
    entry: Entry,
    door: Door,
    half_open: HalfOpen,
    refusals: Mutex<Quiet>,
    failures: Mutex<Quiet>,
}

/// Who came in.
pub(crate) struct Entered {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) secure: bool,
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) guest: Option<Guest>,
}

impl Entered {
    /// Without TLS.
    pub(crate) fn directly(stream: Box<dyn Stream>, address: Option<SocketAddr>, guest: Option<Guest>) -> Self {
        Self { stream, address, secure: false, certificate: None, guest }
    }
}

impl Gatehouse {
    pub(crate) fn new(entry: Entry, now: Time) -> Self {
        Self {
            door: Door::new(entry.access.clone(), now),
            half_open: HalfOpen::new(entry.half_open),
            refusals: Mutex::new(Quiet::new(REFUSALS_SAID)),
            failures: Mutex::new(Quiet::new(FAILURES_SAID)),
            entry,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.entry.name
    }

    /// Whether an accepted socket is a stream for the protocol as it is.
    pub(crate) fn is_direct(&self) -> bool {
        self.entry.tls.is_none() && self.entry.proxy.is_none()
    }

    /// What can be told of a connection by its address alone. `Ok(None)`: who it is, its PROXY header will say.
    pub(crate) fn admit(&self, now: Time, address: SocketAddr) -> Result<Option<Guest>, ()> {
        let Some(proxy) = &self.entry.proxy else { return self.let_in(now, address).map(Some) };
        let ip = address.ip().to_canonical();
        if proxy.from.is_empty() || proxy.from.iter().any(|network| network.contains(&ip)) {
            return Ok(None);
        }
        self.refuse(now, address, &"only load balancers may connect");
        Err(())
    }

    fn let_in(&self, now: Time, address: SocketAddr) -> Result<Guest, ()> {
        self.door.admit(now, address.ip()).map_err(|refused: Refused| self.refuse(now, address, &refused))
    }

    pub(crate) fn refuse(&self, now: Time, address: SocketAddr, why: &dyn std::fmt::Display) {
        self.say(now, format_args!("refused {address}: {why}"));
    }

    fn say(&self, now: Time, what: std::fmt::Arguments<'_>) {
        if let Some(before) = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).may_say(now) {
            tracing::warn!("{}: {what}{}", self.entry.name, and_more(before));
        }
    }

    fn fail(&self, now: Time, address: SocketAddr, why: &dyn std::fmt::Display) {
        if let Some(before) = self.failures.lock().unwrap_or_else(PoisonError::into_inner).may_say(now) {
            tracing::warn!("{}: {address} did not get in: {why}{}", self.entry.name, and_more(before));
        }
    }

    /// Whether another connection can be accepted now.
    pub(crate) fn has_room(&self) -> bool {
        self.is_direct() || self.half_open.has_room(std::time::Instant::now())
    }

    /// The place of a connection that has something to do before it comes to its protocol, in order of arrival.
    pub(crate) fn line_up(&self, now: Time, address: SocketAddr) -> Option<Ticket> {
        if self.is_direct() {
            return None;
        }
        let (ticket, crowded) = self.half_open.enter(std::time::Instant::now());
        if crowded {
            let most = self.entry.half_open;
            self.say(now, format_args!("closed the oldest of {most} unfinished connections for {address}"));
        }
        Some(ticket)
    }

    /// Until `deadline`, or until it has to make room. `None`: it did not get in, and the log says why.
    pub(crate) async fn enter(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        guest: Option<Guest>,
        (ticket, pace): (Ticket, &Pace),
        now: impl Fn() -> Time,
        deadline: Instant,
    ) -> Option<Entered> {
        let entering = timeout_at(deadline, self.come_in(stream, address, guest, (pace, &ticket), &now));
        tokio::select! {
            entered = entering => entered.unwrap_or_else(|_| {
                self.fail(now(), address, &"it was not done in time");
                None
            }),
            () = ticket.sent_away() => None,
        }
    }

    async fn come_in(
        &self,
        mut stream: TcpStream,
        mut address: SocketAddr,
        mut guest: Option<Guest>,
        (pace, ticket): (&Pace, &Ticket),
        now: &impl Fn() -> Time,
    ) -> Option<Entered> {
        if self.entry.proxy.is_some() {
            match client_behind(&mut stream).await {
                Ok(Some(client)) => address = client,
                Ok(None) => {}
                Err(Unproxied::Closed) => return None,
                Err(Unproxied::Malformed(why)) => {
                    self.fail(now(), address, &why);
                    return None;
                }
            }
            guest = Some(self.let_in(now(), address).ok()?);
        }
        let plain = |stream: TcpStream, guest| Entered::directly(Box::new(stream), Some(address), guest);
        let Some(tls) = &self.entry.tls else { return Some(plain(stream, guest)) };
        // Until a peer says something it costs no more than its socket.
        let mut first = [0; SHOWN];
        let count = stream.peek(&mut first).await.unwrap_or(0);
        match first[..count] {
            // Who only looks whether the port is open is not worth a word.
            [] => None,
            [TLS_BEGINS, ..] => match Box::pin(
                pace.keep(shake_hands(tls, stream, || ticket.has_spoken()), |is| ticket.waits_for_us(is)),
            )
            .await
            {
                Ok((stream, certificate)) => {
                    Some(Entered { stream: Box::new(stream), address: Some(address), secure: true, certificate, guest })
                }
                Err(failed) => {
                    self.fail(now(), address, &failed);
                    None
                }
            },
            [..] if tls.plain_too => Some(plain(stream, guest)),
            ref bytes => {
                let shown = bytes.escape_ascii();
                self.fail(
                    now(),
                    address,
                    &format_args!("it does not speak TLS, which is needed here: it begins with \"{shown}\""),
                );
                None
            }
        }
    }
}

enum Unproxied {
    /// Before anything was said.
    Closed,
    Malformed(String),
}

/// Reads exactly the PROXY header.
async fn client_behind(stream: &mut TcpStream) -> Result<Option<SocketAddr>, Unproxied> {
    let mut header = Vec::new();
    loop {
        match proxy::parse(&header) {
            Ok(Progress::Done(client)) => return Ok(client),
            Ok(Progress::Need(more)) => {
                let taken = header.len();
                header.resize(taken + more, 0);
                if let Err(error) = stream.read_exact(&mut header[taken..]).await {
                    return Err(match taken {
                        0 => Unproxied::Closed,
                        _ => Unproxied::Malformed(format!("its PROXY header has no end: {error}")),
                    });
                }
            }
            Err(malformed) => return Err(Unproxied::Malformed(malformed.to_string())),
        }
    }
}

fn and_more(before: u64) -> String {
    if before == 0 { String::new() } else { format!(" (and {before} more before)") }
}
