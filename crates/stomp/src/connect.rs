//! From CONNECT to CONNECTED: the client says who it is, whether it may be here is asked, and its id is claimed.

use std::sync::Arc;

use bytes::BytesMut;
use model::{Authenticate, Claim, Command as Ask, Conflict, Io, Name, Refusal, Reply, Time, limits};

use crate::codec::{Command, Frame, FrameWriter, Malformed, Version};
use crate::connection::StompOptions;
use crate::error::{ClientError, quote};
use crate::heart_beat::HeartBeats;
use crate::login::Login;
use crate::session::Session;
use crate::token::Request;

/// Bytes that the name of a durable subscription has beside the client id.
const ROOM: usize = limits::NAME_BYTES / 2;

/// What is known of a client that is not connected yet.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The `login` and `host` headers, as far as they are said again.
    login: String,
    host: String,
    /// The shell has found out who it is. Until then nothing more is read.
    pub(crate) is_known: bool,
    /// What it says before CONNECTED, while the core is asked.
    pub(crate) early: BytesMut,
}

/// Begins the session of a client that has been here `since`, and asks who it is. A `host` that is no virtual host's name is the default one.
pub(crate) fn begin(
    frame: &Frame,
    (since, now): (Time, Time),
    options: &Arc<StompOptions>,
    login: Login,
    io: &mut Io<'_>,
) -> Result<Session, ClientError> {
    let command = frame.command;
    if !matches!(command, Command::Connect | Command::Stomp) {
        return Err(Malformed::ConnectExpected(command.name().to_owned()).into());
    }
    let headers = frame.headers();
    let accept = headers.get("accept-version");
    let Some(version) = Version::negotiate(accept.as_deref()) else {
        return Err(ClientError::Version(quote(accept.as_deref().unwrap_or_default())));
    };
    let id = io.commands.connection;
    let name = format!("{:x}-{:x}-{:x}-{:x}", now.0, id.thread, id.slot, id.generation);
    let host = headers.get("host").unwrap_or_default();
    let namespace = options.virtual_hosts.namespace(&host);
    let entry = Entry {
        login: quote(&headers.get("login").unwrap_or_default()),
        host: quote(&host),
        is_known: false,
        early: BytesMut::new(),
    };
    let mut session = Session::new(options.clone(), version, name, namespace, entry, now);
    session.since = since;
    if let Some(beats) = headers.get("heart-beat").filter(|_| version > Version::V10) {
        session.beats = HeartBeats::negotiate(&beats, now).ok_or_else(|| {
            let allowed = "Allowed are two numbers of milliseconds, as in 10000,10000; 0 is never.";
            ClientError::wrong_header(command, "heart-beat", &beats, allowed)
        })?;
    }
    session.request_id = headers.get("request-id").map(|id| id.into_owned());
    session.client = match headers.get("client-id").filter(|client| !client.is_empty()) {
        Some(client) if client.len() > ROOM => {
            return Err(ClientError::wrong_header(command, "client-id", &client, "It may have up to 512 bytes."));
        }
        client => client.map(|client| Name::from(client.as_ref())),
    };
    let (token, credentials) = (Request::Login.token(), login.credentials(headers)?);
    let authenticate = Authenticate { token, credentials, client: session.client.clone().unwrap_or_default() };
    io.commands.push(Ask::Authenticate(Box::new(authenticate)));
    Ok(session)
}

impl Session {
    /// The shell has found out who the client is, or refuses it.
    pub(crate) fn logged_in(&mut self, reply: Result<Reply, Refusal>, io: &mut Io<'_>) -> Result<(), ClientError> {
        let Some(entry) = &mut self.entry else { return Ok(()) };
        let error = match reply {
            Ok(Reply::Authenticated { user, .. }) => {
                entry.is_known = true;
                self.user = user;
                io.commands.push(Ask::Access { token: Request::Access.token(), namespace: self.namespace });
                return Ok(());
            }
            Ok(_) | Err(Refusal::Login) => ClientError::Login(entry.login.clone()),
            Err(refusal) => ClientError::Refused("CONNECT", refusal),
        };
        self.fail(error, None, io)
    }

    /// The core says whether the user may be here.
    pub(crate) fn entered(
        &mut self,
        now: Time,
        reply: Result<Reply, Refusal>,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        let Some(entry) = &self.entry else { return Ok(()) };
        if reply.is_err() {
            return self.fail(ClientError::Host(entry.host.clone()), None, io);
        }
        let Some(client) = self.client.clone() else { return self.connected(now, io) };
        let (token, namespace, conflict) = (Request::Claim.token(), self.namespace, Conflict::Refuse);
        io.commands.push(Ask::Claim(Claim { token, namespace, client, conflict }));
        Ok(())
    }

    /// The client id is ours, or another connection has it.
    pub(crate) fn claimed(
        &mut self,
        now: Time,
        reply: Result<Reply, Refusal>,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        match reply {
            Ok(_) => self.connected(now, io),
            Err(refusal) => self.fail(ClientError::Refused("CONNECT", refusal), None, io),
        }
    }

    /// What the client has said meanwhile is read now.
    fn connected(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), ClientError> {
        let Some(Entry { mut early, .. }) = self.entry.take().map(|entry| *entry) else { return Ok(()) };
        write_connected(self, io.output.buffer());
        self.receive(now, &mut early, io)?;
        self.keep_rest(early);
        Ok(())
    }
}

fn write_connected(session: &Session, out: &mut BytesMut) {
    let mut writer = FrameWriter::new(Command::Connected, session.version, out);
    writer.header("version", session.version.name().as_bytes());
    writer.header("session", session.name.as_bytes());
    writer.header("server", concat!("Causeway/", env!("CARGO_PKG_VERSION")).as_bytes());
    writer.header("heart-beat", session.beats.header().as_bytes());
    if !session.user.as_bytes().is_empty() {
        writer.header("user-name", session.user.as_bytes());
    }
    if let Some(id) = &session.request_id {
        writer.header("response-id", id.as_bytes());
    }
    writer.body(b"");
}
