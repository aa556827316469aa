use bytes::{Buf, BytesMut};
use model::{Alarm, Authenticate, Body, CloseReason, Command, Credentials, Io, Name, Refusal, Reply, Secret, Time};

use crate::channel::Channel;
use crate::codec::method::{basic, channel, connection};
use crate::codec::{self, Frame, Limits, Method, MethodId, Role, ShortString};
use crate::deliver;
use crate::error::Fault;
use crate::heartbeat::Heartbeat;
use crate::publish::{self, Flags};
use crate::shared::{Shared, say};
use crate::token::{ChannelId, Request};

/// An open connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) shared: Shared,
    /// By number.
    pub(crate) channels: Vec<Option<Slot>>,
    channel_max: u16,
    /// Channels opened so far.
    openings: u64,
    pub(crate) heartbeat: Option<Heartbeat>,
    /// Why the broker takes no messages for now.
    pub(crate) throttled: Option<Alarm>,
    /// The client was told so.
    is_blocked: bool,
    /// It has published something.
    publishes: bool,
    /// The shell looks at what it has shown anew: nothing is read meanwhile.
    awaits_login: bool,
}

#[derive(Debug)]
pub(crate) enum Slot {
    Open(Box<Channel>),
    /// We closed it, and the client has not confirmed that: all else is dropped.
    Closing,
}

/// A fault that ends the connection, and the method that is to blame.
#[derive(Debug)]
pub(crate) struct Blamed {
    pub(crate) fault: Fault,
    pub(crate) method: MethodId,
}

impl From<codec::Malformed> for Blamed {
    fn from(malformed: codec::Malformed) -> Self {
        Self { method: malformed.method(), fault: malformed.into() }
    }
}

impl Session {
    pub(crate) fn new(shared: Shared, channel_max: u16, heartbeat: Option<Heartbeat>) -> Self {
        Self {
            shared,
            channels: Vec::new(),
            channel_max,
            openings: 0,
            heartbeat,
            throttled: None,
            is_blocked: false,
            publishes: false,
            awaits_login: false,
        }
    }

