//! Users and access keys at the command line: what it makes, and what it refuses.

use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use conformance::broker::command;
use serde_json::{Value, json};

#[test]
fn a_user_is_added_changed_listed_and_removed() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let said =
        succeed(&run(&["user", "add", "alice", "--admin", "--group", "ops", "--group", "a b"], data, "secret\n"));
    assert_eq!(said, "User alice is there.\n");
    succeed(&run(&["user", "add", "bob", "--monitor", "--no-password", "--certificate", "CN=bob,O=Acme"], data, ""));
    let file = data.join("users.toml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read_to_string(&file).unwrap();
    assert!(before.contains("\nhash = \"$argon2id$v=19$m=19456,t=2,p=1$") && !before.contains("secret"), "{before}");
    let rows = rows(&run(&["user", "list", "--json"], data, ""));
    let alice = json!({"name": "alice", "administrator": true, "monitor": false, "groups": ["a b", "ops"],
        "password": "argon2id", "scram": false, "certificates": [], "keys": 0});
    let bob = json!({"name": "bob", "administrator": false, "monitor": true, "groups": [],
        "password": null, "scram": false, "certificates": ["CN=bob,O=Acme"], "keys": 0});
    assert_eq!(rows, [alice, bob]);
    let table = succeed(&run(&["user", "list"], data, ""));
    assert!(table.starts_with("USER   ADMIN  MONITOR  PASSWORD  SCRAM  KEYS  CERTIFICATES  GROUPS\n"), "{table}");
    succeed(&run(&["user", "passwd", "alice", "--scram"], data, "another\r\n"));
    let after = fs::read_to_string(&file).unwrap();
    assert!(after != before && after.contains("\nscram = \"SCRAM-SHA-256$60000:"), "{after}");
    assert_eq!(
        succeed(&run(&["user", "remove", "alice"], data, "")),
        "User alice is gone. There is no administrator any more.\n"
    );
    assert_eq!(succeed(&run(&["user", "list", "--json"], data, "")).lines().count(), 1);
}

#[test]
fn an_access_key_is_shown_once() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    succeed(&run(&["user", "add", "app", "--no-password"], data, ""));
    let added = row(&run(&["key", "add", "app", "--account", "123456789012", "--json"], data, ""));
    let (id, secret) = (text(&added["id"]), text(&added["secret"]));
    assert!(id.len() == 20 && id.starts_with("CWAK") && secret.len() == 40, "{added}");
    let key = data.join("master.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(data.join("users.toml")).unwrap().contains(&secret));
    let listed = row(&run(&["key", "list", "--json"], data, ""));
    assert_eq!(
        (&listed["id"], &listed["account"], &listed["disabled"]),
        (&json!(id), &json!("123456789012"), &json!(false))
    );
    assert!(listed.get("secret").is_none());
    let rotated = row(&run(&["key", "rotate", &id, "--json"], data, ""));
    assert!(rotated["id"] == json!(id) && rotated["secret"] != json!(secret), "{rotated}");
    succeed(&run(&["key", "disable", &id], data, ""));
    assert_eq!(row(&run(&["key", "list", "--json"], data, ""))["disabled"], json!(true));
    succeed(&run(&["key", "enable", &id], data, ""));
    let shown = succeed(&run(&["key", "add", "app", "--id", "test"], data, ""));
    assert!(shown.starts_with("aws_access_key_id     = test\naws_secret_access_key = "), "{shown}");
    assert!(succeed(&run(&["key", "list"], data, "")).starts_with("KEY "));
    succeed(&run(&["key", "remove", "test"], data, ""));
    assert_eq!(succeed(&run(&["user", "remove", "app"], data, "")), "User app is gone, with an access key.\n");
    assert!(succeed(&run(&["key", "list", "--json"], data, "")).is_empty());
}

#[test]
fn what_is_wrong_is_told_in_one_line_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    succeed(&run(&["user", "add", "alice"], data, "secret\n"));
    succeed(&run(&["key", "add", "alice", "--id", "taken"], data, ""));
    let before = fs::read_to_string(data.join("users.toml")).unwrap();
    let long = "x".repeat(1_025);
    for (args, input, expected) in [
        (&["user", "add", "alice"][..], "x\n", "user \"alice\" exists already"),
        (&["user", "add", "bob"], "", "cannot read the password from standard input: there is nothing"),
        (&["user", "add", "bob"], "\n", "the password is empty"),
        (&["user", "add", "bob"], &long, "the password is longer than 1024 bytes"),
        (&["user", "add", ""], "x\n", "\"\" is no name"),
        (&["user", "add", "a\nb"], "x\n", "\"a\\nb\" is no name"),
        (&["user", "add", "bob", "--group", " "], "x\n", "\" \" is no name"),
        (&["user", "add", "bob", "--certificate", ""], "x\n", "certificate \"\" is empty"),
        (&["user", "add", "bob", "--scram"], "\u{7}\n", "a password for SCRAM must have"),
        (&["user", "passwd", "bob"], "x\n", "there is no user \"bob\""),
        (&["user", "remove", "bob"], "", "there is no user \"bob\""),
        (&["user", "import", "/nonexistent"], "", "/nonexistent: there is no such file"),
        (&["user", "import", "/dev/null"], "", "/dev/null: this is neither RabbitMQ's definitions"),
        (&["key", "add", "bob"], "", "there is no user \"bob\""),
        (&["key", "add", "alice", "--account", "12"], "", "an account has 12 digits"),
        (&["key", "add", "alice", "--id", "a/b/c"], "", "an access key's id has 4 to 128"),
        (&["key", "add", "alice", "--id", "taken"], "", "access key \"taken\" exists already"),
        (&["key", "rotate", "x"], "", "there is no access key \"x\""),
        (&["key", "disable", "x"], "", "there is no access key \"x\""),
        (&["key", "remove", "x"], "", "there is no access key \"x\""),
    ] {
        refused(&run(args, data, input), 1, expected);
    }
    for args in [
        &["user"][..],
        &["user", "add"],
        &["user", "add", "a", "b"],
        &["key", "rotate"],
        &["user", "add", "a", "--scram", "--no-password"],
    ] {
        assert_eq!(run(args, data, "x\n").status.code(), Some(2), "{args:?}");
    }
    assert_eq!(fs::read_to_string(data.join("users.toml")).unwrap(), before);
}

