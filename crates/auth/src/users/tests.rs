use std::collections::BTreeSet;

use model::Certificate;
use proptest::prelude::*;

use super::*;
use crate::hash::{Cost, Hash};
use crate::keys::MasterKey;
use crate::scram::ScramSecret;

fn hash(password: &str) -> Hash {
    Hash::new(password.as_bytes(), [1; 16], Cost::new(8, 1, 1).unwrap()).unwrap()
}

fn sample() -> Users {
    let mut users = Users::default();
    let alice = User {
        hash: Some(hash("secret")),
        groups: BTreeSet::from(["ops".to_owned(), "staff".to_owned()]),
        administrator: true,
        scram: Some(ScramSecret::fake("alice", &[1; 32])),
        certificates: vec!["CN=alice,O=Acme".to_owned(), "alice.example.com".to_owned()],
        ..User::new("alice")
    };
    users.put(alice).unwrap();
    users.put(User { monitor: true, ..User::new("bob \"the\" [eye] = ü") }).unwrap();
    let key = Key {
        id: "CWAK0123456789ABCDEF".to_owned(),
        user: "alice".to_owned(),
        secret: MasterKey::new([2; 32]).seal("CWAK0123456789ABCDEF", "secret", [3; 12]),
        account: Some("123456789012".to_owned()),
        created: 1_790_000_000,
        disabled: true,
    };
    users.put_key(key.clone()).unwrap();
    users.put_key(Key { id: "other".to_owned(), account: None, disabled: false, ..key }).unwrap();
    users
}

#[test]
fn what_is_written_is_read_back() {
    let users = sample();
    let text = users.to_text();
    assert_eq!(Users::parse(&text), Ok(users), "{text}");
    assert!(Users::parse(&Users::default().to_text()).unwrap().is_empty());
}

#[test]
fn mistakes_are_named_with_line_and_user() {
    let hash = hash("secret").to_text();
    let scram = ScramSecret::fake("x", &[1; 32]).to_text();
    let user = |rest: &str| format!("format = 1\n[[user]]\nname = \"alice\"\n{rest}");
    let cases = [
        (String::new(), "there is no `format = 1`: this is no users file"),
        ("format = 2".to_owned(), "the file has format 2; this program knows only 1"),
        ("format = 1\nuser = 5".to_owned(), "line 2: invalid type: integer `5`"),
        ("format = 1\n\n[[user]\n".to_owned(), "line 3: "),
        ("format = 1\n[[user]]\nhash = \"x\"".to_owned(), "line 2: missing field `name`"),
        ("format = 1\n[[user]]\nname = \"\"".to_owned(), "line 3: user \"\": \"\" is no name"),
        ("format = 1\n[[user]]\nname = \" a\"".to_owned(), "line 3: user \" a\": \" a\" is no name"),
        (user("hash = \"\""), "line 4: user \"alice\": the hash is empty"),
        (user("hash = \"secret\""), "line 4: user \"alice\": the hash is of no known kind"),
        (
            user("hash = \"$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$cIWivas3DgHe/rG6Ssaqhw\""),
            "line 4: user \"alice\": the hash asks for more work than is allowed: m is over 262144",
        ),
        (user("password = \"x\""), "line 4: unknown field `password`"),
        (user("administrator = \"yes\""), "line 4: invalid type: string \"yes\", expected a boolean"),
        (user("groups = [\"\"]"), "line 3: user \"alice\": \"\" is no name"),
        (user(&format!("scram = \"{scram}\"")), "line 3: user \"alice\": `scram` without `hash`"),
        (user(&format!("hash = \"{hash}\"\nscram = \"x\"")), "line 5: user \"alice\": `scram` is damaged"),
        (user("certificate = [\"\"]"), "line 3: user \"alice\": certificate \"\" is empty"),
        (user("[[user]]\nname = \"alice\""), "line 5: user \"alice\": it stands twice"),
        (
            user("certificate = [\"CN=x\"]\n[[user]]\nname = \"bob\"\ncertificate = [\"cn = x\"]"),
            "line 6: user \"bob\": certificate \"CN=x\" belongs to user \"alice\" already",
        ),
        (
            user("[[key]]\nid = \"abcd\"\nuser = \"bob\"\nsecret = \"x\"\ncreated = 1"),
            "line 7: key \"abcd\": the secret is damaged",
        ),
    ];
    for (text, expected) in cases {
        let error = Users::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}\n→ {error}");
    }
}

#[test]
fn mistakes_of_keys() {
    let sealed = MasterKey::new([2; 32]).seal("abcd", "secret", [3; 12]).to_text();
    let key = |id: &str, user: &str, rest: &str| {
        format!(
            "format = 1\n[[user]]\nname = \"alice\"\n[[key]]\nid = \"{id}\"\nuser = \"{user}\"\nsecret = \"{sealed}\"\ncreated = 1\n{rest}"
        )
    };
    assert!(Users::parse(&key("abcd", "alice", "")).is_ok());
    for (text, expected) in [
        (key("abcd", "bob", ""), "line 5: key \"abcd\": there is no user \"bob\""),
        (key("abc", "alice", ""), "line 5: key \"abc\": an access key's id has 4 to 128"),
        (key("ab/d", "alice", ""), "line 5: key \"ab/d\": an access key's id has"),
        (key("abcd", "alice", "account = \"12\""), "line 5: key \"abcd\": an account has 12 digits"),
        (key("abcd", "alice", "created = 2"), "line 9: duplicate key"),
    ] {
        let error = Users::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}\n→ {error}");
    }
}

