//! The settings of the servers that know users.

use crate::setting::{Form, Kind, Preset, Setting};
use crate::settings::setting;
use crate::words::Algorithm;

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;

pub(crate) const LDAP: &[Setting] = &[
    setting(
        "hosts",
        Kind::Texts(Form::DirectoryHost),
        Preset::Required,
        "The servers, the preferred one first: `ldaps://host:636`, or `ldap://host:389` with `start_tls`. The next one is \
         asked while one cannot be reached.",
    ),
    setting("start_tls", Kind::Bool, Preset::Is("false"), "Connections to `ldap://` begin with StartTLS."),
    setting(
        "plaintext",
        Kind::Bool,
        Preset::Is("false"),
        "Allows `ldap://` without TLS to other machines: everybody on the way can read the passwords.",
    ),
    CA_FILE,
    setting(
        "service_account_username",
        Kind::Text(Form::Line),
        Preset::Unset("searches are anonymous"),
        "The distinguished name of the account that searches.",
    ),
    Setting {
        name: "service_account_password",
        kind: Kind::Text(Form::Line),
        preset: Preset::Unset("none"),
        secret: true,
        in_file: true,
        doc: "Its password; or `service_account_password_file`, the file that holds it.",
    },
    setting("user_base", Kind::Text(Form::Line), Preset::Required, "The distinguished name below which users are."),
    setting(
        "user_search_matching",
        Kind::Text(Form::Line),
        Preset::Is("(uid={0})"),
        "The filter that finds a user; `{0}` is the name that the client gave. The user is called what the attribute before \
         `={0}` says.",
    ),
    setting("user_search_subtree", Kind::Bool, Preset::Is("false"), "Users may be anywhere below, not only directly."),
    setting(
        "user_role_name",
        Kind::Text(Form::Line),
        Preset::Unset("none"),
        "An attribute of the user that names groups, such as `memberOf`.",
    ),
    setting(
        "role_base",
        Kind::Text(Form::Line),
        Preset::Unset("groups are not searched"),
        "The distinguished name below which groups are.",
    ),
    setting("role_name", Kind::Text(Form::Line), Preset::Is("cn"), "The attribute that holds the name of a group."),
    setting(
        "role_search_matching",
        Kind::Text(Form::Line),
        Preset::Is("(member={0})"),
        "The filter that finds a user's groups; `{0}` is the user's distinguished name, `{1}` the user's name.",
    ),
    setting("role_search_subtree", Kind::Bool, Preset::Is("false"), "Groups may be anywhere below, not only directly."),
    ADMINISTRATOR_GROUP,
    MONITOR_GROUP,
    setting(
        "connect_timeout",
        Kind::Duration { min: 1, max: 60 * SECOND },
        Preset::Is("2s"),
        "How long one server may take to be reached, TLS and the service account's login included.",
    ),
    setting(
        "timeout",
        Kind::Duration { min: 1, max: 60 * SECOND },
        Preset::Is("5s"),
        "How long one login may take in all. Then it fails, and the server is left alone for a while.",
    ),
    setting(
        "idle_connections",
        Kind::Integer { min: 0, max: 64 },
        Preset::Is("4"),
        "Connections of each kind (searches, passwords) that are kept open.",
    ),
];

pub(crate) const OAUTH: &[Setting] = &[
    setting(
        "issuer",
        Kind::Text(Form::Line),
        Preset::Required,
        "What a token's `iss` must be, to the letter. Tokens are told apart by it.",
    ),
    setting("resource_server_id", Kind::Text(Form::Line), Preset::Required, "What a token's `aud` must name."),
    setting(
        "jwks_file",
        Kind::Path,
        Preset::Unset("`jwks_url`"),
        "The file of the public keys, a JSON Web Key Set. It is read again when it changes.",
    ),
    setting(
        "jwks_url",
        Kind::Text(Form::Line),
        Preset::Unset("`jwks_file`"),
        "Where the key set is got, by HTTPS. The last one is kept while that fails. `http://` is for loopback only.",
    ),
    CA_FILE,
    setting(
        "algorithms",
        Kind::Choices(Algorithm::NAMES),
        Preset::Is("RS256,PS256,ES256,EdDSA"),
        "The signatures that count. None of them is symmetric.",
    ),
    setting(
        "scope_prefix",
        Kind::Text(Form::Key),
        Preset::Unset("`resource_server_id` and a dot"),
        "What scopes meant for this broker begin with; others are passed over.",
    ),
    setting("scope_claim", Kind::Text(Form::Line), Preset::Is("scope"), "The claim with the scopes: a text or a list."),
    setting(
        "user_claim",
        Kind::Text(Form::Line),
        Preset::Unset("`sub`, else `client_id`"),
        "The claim that names the user.",
    ),
    setting(
        "groups_claim",
        Kind::Text(Form::Line),
        Preset::Unset("none"),
        "The claim with the user's groups: a text or a list. A dot leads into an object: `realm_access.roles`.",
    ),
    ADMINISTRATOR_GROUP,
    MONITOR_GROUP,
    setting(
        "leeway",
        Kind::Duration { min: 0, max: 300 * SECOND },
        Preset::Is("30s"),
        "By how much the clocks may differ. A connection ends that much after its token.",
    ),
    setting(
        "refresh",
        Kind::Duration { min: SECOND, max: 24 * HOUR },
        Preset::Is("5m"),
        "How often `jwks_url` is got.",
    ),
    setting(
        "refresh_least",
        Kind::Duration { min: 0, max: HOUR },
        Preset::Is("30s"),
        "How long after one attempt the next one is made because a token names an unknown key.",
    ),
    setting(
        "timeout",
        Kind::Duration { min: 1, max: 60 * SECOND },
        Preset::Is("5s"),
        "How long it may take to get `jwks_url`.",
    ),
];

const CA_FILE: Setting = setting(
    "ca_file",
    Kind::Path,
    Preset::Unset("whom the system trusts"),
    "The certificates, PEM, of the authorities that the server's must come from.",
);

const ADMINISTRATOR_GROUP: Setting =
    setting("administrator_group", Kind::Text(Form::Line), Preset::Unset("none"), "Its members may do everything.");

const MONITOR_GROUP: Setting =
    setting("monitor_group", Kind::Text(Form::Line), Preset::Unset("none"), "Its members may see everything.");
