//! What fuzzing and the replay of its corpus run.

use crate::import::Imported;
use crate::plain::Plain;
use crate::scram::{Proof, Scram, ScramSecret};
use crate::users::Users;

/// A users file, or a file of another broker: what is read is written and read back the same.
pub fn users(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(users) = Users::parse(text) {
        assert_eq!(Users::parse(&users.to_text()), Ok(users), "it is read back");
    }
    if let Ok(imported) = Imported::parse(text) {
        let mut users = Users::default();
        imported.users.into_iter().for_each(|user| drop(users.put(user)));
        assert_eq!(Users::parse(&users.to_text()), Ok(users), "it is read back");
    }
}

/// A client's first and last message, separated by a line feed, from somebody who knows no password: no proof is right.
pub fn scram(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (first, last) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    let secret = ScramSecret::fake("fuzz", &[1; 32]);
    for known in [None, Some(&secret)] {
        let Ok((scram, challenge)) = Scram::begin(first, &[2; 18], &[3; 32], |_| known) else { return };
        assert!(challenge.starts_with(b"r=") && !scram.user().is_empty(), "an answer that is none");
        assert!(!matches!(scram.finish(last), Proof::Right(_)), "in without a password");
    }
    if let Ok(secret) = core::str::from_utf8(last).map_or(Err(()), |text| ScramSecret::parse(text).map_err(drop)) {
        assert_eq!(ScramSecret::parse(&secret.to_text()), Ok(secret), "it is read back");
    }
}

/// A message of PLAIN: what is read is what stands there.
pub fn plain(data: &[u8]) {
    if let Ok(Plain { user, password }) = Plain::parse(data) {
        let rest = [&b"\0"[..], user.as_bytes(), b"\0", password].concat();
        let authzid = data.strip_suffix(&rest[..]).expect("user and password are its end");
        assert!(authzid.is_empty() || authzid == user.as_bytes(), "acts for another user");
    }
}
