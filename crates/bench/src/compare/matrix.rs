//! The workloads that are compared.

use std::time::Duration;

use crate::arguments::CompareArguments;
use crate::peers::{ACTIVEMQ, Broker, FAUXQS, Face, MOTO, NATS, Peer, RABBITMQ};
use crate::workload::dialect::{Care, Speech};
use crate::workload::mqtt::Mqtt;
use crate::workload::mqtt::session::Kept;
use crate::workload::sqs::Phase;
use crate::workload::{idle, sqs, traffic};

const WARM_UP: Duration = Duration::from_millis(800);
const SETTLE: Duration = Duration::from_secs(3);

pub const IDLE: &str = "mqtt idle connections";
pub const START: &str = "start";

/// Window of unconfirmed and confirmed messages up to 1 KiB, and of 16 KiB messages.
const WINDOWS: (u64, u64, u64) = (500, 200, 100);

#[derive(Clone, Debug)]
pub struct Row {
    pub name: &'static str,
    pub work: Work,
}

#[derive(Clone, Debug)]
pub enum Work {
    Traffic(Shape),
    Sqs {
        connections: usize,
        phase: Phase,
    },
    /// On a process of its own, whose memory nothing else has touched.
    Idle,
    /// On a process of its own, too.
    Start,
}

/// One publisher to some subscribers.
#[derive(Clone, Debug)]
pub struct Shape {
    speech: Speech,
    subscribers: usize,
    size: usize,
    batch: usize,
    rate: Option<f64>,
}

/// Every workload, in the order of the table.
pub fn rows() -> Vec<Row> {
    let sqs = |name, connections, phase| Row { name, work: Work::Sqs { connections, phase } };
    let rest = [
        sqs("sqs send c64", 64, Phase::Send),
        sqs("sqs receive c64", 64, Phase::Receive),
        sqs("sqs mixed c64", 64, Phase::Mixed),
        sqs("sqs send c1", 1, Phase::Send),
        Row { name: IDLE, work: Work::Idle },
        Row { name: START, work: Work::Start },
    ];
    topics().into_iter().chain(queues()).chain(rest).collect()
}

/// `kept`: the subscriber has a session that outlives its connection.
fn topics() -> Vec<Row> {
    let speech = |qos, kept| Speech::Mqtt(Mqtt { qos, kept });
    let base = Shape { speech: speech(0, Kept::No), subscribers: 1, size: 100, batch: 64, rate: None };
    let once = Shape { speech: speech(1, Kept::No), ..base.clone() };
    let kept = Shape { speech: speech(1, Kept::Yes), ..base.clone() };
    let mqtt = |name, shape| Row { name, work: Work::Traffic(shape) };
    vec![
        mqtt("mqtt q0 1:1 100", base.clone()),
        mqtt("mqtt q0 1:1 100 batch1", Shape { batch: 1, ..base.clone() }),
        mqtt("mqtt q0 1:1 1024", Shape { size: 1024, ..base.clone() }),
        mqtt("mqtt q0 1:1 16384", Shape { size: 16_384, ..base.clone() }),
        mqtt("mqtt q0 1:10 100", Shape { subscribers: 10, ..base.clone() }),
        mqtt("mqtt q1 1:1 100", once.clone()),
        mqtt("mqtt q1 1:1 100 kept", kept.clone()),
        mqtt("mqtt q1 1:1 1024 kept", Shape { size: 1024, ..kept }),
        mqtt("mqtt q0 5k/s 100", Shape { rate: Some(5000.0), ..base }),
        mqtt("mqtt q1 5k/s 100", Shape { rate: Some(5000.0), ..once }),
    ]
}

