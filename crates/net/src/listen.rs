//! Listeners: connections are accepted on the first IO thread and dealt out to all.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{HttpService, Peer, Protocol};
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::Instant;

use crate::core::Wakers;
use crate::entry::{Entered, Entry, Gatehouse};
use crate::gate::Guest;
use crate::half_open::Ticket;
use crate::thread::Shared;
use crate::{http, raw};

/// How long accepting rests when the process has no more file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// And when there is no room for more handshakes.
const CROWD_REST: Duration = Duration::from_millis(2);

/// A peer is asked by TCP whether it is still there after this long a silence, so often, and so many times.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_PROBES: u32 = 4;

/// What a listener speaks.
#[derive(Clone)]
pub enum Face {
    Protocol(Arc<dyn Protocol>),
    Http(Arc<dyn HttpService>),
}

impl Face {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Protocol(protocol) => protocol.name(),
            Self::Http(service) => service.name(),
        }
    }
}

/// A bound socket and what it speaks.
pub struct Listener {
    pub face: Face,
    pub socket: Socket,
    /// Of a Unix socket only the name counts: its file says who may connect.
    pub entry: Entry,
}

pub enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of all listeners together.
    pub connections: usize,
    /// How long a peer may take to say who it is, or to send its first request.
    pub login_timeout: Duration,
    /// How long an HTTP connection may rest between requests.
    pub idle_timeout: Duration,
    /// How long a peer may take nothing of what it is being sent; `None`: for ever.
    pub slow_timeout: Option<Duration>,
}

/// Accepted sockets on their way to their threads.
#[derive(Clone, Default)]
pub struct Arrivals {
    queues: Arc<Vec<Mutex<Vec<Arrival>>>>,
    open: Arc<AtomicUsize>,
}

struct Arrival {
    face: Face,
    gatehouse: Arc<Gatehouse>,
    socket: Accepted,
    /// When it was accepted.
    since: Instant,
    place: Place,
}

enum Accepted {
    Tcp(Box<Caller>),
    Unix(std::os::unix::net::UnixStream),
}

struct Caller {
    stream: std::net::TcpStream,
    address: SocketAddr,
    guest: Option<Guest>,
    ticket: Option<Ticket>,
}

impl Arrivals {
    pub fn new(threads: usize) -> Self {
        Self { queues: Arc::new((0..threads).map(|_| Mutex::default()).collect()), open: Arc::default() }
    }
}

/// One of the connections there may be; counted as long as it lives.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn start(
    thread: &Shared,
    wakers: Wakers,
    limits: Limits,
    listeners: Vec<Listener>,
    arrivals: &Arrivals,
) -> std::io::Result<()> {
    for Listener { face, socket, entry } in listeners {
        let gatehouse = Arc::new(Gatehouse::new(entry, thread.borrow().clock.now()));
        let accept = Acceptor {
            thread: thread.clone(),
            wakers: wakers.clone(),
            limits,
            arrivals: arrivals.clone(),
            next: 0,
            face,
            gatehouse,
        };
        match socket {
            Socket::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                tokio::task::spawn_local(accept.tcp(TcpListener::from_std(socket)?));
            }
            Socket::Unix(socket) => {
                socket.set_nonblocking(true)?;
                tokio::task::spawn_local(accept.unix(UnixListener::from_std(socket)?));
            }
        }
    }
    Ok(())
}

struct Acceptor {
    thread: Shared,
    wakers: Wakers,
    limits: Limits,
    arrivals: Arrivals,
    next: usize,
    face: Face,
    gatehouse: Arc<Gatehouse>,
}

impl Acceptor {
    async fn tcp(mut self, listener: TcpListener) {
        loop {
            while !self.gatehouse.has_room() && !self.thread.borrow().core.is_stopping() {
                tokio::time::sleep(CROWD_REST).await;
            }
            match listener.accept().await {
                Ok((stream, address)) => self.admit(stream, address),
                Err(error) => self.rest(&error).await,
            }
            if self.thread.borrow().core.is_stopping() {
                return;
            }
        }
    }

