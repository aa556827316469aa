//! `causeway user …` and `causeway key …`: they change the users file itself, whether a broker runs or not.

mod arguments;
mod cost;
mod key;
mod master_key;
mod password;
mod private_file;
mod table;
mod user;
mod users_file;

use config::Config;

pub(crate) use self::arguments::{KeyCommand, UserCommand};
pub(crate) use self::cost::cost;
use self::users_file::UsersFile;
use crate::exit::Failure;

pub(crate) fn run_user(command: UserCommand, config: &Config, json: bool) -> Result<(), Failure> {
    let file = UsersFile::new(&config.users_file);
    let out = &mut std::io::stdout().lock();
    match command {
        UserCommand::Add(new) => user::add(&file, &new, cost(config)?, json, out),
        UserCommand::Passwd { name, scram } => user::change_password(&file, &name, cost(config)?, scram, json, out),
        UserCommand::Remove { name } => user::remove(&file, &name, json, out),
        UserCommand::List => user::list(&file, json, out),
        UserCommand::Import { file: from } => user::import(&file, &from, json, out),
    }
}

pub(crate) fn run_key(command: KeyCommand, config: &Config, json: bool) -> Result<(), Failure> {
    let file = UsersFile::new(&config.users_file);
    let out = &mut std::io::stdout().lock();
    match command {
        KeyCommand::Add { user, account, id } => {
            let wanted = key::Wanted { user, account, id };
            key::add(&file, &master_key::read_or_make(config)?, wanted, json, out)
        }
        KeyCommand::Rotate { id } => key::rotate(&file, &master_key::read_or_make(config)?, &id, json, out),
        KeyCommand::Disable { id } => key::switch(&file, &id, true, json, out),
        KeyCommand::Enable { id } => key::switch(&file, &id, false, json, out),
        KeyCommand::Remove { id } => key::remove(&file, &id, json, out),
        KeyCommand::List => key::list(&file, json, out),
    }
}

/// The key that access keys' secrets are encrypted with; made if there is none.
pub(crate) fn master_key(config: &Config) -> Result<auth::MasterKey, Failure> {
    master_key::read_or_make(config)
}

/// Writes hashes of passwords that were right in place of those of an old kind.
pub(crate) fn replace_hashes(path: &std::path::Path, replacements: Vec<auth::Replacement>) -> Result<(), Failure> {
    UsersFile::new(path).replace_hashes(replacements)
}
