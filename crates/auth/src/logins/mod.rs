//! From what a client shows to who it is.

mod accounts;
mod claim;
mod reason;
mod rules;
mod sasl;
#[cfg(test)]
mod tests;
mod work;

use core::net::IpAddr;
use std::sync::Arc;

pub use accounts::Accounts;
pub use claim::{Claim, Conversation, Decision, ENTROPY, Granted, Replacement};
use model::{Credentials, Secret, Signature, Time};
pub use reason::Reason;
pub use rules::{CertificateUser, LoginLimits, Rules};
use work::Against;
pub use work::{Done, Work};

use crate::attempts::{Admission, Attempts};
use crate::cache::{Cache, Known};
use crate::code::code;
use crate::identity::{Identity, Source};
use crate::keys::SigningKeys;
use crate::plain::MAX_TOKEN;
use crate::users::MAX_NAME;

/// Who may come in, and what is remembered of those who tried. One for the process, behind a lock that is never held for
/// long.
#[derive(Debug)]
pub struct Logins {
    accounts: Arc<Accounts>,
    attempts: Attempts,
    cache: Cache,
    signing_keys: SigningKeys,
    counts: LoginCounts,
}

/// Since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginCounts {
    pub granted: u64,
    /// Of those, the ones that cost no look at a password's hash.
    pub remembered: u64,
    pub refused: u64,
    /// Of those, the ones that were not looked at, after too many failures.
    pub refused_at_once: u64,
    /// That had to wait, after failures.
    pub slowed: u64,
    /// Of those refused, the ones of whom nobody could say who they are.
    pub unavailable: u64,
}

impl Logins {
    /// `random`: 32 bytes that are of this process alone.
    pub fn new(accounts: Arc<Accounts>, random: [u8; 32], limits: LoginLimits) -> Self {
        let key = |purpose: &[u8]| code(&random, &[purpose]);
        Self {
            accounts,
            attempts: Attempts::new(limits.attempts, key(b"attempts")),
            cache: Cache::new(key(b"cache"), limits.cache_lifetime, limits.cache_entries),
            signing_keys: SigningKeys::default(),
            counts: LoginCounts::default(),
        }
    }

    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    pub const fn counts(&self) -> LoginCounts {
        self.counts
    }

    /// From now on these count. What was remembered of users who are different now is forgotten.
    pub fn replace(&mut self, accounts: Arc<Accounts>) {
        let old = std::mem::replace(&mut self.accounts, accounts);
        self.signing_keys.clear();
        let (before, after) = (old.users(), self.accounts.users());
        self.cache.forget(|name| before.find(name) != after.find(name));
    }

    /// Forgets every password: for when a directory is another one now.
    pub fn forget(&mut self) {
        self.cache.clear();
    }

    /// Decides about a claim, or says what must be done first.
    pub fn check(&mut self, now: Time, claim: Claim) -> Decision {
        let decision = self.decide(now, claim);
        self.count(&decision);
        decision
    }

    /// To be asked by the thread that has time for the work now, before it does it: meanwhile there may have been too many
    /// failures, or the same password may have been right. So of many logins that come at once no more are looked at than
    /// there are threads, beyond what is free.
    pub fn resume(&mut self, now: Time, work: Work) -> Decision {
        let Work { user, password, address, entropy, waited, .. } = work;
        let claim = Claim { waited, ..Claim::new(Credentials::Nothing, None, address, entropy) };
        let decision = self.password(now, claim, user, password);
        self.count(&decision);
        decision
    }

    /// Decides when the work is done. If the user was changed meanwhile, there is more work.
    pub fn finish(&mut self, now: Time, done: Done) -> Decision {
        let Done { work, result } = done;
        let is_current = match (&work.against, self.accounts.users().find(&work.user)) {
            (Against::File(then), Some(now)) => then == now,
            (Against::Elsewhere(_), None) => true,
            _ => false,
        };
        if !is_current {
            return Decision::Costly(Box::new(Work { against: self.against(&work.user), ..work }));
        }
        let decision = match result {
            Ok(granted) if self.is_taken(&granted.identity) => {
                Decision::Refused(Reason::DirectoryTaken(granted.identity.name))
            }
            Ok(granted) => {
                self.attempts.succeeded(&work.user, work.address);
                self.remember(now, &work, &granted.identity);
                Decision::Granted(granted)
            }
            Err(reason) => self.refuse(now, &work.user, work.address, reason),
        };
        self.count(&decision);
        decision
    }

    fn decide(&mut self, now: Time, mut claim: Claim) -> Decision {
        match std::mem::replace(&mut claim.credentials, Credentials::Nothing) {
            Credentials::Nothing => decided(self.without_credentials(&claim)),
            Credentials::Password { user, password } => self.password(now, claim, user, password),
            Credentials::Signature(signature) => decided(self.signature(&signature)),
            Credentials::Sasl { mechanism, response } => self.begin_sasl(now, claim, &mechanism, response),
            Credentials::Response(response) => self.continue_sasl(now, claim, response),
        }
    }

