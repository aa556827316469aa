//! The workloads that are compared.

use std::time::Duration;

use crate::arguments::CompareArguments;
use crate::peers::{Broker, FAUXQS, Face, MOTO, NATS, Peer};
use crate::workload::session::Kept;
use crate::workload::sqs::Phase;
use crate::workload::{idle, mqtt, sqs};

const WARM_UP: Duration = Duration::from_millis(800);
const SETTLE: Duration = Duration::from_secs(3);

pub const IDLE: &str = "mqtt idle connections";
pub const START: &str = "start";

/// Window of QoS 0 and QoS 1 up to 1 KiB, and of 16 KiB messages.
const WINDOWS: (u64, u64, u64) = (500, 200, 100);

#[derive(Clone, Debug)]
pub struct Row {
    pub name: &'static str,
    pub work: Work,
}

#[derive(Clone, Debug)]
pub enum Work {
    Mqtt(Shape),
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
    qos: u8,
    subscribers: usize,
    size: usize,
    batch: usize,
    rate: Option<f64>,
    kept: Kept,
}

/// Every workload, in the order of the table. `kept`: the subscriber has a session that outlives its connection.
pub fn rows() -> Vec<Row> {
    let base = Shape { qos: 0, subscribers: 1, size: 100, batch: 64, rate: None, kept: Kept::No };
    let mqtt = |name, shape| Row { name, work: Work::Mqtt(shape) };
    let sqs = |name, connections, phase| Row { name, work: Work::Sqs { connections, phase } };
    let kept = Shape { qos: 1, kept: Kept::Yes, ..base.clone() };
    vec![
        mqtt("mqtt q0 1:1 100", base.clone()),
        mqtt("mqtt q0 1:1 100 batch1", Shape { batch: 1, ..base.clone() }),
        mqtt("mqtt q0 1:1 1024", Shape { size: 1024, ..base.clone() }),
        mqtt("mqtt q0 1:1 16384", Shape { size: 16_384, ..base.clone() }),
        mqtt("mqtt q0 1:10 100", Shape { subscribers: 10, ..base.clone() }),
        mqtt("mqtt q1 1:1 100", Shape { qos: 1, ..base.clone() }),
        mqtt("mqtt q1 1:1 100 kept", kept.clone()),
        mqtt("mqtt q1 1:1 1024 kept", Shape { size: 1024, ..kept }),
        mqtt("mqtt q0 5k/s 100", Shape { rate: Some(5000.0), ..base.clone() }),
        mqtt("mqtt q1 5k/s 100", Shape { qos: 1, rate: Some(5000.0), ..base }),
        sqs("sqs send c64", 64, Phase::Send),
        sqs("sqs receive c64", 64, Phase::Receive),
        sqs("sqs mixed c64", 64, Phase::Mixed),
        sqs("sqs send c1", 1, Phase::Send),
        Row { name: IDLE, work: Work::Idle },
        Row { name: START, work: Work::Start },
    ]
}

impl Work {
    /// Whether it makes sense to run this against `peer`.
    pub fn suits(&self, peer: &Peer) -> bool {
        match self {
            Self::Mqtt(_) => peer.serves(Face::Mqtt),
            Self::Sqs { .. } => peer.serves(Face::Sqs),
            // Ten thousand connections take the slower ones so long that the rounds would drift apart.
            Self::Idle => peer.serves(Face::Mqtt) && peer.name != NATS,
            // Interpreters start in seconds: no measure for anybody.
            Self::Start => ![MOTO, FAUXQS].contains(&peer.name),
        }
    }

    pub const fn needs_fresh_process(&self) -> bool {
        matches!(self, Self::Idle | Self::Start)
    }
}

impl Shape {
    /// `None` if the broker has no MQTT face.
    pub fn plan(&self, broker: &Broker, arguments: &CompareArguments) -> Option<mqtt::Plan> {
        Some(mqtt::Plan {
            address: broker.address(Face::Mqtt)?,
            pid: Some(broker.pid()),
            qos: self.qos,
            size: self.size,
            publishers: 1,
            subscribers: self.subscribers,
            window: match (self.size, self.qos) {
                (16_384.., _) => WINDOWS.2,
                (_, 0) => WINDOWS.0,
                _ => WINDOWS.1,
            },
            batch: self.batch,
            warm_up: WARM_UP,
            measured: Duration::from_secs_f64(arguments.seconds),
            rate: self.rate,
            kept: self.kept,
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