#[test]
fn a_file_that_cannot_be_read_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let (data, file) = (data.path(), data.path().join("users.toml"));
    let text = "format = 1\n[[user]]\nname = \"alice\"\nhash = \"secret\"\n";
    fs::write(&file, text).unwrap();
    for args in [
        &["user", "list"][..],
        &["user", "add", "bob", "--no-password"],
        &["user", "remove", "alice"],
        &["key", "list"],
    ] {
        refused(&run(args, data, ""), 1, "line 4: user \"alice\": the hash is of no known kind");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    fs::write(&file, "format = 1\n").unwrap();
    fs::write(data.join("master.key"), "short").unwrap();
    refused(&run(&["key", "add", "alice"], data, ""), 1, "it is not 64 hexadecimal digits");
}

#[test]
fn users_of_other_brokers_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let definitions = data.join("definitions.json");
    fs::write(
        &definitions,
        r#"{"users": [{"name": "root", "tags": ["administrator"], "hashing_algorithm": "rabbit_password_hashing_sha256",
            "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"}, {"name": "device"}]}"#,
    )
    .unwrap();
    let import = |path: &Path| run(&["user", "import", path.to_str().unwrap()], data, "");
    let said = succeed(&import(&definitions));
    assert_eq!(said, "User \"device\" has no password and cannot log in with one.\n2 users taken over.\n");
    refused(&import(&definitions), 1, "user \"root\" exists already");
    let passwords = data.join("passwords");
    fs::write(&passwords, "new:$7$101$ORofGyq3C4KyqQX7$dPr8q731HOxJGZ7nDHExNetK9W5x6Zq0Z410Q8BoYwGsqZ9fJfG2sx5MU7Pax0GrVByLWG+dZdIknqDcyAJbRw==\nroot:$6$x\n").unwrap();
    refused(&import(&passwords), 1, "line 2: user \"root\": the hash is damaged");
    let rows = rows(&run(&["user", "list", "--json"], data, ""));
    let kinds: Vec<_> = rows.iter().map(|row| (text(&row["name"]), row["password"].clone())).collect();
    assert_eq!(kinds, [("device".to_owned(), Value::Null), ("root".to_owned(), json!("rabbitmq"))]);
    assert_eq!(rows[1]["administrator"], json!(true));
}

#[test]
fn many_at_once_lose_nothing() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || succeed(&run(&["user", "add", &format!("user {n}"), "--no-password"], data, "")));
        }
    });
    assert_eq!(succeed(&run(&["user", "list", "--json"], data, "")).lines().count(), 8);
}

/// Needs `script` of util-linux for a terminal.
#[test]
fn at_a_terminal_the_password_is_asked_for_twice_and_not_shown() {
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: there is no `script`");
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let screen = at_terminal(data, &["hunter22", "hunter23"]);
    assert!(screen.contains("these were two different passwords"), "{screen}");
    let screen = at_terminal(data, &["hunter22", "hunter22"]);
    assert!(screen.contains("User alice is there.") && !screen.contains("hunter"), "{screen}");
}

/// Types `answers`, each when a prompt is there; all that the screen showed.
fn at_terminal(data: &Path, answers: &[&str]) -> String {
    let program = command().get_program().to_str().expect("a path of UTF-8").to_owned();
    let line = format!("'{program}' user add alice --data '{}'", data.display());
    let mut child = command_like("script", &["-qec", &line, "/dev/null"]).spawn().expect("it can be started");
    let (mut keyboard, mut out) = (child.stdin.take().expect("it is piped"), child.stdout.take().expect("it is piped"));
    let mut screen = String::new();
    let mut answers = answers.iter();
    let mut buffer = [0; 256];
    loop {
        match out.read(&mut buffer).expect("a screen") {
            0 => break,
            read => screen.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
        let prompts = screen.matches("Password of alice: ").count() + screen.matches("Again: ").count();
        if screen.ends_with(": ")
            && prompts > 0
            && let Some(answer) = answers.next()
        {
            writeln!(keyboard, "{answer}").expect("it reads");
        }
    }
    child.wait().expect("it is ours");
    screen
}

fn command_like(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What the tests are told by their environment is no setting of the program.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAUSEWAY_")) {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str], data: &Path, input: &str) -> Output {
    let mut command = command();
    command.args(args).arg("--data").arg(data);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
    // Who needs no input may have ended already.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it is ours")
}

fn succeed(output: &Output) -> String {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("it prints UTF-8")
}

fn refused(output: &Output, code: i32, expected: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(stderr.lines().count() == 1 && stderr.contains(expected), "{stderr} is not {expected:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

fn rows(output: &Output) -> Vec<Value> {
    succeed(output).lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn row(output: &Output) -> Value {
    let [row] = &rows(output)[..] else { panic!("not one row: {output:?}") };
    row.clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
