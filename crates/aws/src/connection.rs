use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use model::{
    Authenticate, CloseReason, Command, Credentials, Effect, HttpConnection, HttpIo, Name, Peer, Refusal, Reply, Time,
    Token,
};

use crate::call::{Ask, Call, Memory, Progress, Scene, Started, Stop, Waiting, unexpected};
use crate::caller::Caller;
use crate::error::Fault;
use crate::login::Login;
use crate::request::{Form, STS_XML, Wish};
use crate::service::Shared;
use crate::{denial, response, sqs, sts};

/// One client's HTTP connection to the AWS face.
///
/// Its first command is `Open`, its last `Close`. The commands of a request follow when the shell has said whose it is:
/// every one is verified for itself, because a proxy may send those of several clients. A request that needs to know something first (a namespace, a queue)
/// asks and is started anew, so the operations themselves are written as if everything were known.
pub(crate) struct AwsConnection {
    shared: Arc<Shared>,
    peer: Peer,
    memory: Memory,
    /// Of the pending request; kept, because most connections have one only.
    caller: Caller,
    pending: Option<Pending>,
}

struct Pending {
    request: Request<Bytes>,
    id: String,
    state: State,
}

enum State {
    LogsIn { token: Token, doubt: Option<Fault> },
    Asks { ask: Ask, token: Token },
    Waits(Box<dyn Waiting>),
}

/// A request while its login is answered.
struct Entry {
    request: Request<Bytes>,
    id: String,
    /// Why it is refused even if the login is good, where logins are looked at.
    doubt: Option<Fault>,
}

const SQS_TARGET: &str = "AmazonSQS";
const STS_TARGET: &str = "AWSSecurityTokenServiceV20110615";

impl AwsConnection {
    pub(crate) fn new(shared: Arc<Shared>, peer: Peer) -> Self {
        Self { shared, peer, memory: Memory::default(), caller: Caller::default(), pending: None }
    }

    /// Answers what is not served for anybody; of the rest, asks first whose it is.
    fn serve(&mut self, now: Time, request: Request<Bytes>, io: &mut HttpIo<'_>) {
        let id = self.shared.next_request_id(now);
        let service = match Wish::of(&request) {
            Wish::Target { service: SQS_TARGET, .. } => "sqs",
            Wish::Target { service: STS_TARGET, .. } => "sts",
            Wish::Target { service, operation } => {
                let fault = Fault::UnknownOperation(format!("{service}.{operation}"));
                *io.response = Some(response::failure(Form::Json, &id, &fault));
                return;
            }
            Wish::Action { action, .. } if action == sts::GET_CALLER_IDENTITY => "sts",
            Wish::Action { action, .. } => {
                *io.response = Some(sts::refuse_action(&action, &id));
                return;
            }
            Wish::Nothing(form) => {
                *io.response = Some(response::nothing_here(form, &id));
                return;
            }
        };
        self.log_in(now, request, id, service, io);
    }

    fn log_in(&mut self, now: Time, request: Request<Bytes>, id: String, service: &str, io: &mut HttpIo<'_>) {
        match Login::of(now, &request, service) {
            Ok(login) => {
                self.caller.claim(&login.signature.access_key, login.region());
                let Login { signature, doubt } = login;
                let token = self.memory.next_token();
                let credentials = Credentials::Signature(Box::new(signature));
                let authenticate = Authenticate { token, credentials, client: Name::default() };
                io.commands.push(Command::Authenticate(Box::new(authenticate)));
                self.pending = Some(Pending { request, id, state: State::LogsIn { token, doubt } });
            }
            Err(fault) => self.fail(&request, &id, fault, io),
        }
    }

    /// The shell has said whose the request is.
    fn logged_in(&mut self, now: Time, reply: Result<Reply, Refusal>, entry: Entry, io: &mut HttpIo<'_>) {
        let Entry { request, id, doubt } = entry;
        let fault = match (reply, doubt) {
            (Ok(Reply::Authenticated { user, account, .. }), doubt) => match doubt.filter(|_| !user.is_empty()) {
                Some(doubt) => doubt,
                None => {
                    if self.caller.vouch(&user, account.as_deref()) {
                        self.memory.forget_all();
                    }
                    return self.perform(now, request, id, io);
                }
            },
            (Ok(other), _) => unexpected(&"Authenticate", &other),
            (Err(Refusal::Login), Some(doubt)) => doubt,
            (Err(refusal), _) => refusal.into(),
        };
        self.fail(&request, &id, fault, io);
    }

    /// Does what somebody known asks for.
    fn perform(&mut self, now: Time, request: Request<Bytes>, id: String, io: &mut HttpIo<'_>) {
        match Wish::of(&request) {
            Wish::Target { service: STS_TARGET, operation } => {
                *io.response = Some(finished(Form::Json, &id, sts::answer_json(&self.caller, operation)));
            }
            Wish::Action { json, .. } => *io.response = Some(sts::answer_action(&self.caller, json, &id)),
            _ => self.start(now, request, id, io),
        }
    }

