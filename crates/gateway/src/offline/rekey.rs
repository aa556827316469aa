use std::io::Write;
use std::path::Path;

use config::Config;
use journal::{Disk, Encryption, KeyFault, MasterKey};
use serde_json::json;

use super::{failed, say};
use crate::exit::Failure;
use crate::store::no_key;

/// Changes the master key of the store; its files stay as they are.
pub(super) fn rekey(
    data: &Path,
    disk: &dyn Disk,
    encryption: &Encryption,
    config: &Config,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some(new) = &config.encryption_new_key else {
        let why = "no new master key: set encryption_new_key or encryption_new_key_file (64 hexadecimal digits)";
        return Err(Failure::Configuration(why.to_owned()));
    };
    let Some(old) = &encryption.key else { return Err(no_key(data, &KeyFault::NoneGiven)) };
    let new = MasterKey::new(*new.expose());
    journal::rekey(disk, old, &new).map_err(|error| failed(data, &error))?;
    let (old, new) = (old.id(), new.id());
    if json {
        return say(out, json!({"from": old.to_string(), "to": new.to_string()}));
    }
    let rest = "backups from before still need the old one";
    say(out, format_args!("the store had the master key {old} and now has {new}; {rest}"))
}
