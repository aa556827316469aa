//! Who somebody is. Without sockets, files, clocks, threads or randomness of its own: texts, the time and salts are
//! arguments.
//!
//! [`Users`] is the users file. With a [`MasterKey`], [`Rules`] and perhaps a [`Directory`] that knows users who are not in
//! the file it makes [`Accounts`], which never change: after a change of a file there are new ones ([`Logins::replace`]).
//!
//! [`Logins`] is one for the process, behind a lock. A login goes like this:
//!
//! ```text
//! let mut decision = logins.check(now, Claim::new(credentials, certificate, address, random));
//! loop {
//!     match decision {
//!         Granted(granted) => …          // granted.identity; send granted.last_message, write granted.replacement
//!         Refused(reason) => …           // log `reason`, answer `reason.refusal()`
//!         Wait(until, claim) => …        // later: logins.check(now, *claim)
//!         Challenge(bytes, talk) => …    // the answer: a new Claim with `conversation: Some(talk)`
//!         Costly(work) => {              // on a thread that may take long, `run` without the lock
//!             decision = match logins.resume(now, *work) {
//!                 Costly(work) => logins.finish(now, work.run()),
//!                 other => other,
//!             };
//!         }
//!     }
//! }
//! ```
//!
//! A caller that gives up forgets whatever it holds of these: nothing has to be undone.

mod attempts;
mod cache;
mod code;
mod directory;
pub mod fuzz;
mod hash;
mod identity;
mod import;
mod keys;
mod logins;
mod plain;
pub mod policy;
mod scope;
mod scram;
mod users;

pub use attempts::{Admission, AttemptLimits, Attempts};
pub use cache::{Cache, Known};
pub use directory::{Directory, DirectoryError};
pub use hash::{Cost, Hash, HashError, MAX_PASSWORD, Verdict};
pub use identity::{Identity, Source};
pub use import::{ImportError, Imported};
pub use keys::{AccessKeys, BadSignature, MasterKey, Sealed, SigningKeys};
pub use logins::{
    Accounts, CertificateUser, Claim, Conversation, Decision, Done, ENTROPY, Granted, LoginCounts, LoginLimits, Logins,
    Reason, Replacement, Rules, Work,
};
pub use plain::{MAX_TOKEN, MalformedPlain, Plain};
pub use scope::{MAX_SCOPE, Scope, Scopes};
pub use scram::{Proof, Scram, ScramError, ScramMalformed, ScramSecret};
pub use users::{Key, MAX_GROUPS, MAX_KEY_ID, MAX_NAME, User, Users, UsersError, Wrong, is_key_id, is_name};