fn queues() -> Vec<Row> {
    use Care::{Confirmed, Transient};
    let row = |name, speech, size| Row {
        name,
        work: Work::Traffic(Shape { speech, subscribers: 1, size, batch: 64, rate: None }),
    };
    vec![
        row("amqp091 transient 1:1 100", Speech::Amqp091(Transient), 100),
        row("amqp091 transient 1:1 1024", Speech::Amqp091(Transient), 1024),
        row("amqp091 transient 1:1 16384", Speech::Amqp091(Transient), 16_384),
        row("amqp091 persistent 1:1 1024", Speech::Amqp091(Confirmed), 1024),
        row("amqp091 persistent 1:1 16384", Speech::Amqp091(Confirmed), 16_384),
        row("amqp10 settled 1:1 100", Speech::Amqp10(Transient), 100),
        row("amqp10 settled 1:1 1024", Speech::Amqp10(Transient), 1024),
        row("amqp10 settled 1:1 16384", Speech::Amqp10(Transient), 16_384),
        row("amqp10 unsettled 1:1 1024", Speech::Amqp10(Confirmed), 1024),
        row("amqp10 unsettled 1:1 16384", Speech::Amqp10(Confirmed), 16_384),
        row("stomp auto 1:1 100", Speech::Stomp(Transient), 100),
        row("stomp auto 1:1 16384", Speech::Stomp(Transient), 16_384),
        row("stomp persistent 1:1 1024", Speech::Stomp(Confirmed), 1024),
    ]
}

impl Work {
    /// Whether it makes sense to run this against `peer`.
    pub fn suits(&self, peer: &Peer) -> bool {
        match self {
            // One fdatasync a message, at two thousand a second at best: it tells nothing about CPU.
            Self::Traffic(shape) if shape.speech == Speech::Stomp(Care::Confirmed) && peer.name == ACTIVEMQ => false,
            Self::Traffic(shape) if peer.is_encrypted() => shape.speech == Speech::Amqp091(Care::Confirmed),
            Self::Traffic(shape) => peer.serves(shape.face()),
            Self::Sqs { .. } => peer.serves(Face::Sqs),
            // Ten thousand connections take the slower ones so long that the rounds would drift apart.
            Self::Idle => peer.serves(Face::Mqtt) && peer.name != NATS,
            // Virtual machines start in seconds: no measure for anybody.
            Self::Start => ![MOTO, FAUXQS, RABBITMQ, ACTIVEMQ].contains(&peer.name) && !peer.is_encrypted(),
        }
    }

    pub const fn needs_fresh_process(&self) -> bool {
        matches!(self, Self::Idle | Self::Start)
    }
}

impl Shape {
    pub const fn face(&self) -> Face {
        match self.speech {
            Speech::Mqtt(_) => Face::Mqtt,
            Speech::Amqp091(_) => Face::Amqp091,
            Speech::Amqp10(_) => Face::Amqp10,
            Speech::Stomp(_) => Face::Stomp,
        }
    }

    /// `None` if the broker does not speak the protocol.
    pub fn plan(&self, broker: &Broker, arguments: &CompareArguments) -> Option<traffic::Plan> {
        let confirmed = self.speech.dialect().confirms();
        Some(traffic::Plan {
            address: broker.address(self.face())?,
            pid: Some(broker.pid()),
            speech: self.speech.clone(),
            size: self.size,
            publishers: 1,
            subscribers: self.subscribers,
            window: match (self.size, confirmed) {
                (16_384.., _) => WINDOWS.2,
                (_, false) => WINDOWS.0,
                (_, true) => WINDOWS.1,
            },
            batch: self.batch,
            warm_up: WARM_UP,
            measured: Duration::from_secs_f64(arguments.seconds),
            rate: self.rate,
        })
    }
}

/// `None` if the broker has no SQS face.
pub fn sqs_plan(connections: usize, phase: Phase, broker: &Broker, arguments: &CompareArguments) -> Option<sqs::Plan> {
    Some(sqs::Plan {
        address: broker.address(Face::Sqs)?,
        pid: Some(broker.pid()),
        connections,
        size: 100,
        warm_up: WARM_UP,
        measured: Duration::from_secs_f64(arguments.seconds),
        phase,
        key: None,
    })
}

/// `None` if the broker has no MQTT face.
pub fn idle_plan(broker: &Broker, arguments: &CompareArguments) -> Option<idle::Plan> {
    Some(idle::Plan {
        address: broker.address(Face::Mqtt)?,
        pid: broker.pid(),
        connections: arguments.connections,
        subscribe: true,
        settle: SETTLE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = rows().iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows().len());
    }
}
