//! What a client says, in the fewest words.

use amqp10::codec::{
    Attach, Begin, Close, DeliveryState, Detach, Disposition, End, Flow, Open, Performative, ProtocolId, Role, Source,
    Symbol, Target, TargetNode, Transfer,
};
use bytes::{Bytes, BytesMut};

use crate::peer::Said;
use crate::world::{Client, World};

pub(crate) fn open() -> Open {
    Open::new("client")
}

pub(crate) fn begin() -> Performative {
    Performative::Begin(Box::new(Begin::new(0, 100_000, 100_000)))
}

pub(crate) fn source(address: &str) -> Source {
    Source { address: Some(address.into()), ..Source::default() }
}

pub(crate) fn target(address: &str) -> Target {
    Target::Node(TargetNode { address: Some(address.into()), ..TargetNode::default() })
}

/// An attach that sends to `address`.
pub(crate) fn sends(handle: u32, address: &str) -> Attach {
    let mut attach = Attach::new(format!("out-{handle}").as_str(), handle, Role::Sender);
    attach.source = Some(Source::default());
    attach.target = Some(target(address));
    attach.initial_delivery_count = Some(0);
    attach
}

/// An attach that receives from `address`.
pub(crate) fn receives(handle: u32, address: &str) -> Attach {
    let mut attach = Attach::new(format!("in-{handle}").as_str(), handle, Role::Receiver);
    attach.source = Some(source(address));
    attach.target = Some(Target::Node(TargetNode::default()));
    attach
}

pub(crate) fn credit(handle: u32, count: u32, credit: u32) -> Flow {
    Flow {
        next_incoming_id: Some(0),
        incoming_window: 100_000,
        outgoing_window: 100_000,
        handle: Some(handle),
        delivery_count: Some(count),
        link_credit: Some(credit),
        ..Flow::default()
    }
}

pub(crate) fn transfer(handle: u32, id: u32) -> Transfer {
    let tag = Some(Bytes::copy_from_slice(&id.to_be_bytes()));
    Transfer { handle, delivery_id: Some(id), delivery_tag: tag, message_format: Some(0), ..Transfer::default() }
}

pub(crate) fn disposition(first: u32, last: u32, state: DeliveryState) -> Disposition {
    let last = (last != first).then_some(last);
    Disposition { role: Role::Receiver, first, last, settled: true, state: Some(state), batchable: false }
}

/// A message with one data section.
pub(crate) fn data(body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    amqp10::codec::encode_data_head(&mut out, body.len()).unwrap();
    out.extend_from_slice(body);
    out.to_vec()
}

/// The same, durable.
pub(crate) fn durable(body: &[u8]) -> Vec<u8> {
    [&b"\x00\x53\x70\xc0\x02\x01\x41"[..], &data(body)].concat()
}

impl World {
    /// A connection that is open, without SASL; what it has read so far is forgotten.
    pub(crate) fn connect(&mut self, open: Open) -> Client {
        let client = self.open();
        self.send_bytes(client, &ProtocolId::Amqp.header());
        self.send(client, 0, Performative::Open(Box::new(open)));
        let read = self.read(client);
        assert!(
            matches!(read[..], [Said::Header(ProtocolId::Amqp), Said::Frame(0, Performative::Open(_), _)]),
            "{read:?}"
        );
        client
    }

    /// The same with a session on channel 0.
    pub(crate) fn join(&mut self) -> Client {
        let client = self.connect(open());
        self.send(client, 0, begin());
        assert!(matches!(self.read_one(client), Performative::Begin(_)));
        client
    }

    /// The attach that answers, and what came with it.
    #[track_caller]
    pub(crate) fn attach(&mut self, client: Client, attach: Attach) -> Attach {
        self.send(client, 0, Performative::Attach(Box::new(attach)));
        let mut read = self.read(client);
        match read.remove(0) {
            Said::Frame(0, Performative::Attach(attach), _) => *attach,
            other => panic!("{other:?}, {read:?}"),
        }
    }

    pub(crate) fn flow(&mut self, client: Client, flow: Flow) {
        self.send(client, 0, Performative::Flow(Box::new(flow)));
    }

    pub(crate) fn transfer(&mut self, client: Client, transfer: Transfer, payload: &[u8]) {
        self.say(client, 0, Performative::Transfer(transfer), payload);
        self.rest();
    }

    /// Sends a message unsettled.
    pub(crate) fn publish(&mut self, client: Client, handle: u32, id: u32, payload: &[u8]) {
        self.transfer(client, transfer(handle, id), payload);
    }

    pub(crate) fn settle(&mut self, client: Client, disposition: Disposition) {
        self.send(client, 0, Performative::Disposition(disposition));
    }

