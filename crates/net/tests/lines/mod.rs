//! A protocol of lines and a core that confirms what is published, to have something to run on an IO thread.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use model::{
    Address, Alarm, Authenticate, CloseReason, Command, Commands, Connection, ConnectionId, Credentials, Effect,
    EncodingId, Header, Io, Lsn, Mechanisms, Message, MessageNumber, Misbehaviour, Name, Namespace, Peer, Protocol,
    Publish, Recognised, Refusal, Reply, Secret, Time, Token,
};
use net::{
    Addressed, Arrivals, Authenticator, Core, Dialogue, Entry, Face, Limits, Listener, Login, LoginPool, Options,
    Permission, Socket, Verdict, Wakers,
};

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) core: Arc<Confirming>,
    blown: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<std::io::Result<()>>>,
    pool: LoginPool,
    worker: std::thread::JoinHandle<()>,
    gate: Gate,
}

/// Logins that may wait.
const LOGINS: usize = 4;

/// The password says how the login goes.
#[derive(Clone, Default)]
struct Gate {
    /// "held" goes on.
    open: Arc<(Mutex<bool>, Condvar)>,
    /// Logins with "slow" that were worked for.
    worked: Arc<AtomicU64>,
}

impl Gate {
    fn hold(&self) -> Verdict {
        let (open, changed) = &*self.open;
        let open = changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap();
        assert!(*open);
        granted()
    }
}

impl Authenticator for Gate {
    fn mechanisms(&self, _peer: &Peer) -> Mechanisms {
        Mechanisms::OPEN
    }

    fn begin(&self, login: Login) -> Verdict {
        let Credentials::Password { password, .. } = login.credentials else { panic!("{login:?}") };
        match password.expose() {
            b"right" => granted(),
            b"wrong" => Verdict::Refused(Refusal::Login),
            b"slow" => {
                let worked = self.worked.clone();
                Verdict::Later(Box::new(move || {
                    worked.fetch_add(1, Ordering::SeqCst);
                    granted()
                }))
            }
            b"held" => {
                let gate = self.clone();
                Verdict::Later(Box::new(move || gate.hold()))
            }
            b"late" => Verdict::After(Duration::from_millis(1), Box::new(|| Verdict::Later(Box::new(granted)))),
            b"never" => Verdict::After(Duration::from_secs(3_600), Box::new(granted)),
            b"defect" => Verdict::Later(Box::new(|| panic!("as asked"))),
            b"steps" => Verdict::Challenge("who?".into(), Box::new(Steps)),
            other => panic!("{other:?}"),
        }
    }
}

fn granted() -> Verdict {
    Verdict::Granted(Permission { user: "bob".into(), account: None, last_message: None, guard: None, place: None })
}

struct Steps;

impl Dialogue for Steps {
    fn answer(self: Box<Self>, response: Secret, _now: Time) -> Verdict {
        match response.expose() {
            b"again" => Verdict::Challenge("who then?".into(), self),
            b"bob" => Verdict::Later(Box::new(granted)),
            _ => Verdict::Refused(Refusal::Login),
        }
    }
}

impl World {
    pub(crate) fn start(threads: usize) -> Self {
        Self::with_limit(threads, 1_000)
    }

    pub(crate) fn with_limit(threads: usize, connections: usize) -> Self {
        Self::with(threads, connections, None)
    }

    pub(crate) fn with(threads: usize, connections: usize, slow: Option<Duration>) -> Self {
        let patience = Duration::from_secs(60);
        let limits = Limits { connections, login_timeout: patience, idle_timeout: patience, slow_timeout: slow };
        Self::behind(Entry::open("lines"), threads, limits)
    }

