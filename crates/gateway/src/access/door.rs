//! Who comes in: what a client shows is checked against the users file, client certificates, access keys and directories.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use auth::policy::{Authority, Conditions, Subject};
use auth::{Claim, Conversation, Decision, ENTROPY, Granted, Identity, LoginCounts, Logins, Reason, Replacement};
use model::{Action, Credentials, Guard, Mechanisms, Name, Peer, Protected, Refusal, Secret, Time};
use net::{Authenticator, Clock, Dialogue, Login, OpenDoor, Permission, Verdict};

use crate::access::audit::{AuditLog, Event, short};
use crate::access::guards::Guards;
use crate::access::places::Places;
use crate::access::said::Said;
use crate::random;

/// One for the process.
pub(crate) struct Door {
    /// Held for as long as a look-up takes.
    logins: Mutex<Logins>,
    authority: Arc<Authority>,
    audit: AuditLog,
    places: Places,
    guards: Guards,
    said: Said,
    /// Connections that one user may have.
    most_connections: Option<usize>,
    /// Everybody is let in, whatever there is.
    dev: bool,
    /// The guard of all who were let in without a name.
    nobody: OnceLock<Arc<Open>>,
    /// There has been somebody who can be asked for a password.
    closed: AtomicBool,
    /// Hashes of an old kind whose passwords were right, with new ones.
    outdated: Mutex<Vec<Replacement>>,
}

/// How a login came: for what is said of it afterwards.
#[derive(Clone)]
struct Visit {
    peer: Arc<Peer>,
    client: Name,
    /// The access key of somebody who shows it with each request.
    key: Option<String>,
}

impl Door {
    pub(crate) fn new(
        logins: Logins,
        authority: Arc<Authority>,
        audit: AuditLog,
        most_connections: Option<usize>,
        dev: bool,
    ) -> Self {
        Self {
            logins: Mutex::new(logins),
            authority,
            audit,
            places: Places::default(),
            guards: Guards::default(),
            said: Said::default(),
            most_connections,
            dev,
            nobody: OnceLock::new(),
            closed: AtomicBool::new(false),
            outdated: Mutex::default(),
        }
    }

    /// Whether every credential is accepted: until there is somebody who could be asked for a password.
    pub(crate) fn is_open(&self) -> bool {
        if self.dev {
            return true;
        }
        if self.closed.load(Ordering::Relaxed) {
            return false;
        }
        // Once there is somebody, it stays closed, whoever is removed later.
        let closed = self.with_logins(|logins| {
            let accounts = logins.accounts();
            !accounts.users().is_empty() || accounts.directory().is_some()
        });
        self.closed.store(closed, Ordering::Relaxed);
        !closed
    }

