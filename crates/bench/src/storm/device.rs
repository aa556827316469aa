//! The devices: each connects, stays, and comes back when its connection is gone.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rustls::client::Resumption;
use rustls::{ClientConfig, HandshakeKind};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Plan;
use super::scene::{self, Scene};
use crate::workload::mqtt::frame;

/// Addresses of this machine that devices connect from, so that there are ports enough.
const SOURCES: usize = 50;
/// After a failure a device waits this long, the double after the next one, and so on; half of it is left to chance.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The return code of a CONNACK that means "server unavailable" (MQTT 3.1.1, 3.2.2.3).
const UNAVAILABLE: u8 = 3;

/// What all devices have in common.
pub(super) struct Crowd {
    address: SocketAddr,
    configs: Vec<Arc<ClientConfig>>,
    patience: Duration,
    round: watch::Receiver<u32>,
    inside: Cell<usize>,
    tally: RefCell<Tally>,
}

/// What devices met.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    pub attempts: u64,
    /// CONNACK "server unavailable".
    pub unavailable: u64,
    /// Another refusal.
    pub refused: u64,
    /// The connection ended before there was a CONNACK.
    pub broken: u64,
    /// The device's patience ended.
    pub unanswered: u64,
    pub resumed: u64,
    /// Sent away after they were in.
    pub lost: u64,
}

enum Failure {
    Unavailable,
    Refused,
    Broken,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(_: E) -> Self {
        Self::Broken
    }
}

impl Crowd {
    pub(super) fn new(plan: &Plan, scene: &Scene, round: watch::Receiver<u32>) -> Result<Self> {
        // Each has a store of its own for what it needs to resume.
        let own = |_| {
            let mut config = ClientConfig::clone(&scene.tls);
            config.resumption = Resumption::in_memory_sessions(1);
            Arc::new(config)
        };
        let configs = if plan.resume { (0..plan.devices).map(own).collect() } else { vec![scene.tls.clone()] };
        let (inside, tally) = (Cell::new(0), RefCell::default());
        Ok(Self { address: scene.address, configs, patience: plan.patience, round, inside, tally })
    }

    pub(super) fn inside(&self) -> usize {
        self.inside.get()
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally.borrow().clone()
    }

    /// Everybody is about to be cut off.
    pub(super) fn begin(&self) {
        self.inside.set(0);
        self.tally.take();
    }

    fn count(&self, what: impl Fn(&mut Tally) -> &mut u64) {
        *what(&mut self.tally.borrow_mut()) += 1;
    }

    async fn attempt(&self, index: usize) -> Result<TlsStream<TcpStream>, Failure> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::new(127, 0, 1, (index % SOURCES) as u8 + 1), 0).into())?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        let config = self.configs[index % self.configs.len()].clone();
        let mut stream = TlsConnector::from(config).connect(scene::server_name(), stream).await?;
        let (name, password) = (scene::name(index), scene::password(index));
        stream.write_all(&frame::connect_as(&name, true, &name, &password)).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
            self.count(|it| &mut it.resumed);
        }
        match answer[3] {
            0 => Ok(stream),
            UNAVAILABLE => Err(Failure::Unavailable),
            _ => Err(Failure::Refused),
        }
    }

    /// Tries until it is in.
    async fn enter(&self, index: usize) -> TlsStream<TcpStream> {
        let (mut pause, mut chance) = (FIRST_PAUSE, index as u64 + 1);
        loop {
            self.count(|it| &mut it.attempts);
            match timeout(self.patience, self.attempt(index)).await {
                Ok(Ok(stream)) => return stream,
                Ok(Err(Failure::Unavailable)) => self.count(|it| &mut it.unavailable),
                Ok(Err(Failure::Refused)) => self.count(|it| &mut it.refused),
                Ok(Err(Failure::Broken)) => self.count(|it| &mut it.broken),
                Err(_) => self.count(|it| &mut it.unanswered),
            }
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sleep(pause.mul_f64(0.5 + 0.5 * (chance >> 40) as f64 / (1 << 24) as f64)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

pub(super) async fn live(crowd: std::rc::Rc<Crowd>, index: usize) {
    let mut round = crowd.round.clone();
    if round.changed().await.is_err() {
        return;
    }
    loop {
        let mut stream = crowd.enter(index).await;
        crowd.inside.set(crowd.inside.get() + 1);
        let mut buffer = [0; 16];
        tokio::select! {
            // Dropping the stream cuts it without a word of MQTT or TLS.
            changed = round.changed() => if changed.is_err() { return },
            _ = stream.read(&mut buffer) => {
                crowd.inside.set(crowd.inside.get().saturating_sub(1));
                crowd.count(|it| &mut it.lost);
            }
        }
    }
}