    pub(crate) fn behind(entry: Entry, threads: usize, limits: Limits) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let blown = Arc::<AtomicU64>::default();
        let face = Face::Protocol(Arc::new(Lines { blown: blown.clone() }));
        let wakers = Wakers::new(threads);
        let core = Arc::new(Confirming::new(wakers.clone()));
        let arrivals = Arrivals::new(threads);
        let (pool, gate) = (LoginPool::new(LOGINS, wakers.clone()), Gate::default());
        let worker = pool.clone();
        let worker = std::thread::spawn(move || worker.work());
        let mut listeners = vec![Listener { face, socket: Socket::Tcp(socket), entry }];
        let threads = (0..threads as u16)
            .map(|number| {
                let listeners = std::mem::take(&mut listeners);
                let (authenticator, pool) = (Arc::new(gate.clone()), pool.clone());
                let options = Options { core: core.clone(), wakers: wakers.clone(), limits, authenticator, pool };
                let arrivals = arrivals.clone();
                std::thread::spawn(move || net::run(number, options, listeners, arrivals))
            })
            .collect();
        Self { address, core, blown, threads, pool, worker, gate }
    }

    /// Bytes of answers to "blow" that were made.
    pub(crate) fn blown(&self) -> u64 {
        self.blown.load(Ordering::SeqCst)
    }

    /// Logins with "held" go on.
    pub(crate) fn let_in(&self) {
        *self.gate.open.0.lock().unwrap() = true;
        self.gate.open.1.notify_all();
    }

    /// Logins with "slow" that were worked for, and those of which nobody wanted to know any more.
    pub(crate) fn worked_and_abandoned(&self) -> (u64, u64) {
        (self.gate.worked.load(Ordering::SeqCst), self.pool.abandoned())
    }

    pub(crate) fn stop(self) {
        self.core.stopping.store(true, Ordering::SeqCst);
        self.core.wakers.wake_all();
        for thread in self.threads {
            thread.join().unwrap().unwrap();
        }
        self.pool.stop();
        self.worker.join().unwrap();
    }
}

struct Lines {
    blown: Arc<AtomicU64>,
}

impl Protocol for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn recognise(&self, _first: &[u8]) -> Recognised {
        Recognised::Yes
    }

    fn open(&self, peer: &Peer) -> Box<dyn Connection> {
        Box::new(Line {
            peer: peer.clone(),
            blown: self.blown.clone(),
            published: BTreeMap::new(),
            rings: None,
            gives_up: false,
        })
    }
}

struct Line {
    peer: Peer,
    blown: Arc<AtomicU64>,
    published: BTreeMap<Token, String>,
    rings: Option<Time>,
    /// When it rings, it ends.
    gives_up: bool,
}

const LOGIN: Token = Token(u64::MAX);

fn say(io: &mut Io<'_>, line: &str) {
    io.output.buffer().extend_from_slice(line.as_bytes());
    io.output.buffer().extend_from_slice(b"\n");
}

impl Connection for Line {
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let line = input.split_to(end + 1);
            let line = std::str::from_utf8(&line[..end]).unwrap();
            match line.split_once(' ').unwrap_or((line, "")) {
                ("echo", text) => say(io, text),
                ("who", _) => {
                    let address = self.peer.address.unwrap();
                    let name = self.peer.certificate.as_ref().map(|certificate| certificate.subject.as_str());
                    say(io, &format!("{} {} {}", address.ip(), self.peer.secure, name.unwrap_or("nobody")));
                }
                ("publish", text) => {
                    let token = Token(self.published.len() as u64);
                    self.published.insert(token, text.to_owned());
                    let message = Message {
                        address: Address::queue(Namespace(0), Name::from(text)),
                        header: Header::default(),
                        encoding: EncodingId::PLAIN,
                        properties: Bytes::new(),
                        body: Bytes::new().into(),
                    };
                    let publish = Publish { token: Some(token), ..Publish::new(Arc::new(message)) };
                    io.commands.push(Command::Publish(publish));
                }
                ("blow", count) => {
                    let count: usize = count.trim().parse().unwrap();
                    self.blown.fetch_add(count as u64, Ordering::SeqCst);
                    io.output.buffer().extend_from_slice(&vec![b'b'; count]);
                }
                // What is behind it waits for the answer.
                ("login", password) => {
                    let credentials = match password.strip_prefix("answer ") {
                        Some(answer) => Credentials::Response(answer.as_bytes().into()),
                        None => {
                            let password = password.as_bytes().into();
                            Credentials::Password { user: "bob".into(), password }
                        }
                    };
                    let login = Authenticate { token: LOGIN, credentials, client: Name::default() };
                    io.commands.push(Command::Authenticate(Box::new(login)));
                    return Ok(());
                }
                ("alarm", after) => self.rings = Some(now.plus(after.parse().unwrap())),
                ("patience", after) => {
                    (self.rings, self.gives_up) = (Some(now.plus(after.parse().unwrap())), true);
                }
                ("offend", _) => {
                    say(io, "offended");
                    return Err(Misbehaviour("as asked".into()));
                }
                ("panic", _) => panic!("as asked"),
                ("bye", _) => *io.finished = true,
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    fn apply(&mut self, _now: Time, effect: Effect, io: &mut Io<'_>) {
        match effect {
            Effect::Confirm { token, .. } => say(io, &format!("confirmed {}", self.published[&token])),
            Effect::Reply { token: LOGIN, reply } => match reply {
                Ok(Reply::Authenticated { user, .. }) => say(io, &format!("welcome {user}")),
                Ok(other) => panic!("{other:?}"),
                Err(refusal) => say(io, &refusal.to_string()),
            },
            Effect::Challenge { token: LOGIN, challenge } => {
                say(io, &format!("challenge {}", String::from_utf8_lossy(&challenge)));
            }
            Effect::Throttle { reason } => say(io, if reason.is_some() { "throttled" } else { "free" }),
            other => panic!("{other:?}"),
        }
    }

    fn flushed(&mut self, bytes: usize, _io: &mut Io<'_>) {
        assert!(bytes > 0);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.rings
    }

    fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        if self.rings.is_some_and(|at| at <= now) {
            self.rings = None;
            if self.gives_up {
                return Err(Misbehaviour("its patience has ended".into()));
            }
            say(io, "rang");
        }
        Ok(())
    }

    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>) {
        if reason != CloseReason::Misbehaved {
            say(io, &format!("goodbye {reason:?}"));
        }
    }
}