    /// Takes all whole frames off `input`.
    pub(crate) fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Blamed> {
        self.shared.now = now;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.heard(now);
        }
        let read = self.read_frames(input, io);
        self.shared.settling.flush(io);
        self.shared.tell_tally(io);
        read
    }

    fn read_frames(&mut self, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Blamed> {
        let limits = Limits { frame_max: self.shared.frame_max };
        while !*io.finished && !self.awaits_login {
            if self.take_message(input, &limits, io)? {
                continue;
            }
            match codec::decode(input, &limits, Role::Server)? {
                None => return Ok(()),
                Some(frame) => self.frame(frame, io)?,
            }
        }
        Ok(())
    }

    /// Publishes the whole message at the front of `input`, if there is one.
    fn take_message(&mut self, input: &mut BytesMut, limits: &Limits, io: &mut Io<'_>) -> Result<bool, Blamed> {
        let Some(view) = codec::peek_message(input, limits) else { return Ok(false) };
        let Some(Some(Slot::Open(channel))) = self.channels.get_mut(usize::from(view.channel)) else {
            return Ok(false);
        };
        if channel.incoming.is_some() || view.body.len() as u64 > self.shared.options.max_message {
            return Ok(false);
        }
        let number = view.channel;
        let flags = Flags { mandatory: view.mandatory, immediate: view.immediate };
        let head = channel.head((view.exchange, view.routing_key), &view.properties, flags, &self.shared);
        let usual = publish::usual_properties(&input[view.raw_properties.clone()]);
        let (raw, body, length) = (view.raw_properties, view.body, view.len);
        let mut frames = input.split_to(length).freeze();
        let head = match head {
            Ok(head) => head,
            Err(fault) => return self.fail(number, fault, basic::Publish::ID, io).map(|()| true),
        };
        let properties = usual.unwrap_or_else(|| frames.slice(raw));
        let body = if body.is_empty() {
            Body::default()
        } else {
            frames.truncate(body.end);
            frames.advance(body.start);
            frames.into()
        };
        channel.publish(head, properties, body, &mut self.shared, io);
        self.has_published(io);
        Ok(true)
    }

    fn frame(&mut self, frame: Frame, io: &mut Io<'_>) -> Result<(), Blamed> {
        match frame {
            Frame::Heartbeat => Ok(()),
            Frame::Method(0, method) => {
                let id = method.id();
                self.connection_method(method, io).map_err(|fault| Blamed { fault, method: id })
            }
            Frame::Method(number, method) => {
                let id = method.id();
                match self.channel_method(number, method, io) {
                    Ok(()) => Ok(()),
                    Err(fault) => self.fail(number, fault, id, io),
                }
            }
            Frame::Header(number, header) => {
                let Some(channel) = for_content(&mut self.channels, number)? else { return Ok(()) };
                let done = match &mut channel.incoming {
                    Some(incoming) => incoming.header(&header, &self.shared),
                    None => Err(Fault::Unexpected { expected: "method", got: "content header".into() }),
                };
                self.content_came(number, done, io)
            }
            Frame::Body(number, part) => {
                let Some(channel) = for_content(&mut self.channels, number)? else { return Ok(()) };
                let done = match &mut channel.incoming {
                    Some(incoming) => incoming.part(part, &mut self.shared),
                    None => Err(Fault::Unexpected { expected: "method", got: "content body".into() }),
                };
                self.content_came(number, done, io)
            }
        }
    }

    /// After a part of a message: publishes it if it is whole.
    fn content_came(&mut self, number: u16, done: Result<bool, Fault>, io: &mut Io<'_>) -> Result<(), Blamed> {
        let published = match done {
            Ok(false) => return Ok(()),
            Ok(true) => self.publish_incoming(number, io),
            Err(fault) => Err(fault),
        };
        match published {
            Ok(()) => {
                self.has_published(io);
                Ok(())
            }
            Err(fault) => self.fail(number, fault, basic::Publish::ID, io),
        }
    }

    fn publish_incoming(&mut self, number: u16, io: &mut Io<'_>) -> Result<(), Fault> {
        let Some(Some(Slot::Open(channel))) = self.channels.get_mut(usize::from(number)) else { return Ok(()) };
        let Some(incoming) = channel.incoming.take() else { return Ok(()) };
        let content = incoming.finish(&mut self.shared);
        let basic::Publish { mandatory, immediate, .. } = content.publish;
        let address = (&*content.publish.exchange, &*content.publish.routing_key);
        let head = channel.head(address, &content.read(), Flags { mandatory, immediate }, &self.shared)?;
        channel.publish(head, content.properties, content.body, &mut self.shared, io);
        Ok(())
    }

    fn connection_method(&mut self, method: Method, io: &mut Io<'_>) -> Result<(), Fault> {
        match method {
            Method::ConnectionClose(_) => {
                say(0, connection::CloseOk {}, io.output.buffer());
                *io.finished = true;
            }
            Method::ConnectionCloseOk(_) => {}
            Method::ConnectionUpdateSecret(update) => self.update_secret(&update, io),
            other => return Err(Fault::OutOfPlace(other.id().name().unwrap_or("this method"))),
        }
        Ok(())
    }

    /// The client has a newer token: the same user logs in again.
    fn update_secret(&mut self, update: &connection::UpdateSecret, io: &mut Io<'_>) {
        self.awaits_login = true;
        let (user, password) = (self.shared.user.to_text().into_owned(), Secret::from(&update.new_secret[..]));
        let credentials = Credentials::Password { user, password };
        let authenticate = Authenticate { token: Request::Login.token(), credentials, client: Name::default() };
        // Nothing may come behind it.
        self.shared.tell_tally(io);
        self.shared.ask(Command::Authenticate(Box::new(authenticate)), io);
    }

    /// What came of that. Whoever is somebody else now cannot go on with what another one began.
    pub(crate) fn secret_updated(&mut self, reply: Result<Reply, Refusal>, io: &mut Io<'_>) -> Result<(), Blamed> {
        self.awaits_login = false;
        let fault = match reply {
            Ok(Reply::Authenticated { user, .. }) if user == self.shared.user => {
                say(0, connection::UpdateSecretOk {}, io.output.buffer());
                return Ok(());
            }
            Err(Refusal::LoginUnavailable(_)) => Fault::SecretUnavailable,
            Ok(_) | Err(_) => Fault::Secret,
        };
        Err(Blamed { fault, method: connection::UpdateSecret::ID })
    }

    fn channel_method(&mut self, number: u16, method: Method, io: &mut Io<'_>) -> Result<(), Fault> {
        if number > self.channel_max {
            return Err(Fault::ChannelNumber(number, self.channel_max));
        }
        let at = usize::from(number);
        match (self.channels.get_mut(at).and_then(Option::as_mut), method) {
            (None, Method::ChannelOpen(_)) => {
                if self.channels.len() <= at {
                    self.channels.resize_with(at + 1, || None);
                }
                let id = ChannelId { number, opening: self.openings };
                self.openings += 1;
                self.channels[at] = Some(Slot::Open(Box::new(Channel::new(id))));
                say(number, channel::OpenOk {}, io.output.buffer());
            }
            // The answer to a close that crossed its own.
            (None, Method::ChannelCloseOk(_)) => {}
            (None, _) => return Err(Fault::ChannelNotOpen),
            (Some(Slot::Closing), Method::ChannelCloseOk(_)) => self.channels[at] = None,
            (Some(_), Method::ChannelClose(_)) => {
                if let Some(Slot::Open(mut channel)) = self.channels[at].take() {
                    channel.abandon(&mut self.shared, io);
                } else {
                    self.channels[at] = Some(Slot::Closing);
                }
                say(number, channel::CloseOk {}, io.output.buffer());
            }
            (Some(Slot::Closing), _) => {}
            (Some(Slot::Open(_)), Method::ChannelOpen(_)) => return Err(Fault::ChannelOpenTwice),
            (Some(Slot::Open(channel)), method) => return channel.method(method, &mut self.shared, io),
        }
        Ok(())
    }

    /// A fault of a channel closes it, if it does not end the connection.
    pub(crate) fn fail(&mut self, number: u16, fault: Fault, method: MethodId, io: &mut Io<'_>) -> Result<(), Blamed> {
        if fault.is_hard() {
            return Err(Blamed { fault, method });
        }
        let Some(slot) = self.channels.get_mut(usize::from(number)) else { return Ok(()) };
        if let Some(Slot::Open(mut channel)) = slot.replace(Slot::Closing) {
            channel.abandon(&mut self.shared, io);
            let close = channel::Close {
                reply_code: fault.reply_code().code(),
                reply_text: ShortString::truncated(&fault.reply_text()),
                class_id: method.class,
                method_id: method.method,
            };
            say(number, close, io.output.buffer());
        }
        Ok(())
    }

    /// All channels end, because the connection does.
    pub(crate) fn abandon(&mut self, io: &mut Io<'_>) {
        for slot in std::mem::take(&mut self.channels).into_iter().flatten() {
            if let Slot::Open(mut channel) = slot {
                channel.abandon(&mut self.shared, io);
            }
        }
        self.shared.settling.flush(io);
        self.shared.tell_tally(io);
    }

    pub(crate) fn flushed(&mut self, io: &mut Io<'_>) {
        self.shared.last_confirm = None;
        deliver::flushed(&mut self.shared, io);
    }

    fn has_published(&mut self, io: &mut Io<'_>) {
        if !std::mem::replace(&mut self.publishes, true) {
            self.tell_blocked(io);
        }
    }

    /// Only publishers are told, as by RabbitMQ: others may take it for a reason to leave.
    pub(crate) fn tell_blocked(&mut self, io: &mut Io<'_>) {
        let wants = self.shared.client.wants_blocked;
        match &self.throttled {
            Some(alarm) if !self.is_blocked && self.publishes && wants => {
                self.is_blocked = true;
                let reason = ShortString::truncated(&alarm.to_string());
                say(0, connection::Blocked { reason }, io.output.buffer());
            }
            None if self.is_blocked => {
                self.is_blocked = false;
                say(0, connection::Unblocked {}, io.output.buffer());
            }
            _ => {}
        }
    }

    /// What a client is told whose connection ends for no fault of its own.
    pub(crate) fn goodbye(reason: CloseReason, io: &mut Io<'_>) {
        let why = match reason {
            CloseReason::ShuttingDown => "shutdown",
            CloseReason::Ended => "closed by an administrator",
            CloseReason::Revoked => "its user may not be connected any more",
            CloseReason::Idle => "idle for too long",
            CloseReason::TakenOver => "taken over",
            CloseReason::Finished | CloseReason::Disconnected | CloseReason::Misbehaved => return,
        };
        let text = format!("CONNECTION_FORCED - broker forced connection closure with reason '{why}'");
        let close = connection::Close {
            reply_code: codec::ReplyCode::ConnectionForced.code(),
            reply_text: ShortString::truncated(&text),
            class_id: 0,
            method_id: 0,
        };
        say(0, close, io.output.buffer());
    }
}

/// The channel that content is for; `None` if it is closing.
fn for_content(channels: &mut [Option<Slot>], number: u16) -> Result<Option<&mut Channel>, Blamed> {
    match channels.get_mut(usize::from(number)) {
        Some(Some(Slot::Open(channel))) => Ok(Some(channel)),
        Some(Some(Slot::Closing)) => Ok(None),
        _ => Err(Blamed { fault: Fault::ChannelNotOpen, method: basic::Publish::ID }),
    }
}

/// The channel of this opening, if it is still open.
pub(crate) fn live(channels: &mut [Option<Slot>], id: ChannelId) -> Option<&mut Channel> {
    match channels.get_mut(usize::from(id.number)) {
        Some(Some(Slot::Open(channel))) if channel.id == id => Some(channel),
        _ => None,
    }
}
