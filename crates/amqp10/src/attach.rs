//! From an attach to its answer: the node is found or made, for a receiver a consumer too.

use model::{Io, QueueId, Refusal, Reply};

use crate::address::Node;
use crate::codec::{
    Attach, Detach, Performative, ReceiverSettleMode, Role, SenderSettleMode, Source, Symbol, Target, TargetNode, Text,
};
use crate::endpoint::Endpoint;
use crate::error::{ClientError, LinkError, SessionError, Wrong};
use crate::links::{End, LINKS, Link, LinkRef, State};
use crate::outbound::Own;
use crate::session::{HANDLE_MAX, write};
use crate::source::Subscription;

/// An attach that waits for the core.
pub(crate) struct Asked {
    pub(crate) attach: Box<Attach>,
    /// What was refused first; the answers to what was asked together with it are still to come.
    pub(crate) refused: Option<LinkError>,
    /// The subscription that the source asks for.
    pub(crate) subscription: Option<Box<Subscription>>,
}

impl Endpoint {
    pub(crate) fn attach(&mut self, channel: u16, attach: Box<Attach>, io: &mut Io<'_>) -> Result<(), Wrong> {
        let handle = attach.handle;
        if handle > HANDLE_MAX {
            return Err(ClientError::HandleMax { handle, max: HANDLE_MAX }.into());
        }
        if self.session(channel)?.link(handle).is_ok() {
            return Err(SessionError::HandleInUse(handle).into());
        }
        self.steal(&attach, io);
        let session = self.session(channel)?;
        let output = session.free_output()?;
        let (name, role) = (attach.name.clone(), attach.role);
        let asked = Asked { attach, refused: None, subscription: None };
        let end = match (role, &asked.attach.target) {
            (Role::Receiver, _) => End::Outbound(Box::default()),
            (Role::Sender, Some(Target::Coordinator(_))) => End::Coordinator(Box::default()),
            (Role::Sender, _) => End::Inbound(Box::default()),
        };
        let link =
            Link { channel: Some(channel), input: handle, output, name, state: State::Asked(Box::new(asked)), end };
        let link = self.links.insert(link).ok_or(SessionError::TooManyLinks(LINKS))?;
        let session = self.session(channel)?;
        let at = handle as usize;
        if session.inputs.len() <= at {
            session.inputs.resize(at + 1, None);
        }
        session.inputs[at] = Some(link.index);
        let asked = match role {
            Role::Sender => self.ask_target(link, io),
            Role::Receiver => self.ask_source(link, io),
        };
        if let Err(error) = asked {
            self.refuse(link.index, &error, io);
        }
        Ok(())
    }

    /// A link is attached once at a time under its name (2.6.1).
    fn steal(&mut self, attach: &Attach, io: &mut Io<'_>) {
        let same = |link: &Link| {
            let inbound = !matches!(link.end, End::Outbound(_));
            link.is_live() && link.name == attach.name && inbound == (attach.role == Role::Sender)
        };
        let before = self.links.iter().find(|(_, link)| same(link)).map(|(index, _)| index);
        if let Some(index) = before {
            self.refuse(index, &LinkError::Stolen(attach.name.as_str().to_owned()), io);
        }
    }

    /// The answer to a step.
    pub(crate) fn asked(&mut self, link: LinkRef, reply: Result<Reply, Refusal>, io: &mut Io<'_>) {
        let Some(it) = self.links.named(link) else { return };
        let is_over = !matches!(it.state, State::Asked(_));
        match (reply, &mut it.end) {
            // What was made meanwhile is for nobody.
            (Ok(Reply::Declared { queue, .. }), end) if is_over => {
                let own = match end {
                    End::Outbound(outbound) => matches!(outbound.own, Own::Private(None)),
                    End::Inbound(inbound) => inbound.is_dynamic,
                    End::Coordinator(_) => false,
                };
                if own {
                    delete(queue, io);
                }
            }
            _ if is_over => {}
            // Who may not consume from another connection's queue may send to it.
            (Err(Refusal::Exclusive(_)), End::Inbound(inbound)) if !inbound.is_dynamic => inbound.ask_whose(link, io),
            (Ok(Reply::Queue(info)), End::Inbound(_)) if info.settings.internal && info.settings.durable => {
                let refusal = Refusal::Exclusive(info.name.to_text().into_owned());
                self.refuse(link.index, &LinkError::Refused(refusal), io);
            }
            (Err(refusal), end) => {
                if let End::Outbound(outbound) = end {
                    outbound.is_consuming = false;
                }
                let refused = it.refused().unwrap_or(LinkError::Refused(refusal));
                self.refuse(link.index, &refused, io);
            }
            (Ok(Reply::Consuming { queue, .. }), End::Outbound(outbound)) => {
                outbound.queue = Some(queue);
                match it.refused() {
                    Some(refused) => self.refuse(link.index, &refused, io),
                    None => self.answer_source(link.index, io),
                }
            }
            (Ok(Reply::Declared { queue, existed, info }), End::Outbound(_)) => {
                self.source_is_declared(link, (queue, existed, &info), io);
            }
            (Ok(Reply::Declared { queue, info, .. }), End::Inbound(inbound)) => {
                if inbound.is_dynamic {
                    inbound.temporary = Some(queue);
                    inbound.found(&Node::Queue { name: info.name.detached(), create: false }, info.namespace);
                }
                self.answer_target(link.index, io);
            }
            (Ok(_), End::Inbound(_) | End::Coordinator(_)) => self.answer_target(link.index, io),
            (Ok(_), End::Outbound(_)) => {}
        }
    }

