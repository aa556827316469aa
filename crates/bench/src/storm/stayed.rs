//! The one whose connection stays: it publishes all the while, and sees what the storm costs others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustls::{ClientConnection, StreamOwned};

use super::scene::{self, OBSERVER, Scene};
use crate::statistics::{Histogram, Latency};
use crate::workload::dialect;
use crate::workload::mqtt::frame;

/// Between two messages.
const PACE: Duration = Duration::from_millis(5);
const PAYLOAD: usize = 100;

pub(super) struct Stayed {
    seen: Arc<Mutex<Histogram>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Stayed {
    pub(super) fn start(scene: &Scene) -> Result<Self> {
        let (seen, stop) = (Arc::<Mutex<Histogram>>::default(), Arc::<AtomicBool>::default());
        let connection = ClientConnection::new(scene.tls.clone(), scene::server_name())?;
        let mut stream = StreamOwned::new(connection, dialect::connect(scene.address)?);
        stream.write_all(&frame::connect_as(OBSERVER, true, OBSERVER, &scene::password(0)))?;
        ensure!(answer(&mut stream)?[3] == 0, "the broker refused the one who is to stay");
        let (histogram, stopped) = (seen.clone(), stop.clone());
        let thread = thread::Builder::new().name("stayed".into());
        let thread = thread.spawn(move || publish(&mut stream, &histogram, &stopped))?;
        Ok(Self { seen, stop, thread: Some(thread) })
    }

    /// What was measured since the last call.
    pub(super) fn take(&self) -> Result<Latency> {
        ensure!(self.thread.as_ref().is_some_and(|thread| !thread.is_finished()), "the one who was to stay is gone");
        std::mem::take(&mut *lock(&self.seen)).latency().context("nothing was confirmed to the one who stayed")
    }
}

impl Drop for Stayed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("the one who was to stay: {error:#}");
        }
    }
}

fn publish(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    seen: &Mutex<Histogram>,
    stop: &AtomicBool,
) -> Result<()> {
    let message = frame::publish("storm/stayed", 1, PAYLOAD).bytes;
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        stream.write_all(&message)?;
        answer(stream)?;
        lock(seen).record(start.elapsed().as_nanos() as u64);
        thread::sleep(PACE);
    }
    Ok(())
}

/// A CONNACK or a PUBACK: both have four bytes.
fn answer(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> Result<[u8; 4]> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).context("waiting for the broker's answer")?;
    Ok(bytes)
}

fn lock(histogram: &Mutex<Histogram>) -> std::sync::MutexGuard<'_, Histogram> {
    histogram.lock().unwrap_or_else(PoisonError::into_inner)
}
