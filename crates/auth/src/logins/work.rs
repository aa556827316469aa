use core::net::IpAddr;
use std::sync::Arc;

use model::Secret;

use super::{Granted, Reason, Replacement};
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
    pub(super) salt: [u8; 16],
    pub(super) cost: Cost,
    pub(super) against: Against,
}

#[derive(Clone, Debug)]
pub(super) enum Against {
    File(Arc<User>),
    /// The users file does not know the name.
    Directories(Vec<Arc<dyn Directory>>),
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
        matches!(&self.against, Against::Directories(directories) if !directories.is_empty())
    }

    pub fn run(self) -> Done {
        let result = match &self.against {
            Against::File(user) => self.verify(user),
            Against::Directories(directories) => self.ask(directories).map(Granted::plain),
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
        let new = Hash::new(self.password.expose(), self.salt, self.cost).ok()?;
        Some(Replacement { user: self.user.clone(), old: old.clone(), new })
    }

    /// The first that knows the user decides. One that cannot be asked makes the answer unknown, unless another vouches.
    fn ask(&self, directories: &[Arc<dyn Directory>]) -> Result<Identity, Reason> {
        let mut unavailable = None;
        for directory in directories {
            let name = || directory.name().to_owned();
            match directory.authenticate(&self.user, &self.password) {
                Ok(identity) if is_name(&identity.name) => return Ok(identity),
                Ok(_) => {
                    let why = "it names somebody who cannot be called so".to_owned();
                    return Err(Reason::Directory { directory: name(), user: self.user.clone(), why });
                }
                Err(DirectoryError::UnknownUser) => {}
                Err(DirectoryError::Refused(why)) => {
                    return Err(Reason::Directory { directory: name(), user: self.user.clone(), why });
                }
                Err(DirectoryError::Unavailable(why)) => {
                    unavailable.get_or_insert(Reason::Unavailable { directory: name(), why });
                }
            }
        }
        if directories.is_empty() {
            verify_nothing(self.password.expose(), self.cost);
        }
        Err(unavailable.unwrap_or_else(|| Reason::UnknownUser(self.user.clone())))
    }
}
