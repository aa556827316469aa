//! Who the clients are. A connection says `Command::Authenticate`; what answers it is an [`Authenticator`]. What takes
//! time (a password's hash, a directory server) is done by the threads of a [`LoginPool`], so that nobody else waits.

use std::any::Any;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{ConnectionId, Credentials, Guard, Mechanisms, Name, Peer, Refusal, Secret, Time, Token};

use crate::core::Wakers;
use crate::line::{Line, Next, Waits};

/// Finds out who clients are.
pub trait Authenticator: Send + Sync {
    /// How this peer may log in.
    fn mechanisms(&self, peer: &Peer) -> Mechanisms;

    /// Must not wait.
    fn begin(&self, login: Login) -> Verdict;
}

/// What a client has shown.
#[derive(Clone, Debug)]
pub struct Login {
    pub peer: Arc<Peer>,
    pub credentials: Credentials,
    pub client: Name,
    pub now: Time,
}

/// What is known so far.
pub enum Verdict {
    Granted(Permission),
    /// `Refusal::Login` or `Refusal::LoginUnavailable`.
    Refused(Refusal),
    /// The client must answer this.
    Challenge(Bytes, Box<dyn Dialogue>),
    /// This will say more. It may wait.
    Later(Work),
    /// The same, but not before this time has passed.
    After(Duration, Work),
}

/// Something that takes time.
pub type Work = Box<dyn FnOnce() -> Verdict + Send>;

/// A login of several steps.
pub trait Dialogue: Send {
    fn answer(self: Box<Self>, response: Secret, now: Time) -> Verdict;
}

/// Who somebody is, and what he may do.
pub struct Permission {
    pub user: Name,
    /// His AWS account, if the access key belongs to a certain one.
    pub account: Option<String>,
    /// What SASL has the server say at the end.
    pub last_message: Option<Bytes>,
    /// `None`: everything.
    pub guard: Option<Arc<dyn Guard>>,
    /// Dropped when the connection ends, or logs in anew: a place that is counted.
    pub place: Option<Box<dyn Any + Send>>,
}

/// Logins that take time. The shell starts threads that [`LoginPool::work`].
#[derive(Clone)]
pub struct LoginPool(Arc<Inner>);

struct Inner {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// Logins that may wait.
    capacity: usize,
    answers: Vec<Mutex<Vec<Answer>>>,
    wakers: Wakers,
}

#[derive(Default)]
struct Waiting {
    line: Line<Job>,
    stopping: bool,
}

/// What a thread of the pool has found out.
pub(crate) struct Answer {
    pub(crate) connection: ConnectionId,
    pub(crate) token: Token,
    pub(crate) verdict: Verdict,
}

struct Job {
    connection: ConnectionId,
    token: Token,
    work: Work,
    /// Alive as long as the connection waits for this.
    asker: Weak<()>,
}

impl Waits for Job {
    fn is_there(&self) -> bool {
        self.asker.strong_count() > 0
    }
}

impl LoginPool {
    pub fn new(capacity: usize, wakers: Wakers) -> Self {
        let answers = (0..wakers.len()).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner { waiting: Mutex::default(), changed: Condvar::new(), capacity, answers, wakers }))
    }

    /// Does what waits until [`LoginPool::stop`]. To be called by threads of its own.
    pub fn work(&self) {
        while let Some(Job { connection, token, work, .. }) = self.next() {
            // One that is the fault of a defect is refused like one of a wrong password.
            let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
                tracing::error!("a defect in the login code refused a login");
                Verdict::Refused(Refusal::LoginUnavailable("the login cannot be checked".into()))
            });
            let thread = connection.thread;
            if let Some(answers) = self.0.answers.get(usize::from(thread)) {
                locked(answers).push(Answer { connection, token, verdict });
                self.0.wakers.wake(thread);
            }
        }
    }

    pub fn stop(&self) {
        locked(&self.0.waiting).stopping = true;
        self.0.changed.notify_all();
    }

    /// Logins whose clients were gone before their turn came.
    pub fn abandoned(&self) -> u64 {
        locked(&self.0.waiting).line.left()
    }

    /// The next job whose time has come; `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut waiting = locked(&self.0.waiting);
        loop {
            if waiting.stopping {
                return None;
            }
            waiting = match waiting.line.next(Instant::now()) {
                Next::Now(job) => return Some(job),
                Next::After(rest) => {
                    self.0.changed.wait_timeout(waiting, rest).unwrap_or_else(PoisonError::into_inner).0
                }
                Next::Nobody => self.0.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Gives work to the pool; a refusal if too much waits already. When what is returned is dropped, nobody wants to
    /// know any more.
    pub(crate) fn give(
        &self,
        connection: ConnectionId,
        token: Token,
        after: Duration,
        work: Work,
    ) -> Result<Arc<()>, Refusal> {
        let mut waiting = locked(&self.0.waiting);
        if waiting.line.len() >= self.0.capacity {
            return Err(Refusal::LoginUnavailable("too many logins at once".into()));
        }
        let asker = Arc::new(());
        let job = Job { connection, token, work, asker: Arc::downgrade(&asker) };
        waiting.line.push(Instant::now(), after, job);
        drop(waiting);
        self.0.changed.notify_one();
        Ok(asker)
    }

    pub(crate) fn answers(&self, thread: u16) -> Vec<Answer> {
        self.0.answers.get(usize::from(thread)).map(|it| std::mem::take(&mut *locked(it))).unwrap_or_default()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets everybody in as whoever he says he is.
pub struct OpenDoor;

impl Authenticator for OpenDoor {
    fn mechanisms(&self, _peer: &Peer) -> Mechanisms {
        Mechanisms::OPEN
    }

    fn begin(&self, login: Login) -> Verdict {
        let user = match login.credentials {
            Credentials::Password { user, .. } => user,
            Credentials::Sasl { .. } | Credentials::Response(_) => return Verdict::Refused(Refusal::Login),
            Credentials::Nothing | Credentials::Signature(_) => String::new(),
        };
        Verdict::Granted(Permission { user: user.into(), account: None, last_message: None, guard: None, place: None })
    }
}
