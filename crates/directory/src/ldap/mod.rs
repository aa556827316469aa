//! Logins at directory servers (RFC 4511): find the user, show its entry the password, read its groups.

mod filter;
mod host;
mod link;

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use auth::{Identity, Source, is_name};
use ldap3::SearchEntry;
use tracing::error;

use crate::directories::MOST_GROUPS;
use crate::error::No;
use crate::ldap::filter::{Template, group_name, meant};
use crate::ldap::host::{Host, Use};
use crate::ldap::link::{Bound, Search, Trouble};
use crate::{Error, trust};

/// Nothing longer is shown to a server, in bytes.
const LONGEST_PASSWORD: usize = 1_024;

/// The servers of one `[[ldap]]` table: they all know the same users.
pub(crate) struct Ldap {
    settings: config::Ldap,
    users: Template,
    /// What a user is called.
    name_attribute: String,
    roles: Template,
    hosts: Vec<Host>,
}

impl Ldap {
    /// # Errors
    /// A filter that is none, a file that cannot be read.
    pub(crate) fn new(settings: &config::Ldap) -> Result<Self, Error> {
        let users = Template::new("user_search_matching", &settings.user_search_matching)?;
        let secure = settings.start_tls || settings.hosts.iter().any(|host| host.starts_with("ldaps://"));
        let tls = if secure { Some(trust::client_config(settings.ca_file.as_deref())?) } else { None };
        Ok(Self {
            name_attribute: users.attribute()?.to_owned(),
            roles: Template::new("role_search_matching", &settings.role_search_matching)?,
            hosts: settings.hosts.iter().map(|host| Host::new(host, tls.clone(), settings)).collect(),
            settings: settings.clone(),
            users,
        })
    }

    pub(crate) fn authenticate(&self, user: &str, password: &[u8]) -> Answer {
        match shown(user, password) {
            Some(password) => self.ask(user, password),
            None if is_name(user) => Err(No::Refused("that can be no password".to_owned())),
            None => Err(No::UnknownUser),
        }
    }

    /// Asks the first server that can be reached.
    fn ask(&self, user: &str, password: &str) -> Answer {
        let deadline = Instant::now() + self.settings.timeout;
        for host in &self.hosts {
            if !host.breaker().enter(Instant::now()) {
                continue;
            }
            // The library panics on some answers that break the protocol.
            let login = AssertUnwindSafe(|| self.login(host, user, password, deadline));
            match catch_unwind(login).unwrap_or(Err(Trouble::Nonsense)) {
                Ok(answer) => {
                    host.breaker().succeed();
                    return answer;
                }
                Err(trouble) => {
                    error!("{} cannot tell who {user:?} is: {trouble}", host.url());
                    if !trouble.is_everybodys() {
                        host.breaker().succeed();
                        return Err(No::Unavailable("the directory server does not answer as it should".to_owned()));
                    }
                    host.breaker().fail(Instant::now());
                }
            }
        }
        Err(No::Unavailable("no directory server answers".to_owned()))
    }

    /// What the server says, if it can be asked.
    fn login(&self, host: &Host, user: &str, password: &str, deadline: Instant) -> Result<Answer, Trouble> {
        let entry = match self.find(host, user, deadline)? {
            Ok(entry) => entry,
            Err(error) => return Ok(Err(error)),
        };
        let name = match self.name(&entry, user) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        if host.with(Use::Prove, deadline, |link| link.bind(&entry.dn, password, deadline))? == Bound::No {
            return Ok(Err(No::Refused("the server refuses the password".to_owned())));
        }
        let groups = self.groups(host, &entry, &name, deadline)?;
        let in_group = |group: &Option<String>| group.as_ref().is_some_and(|group| groups.contains(group));
        Ok(Ok(Identity {
            administrator: in_group(&self.settings.administrator_group),
            monitor: in_group(&self.settings.monitor_group),
            ..Identity::new(name, groups, Source::Ldap)
        }))
    }

    fn find(&self, host: &Host, user: &str, deadline: Instant) -> Result<Result<SearchEntry, No>, Trouble> {
        let search = Search {
            base: &self.settings.user_base,
            subtree: self.settings.user_search_subtree,
            filter: self.users.fill(&[user]),
            attributes: [self.name_attribute.as_str()]
                .into_iter()
                .chain(self.settings.user_role_name.as_deref())
                .collect(),
            most: 1,
        };
        match host.with(Use::Search, deadline, |link| link.search(&search, deadline)) {
            Ok(mut entries) => Ok(entries.pop().ok_or(No::UnknownUser)),
            Err(Trouble::TooMany(..)) => Ok(Err(No::Refused("several entries have this name".to_owned()))),
            Err(trouble) => Err(trouble),
        }
    }

    /// What the entry calls itself, so that a user is the same one for every rule however its name was written.
    fn name(&self, entry: &SearchEntry, given: &str) -> Result<String, No> {
        let name = meant(values(entry, &self.name_attribute), given).filter(|name| is_name(name));
        match name {
            // To show a password to an entry without a name would be a login as nobody.
            Some(name) if !entry.dn.is_empty() => Ok(name.clone()),
            _ => Err(No::Refused(format!("no {} of the entry could be its name", self.name_attribute))),
        }
    }

    fn groups(
        &self,
        host: &Host,
        entry: &SearchEntry,
        name: &str,
        deadline: Instant,
    ) -> Result<BTreeSet<String>, Trouble> {
        let (attribute, base) = (self.settings.role_name.as_str(), self.settings.role_base.as_deref());
        let of_user = self.settings.user_role_name.iter().flat_map(|attribute| values(entry, attribute));
        let mut groups: BTreeSet<_> = of_user.map(|value| group_name(value, attribute, base)).collect();
        if let Some(base) = base {
            let search = Search {
                base,
                subtree: self.settings.role_search_subtree,
                filter: self.roles.fill(&[&entry.dn, name]),
                attributes: vec![attribute],
                most: MOST_GROUPS,
            };
            let found = host.with(Use::Search, deadline, |link| link.search(&search, deadline))?;
            groups.extend(found.iter().flat_map(|entry| values(entry, attribute)).cloned());
        }
        if groups.len() > MOST_GROUPS {
            return Err(Trouble::TooMany(MOST_GROUPS, "one user's groups".to_owned()));
        }
        Ok(groups)
    }
}

/// What a server said of a login.
type Answer = Result<Identity, No>;

impl fmt::Debug for Ldap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ldap").field("hosts", &self.settings.hosts).finish_non_exhaustive()
    }
}

/// The password as a server may be shown it; `None` refuses it without asking anybody. An empty one would be a login as
/// nobody, which servers let in (RFC 4513, 5.1.2).
fn shown<'a>(user: &str, password: &'a [u8]) -> Option<&'a str> {
    let fits = is_name(user) && (1..=LONGEST_PASSWORD).contains(&password.len());
    std::str::from_utf8(password).ok().filter(|_| fits)
}

/// Names of attributes have no case (RFC 4512, 2.5).
fn values<'a>(entry: &'a SearchEntry, attribute: &str) -> &'a [String] {
    let found = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
    found.map(|(_, values)| values.as_slice()).unwrap_or_default()
}
