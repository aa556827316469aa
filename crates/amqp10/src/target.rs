//! What a sender asks for: a node, the anonymous relay, or the coordinator.

use model::{
    Command, DeclareMode, Exchange, ExchangeKind, ExchangeSettings, Inspect, Io, Name, Namespace, QueueRef,
    QueueSettings,
};

use crate::address::{self, Node};
use crate::attach::target_terminus;
use crate::codec::Target;
use crate::endpoint::Endpoint;
use crate::error::LinkError;
use crate::inbound::{Destination, Inbound};
use crate::links::{End, LinkRef, State};
use crate::source::{TEMPORARY_PREFIX, declare, temporary_key, temporary_settings};
use crate::token::Request;

impl Endpoint {
    pub(crate) fn ask_target(&mut self, link: LinkRef, io: &mut Io<'_>) -> Result<(), LinkError> {
        let namespace = self.namespace;
        let Some(it) = self.links.named(link) else { return Ok(()) };
        let State::Asked(asked) = &mut it.state else { return Ok(()) };
        if asked.attach.initial_delivery_count.is_none() {
            return Err(LinkError::NoDeliveryCount);
        }
        let inbound = match &mut it.end {
            End::Inbound(inbound) => inbound,
            End::Coordinator(_) | End::Outbound(_) => {
                self.answer_target(link.index, io);
                return Ok(());
            }
        };
        let Some(Target::Node(target)) = &asked.attach.target else { return Err(LinkError::NoTarget) };
        let (text, capabilities) = target_terminus(target);
        if target.dynamic {
            inbound.is_dynamic = true;
            if address::is_topic(capabilities) {
                self.temporaries += 1;
                inbound.found(&Node::Topic(temporary_key(self.temporaries, io)), namespace);
                self.answer_target(link.index, io);
            } else {
                declare(link, (namespace, TEMPORARY_PREFIX), temporary_settings(), DeclareMode::Generated, io);
            }
            return Ok(());
        }
        let Some(text) = text else {
            inbound.is_anonymous = true;
            self.answer_target(link.index, io);
            return Ok(());
        };
        let node = Node::of(text, capabilities)?;
        inbound.found(&node, namespace);
        match node {
            Node::Queue { name, create } => {
                let mode = if create { DeclareMode::IfAbsent } else { DeclareMode::Passive };
                declare(link, (namespace, name), QueueSettings::default(), mode, io);
            }
            Node::Exchange { exchange: Exchange::Named(name), .. } => find_exchange(link, (namespace, name), io),
            Node::Topic(_) | Node::Exchange { .. } => self.answer_target(link.index, io),
        }
        Ok(())
    }
}

fn find_exchange(link: LinkRef, (namespace, name): (Namespace, Name), io: &mut Io<'_>) {
    let token = Request::Attach(link).token();
    let (settings, passive) = (ExchangeSettings::new(ExchangeKind::Direct), true);
    io.commands.push(Command::DeclareExchange { token, namespace, name, settings, passive });
}

impl Inbound {
    /// Asks what the queue is that another connection has for itself, or another protocol.
    pub(crate) fn ask_whose(&self, link: LinkRef, io: &mut Io<'_>) {
        let Some(Destination { address, .. }) = self.destination() else { return };
        let what = Inspect::Queue(QueueRef::Named(address.namespace, address.key.clone()));
        io.commands.push(Command::Inspect { token: Request::Attach(link).token(), what });
    }
}

impl Destination {
    /// Where messages for a node go, and what becomes of those that nobody takes.
    pub(crate) fn of(node: &Node, namespace: Namespace) -> Self {
        Self {
            address: node.publish_address(namespace),
            create: matches!(node, Node::Queue { create: true, .. }),
            // As the broker of that address does.
            releases_unrouted: matches!(node, Node::Exchange { .. }),
        }
    }
}