    /// The attach that answers a sender's, and credit for it.
    pub(crate) fn answer_target(&mut self, index: u16, io: &mut Io<'_>) {
        let max_message = self.options.max_message as u64;
        let Some((link, asked, channel)) = self.go_live(index) else { return };
        let mut answer = answer(link, &asked, Role::Receiver);
        answer.source = asked.source;
        answer.target = asked.target;
        answer.max_message_size = Some(max_message);
        if let End::Inbound(inbound) = &mut link.end {
            inbound.second = asked.rcv_settle_mode == ReceiverSettleMode::Second;
            inbound.delivery_count = asked.initial_delivery_count.unwrap_or(0);
            if let (Some(Target::Node(node)), true) = (&mut answer.target, inbound.is_dynamic) {
                node.address = inbound.address_of_dynamic();
            }
        }
        write(channel, Performative::Attach(Box::new(answer)), io);
        self.grant(index, io);
    }

    /// The attach that answers a receiver's.
    pub(crate) fn answer_source(&mut self, index: u16, io: &mut Io<'_>) {
        let Some((link, asked, channel)) = self.go_live(index) else { return };
        let mut answer = answer(link, &asked, Role::Sender);
        answer.initial_delivery_count = Some(0);
        answer.target = asked.target;
        if let End::Outbound(outbound) = &mut link.end {
            outbound.second = asked.rcv_settle_mode == ReceiverSettleMode::Second;
            let source = asked.source.unwrap_or_default();
            answer.source = Some(outbound.answered(source));
            answer.snd_settle_mode =
                if outbound.settled { SenderSettleMode::Settled } else { SenderSettleMode::Unsettled };
        }
        write(channel, Performative::Attach(Box::new(answer)), io);
        // It may have been given credit meanwhile.
        self.ask(index, io);
    }

    fn go_live(&mut self, index: u16) -> Option<(&mut Link, Box<Attach>, u16)> {
        let link = self.links.get_mut(index)?;
        let channel = link.channel?;
        match std::mem::replace(&mut link.state, State::Live) {
            State::Asked(asked) => Some((link, asked.attach, channel)),
            other => {
                link.state = other;
                None
            }
        }
    }
}

impl Link {
    /// Why it is refused, if that was seen already.
    fn refused(&mut self) -> Option<LinkError> {
        match &mut self.state {
            State::Asked(asked) => asked.refused.take(),
            _ => None,
        }
    }
}

/// An answer without its termini.
fn answer(link: &Link, asked: &Attach, role: Role) -> Attach {
    let mut answer = Attach::new(asked.name.clone(), link.output, role);
    answer.snd_settle_mode = asked.snd_settle_mode;
    answer.rcv_settle_mode = asked.rcv_settle_mode;
    answer
}

/// The attach that comes before the detach of a link that is refused: its own terminus is null (2.6.3).
pub(crate) fn write_refusal(link: &Link, asked: Asked, channel: u16, io: &mut Io<'_>) {
    let attach = asked.attach;
    let mut answer = match attach.role {
        Role::Sender => answer(link, &attach, Role::Receiver),
        Role::Receiver => answer(link, &attach, Role::Sender),
    };
    match attach.role {
        Role::Sender => answer.source = attach.source,
        Role::Receiver => {
            answer.target = attach.target;
            answer.initial_delivery_count = Some(0);
        }
    }
    write(channel, Performative::Attach(Box::new(answer)), io);
}

pub(crate) fn write_detach(channel: u16, handle: u32, closed: bool, error: Option<&LinkError>, io: &mut Io<'_>) {
    let error = error.map(LinkError::told);
    write(channel, Performative::Detach(Detach { handle, closed, error }), io);
}

/// Deletes a queue that was made for a link.
pub(crate) fn delete(queue: QueueId, io: &mut Io<'_>) {
    io.commands.push(model::Command::Delete {
        token: crate::token::Request::Ignored.token(),
        queue: model::QueueRef::Id(queue),
        if_unused: false,
        if_empty: false,
    });
}

/// Addresses and capabilities as both kinds of terminus have them.
pub(crate) fn terminus(source: Option<&Source>) -> (Option<&Text>, &[Symbol]) {
    source.map_or((None, &[]), |source| (source.address.as_ref(), &source.capabilities))
}

/// The same of a target.
pub(crate) fn target_terminus(target: &TargetNode) -> (Option<&Text>, &[Symbol]) {
    (target.address.as_ref(), &target.capabilities)
}