    /// Starts an operation of SQS in AWS JSON, perhaps anew.
    fn start(&mut self, now: Time, request: Request<Bytes>, id: String, io: &mut HttpIo<'_>) {
        let started = self.try_start(now, &request, io);
        let state = match started {
            Ok(Started::Answered(body)) => {
                *io.response = Some(response::success(Form::Json, &id, body));
                return;
            }
            Err(Stop::Fault(fault)) => return self.fail(&request, &id, fault, io),
            Ok(Started::Waits(waiting)) => State::Waits(waiting),
            Err(Stop::Ask(ask)) => self.ask(ask, io),
        };
        self.pending = Some(Pending { request, id, state });
    }

    fn try_start(&mut self, now: Time, request: &Request<Bytes>, io: &mut HttpIo<'_>) -> Result<Started, Stop> {
        let Wish::Target { operation, .. } = Wish::of(request) else {
            return Err(Fault::UnknownOperation(String::new()).into());
        };
        let call = Call {
            now,
            shared: &self.shared,
            caller: &self.caller,
            request,
            secure: self.peer.secure,
            memory: &mut self.memory,
            commands: io.commands,
        };
        sqs::start(call, operation)
    }

    /// Answers with a fault, in the request's own protocol.
    fn fail(&self, request: &Request<Bytes>, id: &str, fault: Fault, io: &mut HttpIo<'_>) {
        let form = match Wish::of(request) {
            Wish::Action { .. } => Form::Xml(STS_XML),
            _ => Form::Json,
        };
        *io.response = Some(response::failure(form, id, &denial::explained(fault, request, &self.caller)));
    }

    fn ask(&mut self, ask: Ask, io: &mut HttpIo<'_>) -> State {
        let token = self.memory.next_token();
        io.commands.push(ask.command(token));
        State::Asks { ask, token }
    }

    fn go_on(&mut self, now: Time, mut pending: Pending, effect: Effect, io: &mut HttpIo<'_>) {
        match pending.state {
            State::LogsIn { token, doubt } => match effect {
                Effect::Reply { token: answered, reply } if answered == token => {
                    let entry = Entry { request: pending.request, id: pending.id, doubt };
                    self.logged_in(now, reply, entry, io);
                }
                _ => self.pending = Some(Pending { state: State::LogsIn { token, doubt }, ..pending }),
            },
            State::Asks { ask, token } => match effect {
                Effect::Reply { token: answered, reply } if answered == token => {
                    self.learn(now, ask, reply, (pending.request, pending.id), io);
                }
                _ => self.pending = Some(Pending { state: State::Asks { ask, token }, ..pending }),
            },
            State::Waits(ref mut waiting) => {
                let mut scene = Scene { shared: &self.shared, memory: &mut self.memory, commands: io.commands };
                match waiting.apply(now, effect, &mut scene) {
                    Ok(Progress::Waits) => self.pending = Some(pending),
                    Ok(Progress::Ask(ask)) => {
                        let state = self.ask(ask, io);
                        self.pending = Some(Pending { state, ..pending });
                    }
                    Ok(Progress::Answered(body)) => {
                        *io.response = Some(response::success(Form::Json, &pending.id, body));
                    }
                    Err(fault) => self.fail(&pending.request, &pending.id, fault, io),
                }
            }
        }
    }

    fn learn(
        &mut self,
        now: Time,
        ask: Ask,
        reply: Result<Reply, Refusal>,
        (request, id): (Request<Bytes>, String),
        io: &mut HttpIo<'_>,
    ) {
        match self.memory.learn(now, ask, reply) {
            Ok(()) => self.start(now, request, id, io),
            Err(fault) => self.fail(&request, &id, fault, io),
        }
    }
}

impl HttpConnection for AwsConnection {
    fn request(&mut self, now: Time, request: Request<Bytes>, io: &mut HttpIo<'_>) {
        assert!(self.pending.is_none(), "the shell gives one request at a time");
        self.memory.next_request();
        self.serve(now, request, io);
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut HttpIo<'_>) {
        match effect {
            Effect::Throttle { reason } => self.memory.throttle = reason,
            Effect::Close { .. } => {
                if let Some(mut pending) = self.pending.take() {
                    abandon(&mut pending, io);
                    *io.response = Some(response::failure(Form::Json, &pending.id, &Fault::Unavailable));
                }
            }
            effect => {
                if let Some(pending) = self.pending.take() {
                    self.go_on(now, pending, effect, io);
                }
            }
        }
    }

    /// The broker keeps the time of long polls.
    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _now: Time, _io: &mut HttpIo<'_>) {}

    fn close(&mut self, _reason: CloseReason, io: &mut HttpIo<'_>) {
        if let Some(mut pending) = self.pending.take() {
            abandon(&mut pending, io);
        }
    }
}

fn abandon(pending: &mut Pending, io: &mut HttpIo<'_>) {
    if let State::Waits(waiting) = &mut pending.state {
        waiting.abandon(io.commands);
    }
}

fn finished(form: Form, id: &str, answer: Result<Vec<u8>, Fault>) -> model::Exchanged {
    match answer {
        Ok(body) => response::success(form, id, body),
        Err(fault) => response::failure(form, id, &fault),
    }
}
