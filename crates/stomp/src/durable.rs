//! Subscriptions that outlive their connection: ActiveMQ's, which have a name, and RabbitMQ's, which are shared.

use model::{Command as Ask, DeclareMode, Io, Name, Own, QueueInfo, QueueSettings, limits};

use crate::codec::{Command, Headers};
use crate::error::ClientError;
use crate::session::Session;
use crate::subscribe::{Bound, bind, declare, flag, queue_ref};
use crate::subscription::Subscription;
use crate::token::Request;

/// Queues of durable subscriptions are called by this and their names; they remember in such settings what they are for.
const DURABLE: &str = "stomp.durable.";
const EXCHANGE: &str = "stomp.exchange";
const KEY: &str = "stomp.key";
const SELECTOR: &str = "stomp.selector";

/// How long a topic subscription lasts.
pub(crate) enum Durability {
    /// As long as it.
    None,
    /// `activemq.subscriptionName`, in the client id's own space; one connection at a time.
    Named(String),
    /// `durable:true` and `auto-delete:false`, by id and destination; any number of connections share it.
    Shared,
}

impl Session {
    /// The queue of a durable subscription of this client.
    pub(crate) fn named_queue(&self, command: Command, name: &str) -> Result<Name, ClientError> {
        let Some(client) = &self.client else {
            return Err(ClientError::wrong_header(
                command,
                "activemq.subscriptionName",
                name,
                "It needs a client-id header in CONNECT: that and the name are the subscription's.",
            ));
        };
        durable_queue(command, &format!("{}:{name}", client.to_text().replace('%', "%25").replace(':', "%3A")))
    }
}

/// The queue of a durable subscription that anybody may share.
pub(crate) fn shared_queue(command: Command, id: &str, destination: &str) -> Result<Name, ClientError> {
    durable_queue(command, &format!(":{}:{destination}", id.replace('%', "%25").replace(':', "%3A")))
}

/// Whose a queue is that a durable subscription has, by its name.
pub(crate) fn own(queue: &Name) -> Own {
    let rest = queue.as_bytes().strip_prefix(DURABLE.as_bytes());
    if rest.is_some_and(|rest| rest.starts_with(b":")) { Own::Shared } else { Own::Mine }
}

fn durable_queue(command: Command, name: &str) -> Result<Name, ClientError> {
    let queue = format!("{DURABLE}{name}");
    if queue.len() > limits::NAME_BYTES {
        let allowed = "It is too long: with client-id and destination there may be about 1000 bytes.";
        return Err(ClientError::wrong_header(command, "id", name, allowed));
    }
    Ok(queue.into())
}

pub(crate) fn durability(headers: Headers<'_>) -> Result<Durability, ClientError> {
    let named = headers.get("activemq.subscriptionName").or_else(|| headers.get("durable-subscription-name"));
    if let Some(name) = named {
        return Ok(Durability::Named(name.into_owned()));
    }
    let is_kept = headers.get("auto-delete").is_some() && !flag(Command::Subscribe, headers, "auto-delete")?;
    let is_shared = is_kept && flag(Command::Subscribe, headers, "durable")?;
    Ok(if is_shared { Durability::Shared } else { Durability::None })
}

pub(crate) fn settings(subscription: &Subscription) -> QueueSettings {
    let mut extras = Vec::new();
    if let Some(Bound { exchange, key }) = &subscription.bound {
        extras.push((EXCHANGE.to_owned(), exchange.to_text().into_owned()));
        extras.push((KEY.to_owned(), key.to_text().into_owned()));
    }
    if let Some(selector) = &subscription.selector {
        extras.push((SELECTOR.to_owned(), selector.clone()));
    }
    QueueSettings { internal: true, extras, ..QueueSettings::default() }
}

/// A durable subscription that was for another topic or selector begins anew, as in Jakarta Messaging 3.1, 6.11.1.
pub(crate) fn declared(slot: usize, subscription: &Subscription, existed: bool, info: &QueueInfo, io: &mut Io<'_>) {
    let settings = settings(subscription);
    let is_same = info.settings.extras == settings.extras;
    if existed && !is_same {
        let (request, queue) = (Request::Prepare(slot as u64), queue_ref(subscription));
        io.commands.push(Ask::Delete { token: request.token(), queue, if_unused: true, if_empty: false });
        declare(subscription, settings, DeclareMode::IfAbsent, request, io);
    }
    bind(Request::Bind(slot as u64), subscription, !(existed && is_same), io);
}
