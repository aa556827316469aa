//! Logins with tokens (JWT, RFC 7519): the password is a token that the configured server has signed, and says who its
//! bearer is. As in RabbitMQ the user name that comes with it does not count.
//!
//! Signatures are checked with `ring`, which TLS brings along; there is one use of each key, and nothing symmetric, so a
//! library of its own would add more than it saves.

mod claims;
mod fetch;
mod key;
mod keys;
mod token;

use std::time::Instant;

use auth::Identity;
use config::Config;
use model::{Name, Time};
use serde_json::Value;

use crate::Error;
use crate::error::No;
use crate::oauth::keys::Keys;
use crate::oauth::token::Token;
pub(crate) use crate::oauth::token::is_token;

/// One token server.
#[derive(Debug)]
struct Server {
    settings: config::Oauth,
    keys: Keys,
}

/// All of them, told apart by the issuer.
#[derive(Debug)]
pub(crate) struct Oauth {
    servers: Vec<Server>,
    /// Those that have a namespace of their own, with it.
    virtual_hosts: Vec<(String, Name)>,
}

impl Oauth {
    /// # Errors
    /// A file that cannot be read or has no keys.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let server = |settings: &config::Oauth| {
            let keys = Keys::new(settings)?;
            Ok::<_, Error>(Server { settings: settings.clone(), keys })
        };
        let space = |space: &config::Namespace| Name::from(format!("{}/{}", space.account, space.region));
        let own = |space: &config::Namespace| space.account == OWN_ACCOUNT && space.region == config.region;
        let foreign = config.virtual_hosts.iter().filter(|host| !own(&host.namespace));
        Ok(Self {
            servers: config.oauth.iter().map(server).collect::<Result<_, _>>()?,
            virtual_hosts: foreign.map(|host| (host.name.clone(), space(&host.namespace))).collect(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Judges a token.
    pub(crate) fn authenticate(&self, token: &[u8], now: Time) -> Result<Identity, No> {
        let token = Token::parse(token).map_err(|malformed| No::Refused(malformed.to_string()))?;
        let issuer = token.claims.get("iss").and_then(Value::as_str);
        let server = self.servers.iter().find(|server| Some(server.settings.issuer.as_str()) == issuer);
        let server = server.ok_or_else(|| No::Refused("the token is by an issuer who is unknown here".to_owned()))?;
        server.check_signature(&token)?;
        claims::identity(&token.claims, &server.settings, &self.virtual_hosts, now)
            .map_err(|unfit| No::Refused(unfit.to_string()))
    }

    /// To be called now and then, where waiting is no harm: looks for new keys.
    pub(crate) fn tend(&self) {
        self.servers.iter().for_each(|server| server.keys.tend(Instant::now()));
    }
}

/// Of the broker's own namespace, which is called `/`.
const OWN_ACCOUNT: &str = "000000000000";

impl Server {
    fn check_signature(&self, token: &Token<'_>) -> Result<(), No> {
        let refused = |why: &str| No::Refused(why.to_owned());
        if !self.settings.algorithms.contains(&token.algorithm) {
            return Err(refused("the token is signed by an algorithm that does not count here"));
        }
        let id = token.key_id.as_deref();
        let mut keys = self.keys.current();
        if keys.named(id).next().is_none() {
            keys = self.keys.renewed(Instant::now())?;
        }
        if keys.named(id).next().is_none() {
            return Err(refused("the token is signed with an unknown key"));
        }
        let signed = keys.named(id).any(|key| key.signed(token.algorithm, token.signed, &token.signature));
        if signed { Ok(()) } else { Err(refused("the token's signature is wrong")) }
    }
}
