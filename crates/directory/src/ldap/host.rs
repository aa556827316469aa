use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use config::{Ldap, Secret};
use ldap3::LdapConnSettings;
use rustls::ClientConfig;

use super::link::{Link, Trouble};
use crate::breaker::Breaker;

/// Longer than any login, shorter than what firewalls and servers forget idle connections after.
const LONGEST_LIFE: Duration = Duration::from_secs(300);

/// One server, with the connections to it that nobody uses just now.
pub(super) struct Host {
    url: String,
    /// `None`: the connection is not secured.
    tls: Option<Arc<ClientConfig>>,
    start_tls: bool,
    account: Option<(String, Secret<String>)>,
    connect_timeout: Duration,
    most_idle: usize,
    breaker: Mutex<Breaker>,
    searching: Mutex<Vec<Link>>,
    proving: Mutex<Vec<Link>>,
}

/// What a connection is for: one on which users' passwords are tried is never searched with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Use {
    Search,
    Prove,
}

impl Host {
    pub(super) fn new(url: &str, tls: Option<Arc<ClientConfig>>, settings: &Ldap) -> Self {
        let account = settings.service_account_username.clone().zip(settings.service_account_password.clone());
        Self {
            url: url.to_owned(),
            tls,
            start_tls: settings.start_tls,
            account,
            connect_timeout: settings.connect_timeout,
            most_idle: settings.idle_connections,
            breaker: Mutex::default(),
            searching: Mutex::default(),
            proving: Mutex::default(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something on a connection: one that was left from before, else a new one. What breaks on an old one is
    /// done again on another, because servers close idle connections when they like.
    pub(super) fn with<T>(
        &self,
        what_for: Use,
        deadline: Instant,
        mut what: impl FnMut(&mut Link) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        while let Some(mut link) = self.take(what_for) {
            match what(&mut link) {
                Err(Trouble::Broken(_)) => continue,
                done => return self.finish(what_for, link, done),
            }
        }
        let mut link = self.open(what_for, deadline)?;
        let done = what(&mut link);
        self.finish(what_for, link, done)
    }

    fn open(&self, what_for: Use, deadline: Instant) -> Result<Link, Trouble> {
        let deadline = deadline.min(Instant::now() + self.connect_timeout);
        let mut settings = LdapConnSettings::new().set_starttls(self.start_tls);
        if let Some(tls) = &self.tls {
            settings = settings.set_config(Arc::clone(tls));
        }
        let mut link = Link::open(&self.url, settings, deadline)?;
        if let (Use::Search, Some((name, password))) = (what_for, &self.account) {
            link.bind_service(name, password.expose(), deadline)?;
        }
        Ok(link)
    }

    /// Keeps a connection that did what it was asked.
    fn finish<T>(&self, what_for: Use, link: Link, done: Result<T, Trouble>) -> Result<T, Trouble> {
        let mut idle = self.idle(what_for);
        if done.is_ok() && idle.len() < self.most_idle {
            idle.push(link);
        }
        done
    }

    fn take(&self, what_for: Use) -> Option<Link> {
        let mut idle = self.idle(what_for);
        idle.retain(|link| link.born.elapsed() < LONGEST_LIFE);
        idle.pop()
    }

    fn idle(&self, what_for: Use) -> MutexGuard<'_, Vec<Link>> {
        let links = match what_for {
            Use::Search => &self.searching,
            Use::Prove => &self.proving,
        };
        links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