    pub(crate) fn with_logins<T>(&self, act: impl FnOnce(&mut Logins) -> T) -> T {
        act(&mut self.logins.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) fn counts(&self) -> LoginCounts {
        self.with_logins(|logins| logins.counts())
    }

    fn open_guard(self: &Arc<Self>, user: &str) -> Arc<dyn Guard> {
        let new = || Arc::new(Open { door: self.clone(), user: user.to_owned() });
        // Who signs each request is nobody in particular while everybody is let in.
        if user.is_empty() { self.nobody.get_or_init(new).clone() } else { new() }
    }

    /// New hashes for the users file, once.
    pub(crate) fn take_outdated(&self) -> Vec<Replacement> {
        std::mem::take(&mut self.outdated.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn check(self: &Arc<Self>, now: Time, claim: Claim, visit: Visit) -> Verdict {
        let decision = self.with_logins(|logins| logins.check(now, claim));
        self.verdict(now, decision, visit)
    }

    fn verdict(self: &Arc<Self>, now: Time, decision: Decision, visit: Visit) -> Verdict {
        let door = self.clone();
        match decision {
            Decision::Granted(granted) => self.let_in(now, granted, &visit),
            Decision::Refused(reason) => self.turn_away(now, &reason, &visit),
            Decision::Wait(until, claim) => {
                let wait = Duration::from_millis(until.since(now));
                Verdict::After(wait, Box::new(move || door.check(Clock::default().now(), *claim, visit)))
            }
            Decision::Costly(work) => Verdict::Later(Box::new(move || {
                let now = || Clock::default().now();
                let decision = match door.with_logins(|logins| logins.resume(now(), *work)) {
                    Decision::Costly(work) => {
                        let done = work.run();
                        door.with_logins(|logins| logins.finish(now(), done))
                    }
                    other => other,
                };
                door.verdict(now(), decision, visit)
            })),
            Decision::Challenge(challenge, conversation) => {
                Verdict::Challenge(challenge, Box::new(Talk { door, visit, conversation }))
            }
        }
    }

    fn let_in(self: &Arc<Self>, now: Time, granted: Granted, visit: &Visit) -> Verdict {
        let Granted { identity, last_message, replacement } = granted;
        let outdated = || self.outdated.lock().unwrap_or_else(PoisonError::into_inner);
        outdated().extend(replacement);
        let Some(place) = self.places.take(&identity.name, self.most_connections) else {
            return self.turn_away_crowd(now, &identity, visit);
        };
        self.say(now, &identity, visit);
        let Visit { peer, client, .. } = visit;
        let conditions = Conditions {
            client: client.clone(),
            address: peer.address.map(|address| address.ip()),
            secure: peer.secure,
        };
        let (user, account) = (Name::from(identity.name.as_str()), identity.account.clone());
        let guard = self.guards.get(&identity, &conditions, || {
            Arc::new(Subject::new(self.authority.clone(), identity.clone(), conditions.clone()))
        });
        Verdict::Granted(Permission { user, account, last_message, guard: Some(guard), place: Some(Box::new(place)) })
    }

    fn say(&self, now: Time, identity: &Identity, Visit { peer, client, key }: &Visit) {
        let address = || peer.address.map(|address| address.ip());
        if key.as_ref().is_some_and(|key| !self.said.is_new(now, key, address())) {
            return;
        }
        let (kind, name) = key.as_ref().map_or(("", ""), |key| ("access key", short(key)));
        self.audit.write(&Event {
            user: &identity.name,
            client: short(&client.to_text()),
            reason: identity.source.name(),
            kind,
            name,
            ..Event::of(now, "login", peer)
        });
    }

    fn turn_away_crowd(&self, now: Time, identity: &Identity, visit: &Visit) -> Verdict {
        let reason = "too many connections of this user";
        tracing::warn!(peer = ?visit.peer.address, "login of {:?} refused: {reason}", identity.name);
        let peer = &visit.peer;
        self.audit.write(&Event { user: &identity.name, reason, ..Event::of(now, "login refused", peer) });
        Verdict::Refused(Refusal::LoginUnavailable(reason.into()))
    }

    fn turn_away(&self, now: Time, reason: &Reason, visit: &Visit) -> Verdict {
        let Visit { peer, client, .. } = visit;
        let text = reason.to_string();
        tracing::info!(protocol = peer.protocol, peer = ?peer.address, "login refused: {}", short(&text));
        self.audit.write(&Event {
            client: short(&client.to_text()),
            reason: short(&text),
            ..Event::of(now, "login refused", peer)
        });
        Verdict::Refused(reason.refusal())
    }
}

/// The door, as the IO threads see it.
pub(crate) struct Doorman(pub(crate) Arc<Door>);

impl Authenticator for Doorman {
    fn mechanisms(&self, peer: &Peer) -> Mechanisms {
        let external = peer.certificate.is_some();
        if self.0.is_open() {
            return Mechanisms { external, ..Mechanisms::OPEN };
        }
        self.0.with_logins(|logins| {
            let accounts = logins.accounts();
            let (scram_sha_256, anonymous) = (accounts.offers_scram(), accounts.rules().anonymous.is_some());
            Mechanisms { external, scram_sha_256, plain: true, anonymous }
        })
    }

    fn begin(&self, login: Login) -> Verdict {
        let door = &self.0;
        if door.is_open() {
            return match OpenDoor.begin(login) {
                Verdict::Granted(permission) => {
                    let guard = door.open_guard(&permission.user.to_text());
                    Verdict::Granted(Permission { guard: Some(guard), ..permission })
                }
                other => other,
            };
        }
        let Login { peer, credentials, client, now } = login;
        let address = peer.address.map(|address| address.ip());
        let key = match &credentials {
            Credentials::Signature(signature) => Some(signature.access_key.clone()),
            _ => None,
        };
        let claim = Claim::new(credentials, peer.certificate.clone(), address, entropy());
        door.check(now, claim, Visit { peer, client: client.detached(), key })
    }
}

struct Talk {
    door: Arc<Door>,
    visit: Visit,
    conversation: Conversation,
}

impl Dialogue for Talk {
    fn answer(self: Box<Self>, response: Secret, now: Time) -> Verdict {
        let Self { door, visit, conversation } = *self;
        let address = visit.peer.address.map(|address| address.ip());
        let mut claim = Claim::new(Credentials::Response(response), visit.peer.certificate.clone(), address, entropy());
        claim.conversation = Some(conversation);
        door.check(now, claim, visit)
    }
}

/// Somebody who was let in while everybody was.
struct Open {
    door: Arc<Door>,
    user: String,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Open").field(&self.user).finish()
    }
}

impl Guard for Open {
    fn user(&self) -> &str {
        &self.user
    }

    fn stands(&self) -> bool {
        self.door.is_open()
    }

    fn is_proven(&self) -> bool {
        false
    }

    fn is_unlimited(&self) -> bool {
        true
    }

    fn allows(&self, _action: Action, _protected: &Protected<'_>) -> bool {
        true
    }
}

/// What salts and nonces are made of.
fn entropy() -> [u8; ENTROPY] {
    random::bytes().expect("the process has had randomness since its start")
}
