mod crowd;
mod directory;

use std::collections::BTreeSet;

use model::Certificate;

use super::*;
use crate::directory::Directory;
use crate::hash::{Cost, Hash};
use crate::keys::BadSignature;
use crate::keys::MasterKey;
use crate::scram::ScramSecret;
use crate::users::{Key, User, Users};

const HERE: [u8; 4] = [192, 0, 2, 1];
const THERE: [u8; 4] = [192, 0, 2, 2];
/// The password `test12`.
const OLD: &str = "rabbitmq_sha256:kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";

fn cheap() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

fn user(name: &str, password: &str) -> User {
    User { hash: Some(Hash::new(password.as_bytes(), [1; 16], cheap()).unwrap()), ..User::new(name) }
}

fn sample() -> Users {
    let mut users = Users::default();
    let alice = User {
        groups: BTreeSet::from(["ops".to_owned()]),
        administrator: true,
        scram: Some(ScramSecret::with_iterations("secret", [1; 16], 4_096).unwrap()),
        certificates: vec!["CN=alice,O=Acme".to_owned()],
        ..user("alice", "secret")
    };
    users.put(alice).unwrap();
    users.put(User { hash: Some(Hash::parse(OLD).unwrap()), ..User::new("old") }).unwrap();
    users.put(User::new("without")).unwrap();
    users
}

/// One process.
struct World {
    logins: Logins,
    now: Time,
    /// Passwords that were looked at.
    looks: usize,
}

impl World {
    fn new(rules: Rules, directory: Option<Arc<dyn Directory>>) -> Self {
        let rules = Rules { cost: cheap(), ..rules };
        let accounts = Accounts::new(sample(), &MasterKey::new([1; 32]), rules, directory).unwrap();
        let logins = Logins::new(Arc::new(accounts), [7; 32], LoginLimits::default());
        Self { logins, now: Time(1_000_000), looks: 0 }
    }

    fn simple() -> Self {
        Self::new(Rules::default(), None)
    }

    fn replace(&mut self, change: impl FnOnce(&mut Users)) {
        let old = self.logins.accounts();
        let mut users = old.users().clone();
        change(&mut users);
        let accounts = Accounts::new(users, &MasterKey::new([1; 32]), old.rules().clone(), old.directory().cloned());
        self.logins.replace(Arc::new(accounts.unwrap()));
    }

    fn check(&mut self, claim: Claim) -> Decision {
        let mut decision = self.logins.check(self.now, claim);
        while let Decision::Costly(work) = decision {
            self.looks += 1;
            decision = self.logins.finish(self.now, work.run());
        }
        decision
    }

    fn login(&mut self, user: &str, password: &str) -> Result<Identity, Reason> {
        let decision = self.check(claim(by_password(user, password)));
        result(decision).map(|granted| granted.identity)
    }
}

fn by_password(user: &str, password: &str) -> Credentials {
    Credentials::Password { user: user.to_owned(), password: Secret::from(password.as_bytes()) }
}

fn sasl(mechanism: &str, response: Option<&str>) -> Credentials {
    let response = response.map(|text| Secret::from(text.as_bytes()));
    Credentials::Sasl { mechanism: mechanism.to_owned(), response }
}

fn claim(credentials: Credentials) -> Claim {
    Claim::new(credentials, None, Some(IpAddr::from(HERE)), [4; ENTROPY])
}

fn with_certificate(credentials: Credentials, subject: &str) -> Claim {
    let common_name = subject.strip_prefix("CN=").and_then(|rest| rest.split(',').next()).map(str::to_owned);
    let certificate = Certificate { subject: subject.to_owned(), common_name, alternative_names: Vec::new() };
    Claim { certificate: Some(Arc::new(certificate)), ..claim(credentials) }
}

fn answer(talk: Conversation, response: &str) -> Claim {
    Claim { conversation: Some(talk), ..claim(Credentials::Response(Secret::from(response.as_bytes()))) }
}