    pub(crate) fn detach(&mut self, client: Client, handle: u32, closed: bool) {
        self.send(client, 0, Performative::Detach(Detach { handle, closed, error: None }));
    }

    pub(crate) fn end_session(&mut self, client: Client, channel: u16) {
        self.send(client, channel, Performative::End(End::default()));
    }

    pub(crate) fn say_close(&mut self, client: Client) {
        self.send(client, 0, Performative::Close(Close::default()));
    }

    /// Transfers and dispositions that were read, and whatever else, a line each.
    pub(crate) fn lines(&mut self, client: Client) -> Vec<String> {
        self.read(client).iter().map(line).collect()
    }
}

pub(crate) fn has(capabilities: &[Symbol], name: &str) -> bool {
    capabilities.iter().any(|it| *it == *name)
}

pub(crate) fn line(said: &Said) -> String {
    match said {
        Said::Frame(_, Performative::Transfer(it), payload) => {
            let settled = if it.settled == Some(true) { " settled" } else { "" };
            let more = if it.more { " more" } else { "" };
            let id = it.delivery_id.map_or(String::from("-"), |id| id.to_string());
            format!("transfer {} {id}{settled}{more} {}", it.handle, body_of(payload))
        }
        Said::Frame(_, Performative::Disposition(it), _) => {
            let role = if it.role == Role::Sender { "sender" } else { "receiver" };
            let settled = if it.settled { " settled" } else { "" };
            let last = it.last.map_or(String::new(), |last| format!("..{last}"));
            format!("{role} {}{last}{settled} {}", it.first, state_of(it.state.as_ref()))
        }
        Said::Frame(_, Performative::Flow(it), _) => match it.handle {
            Some(handle) => {
                let drain = if it.drain { " drain" } else { "" };
                format!("flow {handle} {}+{}{drain}", it.delivery_count.unwrap(), it.link_credit.unwrap())
            }
            None => format!("flow {}/{}", it.next_incoming_id.unwrap(), it.incoming_window),
        },
        Said::Frame(_, Performative::Detach(it), _) => {
            let closed = if it.closed { " closed" } else { "" };
            let error = it.error.as_ref().map_or(String::new(), |error| format!(" {}", error.condition));
            format!("detach {}{closed}{error}", it.handle)
        }
        Said::Frame(channel, Performative::End(it), _) => {
            format!("end {channel}{}", it.error.as_ref().map_or(String::new(), |error| format!(" {}", error.condition)))
        }
        Said::Frame(_, Performative::Close(it), _) => {
            format!("close{}", it.error.as_ref().map_or(String::new(), |error| format!(" {}", error.condition)))
        }
        Said::Frame(_, Performative::Attach(it), _) => {
            let node = match it.role {
                Role::Sender => it.source.as_ref().map(|source| source.address.clone()),
                Role::Receiver => it.target.as_ref().map(|target| match target {
                    Target::Node(node) => node.address.clone(),
                    Target::Coordinator(_) => Some("coordinator".into()),
                }),
            };
            let node = node.map_or(String::from("nothing"), |address| {
                address.map_or(String::from("anything"), |address| address.as_str().to_owned())
            });
            format!("attach {} {node}", it.handle)
        }
        other => format!("{other:?}"),
    }
}

/// What follows the header section, as text, if it is one data section.
pub(crate) fn body_of(payload: &Bytes) -> String {
    match amqp10::codec::scan(std::slice::from_ref(payload)) {
        Ok(sections) => match amqp10::codec::body_parts(&sections.body).next() {
            Some(amqp10::codec::BodyPart::Data(pieces)) => String::from_utf8_lossy(&pieces.concat()).into_owned(),
            other => format!("{other:?}"),
        },
        Err(_) => format!("{} bytes", payload.len()),
    }
}

pub(crate) fn state_of(state: Option<&DeliveryState>) -> String {
    use amqp10::codec::Outcome;
    let outcome = |outcome: &Outcome| match outcome {
        Outcome::Accepted => String::from("accepted"),
        Outcome::Released => String::from("released"),
        Outcome::Rejected(None) => String::from("rejected"),
        Outcome::Rejected(Some(error)) => format!("rejected {}", error.condition),
        Outcome::Modified(_) => String::from("modified"),
        Outcome::Declared(_) => String::from("declared"),
    };
    match state {
        None => String::from("nothing"),
        Some(DeliveryState::Received(_)) => String::from("received"),
        Some(DeliveryState::Outcome(it)) => outcome(it),
        Some(DeliveryState::Transactional(it)) => {
            format!("transactional {}", it.outcome.as_ref().map_or(String::from("-"), outcome))
        }
    }
}
