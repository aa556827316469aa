use std::fs::File;
use std::io::{BufRead as _, IsTerminal as _, Read as _};

use auth::MAX_PASSWORD;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::exit::Failure;

/// Asks for a new password, twice and without showing it; where there is no terminal, the first line of standard input.
pub(super) fn read_new(user: &str) -> Result<String, Failure> {
    let password = if std::io::stdin().is_terminal() { ask(user)? } else { first_line()? };
    match password.len() {
        0 => Err(Failure::Start("the password is empty".to_owned())),
        1..=MAX_PASSWORD => Ok(password),
        _ => Err(Failure::Start(format!("the password is longer than {MAX_PASSWORD} bytes"))),
    }
}

/// A terminal that shows nothing of what is typed, from before anybody is asked for it.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    /// `None` where there is no terminal that could be told.
    fn new() -> Option<Self> {
        let terminal = File::open("/dev/tty").ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Now, &quiet).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn ask(user: &str) -> Result<String, Failure> {
    let _quiet = Quiet::new();
    let prompt = |text: String| {
        rpassword::prompt_password(text)
            .map_err(|error| Failure::Start(format!("cannot ask for the password: {error}")))
    };
    let first = prompt(format!("Password of {user}: "))?;
    if prompt("Again: ".to_owned())? != first {
        return Err(Failure::Start("these were two different passwords".to_owned()));
    }
    Ok(first)
}

fn first_line() -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::Start(format!("cannot read the password from standard input: {error}"))
    };
    let mut line = String::new();
    let read = std::io::stdin().lock().take(MAX_PASSWORD as u64 + 3).read_line(&mut line);
    if read.map_err(|error| failed(&error))? == 0 {
        return Err(failed(&"there is nothing"));
    }
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