    async fn unix(mut self, listener: UnixListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Ok(stream) = stream.into_std() {
                        self.deal(Accepted::Unix(stream));
                    }
                }
                Err(error) => self.rest(&error).await,
            }
            if self.thread.borrow().core.is_stopping() {
                return;
            }
        }
    }

    async fn rest(&self, error: &std::io::Error) {
        tracing::warn!("{}: cannot accept: {error}", self.gatehouse.name());
        tokio::time::sleep(ACCEPT_REST).await;
    }

    fn admit(&mut self, stream: TcpStream, address: SocketAddr) {
        let now = self.thread.borrow().clock.now();
        if self.arrivals.open.load(Ordering::Relaxed) >= self.limits.connections {
            let most = self.limits.connections;
            return self.gatehouse.refuse(now, address, &format_args!("there are {most} connections already"));
        }
        let Ok(guest) = self.gatehouse.admit(now, address) else { return };
        if let Ok(stream) = stream.into_std() {
            let ticket = self.gatehouse.line_up(now, address);
            self.deal(Accepted::Tcp(Box::new(Caller { stream, address, guest, ticket })));
        }
    }

    fn deal(&mut self, socket: Accepted) {
        if self.arrivals.open.load(Ordering::Relaxed) >= self.limits.connections {
            let (name, most) = (self.gatehouse.name(), self.limits.connections);
            tracing::warn!("{name}: refused a connection: there are {most} already");
            return;
        }
        self.arrivals.open.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.arrivals.open.clone());
        let number = self.next % self.arrivals.queues.len().max(1);
        self.next += 1;
        let (face, gatehouse) = (self.face.clone(), self.gatehouse.clone());
        let arrival = Arrival { face, gatehouse, socket, since: Instant::now(), place };
        if number == usize::from(self.thread.borrow().number) {
            return spawn(&self.thread, arrival, self.limits);
        }
        self.arrivals.queues[number].lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(arrival);
        self.wakers.wake(number as u16);
    }
}

/// Begins to serve what other threads accepted for this one.
pub(crate) fn take_arrivals(thread: &Shared, limits: Limits, arrivals: &Arrivals) {
    let number = usize::from(thread.borrow().number);
    let Some(queue) = arrivals.queues.get(number) else { return };
    let arrived = std::mem::take(&mut *queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    for arrival in arrived {
        spawn(thread, arrival, limits);
    }
}

fn spawn(thread: &Shared, arrival: Arrival, limits: Limits) {
    let Arrival { face, gatehouse, socket, since, place } = arrival;
    let thread = thread.clone();
    match socket {
        Accepted::Tcp(caller) => {
            let Caller { stream, address, guest, ticket } = *caller;
            let Ok(stream) = adopt(stream) else { return };
            let Some(ticket) = ticket else {
                let entered = Entered::directly(Box::new(stream), Some(address), guest);
                tokio::task::spawn_local(serve(thread, face, entered, place, limits));
                return;
            };
            tokio::task::spawn_local(async move {
                let now = || thread.borrow().clock.now();
                let deadline = since + limits.login_timeout;
                let pace = thread.borrow().pace.clone();
                let entering = gatehouse.enter(stream, address, guest, (ticket, &pace), now, deadline);
                let entered = Box::pin(entering).await;
                if let Some(entered) = entered {
                    // A task of its own: this one has the size of what it takes to enter.
                    tokio::task::spawn_local(serve(thread, face, entered, place, limits));
                }
            });
        }
        Accepted::Unix(stream) => {
            let adopted = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
            let Ok(stream) = adopted else { return };
            let entered = Entered { secure: true, ..Entered::directly(Box::new(stream), None, None) };
            tokio::task::spawn_local(serve(thread, face, entered, place, limits));
        }
    }
}

fn adopt(stream: std::net::TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    TcpStream::from_std(stream)
}

/// Peers that vanish without a word are found out, also those of protocols that let them be silent for ever.
fn keep_alive(stream: &std::net::TcpStream) -> std::io::Result<()> {
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, KEEP_ALIVE_IDLE)?;
    set_tcp_keepintvl(stream, KEEP_ALIVE_INTERVAL)?;
    set_tcp_keepcnt(stream, KEEP_ALIVE_PROBES)?;
    Ok(())
}

/// Boxed, so that the task of an idle connection is as large as what it does now, not as the largest of what it could do.
fn serve(
    thread: Shared,
    face: Face,
    entered: Entered,
    place: Place,
    limits: Limits,
) -> Pin<Box<dyn Future<Output = ()>>> {
    let Entered { stream, address, secure, certificate, guest } = entered;
    let peer = Peer { address, secure, certificate, ..Peer::local(face.name()) };
    match face {
        Face::Protocol(protocol) => Box::pin(async move {
            let _held = (place, guest);
            raw::serve(thread, stream, peer, protocol.as_ref()).await;
        }),
        Face::Http(service) => Box::pin(async move {
            let _held = (place, guest);
            http::serve(thread, stream, peer, service, limits).await;
        }),
    }
}
