//! From the peer's open to ours.

use bytes::BytesMut;
use model::{Claim, Command, Conflict, Effect, Io, Name, limits};

use crate::codec::limits::MIN_MAX_FRAME_SIZE;
use crate::codec::{Open, Performative, Symbol, Value};
use crate::connection::Amqp10Options;
use crate::endpoint::Remote;
use crate::error::ClientError;
use crate::session::write;
use crate::token::Request;

/// This side's container id.
const CONTAINER: &str = "causeway";
/// Wants to be the only connection of its container id (JMS mapping, 6.1; the connection capabilities registry).
const SOLE: &str = "sole-connection-for-container";
const CAPABILITIES: [&str; 4] = ["ANONYMOUS-RELAY", "DELAYED_DELIVERY", "SHARED-SUBS", SOLE];

/// An open that waits for the core.
pub(crate) struct Opening {
    pub(crate) remote: Remote,
    /// As the peer has called it.
    host: String,
    /// The peer wants its container id for itself.
    claims: bool,
    /// What the peer sent without waiting for the answer.
    pub(crate) early: BytesMut,
}

/// Asks whether the user may be here.
pub(crate) fn begin(open: &Open, user: Name, options: &Amqp10Options, io: &mut Io<'_>) -> Result<Opening, ClientError> {
    if open.max_frame_size < MIN_MAX_FRAME_SIZE {
        return Err(ClientError::SmallFrames(open.max_frame_size));
    }
    let host = open.hostname.as_ref().map_or("", |host| host.as_str());
    // RabbitMQ's way of naming a virtual host.
    let namespace = options.virtual_hosts.namespace(host.strip_prefix("vhost:").unwrap_or(host));
    let sole = open.desired_capabilities.iter().any(|it| *it == SOLE);
    let claims = sole && (1..=limits::NAME_BYTES).contains(&open.container_id.as_bytes().len());
    io.commands.push(Command::Access { token: Request::Access.token(), namespace });
    let remote = Remote {
        container: open.container_id.clone(),
        user,
        namespace,
        max_frame: open.max_frame_size,
        channel_max: open.channel_max,
        idle_time_out: open.idle_time_out,
    };
    Ok(Opening { remote, host: host.to_owned(), claims, early: BytesMut::new() })
}

impl Opening {
    /// Whether the connection is open, once the core has said so.
    pub(crate) fn apply(&mut self, effect: &Effect, io: &mut Io<'_>) -> Option<Result<(), ClientError>> {
        let Effect::Reply { token, reply } = effect else { return None };
        let Remote { container, user, namespace, .. } = &self.remote;
        match (Request::of(*token), reply) {
            (Request::Access, Ok(_)) if self.claims => {
                io.commands.push(Command::Claim(Claim {
                    token: Request::Claim.token(),
                    namespace: *namespace,
                    client: Name::from(container.as_str()),
                    conflict: Conflict::Refuse,
                }));
                None
            }
            (Request::Access | Request::Claim, Ok(_)) => Some(Ok(())),
            (Request::Access, Err(_)) => Some(Err(ClientError::Host(self.host.clone(), user.to_text().into_owned()))),
            (Request::Claim, Err(_)) => Some(Err(ClientError::ContainerInUse(container.as_str().to_owned()))),
            _ => None,
        }
    }
}

/// Our open. `fails`: a close follows at once, which JMS clients want to know (JMS mapping, 6.1).
pub(crate) fn write_open(options: &Amqp10Options, fails: bool, io: &mut Io<'_>) {
    let mut open = Open::new(CONTAINER);
    open.max_frame_size = options.max_frame;
    open.channel_max = options.channel_max;
    open.idle_time_out = options.idle_timeout;
    open.offered_capabilities = CAPABILITIES.iter().map(|name| Symbol::from_static(name)).collect();
    open.properties.push("product", Value::string("Causeway"));
    open.properties.push("version", Value::string(env!("CARGO_PKG_VERSION")));
    // How JMS clients find ActiveMQ's names of queues and topics.
    open.properties.push("queue-prefix", Value::string("queue://"));
    open.properties.push("topic-prefix", Value::string("topic://"));
    if fails {
        open.properties.push("amqp:connection-establishment-failed", Value::Bool(true));
    }
    write(0, Performative::Open(Box::new(open)), io);
}
