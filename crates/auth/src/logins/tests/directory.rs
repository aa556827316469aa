use super::*;
use crate::directory::DirectoryError;

/// Knows `lda` with the password `p`, as `Lda`; calls the user `imposter` alice.
#[derive(Debug)]
struct Fake;

impl Directory for Fake {
    fn authenticate(&self, user: &str, password: &[u8]) -> Result<Identity, DirectoryError> {
        let identity = |name: &str, source| Ok(Identity::new(name, BTreeSet::from(["staff".to_owned()]), source));
        match (user, password) {
            (_, b"down") => Err(DirectoryError::Unavailable("no directory server answers".to_owned())),
            ("lda", b"p") => identity("Lda", Source::Ldap),
            ("imposter", b"p") => identity("alice", Source::Ldap),
            ("odd", b"p") => identity("", Source::Ldap),
            ("", b"token") => identity("Tom", Source::OAuth),
            _ => Err(DirectoryError::Refused),
        }
    }
}

fn with_directory() -> World {
    World::new(Rules::default(), Some(Arc::new(Fake)))
}

#[test]
fn a_directory_is_asked_about_whom_the_file_does_not_know() {
    let mut world = with_directory();
    assert_eq!(world.login("lda", "p").unwrap().name, "Lda");
    assert_eq!(world.login("lda", "p").unwrap().source, Source::Ldap);
    assert_eq!(world.looks, 1);
    assert_eq!(world.login("lda", "q"), Err(Reason::Directory("lda".to_owned())));
    assert!(world.login("alice", "secret").unwrap().administrator);
    assert_eq!(world.login("alice", "down"), Err(Reason::WrongPassword("alice".to_owned())), "it is not asked");
    let reason = world.login("lda", "down").unwrap_err();
    assert_eq!(reason.refusal(), model::Refusal::LoginUnavailable("no directory server answers".to_owned()));
    world.logins.forget();
    assert_eq!((world.login("lda", "p").is_ok(), world.looks), (true, 6));
}

#[test]
fn a_directory_vouches_for_nobody_of_the_file() {
    let mut world = with_directory();
    assert_eq!(world.login("imposter", "p"), Err(Reason::DirectoryTaken("alice".to_owned())));
    assert_eq!(world.login("odd", "p"), Err(Reason::DirectoryName(String::new())));
    world.login("lda", "p").unwrap();
    world.replace(|users| users.put(user("Lda", "x")).unwrap());
    assert_eq!(world.login("lda", "p"), Err(Reason::DirectoryTaken("Lda".to_owned())), "although it is remembered");
}

#[test]
fn tokens_are_not_remembered() {
    let mut world = with_directory();
    for _ in 0..3 {
        assert_eq!(world.login("", "token").unwrap().name, "Tom");
    }
    assert_eq!(world.looks, 3);
}

#[test]
fn trouble_of_a_directory_is_no_guess() {
    let mut world = with_directory();
    for _ in 0..50 {
        assert!(matches!(world.login("lda", "down"), Err(Reason::Unavailable(_))));
    }
    assert!(world.login("lda", "p").is_ok());
    assert_eq!(world.logins.counts().unavailable, 50);
}

#[test]
fn scram_is_not_offered_where_a_directory_is() {
    assert!(!with_directory().logins.accounts().offers_scram());
    let mut world = World::simple();
    assert!(!world.logins.accounts().offers_scram(), "old has none");
    world.replace(|users| assert!(users.remove("old").is_some()));
    assert!(world.logins.accounts().offers_scram());
}
