//! Listeners: connections are accepted on the first IO thread and dealt out to all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{HttpService, Peer, Protocol};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::core::Wakers;
use crate::raw::Stream;
use crate::thread::Shared;
use crate::{http, raw};

/// How long accepting rests when the process has no more file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

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
}

/// Accepted sockets on their way to their threads.
#[derive(Clone, Default)]
pub struct Arrivals {
    queues: Arc<Vec<Mutex<Vec<Arrival>>>>,
    open: Arc<AtomicUsize>,
}

struct Arrival {
    face: Face,
    socket: Accepted,
    place: Place,
}

enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
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
    for Listener { face, socket } in listeners {
        let accept = Acceptor {
            thread: thread.clone(),
            wakers: wakers.clone(),
            limits,
            arrivals: arrivals.clone(),
            next: 0,
            face,
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
}

impl Acceptor {
    async fn tcp(mut self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Ok(stream) = stream.into_std() {
                        self.deal(Accepted::Tcp(stream));
                    }
                }
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
        tracing::warn!("{}: cannot accept: {error}", self.face.name());
        tokio::time::sleep(ACCEPT_REST).await;
    }

    fn deal(&mut self, socket: Accepted) {
        if self.arrivals.open.load(Ordering::Relaxed) >= self.limits.connections {
            tracing::warn!("{}: refused a connection: there are {} already", self.face.name(), self.limits.connections);
            return;
        }
        self.arrivals.open.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.arrivals.open.clone());
        let number = self.next % self.arrivals.queues.len().max(1);
        self.next += 1;
        let arrival = Arrival { face: self.face.clone(), socket, place };
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
    let place = arrival.place;
    let Ok((stream, peer)) = adopt(arrival.socket, arrival.face.name()) else { return };
    let thread = thread.clone();
    match arrival.face {
        Face::Protocol(protocol) => {
            tokio::task::spawn_local(async move {
                let _place = place;
                raw::serve(thread, stream, peer, protocol.as_ref()).await;
            });
        }
        Face::Http(service) => {
            tokio::task::spawn_local(async move {
                let _place = place;
                http::serve(thread, stream, peer, service, limits).await;
            });
        }
    }
}

fn adopt(socket: Accepted, protocol: &'static str) -> std::io::Result<(Box<dyn Stream>, Peer)> {
    match socket {
        Accepted::Tcp(stream) => {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let address = stream.peer_addr().ok();
            Ok((
                Box::new(TcpStream::from_std(stream)?),
                Peer { protocol, address, secure: false, ..Peer::local(protocol) },
            ))
        }
        Accepted::Unix(stream) => {
            stream.set_nonblocking(true)?;
            Ok((Box::new(UnixStream::from_std(stream)?), Peer { secure: true, ..Peer::local(protocol) }))
        }
    }
}
