use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;
use crate::value::Table;
use crate::words::Algorithm;

/// A directory server that knows users, by the words of Amazon MQ's `LdapServerMetadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ldap {
    /// `ldaps://host[:port]` or `ldap://host[:port]`, the preferred one first.
    pub hosts: Vec<String>,
    pub start_tls: bool,
    /// Passwords may go over the network as they are.
    pub plaintext: bool,
    /// PEM; `None`: whom the system trusts.
    pub ca_file: Option<PathBuf>,
    /// A distinguished name; `None`: searches are anonymous.
    pub service_account_username: Option<String>,
    pub service_account_password: Option<Secret<String>>,
    pub user_base: String,
    pub user_search_matching: String,
    pub user_search_subtree: bool,
    pub user_role_name: Option<String>,
    pub role_base: Option<String>,
    pub role_name: String,
    pub role_search_matching: String,
    pub role_search_subtree: bool,
    pub administrator_group: Option<String>,
    pub monitor_group: Option<String>,
    pub connect_timeout: Duration,
    /// Of a whole login.
    pub timeout: Duration,
    /// Kept open while nobody logs in.
    pub idle_connections: usize,
}

/// A server whose signed tokens (JWT, RFC 9068) count as logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oauth {
    pub issuer: String,
    /// What `aud` must name.
    pub resource_server_id: String,
    pub keys: Jwks,
    /// PEM; `None`: whom the system trusts.
    pub ca_file: Option<PathBuf>,
    pub algorithms: Vec<Algorithm>,
    /// `None`: the resource server's id and a dot.
    pub scope_prefix: Option<String>,
    pub scope_claim: String,
    /// `None`: `sub`, else `client_id`.
    pub user_claim: Option<String>,
    pub groups_claim: Option<String>,
    pub administrator_group: Option<String>,
    pub monitor_group: Option<String>,
    pub leeway: Duration,
    pub refresh: Duration,
    pub refresh_least: Duration,
    pub timeout: Duration,
}

/// Where the public keys come from (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jwks {
    File(PathBuf),
    Url(String),
}

impl Ldap {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            hosts: table.texts("hosts"),
            start_tls: table.bool("start_tls"),
            plaintext: table.bool("plaintext"),
            ca_file: table.optional_text("ca_file").map(Into::into),
            service_account_username: table.optional_text("service_account_username"),
            service_account_password: table.optional_text("service_account_password").map(Secret::new),
            user_base: table.text("user_base"),
            user_search_matching: table.text("user_search_matching"),
            user_search_subtree: table.bool("user_search_subtree"),
            user_role_name: table.optional_text("user_role_name"),
            role_base: table.optional_text("role_base"),
            role_name: table.text("role_name"),
            role_search_matching: table.text("role_search_matching"),
            role_search_subtree: table.bool("role_search_subtree"),
            administrator_group: table.optional_text("administrator_group"),
            monitor_group: table.optional_text("monitor_group"),
            connect_timeout: table.duration("connect_timeout"),
            timeout: table.duration("timeout"),
            idle_connections: table.number("idle_connections"),
        }
    }
}

impl Oauth {
    pub(crate) fn new(table: &Table) -> Self {
        let file = table.optional_text("jwks_file").map(|path| Jwks::File(path.into()));
        Self {
            issuer: table.text("issuer"),
            resource_server_id: table.text("resource_server_id"),
            keys: file.unwrap_or_else(|| Jwks::Url(table.text("jwks_url"))),
            ca_file: table.optional_text("ca_file").map(Into::into),
            algorithms: table.texts("algorithms").iter().filter_map(|name| Algorithm::from_name(name)).collect(),
            scope_prefix: table.optional_text("scope_prefix"),
            scope_claim: table.text("scope_claim"),
            user_claim: table.optional_text("user_claim"),
            groups_claim: table.optional_text("groups_claim"),
            administrator_group: table.optional_text("administrator_group"),
            monitor_group: table.optional_text("monitor_group"),
            leeway: table.duration("leeway"),
            refresh: table.duration("refresh"),
            refresh_least: table.duration("refresh_least"),
            timeout: table.duration("timeout"),
        }
    }
}
