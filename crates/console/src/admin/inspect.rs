//! Questions that change nothing.

use std::vec;

use model::{Command, ConnectionInfo, Effect, Inspect, Namespace, QueueInfo, QueueRef, Reply, Token, TopicInfo};

use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::request::{QueueName, queue_ref};
use crate::admin::work::{Once, Progress, Work};
use crate::json::{
    BindingObject, ConnectionObject, HoldingObject, QueueDetail, QueueObject, RoomObject, SettingsObject, StatusObject,
    TopicObject,
};

pub(crate) fn status(desk: &mut Desk<'_>) -> Once {
    let token = desk.ask(|token| Command::Inspect { token, what: Inspect::Status });
    let show = |reply, desk: &mut Desk<'_>| {
        let Reply::Status(status) = reply else { return Err(Failure::Unexpected) };
        desk.item(&StatusObject::from(&*status));
        Ok(())
    };
    Once { token, show }
}

pub(crate) fn queues(namespace: Option<u16>, prefix: &str, internal: bool, desk: &mut Desk<'_>) -> Listing {
    let what = Inspect::Queues { namespace: namespace.map(Namespace), prefix: prefix.into(), internal };
    Listing::start(what, desk)
}

pub(crate) fn topics(namespace: Option<u16>, desk: &mut Desk<'_>) -> Listing {
    Listing::start(Inspect::Topics { namespace: namespace.map(Namespace) }, desk)
}

pub(crate) fn connections(desk: &mut Desk<'_>) -> Listing {
    Listing::start(Inspect::Connections, desk)
}

/// One question, many items, shown as fast as the client reads.
pub(crate) struct Listing {
    token: Token,
    rows: Option<Rows>,
}

enum Rows {
    Queues(vec::IntoIter<QueueInfo>),
    Topics(vec::IntoIter<TopicInfo>),
    Connections(vec::IntoIter<ConnectionInfo>),
}

impl Listing {
    fn start(what: Inspect, desk: &mut Desk<'_>) -> Self {
        Self { token: desk.ask(|token| Command::Inspect { token, what }), rows: None }
    }
}

impl Work for Listing {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let Effect::Reply { token, reply } = effect else { return Ok(Progress::Waits) };
        if token != self.token || self.rows.is_some() {
            return Ok(Progress::Waits);
        }
        self.rows = Some(match reply? {
            Reply::Queues(rows) => Rows::Queues(rows.into_iter()),
            Reply::Topics(rows) => Rows::Topics(rows.into_iter()),
            Reply::Connections(rows) => Rows::Connections(rows.into_iter()),
            _ => return Err(Failure::Unexpected),
        });
        self.go_on(desk)
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let Some(rows) = &mut self.rows else { return Ok(Progress::Waits) };
        while desk.has_room() {
            if !rows.show_one(desk) {
                return Ok(Progress::Finished);
            }
        }
        Ok(Progress::Waits)
    }
}

impl Rows {
    /// False if there is none left.
    fn show_one(&mut self, desk: &mut Desk<'_>) -> bool {
        match self {
            Self::Queues(rows) => rows.next().map(|row| desk.item(&QueueObject::from(&row))),
            Self::Topics(rows) => rows.next().map(|row| desk.item(&TopicObject::from(&row))),
            Self::Connections(rows) => rows.next().map(|row| desk.item(&ConnectionObject::from(&row))),
        }
        .is_some()
    }
}

/// A queue, then its bindings, in one item.
pub(crate) struct Detail {
    token: Token,
    queue: QueueRef,
    info: Option<Box<QueueInfo>>,
}

impl Detail {
    pub(crate) fn start(name: &QueueName, desk: &mut Desk<'_>) -> Self {
        let queue = queue_ref(name.namespace, &name.queue);
        let what = Inspect::Queue(queue.clone());
        Self { token: desk.ask(|token| Command::Inspect { token, what }), queue, info: None }
    }
}

impl Work for Detail {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let Effect::Reply { token, reply } = effect else { return Ok(Progress::Waits) };
        if token != self.token {
            return Ok(Progress::Waits);
        }
        match (reply?, &self.info) {
            (Reply::Queue(info), None) => {
                self.info = Some(info);
                let what = Inspect::Bindings(self.queue.clone());
                self.token = desk.ask(|token| Command::Inspect { token, what });
                Ok(Progress::Waits)
            }
            (Reply::Bindings(bindings), Some(info)) => {
                desk.item(&QueueDetail {
                    queue: QueueObject::from(&**info),
                    settings: SettingsObject::from(&info.settings),
                    bindings: bindings.iter().map(BindingObject::from).collect(),
                });
                Ok(Progress::Finished)
            }
            _ => Err(Failure::Unexpected),
        }
    }
}

/// How much room there is, then which queues hold it.
pub(crate) struct Why {
    token: Token,
    most: usize,
}

impl Why {
    pub(crate) fn start(most: usize, desk: &mut Desk<'_>) -> Self {
        Self { token: desk.ask(|token| Command::Inspect { token, what: Inspect::Status }), most }
    }
}

impl Work for Why {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let Effect::Reply { token, reply } = effect else { return Ok(Progress::Waits) };
        if token != self.token {
            return Ok(Progress::Waits);
        }
        match reply? {
            Reply::Status(status) => {
                desk.item(&RoomObject::from(&*status));
                let what = Inspect::Holdings { most: self.most };
                self.token = desk.ask(|token| Command::Inspect { token, what });
                Ok(Progress::Waits)
            }
            Reply::Holdings(holdings) => {
                holdings.iter().for_each(|holding| desk.item(&HoldingObject::from(holding)));
                Ok(Progress::Finished)
            }
            _ => Err(Failure::Unexpected),
        }
    }
}
