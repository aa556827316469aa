use proptest::prelude::*;

use super::*;
use crate::hash::{Cost, Verdict};

const SHA256: &str = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";

#[test]
fn definitions_of_rabbitmq() {
    let text = format!(
        r#"{{"rabbit_version": "3.13.7", "permissions": [], "users": [
            {{"name": "root", "password_hash": "{SHA256}", "hashing_algorithm": "rabbit_password_hashing_sha256",
              "tags": ["administrator", "ops"], "limits": {{}}}},
            {{"name": "eye", "password_hash": "{SHA256}", "tags": "monitoring,policymaker"}},
            {{"name": "device", "password_hash": "", "tags": ""}}
        ]}}"#
    );
    let Imported { users, notes } = Imported::parse(&text).unwrap();
    let [root, eye, device] = &users[..] else { panic!("{users:?}") };
    assert!(root.administrator && !root.monitor && root.groups.iter().eq(["ops"]));
    assert!(!eye.administrator && eye.monitor && eye.groups.iter().eq(["policymaker"]));
    assert_eq!(device, &User::new("device"));
    assert_eq!(notes, ["User \"device\" has no password and cannot log in with one."]);
    let cost = Cost::new(8, 1, 1).unwrap();
    assert_eq!(root.hash.as_ref().unwrap().verify(b"test12", cost), Verdict::Outdated);
}

#[test]
fn a_password_file_of_mosquitto() {
    let hash = "$7$101$ORofGyq3C4KyqQX7$dPr8q731HOxJGZ7nDHExNetK9W5x6Zq0Z410Q8BoYwGsqZ9fJfG2sx5MU7Pax0GrVByLWG+dZdIknqDcyAJbRw==";
    let Imported { users, notes } = Imported::parse(&format!("# devices\n\nalice:{hash}\r\nbob:{hash}\n")).unwrap();
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["alice", "bob"]);
    assert!(notes.is_empty() && users[0].hash.is_some());
}

/// CVE-2018-12551 of mosquitto: a line that could not be read was a user without a password.
#[test]
fn what_cannot_be_read_is_an_error_and_no_user_without_password() {
    for text in
        ["alice", "alice:", "alice:secret", "alice:$7$101$ORofGyq3C4KyqQX7", "alice:$6$x", ":$6$", "# nothing", ""]
    {
        assert!(Imported::parse(text).is_err(), "{text:?}");
    }
    let entry = |fields: &str| format!(r#"{{"users": [{{"name": "a", {fields}}}]}}"#);
    for fields in [
        r#""password_hash": "x""#,
        r#""password_hash": "kI3GCqW5", "hashing_algorithm": "rabbit_password_hashing_md5""#,
        &format!(r#""password_hash": "{SHA256}", "hashing_algorithm": "rabbit_password_hashing_sha512""#),
        r#""password_hash": 5"#,
    ] {
        assert!(Imported::parse(&entry(fields)).is_err(), "{fields}");
    }
    assert!(Imported::parse("{}").is_err());
    assert!(Imported::parse("{\"users\": [{}]}").is_err());
    assert!(Imported::parse("{").is_err());
}

proptest! {
    #[test]
    fn any_file_is_read_without_harm(text: String) {
        let _ = Imported::parse(&text);
        let _ = Imported::parse(&format!("alice:$7${text}"));
        let _ = Imported::parse(&format!("{{\"users\": {text}}}"));
    }
}
