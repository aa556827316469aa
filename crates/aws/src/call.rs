//! What one request does: it is *started*, perhaps again once something was looked up, and then waits for its answers.

use bytes::Bytes;
use http::Request;
use http::header::HOST;
use model::{
    Alarm, Command, Commands, Effect, Inspect, Name, Namespace, QueueInfo, QueueRef, Refusal, Reply, Time, Token,
};

use crate::caller::Caller;
use crate::error::Fault;
use crate::service::{HOME_ACCOUNT, Shared};

/// A request being started: who asks, what is remembered, and where commands go.
pub(crate) struct Call<'c> {
    pub(crate) now: Time,
    pub(crate) shared: &'c Shared,
    pub(crate) caller: &'c Caller,
    pub(crate) request: &'c Request<Bytes>,
    /// The client came over TLS.
    pub(crate) secure: bool,
    pub(crate) memory: &'c mut Memory,
    pub(crate) commands: &'c mut Commands,
}

/// How starting a request ended.
pub(crate) enum Started {
    /// With the JSON of its answer.
    Answered(Vec<u8>),
    Waits(Box<dyn Waiting>),
}

/// Why starting a request stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    Fault(Fault),
    /// Something has to be looked up; then the request is started anew, and finds it in the memory.
    Ask(Ask),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `account/region`.
    Namespace(String),
    Queue(Namespace, Name),
}

impl Ask {
    pub(crate) fn command(&self, token: Token) -> Command {
        match self {
            Self::Namespace(name) => Command::Enter { token, name: Name::from(name.as_str()) },
            Self::Queue(namespace, name) => {
                Command::Inspect { token, what: Inspect::Queue(QueueRef::Named(*namespace, name.clone())) }
            }
        }
    }
}

/// A request that has given its commands.
pub(crate) trait Waiting {
    /// Effects that are not for it change nothing.
    fn apply(&mut self, now: Time, effect: Effect, scene: &mut Scene<'_>) -> Result<Progress, Fault>;

    /// The client is gone: takes back what still runs.
    fn abandon(&mut self, _commands: &mut Commands) {}
}

/// What a waiting request sees of its connection.
pub(crate) struct Scene<'s> {
    pub(crate) shared: &'s Shared,
    pub(crate) memory: &'s mut Memory,
    pub(crate) commands: &'s mut Commands,
}

pub(crate) enum Progress {
    Waits,
    /// With the JSON of its answer.
    Answered(Vec<u8>),
    /// The request is to be started anew once this is looked up.
    Ask(Ask),
}

/// What a connection remembers between requests.
#[derive(Default)]
pub(crate) struct Memory {
    namespaces: Vec<(String, Namespace)>,
    queues: Vec<Seen>,
    /// Counts requests, so that what was looked up for this one is known to be new.
    request: u64,
    last_token: u64,
    /// Why publishes are refused for now.
    pub(crate) throttle: Option<Alarm>,
}

/// A queue as the broker described it.
struct Seen {
    namespace: Namespace,
    name: Name,
    request: u64,
    at: Time,
    /// `None`: there is none.
    info: Option<Box<QueueInfo>>,
}

/// How old a description of a queue may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Asked for this request.
    New,
    /// At most [`RECENT`]: for its id, its name and settings that messages depend on.
    Recent,
}

/// Milliseconds for which hot operations believe what they know of a queue.
const RECENT: u64 = 1_000;
const REMEMBERED_QUEUES: usize = 64;
const REMEMBERED_NAMESPACES: usize = 64;

impl Memory {
    pub(crate) fn next_request(&mut self) {
        self.request += 1;
    }

    /// Somebody else asks now: what the one before was told is not his.
    pub(crate) fn forget_all(&mut self) {
        self.namespaces.clear();
        self.queues.clear();
    }

