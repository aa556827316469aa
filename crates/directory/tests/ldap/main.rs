//! Logins at a real OpenLDAP server, and at servers that do not answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test that skips something says so")]

mod authority;
mod down;
mod login;
mod secure;
mod slapd;
mod unpacked;

use std::thread;
use std::time::{Duration, Instant};

use auth::{Directory as _, DirectoryError, Identity};
use config::{Config, Flags, Machine, Sources};
use directory::Directories;

/// Generous, because test machines are shared; a passing test never waits this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Calls `probe` until it answers.
fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// The directory of `[[ldap]]` with these lines; others that must be there are the test server's.
fn directories(lines: &str) -> Directories {
    let mut text = format!("[[ldap]]\n{lines}\n");
    for (name, line) in [
        ("user_base", "user_base = 'ou=people,dc=example,dc=com'\n"),
        (
            "service_account_username",
            "service_account_username = 'cn=broker,ou=services,dc=example,dc=com'\n\
             service_account_password = 'service password'\n",
        ),
        // Far more than any answer takes, wherever the test is not about that.
        ("timeout", "timeout = '60s'\nconnect_timeout = '60s'\n"),
    ] {
        if !lines.contains(name) {
            text.push_str(line);
        }
    }
    let machine = Machine { cores: 1, memory: Some(1 << 30), cgroup_memory: None };
    let environment = Vec::new().into_iter();
    let sources = Sources { file: Some(("causeway.toml".into(), text)), environment, flags: Flags::default(), machine };
    let config = Config::load(sources).unwrap_or_else(|errors| panic!("{errors}"));
    Directories::from_config(&config).unwrap_or_else(|error| panic!("{error}")).unwrap()
}

fn login(directories: &Directories, user: &str, password: &str) -> Result<Identity, DirectoryError> {
    directories.authenticate(user, password.as_bytes())
}

fn is_unavailable(answer: &Result<Identity, DirectoryError>) -> bool {
    matches!(answer, Err(DirectoryError::Unavailable(_)))
}
