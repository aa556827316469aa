//! Opening an MQTT connection and subscribing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};

use super::frame::{self, CONNACK, SUBACK};
use crate::workload::dialect;

/// Whether the broker keeps the session when the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    No,
    Yes,
}

/// Connects and waits for CONNACK.
pub fn open(address: SocketAddr, client_id: &str, kept: Kept) -> Result<TcpStream> {
    let mut stream = dialect::connect(address)?;
    stream.write_all(&frame::connect(client_id, kept == Kept::No))?;
    let body = answer(&mut stream, CONNACK).context("waiting for CONNACK")?;
    ensure!(body.get(1) == Some(&0), "the broker refused the connection: CONNACK {body:?}");
    Ok(stream)
}

/// Subscribes and waits for SUBACK.
pub fn subscribe(stream: &mut TcpStream, topic: &str, qos: u8) -> Result<()> {
    stream.write_all(&frame::subscribe(topic, qos))?;
    let body = answer(stream, SUBACK).context("waiting for SUBACK")?;
    ensure!(body.get(2) == Some(&qos), "the broker did not grant QoS {qos}: SUBACK {body:?}");
    Ok(())
}

/// Ends a kept session: what is left of it is dropped.
pub fn forget(address: SocketAddr, client_id: &str) -> Result<()> {
    let mut stream = open(address, client_id, Kept::No)?;
    stream.write_all(&frame::DISCONNECT)?;
    Ok(())
}

fn answer(stream: &mut TcpStream, expected: u8) -> Result<Vec<u8>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    if head[0] >> 4 != expected || head[1] >= 0x80 {
        bail!("unexpected packet, first bytes {head:02x?}");
    }
    let mut body = vec![0; usize::from(head[1])];
    stream.read_exact(&mut body)?;
    Ok(body)
}
