use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use model::{
    Action, Command, Delivery, Denial, Hold, Io, Name, Namespace, Outcome, Output, QueueId, QueueRef, Settle, Tally,
    Time,
};

use crate::codec::{self, Frame, Method, ShortString, Sink};
use crate::connection::Amqp091Options;
use crate::consumers::Consumers;
use crate::error::Fault;
use crate::token::Request;
use crate::unacked::Settling;

/// What all channels of a connection have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Arc<Amqp091Options>,
    /// As `connection.open` named it.
    pub(crate) vhost: String,
    /// What that stands for.
    pub(crate) namespace: Namespace,
    pub(crate) user: Name,
    pub(crate) client: Client,
    pub(crate) frame_max: usize,
    pub(crate) now: Time,
    pub(crate) consumers: Consumers,
    /// Consumers whose indexes are free when the fence sent after their cancellation comes back.
    pub(crate) fences: VecDeque<Vec<u32>>,
    pub(crate) settling: Settling,
    pub(crate) tally: Tally,
    /// The confirm that ends the output, if nothing was written since.
    pub(crate) last_confirm: Option<LastConfirm>,
    /// Bytes of messages whose end has not come.
    pub(crate) assembling: u64,
    /// Own exclusive queues that go with their last consumer.
    pub(crate) auto_delete: BTreeSet<Name>,
    /// For names that the server gives.
    pub(crate) named: u64,
}

/// What the client can do, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Client {
    pub(crate) wants_cancel: bool,
    pub(crate) wants_blocked: bool,
    /// `connection.close` where a login is refused.
    pub(crate) wants_refusal: bool,
    /// It takes `basic.qos` without `global` as the specification means it: for its channel. (kombu does, unless the
    /// server's product is called RabbitMQ.)
    pub(crate) spec_qos: bool,
}

/// A `basic.ack` of ours that may still become one for more messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastConfirm {
    channel: u16,
    /// Bytes in the output's buffer up to its end.
    end: usize,
}

impl Shared {
    /// Hands a command to the broker, behind the outcomes that came before it.
    pub(crate) fn ask(&mut self, command: Command, io: &mut Io<'_>) {
        self.settling.flush(io);
        io.commands.push(command);
    }

    /// Asks something that changes nothing and whose answer comes after everything that these cancelled consumers were
    /// sent: nobody holds such a number.
    pub(crate) fn fence(&mut self, consumers: Vec<u32>, io: &mut Io<'_>) {
        let hold = Hold { queue: QueueId::default(), number: u32::MAX };
        self.ask(Command::Unhold { token: Request::Fence.token(), hold }, io);
        self.fences.push_back(consumers);
    }

    /// A confirm for `tag` and all before it on this channel that were not answered.
    pub(crate) fn confirm(&mut self, channel: u16, tag: u64, io: &mut Io<'_>) {
        const TAG_FROM_END: usize = 10;
        const BITS_FROM_END: usize = 2;
        let out = io.output.buffer();
        if let Some(last) = self.last_confirm
            && last.channel == channel
            && last.end == out.len()
        {
            out[last.end - TAG_FROM_END..last.end - BITS_FROM_END].copy_from_slice(&tag.to_be_bytes());
            out[last.end - BITS_FROM_END] = 1;
            return;
        }
        codec::write_ack(out, channel, tag, false);
        self.last_confirm = Some(LastConfirm { channel, end: out.len() });
    }

    /// A delivery that nobody takes any more goes back.
    pub(crate) fn give_back(&mut self, delivery: Delivery, settled: bool, io: &mut Io<'_>) {
        if !settled {
            io.commands.push(Command::Settle(Settle::one(delivery, Outcome::Released)));
        }
    }

    pub(crate) fn tell_tally(&mut self, io: &mut Io<'_>) {
        if !self.tally.is_empty() {
            io.commands.push(Command::Tally(std::mem::take(&mut self.tally)));
        }
    }

    /// A name that no other connection gives.
    pub(crate) fn unique(&mut self, prefix: &str, io: &Io<'_>) -> String {
        self.named += 1;
        let id = io.commands.connection;
        let (connection, now, named) = (u64::from(id.slot) << 32 | u64::from(id.generation), self.now.0, self.named);
        format!("{prefix}{:x}.{connection:x}.{now:x}.{named:x}", id.thread)
    }

    /// The queue of this name, for commands.
    pub(crate) fn queue(&self, name: &Name) -> QueueRef {
        QueueRef::Named(self.namespace, name.clone())
    }

    pub(crate) fn no_queue(&self, name: &str) -> Fault {
        Fault::NoQueue(name.to_owned(), self.vhost.clone())
    }

    pub(crate) fn no_exchange(&self, name: &str) -> Fault {
        Fault::NoExchange(name.to_owned(), self.vhost.clone())
    }

    /// What a user is told who may not do something. Whoever may not even see a thing could not configure it either.
    pub(crate) fn denied(&self, denial: &Denial) -> Fault {
        let Denial { user, action, kind, name } = denial;
        let access = if *action == Action::See { Action::Configure.name() } else { action.name() };
        let what = match (*kind, name.as_str()) {
            ("topic", name) => format!("topic '{name}' in exchange 'amq.topic'"),
            (kind, "") => kind.to_owned(),
            (kind, name) => format!("{kind} '{name}'"),
        };
        Fault::Denied(format!("{access} access to {what} in vhost '{}' refused for user '{user}'", self.vhost))
    }

    /// As RabbitMQ names things in its reply texts.
    pub(crate) fn described(&self, what: &str, name: &str) -> String {
        format!("{what} '{name}' in vhost '{}'", self.vhost)
    }
}

/// A name as the core keeps it. Names are text, because other protocols know them too.
pub(crate) fn name(text: &ShortString) -> Result<Name, Fault> {
    text.as_str().map(Name::from).ok_or(Fault::NoText)
}

/// Writes a method.
pub(crate) fn say(channel: u16, method: impl Into<Method>, out: &mut BytesMut) {
    codec::encode(&Frame::Method(channel, method.into()), out).expect("what we say fits into a frame");
}

impl Sink for Output {
    fn buffer(&mut self) -> &mut BytesMut {
        Self::buffer(self)
    }

    fn append(&mut self, piece: &Bytes) {
        Self::append(self, piece);
    }
}