fn result(decision: Decision) -> Result<Granted, Reason> {
    match decision {
        Decision::Granted(granted) => Ok(granted),
        Decision::Refused(reason) => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_right_password_makes_the_identity_of_the_file() {
    let mut world = World::simple();
    let alice = world.login("alice", "secret").unwrap();
    assert!(alice.administrator && alice.source == Source::File && alice.groups.contains("ops"));
    assert_eq!(world.login("alice", "Secret"), Err(Reason::WrongPassword("alice".to_owned())));
    assert_eq!(world.login("nobody", "secret"), Err(Reason::UnknownUser("nobody".to_owned())));
    assert_eq!(world.login("without", "secret"), Err(Reason::UserWithoutPassword("without".to_owned())));
    assert_eq!(world.login("", "secret"), Err(Reason::UnknownUser(String::new())));
    assert_eq!(world.looks, 5, "every one costs a look at a hash");
    let counts = world.logins.counts();
    assert_eq!((counts.granted, counts.refused, counts.remembered), (1, 4, 0));
}

/// CVE-2016-9877 of RabbitMQ: over MQTT, a user name without a password was enough.
#[test]
fn nobody_comes_in_without_a_password() {
    let mut world = World::new(Rules { anonymous: Some("guest".to_owned()), ..Rules::default() }, None);
    for name in ["alice", "without", "nobody", ""] {
        assert_eq!(world.login(name, ""), Err(Reason::NoPassword(name.to_owned())));
        let decision = world.check(with_certificate(by_password(name, ""), "CN=alice,O=Acme"));
        assert!(result(decision).is_err());
    }
    assert_eq!(world.looks, 0);
}

#[test]
fn what_is_too_long_is_not_looked_at() {
    let mut world = World::simple();
    assert_eq!(world.login(&"x".repeat(257), "secret"), Err(Reason::TooLong(257)));
    assert_eq!(world.login("alice", &"x".repeat(16_385)), Err(Reason::TooLong(16_385)));
    assert_eq!(world.looks, 0);
    assert_eq!(world.login("alice", &"x".repeat(1_025)), Err(Reason::WrongPassword("alice".to_owned())));
}

#[test]
fn an_old_hash_is_to_be_replaced_at_the_first_good_login() {
    let mut world = World::simple();
    let granted = result(world.check(claim(by_password("old", "test12")))).unwrap();
    let Replacement { user, old, new } = granted.replacement.unwrap();
    assert_eq!((user.as_str(), old.to_text().as_str()), ("old", OLD));
    world.replace(|users| users.put(User { hash: Some(new), ..User::new("old") }).unwrap());
    let granted = result(world.check(claim(by_password("old", "test12")))).unwrap();
    assert_eq!((granted.replacement, world.looks), (None, 2));
}

#[test]
fn clients_that_come_back_cost_one_look() {
    let mut world = World::simple();
    for _ in 0..1_000 {
        world.login("alice", "secret").unwrap();
    }
    assert_eq!((world.looks, world.logins.counts().remembered), (1, 999));
    world.now = world.now.plus(600_000);
    world.login("alice", "secret").unwrap();
    assert_eq!(world.looks, 2);
}

#[test]
fn a_changed_user_is_forgotten_and_others_are_not() {
    let mut world = World::simple();
    world.login("alice", "secret").unwrap();
    world.replace(|users| users.put(user("bob", "secret")).unwrap());
    world.login("alice", "secret").unwrap();
    assert_eq!(world.looks, 1);
    world.replace(|users| users.put(user("alice", "other")).unwrap());
    assert!(world.login("alice", "secret").is_err());
    assert!(!world.login("alice", "other").unwrap().administrator);
    world.replace(|users| assert!(users.remove("alice").is_some()));
    assert!(world.login("alice", "other").is_err());
}

#[test]
fn a_user_who_changes_meanwhile_is_looked_at_again() {
    let mut world = World::simple();
    let Decision::Costly(work) = world.logins.check(world.now, claim(by_password("alice", "secret"))) else { panic!() };
    let done = work.run();
    world.replace(|users| users.put(user("alice", "other")).unwrap());
    let Decision::Costly(work) = world.logins.finish(world.now, done) else { panic!() };
    let reason = result(world.logins.finish(world.now, work.run())).unwrap_err();
    assert_eq!(reason, Reason::WrongPassword("alice".to_owned()));
    assert!(world.login("alice", "secret").is_err(), "the first look is not remembered");
}

#[test]
fn guesses_are_slowed_and_only_from_their_address() {
    let mut world = World::simple();
    for _ in 0..5 {
        world.login("alice", "guess").unwrap_err();
    }
    let decision = world.check(claim(by_password("alice", "guess")));
    let Decision::Wait(until, waiting) = decision else { panic!("{decision:?}") };
    assert_eq!(until, world.now.plus(1_000));
    world.now = until;
    let reason = result(world.check(*waiting)).unwrap_err();
    assert_eq!(reason, Reason::WrongPassword("alice".to_owned()));
    for _ in 0..9 {
        world.check(claim(by_password("alice", "guess")));
    }
    let looks = world.looks;
    assert_eq!(world.login("alice", "secret"), Err(Reason::TooManyFailures("alice".to_owned())));
    assert_eq!(world.looks, looks);
    let elsewhere = Claim { address: Some(IpAddr::from(THERE)), ..claim(by_password("alice", "secret")) };
    assert!(result(world.check(elsewhere)).is_ok());
    assert_eq!(world.login("alice", "secret"), Err(Reason::TooManyFailures("alice".to_owned())), "also if remembered");
    world.now = world.now.plus(600_000);
    assert!(world.login("alice", "secret").is_ok());
    let counts = world.logins.counts();
    assert!(counts.slowed > 0 && counts.refused_at_once > 0, "{counts:?}");
}

#[test]
fn certificates_name_users() {
    let mut world = World::simple();
    let show = |world: &mut World, subject| result(world.check(with_certificate(Credentials::Nothing, subject)));
    let alice = show(&mut world, "CN=alice,O=Acme").unwrap().identity;
    assert_eq!((alice.name.as_str(), alice.source, alice.administrator), ("alice", Source::Certificate, true));
    let unknown = Reason::UnknownCertificate("CN=alice,O=Other".to_owned());
    assert_eq!(show(&mut world, "CN=alice,O=Other"), Err(unknown));
    world.replace(|users| {
        users.put(User { certificates: vec!["alice".to_owned()], ..User::new("eve") }).unwrap();
    });
    let ambiguous = Reason::AmbiguousCertificate("CN=alice,O=Acme".to_owned());
    assert_eq!(show(&mut world, "CN=alice,O=Acme"), Err(ambiguous));
    let mut world = World::new(Rules { certificate_user: CertificateUser::CommonName, ..Rules::default() }, None);
    let device = show(&mut world, "CN=device 7,O=Acme").unwrap().identity;
    assert_eq!(device, Identity::new("device 7", BTreeSet::new(), Source::Certificate));
    assert!(show(&mut world, "CN=alice").unwrap().identity.administrator);
    assert!(show(&mut world, "CN=").is_err() && show(&mut world, "CN=a\u{0}b").is_err());
}

#[test]
fn somebody_without_anything_is_anonymous_or_nobody() {
    let mut world = World::simple();
    assert_eq!(result(world.check(claim(Credentials::Nothing))), Err(Reason::Anonymous));
    assert_eq!(result(world.check(claim(sasl("ANONYMOUS", Some("x@y"))))), Err(Reason::Anonymous));
    let mut world = World::new(Rules { anonymous: Some("alice".to_owned()), ..Rules::default() }, None);
    for credentials in [Credentials::Nothing, sasl("ANONYMOUS", None)] {
        let identity = result(world.check(claim(credentials))).unwrap().identity;
        assert_eq!((identity.name.as_str(), identity.source), ("alice", Source::Anonymous));
        assert!(!identity.administrator && identity.groups.contains("ops"));
    }
    let identity = result(world.check(with_certificate(Credentials::Nothing, "CN=x"))).unwrap().identity;
    assert_eq!(identity.source, Source::Anonymous);
}

#[test]
fn plain_in_one_message_or_two() {
    let mut world = World::simple();
    assert!(result(world.check(claim(sasl("PLAIN", Some("\0alice\0secret"))))).is_ok());
    assert!(result(world.check(claim(sasl("PLAIN", Some("\0alice\0wrong"))))).is_err());
    assert!(result(world.check(claim(sasl("PLAIN", Some("bob\0alice\0secret"))))).is_err());
    let Decision::Challenge(challenge, talk) = world.check(claim(sasl("PLAIN", None))) else { panic!() };
    assert!(challenge.is_empty());
    assert!(result(world.check(answer(talk, "\0alice\0secret"))).is_ok());
    let response = Credentials::Response(Secret::from(&b"\0alice\0secret"[..]));
    assert_eq!(result(world.check(claim(response))), Err(Reason::NoChallenge));
    let unknown = Reason::UnknownMechanism("GSSAPI".to_owned());
    assert_eq!(result(world.check(claim(sasl("GSSAPI", None)))), Err(unknown));
}

#[test]
fn external_is_the_certificate() {
    let mut world = World::simple();
    let external = |message| with_certificate(sasl("EXTERNAL", Some(message)), "CN=alice,O=Acme");
    assert!(result(world.check(external(""))).is_ok());
    assert!(result(world.check(external("alice"))).is_ok());
    assert!(matches!(result(world.check(external("bob"))), Err(Reason::OtherUser { .. })));
    assert_eq!(result(world.check(claim(sasl("EXTERNAL", Some(""))))), Err(Reason::NoCertificate));
    let Decision::Challenge(_, talk) = world.check(claim(sasl("EXTERNAL", None))) else { panic!() };
    assert_eq!(result(world.check(answer(talk, "alice"))), Err(Reason::NoCertificate));
}

#[test]
fn a_wrong_scram_proof_is_a_guess() {
    let mut world = World::simple();
    let proof = "A".repeat(43) + "=";
    let guess = |world: &mut World, user: &str| {
        let Decision::Challenge(challenge, talk) =
            world.check(claim(sasl("SCRAM-SHA-256", Some(&format!("n,,n={user},r=c")))))
        else {
            panic!()
        };
        let nonce = core::str::from_utf8(&challenge).unwrap().split(',').next().unwrap().to_owned();
        world.check(answer(talk, &format!("c=biws,{nonce},p={proof}")))
    };
    for _ in 0..5 {
        assert_eq!(result(guess(&mut world, "alice")), Err(Reason::WrongPassword("alice".to_owned())));
        assert_eq!(result(guess(&mut world, "nobody")), Err(Reason::UnknownUser("nobody".to_owned())));
    }
    assert!(matches!(guess(&mut world, "nobody"), Decision::Wait(..)), "who does not exist is slowed as well");
    let Decision::Wait(until, waiting) = guess(&mut world, "alice") else { panic!() };
    world.now = until;
    assert_eq!(result(world.check(*waiting)), Err(Reason::WrongPassword("alice".to_owned())));
    assert!(result(world.check(claim(sasl("SCRAM-SHA-256", Some("n"))))).is_err());
}

#[test]
fn a_password_that_changes_during_scram_counts_no_more() {
    for changes in [false, true] {
        let mut world = World::simple();
        let client = crate::scram::Client { user: "alice", password: "secret" };
        let decision = world.check(claim(sasl("SCRAM-SHA-256", Some(&client.first()))));
        let Decision::Challenge(challenge, talk) = decision else { panic!() };
        let (last, answer_to_it) = client.last(core::str::from_utf8(&challenge).unwrap());
        if changes {
            let scram = Some(ScramSecret::with_iterations("other", [1; 16], 4_096).unwrap());
            world.replace(|users| users.put(User { scram, ..user("alice", "other") }).unwrap());
        }
        let result = result(world.check(answer(talk, &last)));
        if changes {
            assert_eq!(result, Err(Reason::WrongPassword("alice".to_owned())));
        } else {
            let granted = result.unwrap();
            assert_eq!(granted.last_message, Some(answer_to_it.into()));
            assert!(granted.identity.administrator);
        }
    }
}

#[test]
fn signatures_make_the_identity_of_their_user_and_account() {
    let mut world = World::simple();
    let signature = Signature {
        access_key: "AKIDEXAMPLE".to_owned(),
        scope: "20150830/us-east-1/iam/aws4_request".to_owned(),
        string_to_sign: "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
                         f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
            .to_owned(),
        signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7".to_owned(),
    };
    let ask = |world: &mut World| result(world.check(claim(Credentials::Signature(Box::new(signature.clone())))));
    let unknown = Reason::Signature { key: "AKIDEXAMPLE".to_owned(), problem: BadSignature::UnknownKey };
    assert_eq!(ask(&mut world), Err(unknown));
    let sealed = |secret| MasterKey::new([1; 32]).seal("AKIDEXAMPLE", secret, [3; 12]);
    let key = Key {
        id: "AKIDEXAMPLE".to_owned(),
        user: "alice".to_owned(),
        secret: sealed("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        account: Some("123456789012".to_owned()),
        created: 0,
        disabled: false,
    };
    world.replace(|users| users.put_key(key.clone()).unwrap());
    let identity = ask(&mut world).unwrap().identity;
    assert_eq!((identity.name.as_str(), identity.source), ("alice", Source::Key));
    assert_eq!(identity.account.as_deref(), Some("123456789012"));
    world.replace(|users| users.put_key(Key { secret: sealed("another"), ..key }).unwrap());
    assert!(ask(&mut world).is_err(), "the signing key of the old secret is forgotten");
}

#[test]
fn what_the_log_gets_is_escaped_and_without_secrets() {
    let mut world = World::simple();
    let reason = world.login("a\nb\u{1b}", "hunter2").unwrap_err();
    assert_eq!(reason.to_string(), "no user \"a\\nb\\u{1b}\"");
    let Decision::Costly(work) = world.logins.check(world.now, claim(by_password("alice", "hunter2"))) else {
        panic!()
    };
    let shown = format!("{work:?} {:?}", world.logins);
    assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
}
