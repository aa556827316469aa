use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use model::{CloseReason, Effect, HttpConnection, HttpIo, Peer, Refusal, Reply, Time, Token};

use crate::call::{Ask, Call, Memory, Progress, Scene, Started, Stop, Waiting};
use crate::credentials::Caller;
use crate::error::Fault;
use crate::request::{Form, Wish};
use crate::service::Shared;
use crate::{response, sqs, sts};

/// One client's HTTP connection to the AWS face.
///
/// Its first command is `Open`, its last `Close`. A request that needs to know something first (a namespace, a queue)
/// asks and is started anew, so the operations themselves are written as if everything were known.
pub(crate) struct AwsConnection {
    shared: Arc<Shared>,
    peer: Peer,
    memory: Memory,
    pending: Option<Pending>,
}

struct Pending {
    request: Request<Bytes>,
    id: String,
    state: State,
}

enum State {
    Asks { ask: Ask, token: Token },
    Waits(Box<dyn Waiting>),
}

const SQS_TARGET: &str = "AmazonSQS";
const STS_TARGET: &str = "AWSSecurityTokenServiceV20110615";

impl AwsConnection {
    pub(crate) fn new(shared: Arc<Shared>, peer: Peer) -> Self {
        Self { shared, peer, memory: Memory::default(), pending: None }
    }

    /// Answers what needs no broker, starts the rest.
    fn serve(&mut self, now: Time, request: Request<Bytes>, io: &mut HttpIo<'_>) {
        let id = self.shared.next_request_id(now);
        match Wish::of(&request) {
            Wish::Target { service: SQS_TARGET, .. } => self.start(now, request, id, io),
            Wish::Target { service: STS_TARGET, operation } => {
                let answer = sts::answer_json(&request, operation);
                *io.response = Some(finished(Form::Json, &id, answer));
            }
            Wish::Target { service, operation } => {
                let fault = Fault::UnknownOperation(format!("{service}.{operation}"));
                *io.response = Some(response::failure(Form::Json, &id, &fault));
            }
            Wish::Action { action, json } => {
                *io.response = Some(sts::answer_action(&request, &action, json, &id));
            }
            Wish::Nothing(form) => *io.response = Some(response::nothing_here(form, &id)),
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
            Err(Stop::Fault(fault)) => {
                *io.response = Some(response::failure(Form::Json, &id, &fault));
                return;
            }
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
            caller: Caller::of(request)?,
            request,
            secure: self.peer.secure,
            memory: &mut self.memory,
            commands: io.commands,
        };
        sqs::start(call, operation)
    }

    fn ask(&mut self, ask: Ask, io: &mut HttpIo<'_>) -> State {
        let token = self.memory.next_token();
        io.commands.push(ask.command(token));
        State::Asks { ask, token }
    }

    fn go_on(&mut self, now: Time, mut pending: Pending, effect: Effect, io: &mut HttpIo<'_>) {
        match pending.state {
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
                    Err(fault) => *io.response = Some(response::failure(Form::Json, &pending.id, &fault)),
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
            Err(fault) => *io.response = Some(response::failure(Form::Json, &id, &fault)),
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
