//! Who gets in, by every protocol, and who does not: users, access keys, certificates, and nobody.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use conformance::broker::command;
use conformance::device::{Device, socket};
use conformance::poll::{DEADLINE, until};
use conformance::process::{Process, files_to_open};
use conformance::wire::{Connect, Level, Packet};
use conformance::{Broker, Face, Options, Security, clients};
use fe2o3_amqp::sasl_profile::SaslScramSha256;

/// Hashes as cheap as they may be: there are many of them.
const CHEAP: &str = "password_memory = \"1MiB\"\npassword_passes = 1\n";
const COMMON: &str = "[[queue]]\nname = \"common\"\n";

#[test]
fn every_protocol_asks_for_the_password() {
    clients::python("57_logins.py", &broker(""));
}

#[test]
fn users_come_change_and_go_while_it_runs() {
    clients::python("57_live.py", &broker(""));
}

#[test]
fn nobody_is_somebody_if_the_configuration_says_so() {
    clients::python("57_anonymous.py", &broker("anonymous = \"guest\"\n"));
}

#[test]
fn certificates_say_who_their_bearers_are() {
    let config = format!("{CHEAP}{COMMON}");
    clients::python("57_certificates.py", &Broker::start(&config, Options::default().security(Security::Mutual)));
}

#[test]
fn scram_shows_no_password() {
    let config = format!("{CHEAP}{COMMON}");
    let broker = Broker::start_on(&config, Options::default(), |data| {
        add(data, &["alice", "--scram"]);
    });
    let address = broker.address(Face::Amqp).to_string();
    let log_in = async |user: &str, password: &str| {
        let stream = tokio::net::TcpStream::connect(&address).await.expect("it listens");
        let builder =
            fe2o3_amqp::Connection::builder().container_id("scram").scheme("amqp").hostname(Some("localhost"));
        builder.sasl_profile(SaslScramSha256::new(user, password)).open_with_stream(stream).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut connection = log_in("alice", "right").await.expect("the right password");
        connection.close().await.expect("a good end");
        for (user, password) in [("alice", "wrong"), ("nobody", "right")] {
            let refused = log_in(user, password).await.expect_err(user).to_string();
            assert!(refused.contains("SASL"), "{user}: {refused}");
        }
    });
}

#[test]
fn it_does_not_start_where_strangers_would_come_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let config = |settings: &str| {
        let path = data.join("causeway.toml");
        let listener = "[[listener]]\nface = \"mqtt\"\naddress = \"0.0.0.0\"\nport = 0\n";
        fs::write(&path, format!("{settings}\n{CHEAP}{listener}")).unwrap();
        path
    };
    let refused = |settings: &str, words: &[&str]| {
        let mut command = command();
        command.arg("--data").arg(data).arg("--config").arg(config(settings));
        let ended = Process::start(&mut command).wait(DEADLINE);
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{words:?}: {}", ended.stderr);
    };
    refused("allow_plaintext = true", &["there is no administrator", "causeway user add NAME --admin"]);
    add(data, &["bob"]);
    refused("allow_plaintext = true", &["there is no administrator"]);
    add(data, &["root", "--admin"]);
    refused("", &["allow_plaintext = true", "tls_dir"]);
    for settings in ["allow_plaintext = true", "dev = true"] {
        let mut command = command();
        command.arg("--data").arg(data).arg("--config").arg(config(settings));
        let process = Process::start(&mut command);
        while process.line(DEADLINE).expect("it gets ready") != "Ready." {}
    }
}

#[test]
fn a_user_has_no_more_connections_than_allowed() {
    let config = format!("max_connections_per_user = 2\n{CHEAP}");
    let broker = Broker::start_on(&config, Options::default(), |data| {
        add(data, &["alice"]);
        add(data, &["bob"]);
    });
    let connect =
        |name: &str, user: &str| Device::connect(broker.address(Face::Mqtt), &Connect::new(name).login(user, "right"));
    let (first, _second) = (connect("1", "alice").expect("one"), connect("2", "alice").expect("two"));
    let refused = connect("3", "alice").err().expect("three are too many").to_string();
    assert!(refused.contains("code: 3"), "{refused}");
    let wanted = "\"reason\":\"too many connections of this user\"";
    until(wanted, || fs::read_to_string(broker.data().join("audit.log")).ok()?.contains(wanted).then_some(()));
    connect("4", "bob").expect("somebody else");
    first.disconnect();
    until("the place of the first", || connect("5", "alice").ok());
}