    fn without_credentials(&self, claim: &Claim) -> Result<Identity, Reason> {
        match claim.certificate.as_deref().map(|certificate| self.accounts.of_certificate(certificate)) {
            Some(Ok(identity)) => Ok(identity),
            None => self.accounts.anonymous(),
            Some(Err(reason)) => self.accounts.anonymous().map_err(|_| reason),
        }
    }

    fn password(&mut self, now: Time, mut claim: Claim, user: String, password: Secret) -> Decision {
        if password.expose().is_empty() {
            return Decision::Refused(Reason::NoPassword(shortened(&user)));
        }
        let longest = user.len().max(password.expose().len());
        if user.len() > MAX_NAME || password.expose().len() > MAX_TOKEN {
            return Decision::Refused(Reason::TooLong(longest));
        }
        // Who had to stand in the line, or is at its head, does not have to again.
        let waited = claim.waited || self.attempts.slows(now, &user, claim.address);
        match self.admit(now, &claim, &user) {
            Admission::Now => {}
            Admission::At(time) => {
                claim.credentials = Credentials::Password { user, password };
                claim.waited = true;
                return Decision::Wait(time, Box::new(claim));
            }
            Admission::Never => return Decision::Refused(Reason::TooManyFailures(user)),
        }
        if let Some(identity) = self.remembered(now, &user, &password) {
            self.attempts.succeeded(&user, claim.address);
            self.counts.remembered += 1;
            return Decision::Granted(Granted::plain(identity));
        }
        let (cost, against) = (self.accounts.rules().cost, self.against(&user));
        let Claim { address, entropy, .. } = claim;
        Decision::Costly(Box::new(Work { user, password, address, entropy, waited, cost, against }))
    }

    fn admit(&mut self, now: Time, claim: &Claim, user: &str) -> Admission {
        if claim.waited { Admission::Now } else { self.attempts.admit(now, user, claim.address) }
    }

    fn remembered(&mut self, now: Time, user: &str, password: &Secret) -> Option<Identity> {
        let digest = self.cache.digest(user, password);
        match self.cache.find(now, &digest)? {
            Known::InFile => self.accounts.users().find(user).map(|user| user.identity(Source::File)),
            Known::Elsewhere(identity) => Some(identity).filter(|identity| !self.is_taken(identity)),
        }
    }

    /// Whether a directory calls somebody like a user of the file, who is another one: names may be written in several
    /// ways there, and tokens name whom they like.
    fn is_taken(&self, identity: &Identity) -> bool {
        identity.source != Source::File && self.accounts.users().find(&identity.name).is_some()
    }

    /// Tokens are not remembered: they end at times of their own, and to check them costs little.
    fn remember(&mut self, now: Time, work: &Work, identity: &Identity) {
        let known = match identity.source {
            Source::OAuth => return,
            Source::File => Known::InFile,
            _ => Known::Elsewhere(identity.clone()),
        };
        let digest = self.cache.digest(&work.user, &work.password);
        self.cache.put(now, digest, &work.user, known);
    }

    /// The users file comes first: whom it knows, the directory is not asked about.
    fn against(&self, user: &str) -> Against {
        match self.accounts.users().find(user) {
            Some(user) => Against::File(Arc::clone(user)),
            None => Against::Elsewhere(self.accounts.directory().cloned()),
        }
    }

    fn signature(&mut self, signature: &Signature) -> Result<Identity, Reason> {
        let verified = self.accounts.keys().verify(signature, &mut self.signing_keys);
        let (key, user) =
            verified.map_err(|problem| Reason::Signature { key: shortened(&signature.access_key), problem })?;
        Ok(Identity { account: key.account.clone(), ..user.identity(Source::Key) })
    }

    fn refuse(&mut self, now: Time, user: &str, address: Option<IpAddr>, reason: Reason) -> Decision {
        if reason.is_guess() {
            self.attempts.failed(now, user, address);
        }
        Decision::Refused(reason)
    }

    fn count(&mut self, decision: &Decision) {
        match decision {
            Decision::Granted(_) => self.counts.granted += 1,
            Decision::Wait(..) => self.counts.slowed += 1,
            Decision::Refused(reason) => {
                self.counts.refused += 1;
                self.counts.refused_at_once += u64::from(matches!(reason, Reason::TooManyFailures(_)));
                self.counts.unavailable += u64::from(matches!(reason, Reason::Unavailable(_)));
            }
            Decision::Costly(_) | Decision::Challenge(..) => {}
        }
    }
}

fn decided(result: Result<Identity, Reason>) -> Decision {
    match result {
        Ok(identity) => Decision::Granted(Granted::plain(identity)),
        Err(reason) => Decision::Refused(reason),
    }
}

/// What a client said, short enough for the log.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}
