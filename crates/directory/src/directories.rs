use std::time::SystemTime;

use auth::{Directory, DirectoryError, Identity};
use config::Config;
use model::Time;
use tracing::info;

use crate::Error;
use crate::error::No;
use crate::ldap::Ldap;
use crate::oauth::{Oauth, is_token};

/// Of one user. One that is in more gets in nowhere: without some of its groups it might get more than it should.
pub(crate) const MOST_GROUPS: usize = 1_000;

/// All servers of the configuration that know users.
#[derive(Debug)]
pub struct Directories {
    ldap: Vec<Ldap>,
    oauth: Oauth,
}

impl Directories {
    /// `None` if the configuration has none. No server is asked yet: a broker starts while they are down.
    ///
    /// # Errors
    /// What is wrong with the files and filters that the configuration names.
    pub fn from_config(config: &Config) -> Result<Option<Self>, Error> {
        let ldap = config.ldap.iter().map(Ldap::new).collect::<Result<Vec<_>, _>>()?;
        let oauth = Oauth::new(config)?;
        Ok((!ldap.is_empty() || !oauth.is_empty()).then_some(Self { ldap, oauth }))
    }

    /// Looks for new keys of token servers. To be called about once a second, by a thread that may wait for the
    /// network.
    pub fn tend(&self) {
        self.oauth.tend();
    }

    /// A token is shown to nobody, and everything else to one server after the other until one says yes, or a clear no.
    fn ask(&self, user: &str, password: &[u8], now: Time) -> Result<Identity, No> {
        if !self.oauth.is_empty() && is_token(password) {
            return self.oauth.authenticate(password, now);
        }
        let mut answer = No::UnknownUser;
        for ldap in &self.ldap {
            match ldap.authenticate(user, password) {
                Err(No::UnknownUser) => {}
                Err(No::Unavailable(why)) => answer = No::Unavailable(why),
                decided => return decided,
            }
        }
        Err(answer)
    }
}

impl Directory for Directories {
    fn authenticate(&self, user: &str, password: &[u8]) -> Result<Identity, DirectoryError> {
        self.ask(user, password, now()).map_err(|no| match no {
            No::UnknownUser => DirectoryError::Refused,
            No::Refused(why) => {
                info!("{user:?} is refused: {why}");
                DirectoryError::Refused
            }
            No::Unavailable(why) => DirectoryError::Unavailable(why),
        })
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Time(since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}
