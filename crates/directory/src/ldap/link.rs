//! One connection to one server, used by one thread at a time. Its own small runtime runs only while somebody waits.

use std::future::Future;
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, SearchOptions};
use tokio::runtime::{Builder, Runtime};

pub(super) struct Link {
    /// Always there until the drop.
    runtime: Option<Runtime>,
    ldap: Ldap,
    pub(super) born: Instant,
}

/// What is looked for.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) subtree: bool,
    pub(super) filter: String,
    pub(super) attributes: Vec<&'a str>,
    /// Entries; more of them are an error.
    pub(super) most: usize,
}

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The connection is of no use any more; a new one may be.
    #[error("{0}")]
    Broken(LdapError),
    #[error("no answer in time")]
    Late,
    #[error("{}", refusal(.0))]
    Refused(LdapResult),
    #[error("the service account: {}", refusal(.0))]
    ServiceAccount(LdapResult),
    #[error("more than {0} entries of {1}")]
    TooMany(usize, String),
    #[error("an answer that cannot be understood")]
    Nonsense,
    #[error("no runtime: {0}")]
    NoRuntime(std::io::Error),
}

impl Trouble {
    /// Whether others are better not asked here for a while. What only one login meets is no reason: anybody could keep
    /// everybody out.
    pub(super) fn is_everybodys(&self) -> bool {
        match self {
            Self::Broken(_) | Self::Late | Self::ServiceAccount(_) | Self::NoRuntime(_) => true,
            Self::Refused(result) => code::UNAVAILABLE.contains(&result.rc),
            Self::TooMany(..) | Self::Nonsense => false,
        }
    }
}

/// Whether a password was the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Yes,
    No,
}

/// Result codes (RFC 4511, appendix A).
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    /// Busy, unavailable.
    pub(super) const UNAVAILABLE: [u32; 2] = [51, 52];
    /// What says that this user does not get in: a constraint (a locked account), no such entry, no password in it,
    /// wrong password, no right, unwilling (a disabled account).
    pub(super) const NOT_THIS_USER: [u32; 6] = [19, 32, 48, 49, 50, 53];
}

impl Link {
    /// Connects, and makes the connection secure as `settings` say.
    pub(super) fn open(url: &str, settings: LdapConnSettings, deadline: Instant) -> Result<Self, Trouble> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Trouble::NoRuntime)?;
        let opened = wait(&runtime, deadline, async {
            let (connection, ldap) = LdapConnAsync::with_settings(settings, url).await?;
            // Its end is seen by whoever uses the link next.
            tokio::spawn(async move { connection.drive().await.ok() });
            Ok(ldap)
        });
        match opened {
            Ok(ldap) => Ok(Self { runtime: Some(runtime), ldap, born: Instant::now() }),
            Err(trouble) => {
                // A name that is still being resolved is nobody's business any more.
                runtime.shutdown_background();
                Err(trouble)
            }
        }
    }

    /// Shows a password. An empty one would be a login as nobody, which succeeds (RFC 4513, 5.1.2), and so would an
    /// empty name: neither gets here.
    pub(super) fn bind(&mut self, name: &str, password: &str, deadline: Instant) -> Result<Bound, Trouble> {
        assert!(!name.is_empty() && !password.is_empty(), "a login as nobody is none");
        let result = self.wait(deadline, async |ldap| ldap.simple_bind(name, password).await)?;
        match result.rc {
            code::SUCCESS => Ok(Bound::Yes),
            rc if code::NOT_THIS_USER.contains(&rc) => Ok(Bound::No),
            _ => Err(Trouble::Refused(result)),
        }
    }

    /// As [`Self::bind`], for the account that searches.
    pub(super) fn bind_service(&mut self, name: &str, password: &str, deadline: Instant) -> Result<(), Trouble> {
        assert!(!name.is_empty() && !password.is_empty(), "a login as nobody is none");
        let result = self.wait(deadline, async |ldap| ldap.simple_bind(name, password).await)?;
        if result.rc == code::SUCCESS { Ok(()) } else { Err(Trouble::ServiceAccount(result)) }
    }

    /// The entries that match. Referrals to other servers are passed over.
    pub(super) fn search(&mut self, search: &Search<'_>, deadline: Instant) -> Result<Vec<SearchEntry>, Trouble> {
        let limit = i32::try_from(search.most + 1).unwrap_or(i32::MAX);
        let scope = if search.subtree { Scope::Subtree } else { Scope::OneLevel };
        let attributes = search.attributes.clone();
        let (entries, result) = self.wait(deadline, async |ldap| {
            ldap.with_search_options(SearchOptions::new().sizelimit(limit));
            let mut stream = ldap.streaming_search(search.base, scope, &search.filter, attributes).await?;
            let mut entries = Vec::new();
            while let Some(entry) = stream.next().await? {
                if !entry.is_ref() && !entry.is_intermediate() && entries.len() <= search.most {
                    entries.push(SearchEntry::construct(entry));
                }
            }
            Ok((entries, stream.finish().await))
        })?;
        match result.rc {
            code::SUCCESS | code::SIZE_LIMIT_EXCEEDED if entries.len() > search.most => {
                Err(Trouble::TooMany(search.most, search.base.to_owned()))
            }
            code::SUCCESS => Ok(entries),
            _ => Err(Trouble::Refused(result)),
        }
    }

    fn wait<T>(
        &mut self,
        deadline: Instant,
        what: impl AsyncFnOnce(&mut Ldap) -> Result<T, LdapError>,
    ) -> Result<T, Trouble> {
        let runtime = self.runtime.as_ref().expect("the runtime goes with the link");
        wait(runtime, deadline, what(&mut self.ldap))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn wait<T>(
    runtime: &Runtime,
    deadline: Instant,
    what: impl Future<Output = Result<T, LdapError>>,
) -> Result<T, Trouble> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left == Duration::ZERO {
        return Err(Trouble::Late);
    }
    match runtime.block_on(async { tokio::time::timeout(left, what).await }) {
        Ok(done) => done.map_err(Trouble::Broken),
        Err(_) => Err(Trouble::Late),
    }
}

/// The server's words are for the log: escaped, and not too many of them.
fn refusal(result: &LdapResult) -> String {
    const CHARACTERS: usize = 200;
    let text: String = result.text.chars().take(CHARACTERS).collect();
    format!("result {} {text:?}", result.rc)
}
