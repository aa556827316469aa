use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use auth::{Cost, Hash, Imported, ScramSecret, User, Users};
use serde_json::json;

use super::arguments::NewUser;
use super::table::{self, or_dash, yes};
use super::users_file::UsersFile;
use super::{password, private_file};
use crate::exit::Failure;
use crate::offline::say;
use crate::random;

/// Of a file of another broker.
const MAX_IMPORT: u64 = 64 << 20;

pub(super) fn add(file: &UsersFile, new: &NewUser, cost: Cost, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let name = &new.name;
    let mut user = User {
        groups: new.groups.iter().cloned().collect(),
        administrator: new.admin,
        monitor: new.monitor,
        certificates: new.certificates.clone(),
        ..User::new(name)
    };
    // Before somebody types a password for nothing.
    put_new(&mut file.read()?, user.clone())?;
    if !new.no_password {
        set_password(&mut user, &password::read_new(name)?, cost, new.scram)?;
    }
    file.edit(|users| put_new(users, user))?;
    tell(out, json, json!({"user": name}), &format!("User {name} is there."))
}

fn put_new(users: &mut Users, user: User) -> Result<(), Failure> {
    if users.find(&user.name).is_some() {
        return Err(Failure::Start(format!("user {:?} exists already", user.name)));
    }
    users.put(user).map_err(|wrong| Failure::Start(wrong.to_string()))
}

pub(super) fn change_password(
    file: &UsersFile,
    name: &str,
    cost: Cost,
    scram: bool,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut changed = existing(&file.read()?, name)?;
    let scram = scram || changed.scram.is_some();
    set_password(&mut changed, &password::read_new(name)?, cost, scram)?;
    file.edit(|users| {
        // Somebody may have changed the rest of it meanwhile.
        let user = User { hash: changed.hash, scram: changed.scram, ..existing(users, name)? };
        users.put(user).map_err(|wrong| Failure::Start(wrong.to_string()))
    })?;
    tell(out, json, json!({"user": name}), &format!("User {name} has a new password."))
}

pub(super) fn remove(file: &UsersFile, name: &str, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let (keys, administrators) = file.edit(|users| {
        existing(users, name)?;
        let keys = users.keys().filter(|key| key.user == name).count();
        let had = users.has_administrator();
        users.remove(name);
        Ok((keys, (had, users.has_administrator())))
    })?;
    let keys_too = match keys {
        0 => String::new(),
        1 => ", with an access key".to_owned(),
        keys => format!(", with {keys} access keys"),
    };
    let last = if administrators == (true, false) { " There is no administrator any more." } else { "" };
    let text = format!("User {name} is gone{keys_too}.{last}");
    tell(out, json, json!({"user": name, "keys": keys, "administrator_left": administrators.1}), &text)
}

pub(super) fn list(file: &UsersFile, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let users = file.read()?;
    let mut counts = BTreeMap::new();
    users.keys().for_each(|key| *counts.entry(key.user.as_str()).or_insert(0_usize) += 1);
    let keys = |user: &User| counts.get(user.name.as_str()).copied().unwrap_or_default();
    let password = |user: &User| user.hash.as_ref().map(|hash| format!("{hash:?}"));
    if json {
        for user in users.iter() {
            let row = json!({
                "name": user.name,
                "administrator": user.administrator,
                "monitor": user.monitor,
                "groups": user.groups,
                "password": password(user),
                "scram": user.scram.is_some(),
                "certificates": user.certificates,
                "keys": keys(user),
            });
            say(out, row)?;
        }
        return Ok(());
    }
    let mut rows =
        vec![["USER", "ADMIN", "MONITOR", "PASSWORD", "SCRAM", "KEYS", "CERTIFICATES", "GROUPS"].map(str::to_owned)];
    rows.extend(users.iter().map(|user| {
        let groups: Vec<&str> = user.groups.iter().map(String::as_str).collect();
        [
            user.name.clone(),
            yes(user.administrator),
            yes(user.monitor),
            or_dash(&password(user).unwrap_or_default()),
            yes(user.scram.is_some()),
            keys(user).to_string(),
            user.certificates.len().to_string(),
            or_dash(&groups.join(", ")),
        ]
    }));
    table::write(&rows, out)
}

pub(super) fn import(file: &UsersFile, from: &Path, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Start(format!("{}: {error}", from.display()));
    let text = private_file::read(from, MAX_IMPORT).map_err(|error| failed(&error))?;
    let text = text.ok_or_else(|| failed(&"there is no such file"))?;
    let Imported { users: found, notes } = Imported::parse(&text).map_err(|error| failed(&error))?;
    let count = found.len();
    file.edit(|users| found.into_iter().try_for_each(|user| put_new(users, user)))?;
    if json {
        return say(out, json!({"users": count, "notes": notes}));
    }
    notes.iter().try_for_each(|note| say(out, note))?;
    let noun = if count == 1 { "user" } else { "users" };
    say(out, format_args!("{count} {noun} taken over."))
}

fn set_password(user: &mut User, password: &str, cost: Cost, scram: bool) -> Result<(), Failure> {
    let hash = Hash::new(password.as_bytes(), random::bytes()?, cost);
    user.hash = Some(hash.map_err(|error| Failure::Start(error.to_string()))?);
    user.scram = match scram {
        true => {
            let secret = ScramSecret::new(password, random::bytes()?);
            Some(secret.map_err(|error| Failure::Start(error.to_string()))?)
        }
        false => None,
    };
    Ok(())
}

fn existing(users: &Users, name: &str) -> Result<User, Failure> {
    let user = users.find(name).ok_or_else(|| Failure::Start(format!("there is no user {name:?}")))?;
    Ok((**user).clone())
}

pub(super) fn tell(out: &mut dyn Write, json: bool, row: serde_json::Value, text: &str) -> Result<(), Failure> {
    if json { say(out, row) } else { say(out, text) }
}
