//! The master key of an encrypted store, from wherever the configuration says it is.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use config::{Config, KeySource};
use journal::{Algorithm, Encryption, KEY, MasterKey, Writes};
use zeroize::Zeroizing;

use crate::exit::Failure;

/// Where systemd says that credentials are.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// How long a command may take to print the key.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than any key with the white space around it.
const MOST_BYTES: u64 = 4096;

/// What the journal is to know. A command runs when this is called, so it is called once.
pub(crate) fn encryption(config: &Config) -> Result<Encryption, Failure> {
    let writes = match config.encryption {
        None => Writes::AsItIs,
        Some(config::Encryption::Off) => Writes::Plain,
        Some(config::Encryption::Aes256Gcm) => Writes::Sealed(Algorithm::Aes256Gcm),
        Some(config::Encryption::ChaCha20Poly1305) => Writes::Sealed(Algorithm::ChaCha20Poly1305),
    };
    let key = config.encryption_key.as_ref().map(master_key).transpose()?;
    Ok(Encryption { writes, key })
}

fn master_key(source: &KeySource) -> Result<MasterKey, Failure> {
    let wrong = |key: &str, reason: String| Failure::Configuration(format!("{key}: {reason}"));
    match source {
        KeySource::Given(key) => Ok(MasterKey::new(*key.expose())),
        KeySource::Credential(name) => credential(name).map_err(|reason| wrong("encryption_key_credential", reason)),
        KeySource::Command(line) => printed(line).map_err(|reason| wrong("encryption_key_command", reason)),
    }
}

fn credential(name: &str) -> Result<MasterKey, String> {
    let Some(folder) = std::env::var_os(CREDENTIALS) else {
        return Err(format!("there are no credentials: {CREDENTIALS} is not set"));
    };
    if name.contains('/') || name == ".." {
        return Err(format!("{name:?} is no name of a credential"));
    }
    let path = Path::new(&folder).join(name);
    let mut text = Zeroizing::new(String::new());
    let read = std::fs::File::open(&path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    read.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    parse(&text).ok_or_else(|| format!("{} must hold 64 hexadecimal digits", path.display()))
}

/// What a command prints. It is ended if it takes too long.
fn printed(line: &str) -> Result<MasterKey, String> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot be run: {error}"))?;
    let text = output(&mut child);
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| format!("cannot be waited for: {error}"))?;
    let text = text?;
    if !status.success() {
        return Err(format!("the command failed: {status}"));
    }
    parse(&text).ok_or_else(|| "the command must print 64 hexadecimal digits".to_owned())
}

fn output(child: &mut Child) -> Result<Zeroizing<String>, String> {
    let Some(output) = child.stdout.take() else { return Err("the command has no output".to_owned()) };
    let (done, read) = channel();
    // It ends with the command, or, if that has handed its output on, with the process.
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(String::new());
        let read = output.take(MOST_BYTES).read_to_string(&mut text);
        let _ = done.send(read.map(|_| text));
    });
    match read.recv_timeout(PATIENCE) {
        Ok(text) => text.map_err(|error| format!("the command's output cannot be read: {error}")),
        Err(_) => Err(format!("the command took longer than {} s", PATIENCE.as_secs())),
    }
}

fn parse(text: &str) -> Option<MasterKey> {
    let digits = text.trim().as_bytes();
    if digits.len() != 2 * KEY {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let mut key = Zeroizing::new([0; KEY]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(MasterKey::new(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

    #[test]
    fn a_command_prints_the_key() {
        let key = printed(&format!("echo; echo ' {DIGITS}'")).unwrap();
        assert_eq!(key.id(), parse(DIGITS).unwrap().id());
        let refused = |line: &str| printed(line).unwrap_err();
        assert!(refused("echo hunter2").contains("must print 64 hexadecimal digits"));
        assert!(!refused("echo hunter2").contains("hunter2"));
        assert!(refused(&format!("echo {DIGITS}; exit 3")).contains("exit status: 3"));
        assert!(refused("/no/such/program").contains("127"));
    }

    #[test]
    fn digits_are_64() {
        assert!(parse(DIGITS).is_some() && parse(&DIGITS[1..]).is_none() && parse("").is_none());
        assert!(parse(&DIGITS.replace('f', "g")).is_none());
        assert!(parse(&"é".repeat(32)).is_none());
    }
}
