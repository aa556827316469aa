use core::net::IpAddr;
use std::sync::Arc;

use model::Secret;

use super::claim::salt;
use super::{ENTROPY, Granted, Reason, Replacement};
use crate::directory::{Directory, DirectoryError};
use crate::hash::{Cost, Hash, Verdict, verify_nothing};
use crate::identity::{Identity, Source};
use crate::users::{User, is_name};

/// A password to be checked: 20 MiB and some tens of milliseconds, or a question to a directory.
#[derive(Clone, Debug)]
pub struct Work {
    pub(super) user: String,
    pub(super) password: Secret,
    pub(super) address: Option<IpAddr>,
    pub(super) entropy: [u8; ENTROPY],
    /// It stood in the line, as [`Claim::waited`](super::Claim).
    pub(super) waited: bool,
    pub(super) cost: Cost,
    pub(super) against: Against,
}

#[derive(Clone, Debug)]
pub(super) enum Against {
    File(Arc<User>),
    /// The users file does not know the name.
    Elsewhere(Option<Arc<dyn Directory>>),
}

/// What came of it, for `Logins::finish`.
#[derive(Debug)]
pub struct Done {
    pub(super) work: Work,
    pub(super) result: Result<Granted, Reason>,
}

impl Work {
    /// Whether it waits for the network rather than uses the processor.
    pub const fn asks_directory(&self) -> bool {
        matches!(&self.against, Against::Elsewhere(Some(_)))
    }

    pub fn run(self) -> Done {
        let result = match &self.against {
            Against::File(user) => self.verify(user),
            Against::Elsewhere(directory) => self.ask(directory.as_deref()).map(Granted::plain),
        };
        Done { work: self, result }
    }

    fn verify(&self, user: &User) -> Result<Granted, Reason> {
        let Some(hash) = &user.hash else {
            verify_nothing(self.password.expose(), self.cost);
            return Err(Reason::UserWithoutPassword(self.user.clone()));
        };
        let replacement = match hash.verify(self.password.expose(), self.cost) {
            Verdict::Wrong => return Err(Reason::WrongPassword(self.user.clone())),
            Verdict::Right => None,
            Verdict::Outdated => self.replace(hash),
        };
        Ok(Granted { replacement, ..Granted::plain(user.identity(Source::File)) })
    }

    fn replace(&self, old: &Hash) -> Option<Replacement> {
        let new = Hash::new(self.password.expose(), salt(&self.entropy), self.cost).ok()?;
        Some(Replacement { user: self.user.clone(), old: old.clone(), new })
    }

    fn ask(&self, directory: Option<&dyn Directory>) -> Result<Identity, Reason> {
        let user = || self.user.clone();
        let Some(directory) = directory else {
            verify_nothing(self.password.expose(), self.cost);
            return Err(Reason::UnknownUser(user()));
        };
        match directory.authenticate(&self.user, self.password.expose()) {
            Ok(identity) if is_name(&identity.name) => Ok(identity),
            Ok(identity) => Err(Reason::DirectoryName(identity.name)),
            Err(DirectoryError::Refused) => Err(Reason::Directory(user())),
            Err(DirectoryError::Unavailable(why)) => Err(Reason::Unavailable(why)),
        }
    }
}
