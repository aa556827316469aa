use proptest::prelude::*;

use super::*;

/// Little work, for tests.
fn cheap() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

/// By argon2-cffi 25.1, RabbitMQ's guide to passwords, hashlib, and mosquitto_passwd 2.0.11.
const KNOWN: [(&str, &str); 6] = [
    (
        "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$rk2Mi3E4dgRMg0fHaYaptWVZRKqs//6b6k3/nntqGJk",
        "correct horse",
    ),
    ("$argon2id$v=19$m=64,t=1,p=4$c2FsdHNhbHQ$cIWivas3DgHe/rG6Ssaqhw", "correct horse"),
    ("rabbitmq_sha256:kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR", "test12"),
    (
        "rabbitmq_sha512:kI3GCju7UUeJWBsL5Ep4tNOQuhC9U4Pw0ReHr9KQ3bAfhv+yjfu61Yi5fGDFSDHDagxz6MENhBXyqMdxjfsh7+Qe6t4=",
        "pässword",
    ),
    (
        "$7$101$ORofGyq3C4KyqQX7$dPr8q731HOxJGZ7nDHExNetK9W5x6Zq0Z410Q8BoYwGsqZ9fJfG2sx5MU7Pax0GrVByLWG+dZdIknqDcyAJbRw==",
        "correct horse",
    ),
    (
        "$6$fm3mdTIkYmYO9dkt$oRyGHC8eQn5mkdv/UWL6E0X59hX4Gmf24+6ZcPG90Pt0RkEv6VpbsB9Nev8tXb8/gVczEO7E+fel67eaKz8Xqg==",
        "correct horse",
    ),
];

#[test]
fn hashes_of_other_programs_are_understood() {
    for (text, password) in KNOWN {
        let hash = Hash::parse(text).unwrap();
        assert_eq!(hash.to_text(), text);
        assert_ne!(hash.verify(password.as_bytes(), cheap()), Verdict::Wrong, "{text}");
        for wrong in ["", "Correct horse", "correct horse ", "x"] {
            assert_eq!(hash.verify(wrong.as_bytes(), cheap()), Verdict::Wrong, "{text} takes {wrong:?}");
        }
    }
}

#[test]
fn what_is_weaker_than_new_hashes_is_to_be_replaced() {
    let default = Cost::default();
    let verdicts: Vec<_> =
        KNOWN.iter().map(|(text, password)| Hash::parse(text).unwrap().verify(password.as_bytes(), default)).collect();
    assert_eq!(verdicts[0], Verdict::Right);
    assert!(verdicts[1..].iter().all(|verdict| *verdict == Verdict::Outdated), "{verdicts:?}");
    let new = Hash::new(b"test12", [7; 16], default).unwrap();
    assert_eq!(new.verify(b"test12", default), Verdict::Right);
    assert_eq!(new.verify(b"test12", Cost::new(19_456, 3, 1).unwrap()), Verdict::Outdated);
}

#[test]
fn work_without_measure_is_refused_when_the_hash_is_read() {
    let argon2 = |parameters: &str| format!("$argon2id$v=19${parameters}$c2FsdHNhbHQ$cIWivas3DgHe/rG6Ssaqhw");
    for parameters in
        ["m=4194304,t=1,p=1", "m=262145,t=1,p=1", "m=64,t=65,p=1", "m=1024,t=1,p=17", "m=99999999999,t=1,p=1"]
    {
        let error = Hash::parse(&argon2(parameters)).unwrap_err();
        assert!(matches!(error, HashError::TooCostly(..)), "{parameters}: {error}");
    }
    let mosquitto = KNOWN[4].0.replacen("101", "1000001", 1);
    assert!(matches!(Hash::parse(&mosquitto), Err(HashError::TooCostly(..))));
}

#[test]
fn damaged_hashes_are_refused() {
    let argon2 = "$argon2id$v=19$m=64,t=1,p=4$c2FsdHNhbHQ$cIWivas3DgHe/rG6Ssaqhw";
    for (part, replaced) in [
        ("argon2id", "argon2i"),
        ("argon2id", "argon2d"),
        ("v=19", "v=16"),
        ("v=19$", ""),
        ("m=64", "m=7"),
        ("m=64,", ""),
        ("t=1", "t=0"),
        ("p=4", "p=0"),
        ("p=4", "p=4,x=1"),
        ("c2FsdHNhbHQ", "c2FsdA"),
        ("c2FsdHNhbHQ", "c2FsdHNhbHQ="),
        ("cIWivas3DgHe/rG6Ssaqhw", ""),
        ("cIWivas3DgHe/rG6Ssaqhw", "cIWi$"),
        ("hw", "hw$x"),
    ] {
        assert!(Hash::parse(&argon2.replacen(part, replaced, 1)).is_err(), "{part} → {replaced}");
    }
    for (text, _) in KNOWN {
        for end in 0..text.len() {
            // Without its last characters, Argon2id's may be a shorter hash that is none the less one.
            if let Ok(hash) = Hash::parse(&text[..end]) {
                assert!(text.starts_with("$argon2id") && hash.to_text() == text[..end], "{}", &text[..end]);
            }
        }
    }
    for text in ["", "plain", "$1$abc", "rabbitmq_md5:kI3GCqW5", "$7$0$AAAA$AAAA", "$7$-1$AAAA$AAAA", "$argon2id$"] {
        assert!(Hash::parse(text).is_err(), "{text}");
    }
    assert_eq!(Hash::parse(&"$7$".repeat(MAX_HASH)), Err(HashError::TooLong));
}

#[test]
fn passwords_have_limits() {
    for length in [0, MAX_PASSWORD + 1] {
        assert_eq!(Hash::new(&vec![b'x'; length], [0; 16], cheap()), Err(HashError::Password));
    }
    let longest = vec![b'x'; MAX_PASSWORD];
    let hash = Hash::new(&longest, [0; 16], cheap()).unwrap();
    assert_eq!(hash.verify(&longest, cheap()), Verdict::Right);
    assert_eq!(hash.verify(&[&longest[..], b"x"].concat(), cheap()), Verdict::Wrong);
}

#[test]
fn nothing_of_a_hash_is_shown() {
    for (text, _) in KNOWN {
        let shown = format!("{:?}", Hash::parse(text).unwrap());
        assert!(!shown.contains('$') && !shown.contains(':'), "{shown}");
    }
}

proptest! {
    #[test]
    fn only_the_password_itself_is_right(password in "\\PC{1,40}", other in "\\PC{0,40}", salt: [u8; 16]) {
        let hash = Hash::new(password.as_bytes(), salt, cheap()).unwrap();
        let read = Hash::parse(&hash.to_text()).unwrap();
        prop_assert_eq!(&read, &hash);
        prop_assert_eq!(read.verify(password.as_bytes(), cheap()), Verdict::Right);
        if other != password {
            prop_assert_eq!(read.verify(other.as_bytes(), cheap()), Verdict::Wrong);
        }
    }

    #[test]
    fn any_text_is_read_without_harm(text: String, number: u64) {
        for prefix in ["", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$", "rabbitmq_sha256:", "$6$", "$7$101$", "$7$"] {
            let _ = Hash::parse(&format!("{prefix}{text}"));
        }
        let _ = Hash::parse(&format!("$argon2id$v=19$m={number},t={number},p={number}$c2FsdHNhbHQ$cIWivas3DgHe/rG6Ssaqhw"));
    }
}
