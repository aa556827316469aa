use std::io::Write;
use std::time::SystemTime;

use auth::{Key, MasterKey, Users};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::table::{self, or_dash, yes};
use super::user::tell;
use super::users_file::UsersFile;
use crate::exit::Failure;
use crate::offline::say;
use crate::random;

/// New ids have 20 characters, as AWS's, and begin with this.
const PREFIX: &str = "CWAK";
const ID_BYTES: usize = 16;
/// 40 characters of base64, as AWS's.
const SECRET_BYTES: usize = 30;
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// An access key to be made.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) user: String,
    pub(super) account: Option<String>,
    pub(super) id: Option<String>,
}

pub(super) fn add(
    file: &UsersFile,
    master: &MasterKey,
    wanted: Wanted,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Wanted { user, account, id } = wanted;
    let id = id.map_or_else(new_id, Ok)?;
    let secret = new_secret()?;
    let sealed = master.seal(&id, &secret, random::bytes()?);
    let created = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let key = Key { id, user, secret: sealed, account, created, disabled: false };
    file.edit(|users| {
        if users.find_key(&key.id).is_some() {
            return Err(Failure::Start(format!("access key {:?} exists already", key.id)));
        }
        put(users, key.clone())
    })?;
    tell_secret(&key, &secret, json, out)
}

pub(super) fn rotate(
    file: &UsersFile,
    master: &MasterKey,
    id: &str,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let secret = new_secret()?;
    let sealed = master.seal(id, &secret, random::bytes()?);
    let key = file.edit(|users| {
        let key = Key { secret: sealed, ..existing(users, id)? };
        put(users, key.clone())?;
        Ok(key)
    })?;
    tell_secret(&key, &secret, json, out)
}

pub(super) fn switch(
    file: &UsersFile,
    id: &str,
    disabled: bool,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    file.edit(|users| {
        let key = Key { disabled, ..existing(users, id)? };
        put(users, key)
    })?;
    let state = if disabled { "disabled" } else { "enabled" };
    tell(out, json, json!({"id": id, "disabled": disabled}), &format!("Access key {id} is {state}."))
}

pub(super) fn remove(file: &UsersFile, id: &str, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    file.edit(|users| {
        existing(users, id)?;
        users.remove_key(id);
        Ok(())
    })?;
    tell(out, json, json!({"id": id}), &format!("Access key {id} is gone."))
}

pub(super) fn list(file: &UsersFile, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let users = file.read()?;
    let created = |key: &Key| console::show_time(key.created.saturating_mul(1_000));
    if json {
        for key in users.keys() {
            let row = json!({
                "id": key.id,
                "user": key.user,
                "account": key.account,
                "created": created(key),
                "disabled": key.disabled,
            });
            say(out, row)?;
        }
        return Ok(());
    }
    let mut rows = vec![["KEY", "USER", "ACCOUNT", "CREATED", "DISABLED"].map(str::to_owned)];
    rows.extend(users.keys().map(|key| {
        let account = or_dash(key.account.as_deref().unwrap_or_default());
        [key.id.clone(), key.user.clone(), account, created(key), yes(key.disabled)]
    }));
    table::write(&rows, out)
}

/// The only time that anybody sees the secret.
fn tell_secret(key: &Key, secret: &str, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if json {
        return say(out, json!({"id": key.id, "secret": secret, "user": key.user, "account": key.account}));
    }
    say(out, format_args!("aws_access_key_id     = {}", key.id))?;
    say(out, format_args!("aws_secret_access_key = {secret}"))?;
    say(out, "The secret is not shown again.")
}

fn put(users: &mut Users, key: Key) -> Result<(), Failure> {
    users.put_key(key).map_err(|wrong| Failure::Start(wrong.to_string()))
}

fn existing(users: &Users, id: &str) -> Result<Key, Failure> {
    let key = users.find_key(id).ok_or_else(|| Failure::Start(format!("there is no access key {id:?}")))?;
    Ok((**key).clone())
}

fn new_id() -> Result<String, Failure> {
    let bytes: [u8; ID_BYTES] = random::bytes()?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(PREFIX.chars().chain(bytes.iter().map(letter)).collect())
}

fn new_secret() -> Result<String, Failure> {
    random::bytes::<SECRET_BYTES>().map(|bytes| STANDARD.encode(bytes))
}
