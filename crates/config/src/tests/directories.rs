use super::*;
use crate::{Algorithm, Jwks};

const LDAP: &str = "[[ldap]]\nuser_base = 'dc=a'\n";
const OAUTH: &str = "[[oauth]]\nissuer = 'https://a'\nresource_server_id = 'broker'\n";

#[test]
fn what_is_not_set_has_a_default() {
    let config =
        from_file(&format!("{LDAP}hosts = ['ldaps://a:636', 'ldaps://[::1]']\n{OAUTH}jwks_file = 'keys.json'"));
    let (ldap, oauth) = (&config.ldap[0], &config.oauth[0]);
    assert_eq!(ldap.hosts, ["ldaps://a:636", "ldaps://[::1]"]);
    assert_eq!((ldap.user_search_matching.as_str(), ldap.role_name.as_str()), ("(uid={0})", "cn"));
    assert_eq!(oauth.keys, Jwks::File("keys.json".into()));
    assert_eq!(oauth.algorithms, [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa]);
    let shown = crate::show(&config);
    assert_eq!(from_file(&shown).ldap, config.ldap, "{shown}");
    assert_eq!(from_file(&shown).oauth, config.oauth, "{shown}");
}

#[test]
fn from_the_environment() {
    let config = from_environment(&[("CAUSEWAY_LDAP", "[{hosts = 'ldaps://a, ldaps://b', user_base = 'dc=a'}]")]);
    assert_eq!(config.ldap[0].hosts, ["ldaps://a", "ldaps://b"]);
}

#[test]
fn hosts() {
    for bad in ["[]", "['a']", "['ldaps://']", "['ldaps://a:0']", "['ldaps://a/b']", "['ldap://[a]']", "[1]", "1"] {
        let lines = file_errors(&format!("{LDAP}hosts = {bad}"));
        assert!(lines.contains("must be a list of 1 to 16, each a URL"), "{bad}: {lines}");
    }
    for fine in ["['ldap://127.0.0.1:389']", "['ldap://localhost']", "['ldap://[::1]']"] {
        from_file(&format!("{LDAP}hosts = {fine}"));
    }
    for allowed in ["start_tls = true", "plaintext = true"] {
        from_file(&format!("{LDAP}hosts = ['ldap://a']\n{allowed}"));
    }
    assert!(file_errors(&format!("{LDAP}hosts = ['ldap://a']")).contains("can read the passwords"), "plain");
    assert!(file_errors(&format!("{LDAP}hosts = ['ldaps://a']\nstart_tls = true")).contains("is for ldap://"), "both");
}

#[test]
fn half_an_account_and_filters_without_a_place() {
    let host = format!("{LDAP}hosts = ['ldaps://a']\n");
    let lines = file_errors(&format!("{host}service_account_username = 'cn=a'"));
    assert!(lines.ends_with("service_account_username needs service_account_password"), "{lines}");
    let lines = file_errors(&format!("{host}service_account_username = 'cn=a'\nservice_account_password = ''"));
    assert!(lines.contains("service_account_password = ***: must be"), "{lines}");
    let lines = file_errors(&format!("{host}user_search_matching = '(uid=*)'"));
    assert!(lines.ends_with("must contain \"={0})\""), "{lines}");
}

#[test]
fn keys_of_tokens() {
    assert!(file_errors(OAUTH).contains("set either jwks_file or jwks_url"), "neither");
    let both = format!("{OAUTH}jwks_file = 'a'\njwks_url = 'https://a'");
    assert!(file_errors(&both).contains("set either jwks_file or jwks_url"), "both");
    assert!(file_errors(&format!("{OAUTH}jwks_url = 'http://a'")).contains("must begin with https://"), "plain");
    from_file(&format!("{OAUTH}jwks_url = 'http://127.0.0.1:1/keys'"));
    let lines = file_errors(&format!("{OAUTH}jwks_url = 'https://a'\nalgorithms = ['HS256']"));
    assert!(lines.contains("must be a list of some of \"RS256\""), "{lines}");
    let url = format!("{OAUTH}jwks_url = 'https://a'\n");
    assert!(file_errors(&format!("{url}{url}")).contains("oauth \"https://a\" is defined twice"), "twice");
}