/// Confirms every publish, as record 1, 2, …; durable at once unless it is held.
pub(crate) struct Confirming {
    state: Mutex<State>,
    changed: Condvar,
    stopping: AtomicBool,
    wakers: Wakers,
}

#[derive(Default)]
struct State {
    seen: Seen,
    next: u64,
    durable: u64,
    held: bool,
    open: BTreeSet<ConnectionId>,
    /// For other threads than the one that is here.
    waiting: Vec<Addressed>,
}

/// What the core has been given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) published: u64,
    pub(crate) threads: Vec<u16>,
    pub(crate) permitted: Vec<String>,
}

impl Confirming {
    fn new(wakers: Wakers) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), stopping: AtomicBool::new(false), wakers }
    }

    /// Nothing becomes durable any more.
    pub(crate) fn hold(&self) {
        self.state.lock().unwrap().held = true;
    }

    /// Everything is durable.
    pub(crate) fn let_go(&self) {
        let mut state = self.state.lock().unwrap();
        state.held = false;
        state.durable = state.next;
        self.wakers.wake_all();
    }

    pub(crate) fn alarm(&self, reason: Option<&Alarm>) {
        let mut state = self.state.lock().unwrap();
        let effect = || Effect::Throttle { reason: reason.cloned() };
        let all: Vec<Addressed> = state
            .open
            .iter()
            .map(|connection| Addressed { connection: *connection, after: Lsn(0), effect: effect() })
            .collect();
        state.waiting.extend(all);
        self.wakers.wake_all();
    }

    pub(crate) fn seen(&self) -> Seen {
        self.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn wait_for(&self, is_there: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut state = self.state.lock().unwrap();
        while !is_there(&state.seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not seen in time: {:?}", state.seen);
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Core for Confirming {
    fn run(&self, thread: u16, _now: Time, batch: &mut Commands, inbox: &mut Vec<Addressed>) -> Option<Time> {
        let mut state = self.state.lock().unwrap();
        for envelope in batch.batch.drain(..) {
            let connection = envelope.connection;
            assert_eq!(connection.thread, thread);
            match envelope.command {
                Command::Open { .. } => {
                    state.seen.opened += 1;
                    assert!(state.open.insert(connection));
                    if !state.seen.threads.contains(&thread) {
                        state.seen.threads.push(thread);
                        state.seen.threads.sort_unstable();
                    }
                }
                Command::Close => {
                    state.seen.closed += 1;
                    assert!(state.open.remove(&connection), "closed twice");
                }
                Command::Permit { user, guard: None } => state.seen.permitted.push(user.to_string()),
                Command::Publish(publish) => {
                    state.seen.published += 1;
                    state.next += 1;
                    if !state.held {
                        state.durable = state.next;
                    }
                    let (token, message) = (publish.token.unwrap(), MessageNumber(state.next));
                    let effect = Effect::Confirm { token, message, routed: true };
                    inbox.push(Addressed { connection, after: Lsn(state.next), effect });
                }
                other => panic!("{other:?}"),
            }
        }
        let (mine, others) =
            std::mem::take(&mut state.waiting).into_iter().partition(|it| it.connection.thread == thread);
        state.waiting = others;
        inbox.extend::<Vec<Addressed>>(mine);
        self.changed.notify_all();
        None
    }

    fn durable(&self) -> Lsn {
        Lsn(self.state.lock().unwrap().durable)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
