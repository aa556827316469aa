//! How an IO thread sees to its connections' logins: it takes `Authenticate` out of the batch, and lets the core know
//! what a connection may do before the connection hears that it may.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Authenticate, Command, Commands, ConnectionId, Credentials, Effect, Guard, Name, Peer, Refusal, Reply, Token,
};

use crate::login::{Answer, Dialogue, Login, Permission, Verdict, Work};
use crate::slots::Slot;
use crate::thread::Thread;

/// Who has a socket of this machine that only its owner may open.
const LOCAL: &str = "local";

/// How far a connection's login has come.
pub(crate) struct Admission {
    peer: Arc<Peer>,
    dialogue: Option<Box<dyn Dialogue>>,
    /// Held while the pool works for it.
    asks: Option<Arc<()>>,
    /// What must be answered before the connection is shown more input.
    waits: Option<Token>,
    /// There was an answer: the rest of the input is to be shown.
    shows_rest: bool,
    /// What the core was told last: a client that shows with every request who it is is the same most times.
    guard: Option<Arc<dyn Guard>>,
    /// Its place among the connections of its user.
    place: Option<Box<dyn Any + Send>>,
}

impl Admission {
    pub(crate) fn new(peer: Arc<Peer>) -> Self {
        Self { peer, dialogue: None, asks: None, waits: None, shows_rest: false, guard: None, place: None }
    }

    fn is_same(&self, guard: Option<&Arc<dyn Guard>>) -> bool {
        matches!((&self.guard, guard), (Some(before), Some(now)) if Arc::ptr_eq(before, now))
    }

    /// The connection is ending: whatever the pool would find out, nobody wants to know.
    pub(crate) fn give_up(&mut self) {
        self.asks = None;
    }

    /// Whether input must wait.
    pub(crate) fn waits(&self) -> bool {
        self.waits.is_some()
    }

    /// Whether input that is left must be shown once more.
    pub(crate) fn takes_rest(&mut self) -> bool {
        std::mem::take(&mut self.shows_rest)
    }
}

/// Takes what a connection has said of who it is out of the batch: it is the last thing it said.
pub(crate) fn taken(commands: &mut Commands, from: usize) -> Option<Box<Authenticate>> {
    let is_last = |it: &model::Envelope| matches!(it.command, Command::Authenticate(_));
    if commands.batch.len() <= from || !commands.batch.last().is_some_and(is_last) {
        return None;
    }
    match commands.batch.pop()?.command {
        Command::Authenticate(authenticate) => Some(authenticate),
        _ => None,
    }
}

impl Thread {
    /// Who comes by a socket that only this machine's owner can open has every right.
    pub(crate) fn admit_local(&mut self, peer: &Peer) {
        if peer.address.is_none() {
            self.commands.push(Command::Permit { user: Name::from_static(LOCAL), guard: None });
        }
    }

    /// A connection says who it is.
    pub(crate) fn authenticate(&mut self, id: ConnectionId, authenticate: Authenticate) {
        let Authenticate { token, credentials, client } = authenticate;
        let now = self.clock.now();
        let Some(slot) = self.slots.get(id) else { return };
        let admission = &mut slot.admission;
        admission.waits = Some(token);
        // It does not count twice while it logs in anew.
        admission.place = None;
        let verdict = match (credentials, admission.dialogue.take()) {
            (Credentials::Response(response), Some(dialogue)) => dialogue.answer(response, now),
            (Credentials::Response(_), None) => Verdict::Refused(Refusal::Login),
            (credentials, _) => {
                let peer = admission.peer.clone();
                self.authenticator.clone().begin(Login { peer, credentials, client, now })
            }
        };
        self.conclude(id, token, verdict);
    }

    /// What threads of the pool have found out.
    pub(crate) fn take_answers(&mut self) {
        for Answer { connection, token, verdict } in self.pool.answers(self.number) {
            self.conclude(connection, token, verdict);
            self.show_rest(connection);
        }
    }

    fn ask_pool(&mut self, id: ConnectionId, token: Token, after: Duration, work: Work) {
        // One that is ending wants to know nothing.
        let Some(slot) = self.slots.get(id).filter(|slot| !slot.is_ending()) else { return };
        match self.pool.give(id, token, after, work) {
            Ok(asker) => slot.admission.asks = Some(asker),
            Err(refusal) => self.conclude(id, token, Verdict::Refused(refusal)),
        }
    }

    fn conclude(&mut self, id: ConnectionId, token: Token, verdict: Verdict) {
        let effect = match verdict {
            Verdict::Later(work) => return self.ask_pool(id, token, Duration::ZERO, work),
            Verdict::After(wait, work) => return self.ask_pool(id, token, wait, work),
            Verdict::Refused(refusal) => Effect::Reply { token, reply: Err(refusal) },
            Verdict::Challenge(challenge, dialogue) => {
                let Some(slot) = self.slots.get(id) else { return };
                slot.admission.dialogue = Some(dialogue);
                Effect::Challenge { token, challenge }
            }
            Verdict::Granted(Permission { user, account, last_message, guard, place }) => {
                let Some(Slot { admission, .. }) = self.slots.get(id) else { return };
                admission.place = place;
                if !admission.is_same(guard.as_ref()) {
                    admission.guard.clone_from(&guard);
                    self.commands.connection = id;
                    self.commands.push(Command::Permit { user: user.clone(), guard });
                    self.wake_round();
                }
                Effect::Reply { token, reply: Ok(Reply::Authenticated { user, account, last_message }) }
            }
        };
        let Some(slot) = self.slots.get(id) else { return };
        slot.admission.waits = None;
        slot.admission.asks = None;
        slot.admission.shows_rest = true;
        self.apply(id, effect);
    }
}