#[test]
fn guesses_are_slowed_down_and_then_refused_at_once() {
    let broker = Broker::start_on(CHEAP, Options::default(), |data| add(data, &["alice"]));
    let address = broker.address(Face::Mqtt);
    let guess = |nth: usize| {
        let connect = Connect::new(&format!("guess-{nth}")).login("alice", "wrong");
        Device::connect(address, &connect).err().expect("it is wrong").to_string()
    };
    // All at once. Those that would have to wait too long are not looked at.
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..30).map(|nth| scope.spawn(move || guess(nth))).collect();
        for guess in guesses {
            let answer = guess.join().expect("an answer");
            assert!(answer.contains("code: 4"), "{answer}");
        }
    });
    let reasons = || {
        let text = fs::read_to_string(broker.data().join("audit.log")).expect("it is there");
        let count = |reason: &str| text.lines().filter(|line| line.contains(reason)).count();
        (count("wrong password for user"), count("too many failures of user"))
    };
    let (looked_at, refused) = until("all in the log", || Some(reasons()).filter(|(a, b)| a + b == 30));
    assert!((5..15).contains(&looked_at) && refused > 0, "{looked_at} of 30 were looked at");
    // Also the right one, from there.
    let right = Connect::new("right").login("alice", "right");
    Device::connect(address, &right).err().expect("it waits too long");
}

#[test]
fn a_crowd_at_the_door_stops_nobody_inside() {
    const USERS: usize = 20;
    // As many of each kind.
    let crowd = files_to_open(1_000) / 2 * 2;
    let broker = Broker::start_on(CHEAP, Options::default(), |data| {
        (0..USERS).for_each(|nth| add(data, &[&format!("user-{nth}")]));
        add(data, &["inside"]);
    });
    let address = broker.address(Face::Mqtt);
    let mut inside = Device::connect(address, &Connect::new("inside").login("inside", "right")).expect("it is right");
    let before = broker.anonymous_memory();
    let mut crowd: Vec<_> = (0..crowd).map(|_| socket(address)).collect();
    for (nth, socket) in crowd.iter_mut().enumerate() {
        // Users with odd numbers are guessed at.
        let (user, password) = (format!("user-{}", nth % USERS), if nth % 2 == 0 { "right" } else { "wrong" });
        let connect = Connect::new(&format!("crowd-{nth}")).login(&user, password);
        socket.write_all(&connect.encode()).expect("it is read");
    }
    let mut answers = [[0; 6]; 2];
    let mut published = 0;
    for (nth, socket) in crowd.iter_mut().enumerate() {
        inside.publish("$queue/q", 1, "answered");
        published += 1;
        match Packet::read(socket, Level::V311).expect("an answer") {
            Packet::Connack { code, .. } => answers[nth % 2][usize::from(code)] += 1,
            other => panic!("{other:?}"),
        }
    }
    // 0: in; 3: not now; 4: wrong.
    let [right, wrong] = answers;
    assert_eq!(
        (right[0] + right[3], wrong[0], wrong[3] + wrong[4]),
        (crowd.len() / 2, 0, crowd.len() / 2),
        "{answers:?}"
    );
    assert!(right[0] > 0 && wrong[4] > 0, "{answers:?}");
    assert_eq!(broker.admin_row(&["queue", "q"])["ready"], published);
    // A thousand hashes at once would take a thousand MiB.
    let grown = broker.anonymous_memory().saturating_sub(before) >> 20;
    assert!(grown < 256, "{grown} MiB");
}

fn broker(settings: &str) -> Broker {
    Broker::start(&format!("{settings}{CHEAP}{COMMON}"), Options::default())
}

/// A user with the password `right`.
fn add(data: &Path, options: &[&str]) {
    let mut command = command();
    command.args(["user", "add"]).args(options).arg("--data").arg(data);
    command.envs([("CAUSEWAY_PASSWORD_MEMORY", "1MiB"), ("CAUSEWAY_PASSWORD_PASSES", "1")]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it can be started");
    child.stdin.take().expect("it is piped").write_all(b"right\n").expect("it reads");
    assert!(child.wait().expect("it is ours").success());
}
