//! MQTT over TLS, with everything in the hands of the test.
#![allow(dead_code, reason = "each chapter uses a part")]

use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use conformance::security::connect;
use conformance::wire::{Connect, Level, Packet, first, packet};
use conformance::{Broker, Face, Options, Security};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

pub(crate) struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    /// To the broker's MQTT port, which speaks TLS: through the handshake and CONNECT.
    pub(crate) fn connect(broker: &Broker, name: &'static str, config: &Arc<ClientConfig>) -> io::Result<Self> {
        Self::to(broker.own_port(Face::Mqtt), name, config)
    }

    pub(crate) fn to(port: u16, name: &'static str, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let mut secure = Self(connect(([127, 0, 0, 1], port).into(), name, config));
        secure.log_in()?;
        Ok(secure)
    }

    /// As [`Secure::to`], after `header` in plain text.
    pub(crate) fn behind(port: u16, header: &[u8], config: &Arc<ClientConfig>) -> io::Result<Self> {
        let mut secure = Self(connect(([127, 0, 0, 1], port).into(), "localhost", config));
        io::Write::write_all(&mut secure.0.sock, header)?;
        secure.log_in()?;
        Ok(secure)
    }

    fn log_in(&mut self) -> io::Result<()> {
        self.write(&Connect::new("").encode())?;
        match Packet::read(&mut self.0, Level::V311)? {
            Packet::Connack { code: 0, .. } => Ok(()),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    /// A round trip.
    pub(crate) fn works(&mut self) -> bool {
        self.write(&packet(first::PINGREQ, &[])).is_ok()
            && matches!(Packet::read(&mut self.0, Level::V311), Ok(Packet::Pingresp))
    }

    /// The certificate of the broker.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().expect("the handshake is done")[0].clone()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.0, bytes)?;
        io::Write::flush(&mut self.0)
    }
}

pub(crate) fn der(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).expect("a certificate")
}

/// A broker without TLS that has one more listener, before the others.
pub(crate) fn extra(settings: &str, listener: &str) -> Broker {
    let config = format!("{settings}\n[[listener]]\n{listener}\n");
    Broker::start(&config, Options::default().security(Security::Plain))
}

/// Of the listener that [`extra`] has added.
pub(crate) fn extra_port(broker: &Broker) -> u16 {
    let line = &broker.said()[0];
    let port = line.split_once("://127.0.0.1:").and_then(|(_, rest)| rest.split_whitespace().next());
    port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {line:?}"))
}