#[test]
fn who_is_removed_takes_keys_and_certificates_along() {
    let mut users = sample();
    assert!(users.has_administrator());
    assert!(users.remove("alice").is_some() && users.remove("alice").is_none());
    assert_eq!(users.keys().count(), 0);
    assert!(!users.has_administrator());
    users.put(User { certificates: vec!["CN=alice,O=Acme".to_owned()], ..User::new("eve") }).unwrap();
}

#[test]
fn certificates_belong_to_users() {
    let mut users = sample();
    let certificate = |subject: &str, common_name: Option<&str>, names: &[&str]| Certificate {
        subject: subject.to_owned(),
        common_name: common_name.map(str::to_owned),
        alternative_names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let owners = |users: &Users, certificate: &Certificate| -> Vec<String> {
        users.of_certificate(certificate).iter().map(|user| user.name.clone()).collect()
    };
    for (subject, common_name, names) in [
        ("CN=alice,O=Acme", Some("x"), &[][..]),
        ("cn = alice, o=Acme", None, &[]),
        ("CN=y", Some("alice.example.com"), &["z"]),
        ("CN=y", Some("y"), &["z", "alice.example.com"]),
        ("CN=alice,O=Acme", Some("alice.example.com"), &["alice.example.com"]),
    ] {
        assert_eq!(owners(&users, &certificate(subject, common_name, names)), ["alice"], "{subject}");
    }
    for subject in ["CN=alice", "CN=alice,O=Other", "O=Acme,CN=alice", "CN=Alice,O=Acme", "CN=alice,O=Acme,C=DE", ""] {
        assert!(owners(&users, &certificate(subject, Some("alice"), &[])).is_empty(), "{subject}");
    }
    users.put(User { certificates: vec!["bob".to_owned()], ..User::new("bob") }).unwrap();
    let both = certificate("CN=alice,O=Acme", Some("bob"), &[]);
    assert_eq!(owners(&users, &both), ["alice", "bob"]);
    // In place of the old entry, whose certificates are free again.
    users.put(User::new("alice")).unwrap();
    assert_eq!(owners(&users, &both), ["bob"]);
}

#[test]
fn scram_is_offered_if_all_can_use_it() {
    let mut users = Users::default();
    assert!(!users.all_have_scram());
    users.put(User::new("certificate only")).unwrap();
    assert!(!users.all_have_scram());
    let secret = ScramSecret::fake("x", &[0; 32]);
    users.put(User { hash: Some(hash("x")), scram: Some(secret), ..User::new("a") }).unwrap();
    assert!(users.all_have_scram());
    users.put(User { hash: Some(hash("x")), ..User::new("b") }).unwrap();
    assert!(!users.all_have_scram());
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?}", sample());
    let text = sample().to_text();
    let secrets =
        text.lines().filter(|line| ["hash =", "scram =", "secret ="].iter().any(|name| line.starts_with(name)));
    let values: Vec<_> = secrets.map(|line| line.split('"').nth(1).unwrap()).collect();
    assert_eq!(values.len(), 4);
    assert!(values.iter().all(|value| !shown.contains(value)), "{shown}");
}

proptest! {
    #[test]
    fn any_names_survive_the_file(names in proptest::collection::btree_set(".{1,12}", 0..8), groups: Vec<String>) {
        let mut users = Users::default();
        for name in names.iter().filter(|name| is_name(name)) {
            let groups = groups.iter().filter(|group| is_name(group)).take(MAX_GROUPS).cloned().collect();
            users.put(User { groups, certificates: vec![format!("CN={name}")], ..User::new(name) }).unwrap();
        }
        let text = users.to_text();
        prop_assert_eq!(Users::parse(&text), Ok(users));
    }

    #[test]
    fn any_text_is_read_without_harm(text: String, line: String) {
        let _ = Users::parse(&text);
        let _ = Users::parse(&format!("format = 1\n[[user]]\nname = \"a\"\n{line}\n"));
        let _ = mapping::normal(&text);
    }

    /// However a damaged file is damaged, it makes no user without a password who had one.
    #[test]
    fn a_damaged_file_lets_nobody_in(at in 0..400_usize, byte in 0..128_u8) {
        let mut users = Users::default();
        users.put(User { hash: Some(hash("secret")), ..User::new("alice") }).unwrap();
        let mut text = users.to_text().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(read) = Users::parse(core::str::from_utf8(&text).unwrap()) {
            for user in read.iter() {
                let commented_out = text[at] == b'#' || text[at] == b'\n';
                prop_assert!(user.hash.is_some() || commented_out, "{}", String::from_utf8_lossy(&text));
            }
        }
    }
}