    pub(crate) fn next_token(&mut self) -> Token {
        self.last_token += 1;
        Token(self.last_token)
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<Namespace> {
        self.namespaces.iter().find(|(known, _)| known == name).map(|(_, namespace)| *namespace)
    }

    /// What is known of a queue: `Some(None)` if it is known that there is none.
    pub(crate) fn queue(&self, now: Time, namespace: Namespace, name: &Name, age: Age) -> Option<Option<&QueueInfo>> {
        let seen = self.queues.iter().find(|seen| seen.namespace == namespace && seen.name == *name)?;
        let new = seen.request == self.request;
        let good = new || age == Age::Recent && seen.info.is_some() && now.since(seen.at) <= RECENT;
        good.then_some(seen.info.as_deref())
    }

    pub(crate) fn forget_queue(&mut self, namespace: Namespace, name: &Name) {
        self.queues.retain(|seen| seen.namespace != namespace || seen.name != *name);
    }

    /// Takes the answer to a question.
    pub(crate) fn learn(&mut self, now: Time, ask: Ask, reply: Result<Reply, Refusal>) -> Result<(), Fault> {
        match (ask, reply) {
            (Ask::Namespace(name), Ok(Reply::Namespace(namespace))) => {
                if self.namespaces.len() == REMEMBERED_NAMESPACES {
                    self.namespaces.clear();
                }
                self.namespaces.push((name, namespace));
                Ok(())
            }
            (Ask::Queue(namespace, name), Ok(Reply::Queue(info))) => {
                self.see(Seen { namespace, name, request: self.request, at: now, info: Some(info) });
                Ok(())
            }
            (Ask::Queue(namespace, name), Err(Refusal::NoSuchQueue(_))) => {
                self.see(Seen { namespace, name, request: self.request, at: now, info: None });
                Ok(())
            }
            (_, Err(refusal)) => Err(refusal.into()),
            (ask, Ok(reply)) => Err(unexpected(&ask, &reply)),
        }
    }

    fn see(&mut self, seen: Seen) {
        self.forget_queue(seen.namespace, &seen.name);
        if self.queues.len() == REMEMBERED_QUEUES {
            // Keeps what this very request has asked: it may need several.
            self.queues.retain(|old| old.request == seen.request);
        }
        self.queues.push(seen);
    }
}

impl<'c> Call<'c> {
    pub(crate) fn body(&self) -> &'c Bytes {
        self.request.body()
    }

    /// `http://host[:port]` as the client called us, or as the configuration says: what queue URLs begin with.
    pub(crate) fn base_url(&self) -> String {
        let header = self.request.headers().get(HOST).and_then(|value| value.to_str().ok());
        let plain = |host: &&str| {
            (1..=255).contains(&host.len()) && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
        };
        let called = header.or_else(|| self.request.uri().authority().map(|authority| authority.as_str()));
        let host = self.shared.external_host.as_deref().or(called.filter(plain)).unwrap_or("localhost");
        format!("{}://{host}", if self.secure { "https" } else { "http" })
    }

    pub(crate) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// The namespace of an account in the caller's region.
    pub(crate) fn namespace(&self, account: &str) -> Result<Namespace, Stop> {
        let region = &self.caller.region;
        if account == HOME_ACCOUNT && *region == self.shared.region {
            return Ok(Namespace(0));
        }
        let name = format!("{account}/{region}");
        self.memory.namespace(&name).ok_or(Stop::Ask(Ask::Namespace(name)))
    }

    /// The queue of this name or alias; `None` if there is none.
    pub(crate) fn find_queue(&self, namespace: Namespace, name: &Name, age: Age) -> Result<Option<&QueueInfo>, Stop> {
        let known = self.memory.queue(self.now, namespace, name, age);
        known.ok_or_else(|| Stop::Ask(Ask::Queue(namespace, name.clone())))
    }

    /// The queue of this name or alias, which must be there.
    pub(crate) fn queue(&self, namespace: Namespace, name: &Name, age: Age) -> Result<&QueueInfo, Stop> {
        self.find_queue(namespace, name, age)?.ok_or(Stop::Fault(Fault::NoSuchQueue))
    }

    /// Gives one command and answers with what `finish` makes of its reply.
    pub(crate) fn ask_one<F>(&mut self, command: impl FnOnce(Token) -> Command, finish: F) -> Started
    where
        F: FnOnce(Result<Reply, Refusal>) -> Result<Vec<u8>, Fault> + 'static,
    {
        let token = self.memory.next_token();
        self.push(command(token));
        Started::Waits(Box::new(OneReply { token, finish: Some(finish) }))
    }
}

struct OneReply<F> {
    token: Token,
    finish: Option<F>,
}

impl<F: FnOnce(Result<Reply, Refusal>) -> Result<Vec<u8>, Fault>> Waiting for OneReply<F> {
    fn apply(&mut self, _now: Time, effect: Effect, _scene: &mut Scene<'_>) -> Result<Progress, Fault> {
        match effect {
            Effect::Reply { token, reply } if token == self.token => match self.finish.take() {
                Some(finish) => finish(reply).map(Progress::Answered),
                None => Ok(Progress::Waits),
            },
            _ => Ok(Progress::Waits),
        }
    }
}

/// The broker answered something else than this command's answer.
pub(crate) fn unexpected(asked: &dyn std::fmt::Debug, reply: &Reply) -> Fault {
    Fault::Internal(format!("{asked:?} was answered by {reply:?}"))
}

/// The answer of operations that only succeed.
pub(crate) fn empty_answer(reply: Result<Reply, Refusal>) -> Result<Vec<u8>, Fault> {
    reply.map(|_| b"{}".to_vec()).map_err(Fault::from)
}
