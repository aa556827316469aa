use std::collections::BTreeSet;

use auth::{DirectoryError, Source};

use crate::authority::Authority;
use crate::slapd::Slapd;
use crate::unpacked::Unpacked;
use crate::{directories, is_unavailable, login};

fn server() -> Option<Slapd> {
    Some(Slapd::start(Unpacked::get()?, &Authority::new(), "ssf=0"))
}

#[test]
fn passwords() {
    let Some(slapd) = server() else { return };
    let directories = directories(&format!("hosts = ['ldap://127.0.0.1:{}']", slapd.plain));
    let alice = login(&directories, "alice", "alice's password").unwrap();
    assert_eq!((alice.name.as_str(), alice.source, alice.administrator), ("alice", Source::Ldap, false));
    assert!(alice.groups.is_empty() && alice.valid_until.is_none());
    for (user, password) in [
        ("alice", "wrong"),
        ("alice", "alice's password "),
        // The server would let these in, as nobody.
        ("alice", ""),
        ("ghost", ""),
        ("", ""),
        ("ghost", "anything"),
        ("nobody", "anything"),
        ("", "alice's password"),
        // Further down than is looked.
        ("bob", "bob's password"),
    ] {
        assert_eq!(login(&directories, user, password), Err(DirectoryError::Refused), "{user:?} {password:?}");
    }
    // The connection on which a wrong password was tried is as good as before, and so is one after a right one.
    for _ in 0..3 {
        assert!(login(&directories, "alice", "alice's password").is_ok());
        assert_eq!(login(&directories, "alice", "wrong"), Err(DirectoryError::Refused));
    }
}

#[test]
fn names_are_no_filters() {
    let Some(slapd) = server() else { return };
    let directories = directories(&format!("hosts = ['ldap://127.0.0.1:{}']", slapd.plain));
    for user in ["*", "al*", "a*e", "alice)(uid=*", "*)(uid=*", "alice)(&", r"\61lice", "alice\0", "(alice)", "alice\n"]
    {
        assert_eq!(login(&directories, user, "alice's password"), Err(DirectoryError::Refused), "{user:?}");
    }
    assert_eq!(login(&directories, r"we(ir)d*\", "weird password").unwrap().name, r"we(ir)d*\");
    for long in [300, 100_000] {
        assert_eq!(login(&directories, &"a".repeat(long), "p"), Err(DirectoryError::Refused));
        assert_eq!(login(&directories, "alice", &"p".repeat(long)), Err(DirectoryError::Refused));
    }
}

#[test]
fn one_user_has_one_name() {
    let Some(slapd) = server() else { return };
    let host = format!("hosts = ['ldap://127.0.0.1:{}']\nuser_search_subtree = true\n", slapd.plain);
    let below = directories(&host);
    assert_eq!(login(&below, "ALICE", "alice's password").unwrap().name, "alice");
    assert_eq!(login(&below, "bob", "bob's password").unwrap().name, "bob");
    // Two entries of the same name are nobody.
    assert_eq!(login(&below, "twin", "twin"), Err(DirectoryError::Refused));
    let either = directories(&format!("{host}user_search_matching = '(|(uid={{0}})(cn={{0}}))'"));
    assert_eq!(login(&either, "weird, one", "weird password").unwrap().name, r"we(ir)d*\");
    let other = directories(&format!("{host}user_search_matching = '(|(mail={{0}})(uid={{0}}))'"));
    assert_eq!(login(&other, "alice", "alice's password"), Err(DirectoryError::Refused));
}

#[test]
fn groups() {
    let Some(slapd) = server() else { return };
    let host = format!(
        "hosts = ['ldap://127.0.0.1:{}']\nrole_base = 'ou=groups,dc=example,dc=com'\nadministrator_group = 'admins'\n\
         monitor_group = 'divers'\nuser_search_subtree = true\n",
        slapd.plain
    );
    let groups = |lines: &str, user: &str, password: &str| {
        let identity = login(&directories(&format!("{host}{lines}")), user, password).unwrap();
        (identity.groups, identity.administrator, identity.monitor)
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let alice = |lines: &str| groups(lines, "alice", "alice's password");
    assert_eq!(alice(""), (names(&["admins", "drivers"]), true, false));
    assert_eq!(alice("role_search_subtree = true"), (names(&["admins", "divers", "drivers"]), true, true));
    assert_eq!(groups("", "bob", "bob's password"), (names(&["drivers"]), false, false));
    // Its distinguished name has everything in it that a filter could trip over.
    assert_eq!(groups("", r"we(ir)d*\", "weird password"), (names(&["drivers"]), false, false));
    assert_eq!(alice("role_search_matching = '(cn={1})'").0, names(&[]));
    // A group elsewhere that has the name of the administrators' is not theirs.
    let elsewhere = "cn=admins,ou=elsewhere,dc=example,dc=com";
    let own = alice("user_role_name = 'seeAlso'\nrole_search_matching = '(cn={1})'");
    assert_eq!(own, (names(&["auditors", elsewhere]), false, false));
    assert_eq!(alice("user_role_name = 'title'").0, names(&["admins", "drivers", "night shift"]));
}

#[test]
fn what_only_looks_like_a_no() {
    let Some(slapd) = server() else { return };
    let host = format!("hosts = ['ldap://127.0.0.1:{}']\n", slapd.plain);
    let account = "service_account_username = 'cn=broker,ou=services,dc=example,dc=com'\n";
    for lines in [
        format!("{account}service_account_password = 'wrong'"),
        "user_base = 'ou=nowhere,dc=example,dc=com'".to_owned(),
        "user_base = 'no name'".to_owned(),
        "role_base = 'ou=nowhere,dc=example,dc=com'".to_owned(),
    ] {
        let answer = login(&directories(&format!("{host}{lines}")), "alice", "alice's password");
        assert!(is_unavailable(&answer), "{lines}: {answer:?}");
    }
}

/// Somebody whose groups cannot be told keeps nobody else out.
#[test]
fn what_one_login_meets_is_no_reason_to_ask_nobody_else() {
    let Some(slapd) = server() else { return };
    let host = format!("hosts = ['ldap://127.0.0.1:{}']\n", slapd.plain);
    let directories = directories(&format!("{host}role_base = 'cn=alice,dc=example,dc=com'"));
    for _ in 0..3 {
        assert!(is_unavailable(&login(&directories, "alice", "alice's password")));
        assert_eq!(login(&directories, "alice", "wrong"), Err(DirectoryError::Refused));
    }
}
