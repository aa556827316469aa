//! A blocking MQTT client for tests of the exact exchange: it never answers on its own.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::poll::DEADLINE;
use crate::wire::{self, Connect, Level, Packet, Publish, first};

/// One connection, after its CONNACK.
pub struct Device {
    socket: TcpStream,
    input: BufReader<TcpStream>,
    level: Level,
    /// PUBLISH packets that came while another answer was awaited.
    arrived: VecDeque<Publish>,
    next_id: u16,
    pub session_present: bool,
}

/// A bare connection with deadlines, for tests that speak no MQTT.
pub fn socket(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("the broker listens");
    socket.set_nodelay(true).expect("a TCP socket");
    socket.set_read_timeout(Some(DEADLINE)).expect("a TCP socket");
    socket.set_write_timeout(Some(DEADLINE)).expect("a TCP socket");
    socket
}

/// The versions of MQTT that the broker speaks, oldest first.
///
/// # Panics
/// If it refuses one with another reason than the version, which would leave clients without a hint.
pub fn levels(address: SocketAddr) -> Vec<Level> {
    let speaks = |level: &Level| match Device::connect(address, &Connect::new("versions").level(*level)) {
        Ok(device) => {
            device.disconnect();
            true
        }
        Err(error) => {
            let text = error.to_string();
            let hint = text.ends_with("code: 1 }") || text.ends_with("code: 132 }");
            assert!(*level == Level::V5 && hint, "{level:?}: {text}");
            println!("MQTT 5 is not spoken: skipped");
            false
        }
    };
    [Level::V31, Level::V311, Level::V5].into_iter().filter(speaks).collect()
}

/// Reads until the broker closes (or resets); what it said before. Panics when it stays open.
pub fn until_closed(mut socket: &TcpStream) -> Vec<u8> {
    let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match socket.read(&mut chunk) {
            Ok(0) => return said,
            Ok(read) => said.extend(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return said,
            Err(error) => panic!("the broker did not close: {error}; it said {said:02x?}"),
        }
    }
}

impl Device {
    /// Connects and waits for CONNACK; a refusal is `ConnectionRefused` with the code.
    pub fn connect(address: SocketAddr, connect: &Connect) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.set_write_timeout(Some(DEADLINE))?;
        let input = BufReader::new(socket.try_clone()?);
        let (level, arrived) = (connect.level, VecDeque::new());
        let mut device = Self { socket, input, level, arrived, next_id: 0, session_present: false };
        device.send(&connect.encode())?;
        match Packet::read(&mut device.input, level)? {
            Packet::Connack { session_present, code: 0 } => device.session_present = session_present,
            other => return Err(io::Error::new(io::ErrorKind::ConnectionRefused, format!("{other:?}"))),
        }
        Ok(device)
    }

    /// A clean MQTT 3.1.1 session; panics if refused.
    pub fn new(address: SocketAddr, client_id: &str) -> Self {
        Self::connect(address, &Connect::new(client_id)).expect("a good client is accepted")
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// A second handle on the socket, to write or shut down from another thread.
    pub fn socket(&self) -> io::Result<TcpStream> {
        self.socket.try_clone()
    }

    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(patience))
    }

    /// The next packet, in the order of arrival.
    pub fn read(&mut self) -> io::Result<Packet> {
        match self.arrived.pop_front() {
            Some(publish) => Ok(Packet::Publish(publish)),
            None => Packet::read(&mut self.input, self.level),
        }
    }

    /// The next packet, which must be a PUBLISH.
    pub fn message(&mut self) -> Publish {
        match self.read().expect("a message comes") {
            Packet::Publish(publish) => publish,
            other => panic!("expected PUBLISH, got {other:?}"),
        }
    }

    /// The next message, acknowledged as its QoS demands, QoS 2 to the end.
    pub fn take(&mut self) -> Publish {
        let publish = self.message();
        match publish.qos {
            0 => {}
            1 => self.send(&wire::acknowledge(first::PUBACK, publish.id)).expect("connected"),
            _ => {
                self.send(&wire::acknowledge(first::PUBREC, publish.id)).expect("connected");
                self.expect(&Packet::Pubrel(publish.id));
                self.send(&wire::acknowledge(first::PUBCOMP, publish.id)).expect("connected");
            }
        }
        publish
    }

    /// Waits for exactly this answer; messages on the way are kept for [`Device::read`].
    pub fn expect(&mut self, wanted: &Packet) {
        self.wait_for(wanted).unwrap_or_else(|error| panic!("expected {wanted:?}: {error}"));
    }

    /// As [`Device::expect`], for a connection that may break.
    pub fn wait_for(&mut self, wanted: &Packet) -> io::Result<()> {
        match self.answer()? {
            packet if packet == *wanted => Ok(()),
            other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{other:?} came, not {wanted:?}"))),
        }
    }

    /// Subscribes and returns the granted codes; messages on the way are kept for [`Device::read`].
    pub fn subscribe(&mut self, filters: &[(&str, u8)]) -> Vec<u8> {
        let id = self.id();
        self.send(&wire::subscribe(self.level, id, filters)).expect("connected");
        match self.answer().expect("SUBACK comes") {
            Packet::Suback { id: answered, codes } if answered == id => codes,
            other => panic!("expected SUBACK {id}, got {other:?}"),
        }
    }

    pub fn unsubscribe(&mut self, filter: &str) {
        let id = self.id();
        self.send(&wire::unsubscribe(self.level, id, filter)).expect("connected");
        self.expect(&Packet::Unsuback(id));
    }

    /// Publishes and waits for the whole hand-shake of its QoS.
    pub fn publish(&mut self, topic: &str, qos: u8, payload: impl Into<Vec<u8>>) {
        let id = if qos == 0 { 0 } else { self.id() };
        self.hand_over(&Publish::new(topic, qos, id, payload));
    }

    /// As [`Device::publish`], for a packet made by the caller.
    pub fn hand_over(&mut self, publish: &Publish) {
        self.send(&publish.encode(self.level)).expect("connected");
        match publish.qos {
            0 => {}
            1 => self.expect(&Packet::Puback(publish.id)),
            _ => {
                self.expect(&Packet::Pubrec(publish.id));
                self.send(&wire::acknowledge(first::PUBREL, publish.id)).expect("connected");
                self.expect(&Packet::Pubcomp(publish.id));
            }
        }
    }

    /// A round trip: everything sent before was read by the broker.
    pub fn ping(&mut self) {
        self.send(&wire::packet(first::PINGREQ, &[])).expect("connected");
        self.expect(&Packet::Pingresp);
    }

    /// DISCONNECT, and the close that follows.
    pub fn disconnect(mut self) {
        self.send(&wire::packet(first::DISCONNECT, &[])).expect("connected");
        until_closed(&self.socket);
    }

    /// Waits until the broker closes this connection; panics if it goes on talking.
    pub fn closed(mut self) {
        while let Ok(packet) = self.read() {
            assert!(matches!(packet, Packet::Disconnect { .. } | Packet::Publish(_)), "{packet:?}");
        }
        until_closed(&self.socket);
    }

    fn answer(&mut self) -> io::Result<Packet> {
        loop {
            match Packet::read(&mut self.input, self.level)? {
                Packet::Publish(publish) => self.arrived.push_back(publish),
                other => return Ok(other),
            }
        }
    }

    fn id(&mut self) -> u16 {
        self.next_id = self.next_id % u16::MAX + 1;
        self.next_id
    }
}
