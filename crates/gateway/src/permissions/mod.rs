//! `causeway permissions …`: the permissions file, whether a broker runs or not.

mod arguments;

use std::fmt::Display;
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use auth::policy::import::{self, Imported, Origin};
use auth::policy::{Conditions, HostNames, Policy, explain};
use auth::{Identity, Source, User, Users};
use config::Config;
use model::{Name, Protected};
use serde_json::json;

use self::arguments::Broker;
pub(crate) use self::arguments::{PermissionsCommand, Question};
use crate::define::ROOT_ACCOUNT;
use crate::exit::Failure;
use crate::offline::say;

/// Far more than any of these files: a wrong path must not fill the memory.
const MAX_TEXT: u64 = 64 << 20;
const OWN: &str = "/";

pub(crate) fn run(command: &PermissionsCommand, config: &Config, json: bool) -> Result<(), Failure> {
    let out = &mut std::io::stdout().lock();
    match command {
        PermissionsCommand::Check { file } => check(config, file.as_deref(), json, out),
        PermissionsCommand::Import { file, from } => import(file, *from, json, out),
        PermissionsCommand::Explain(question) => answer(config, question, json, out),
    }
}

/// How rules name namespaces: as the configuration's virtual hosts, and the broker's own in both of its ways.
pub(crate) fn host_names(config: &Config) -> HostNames {
    let name = |namespace: &config::Namespace| {
        let own = namespace.account == ROOT_ACCOUNT && namespace.region == config.region;
        if own { Name::from_static(OWN) } else { format!("{}/{}", namespace.account, namespace.region).into() }
    };
    let own = (format!("{ROOT_ACCOUNT}/{}", config.region), Name::from_static(OWN));
    std::iter::once(own)
        .chain(config.virtual_hosts.iter().map(|host| (host.name.clone(), name(&host.namespace))))
        .collect()
}

/// Where the broker's own permissions file is, or would be.
pub(crate) fn default_path(config: &Config) -> PathBuf {
    config.permissions_file.clone().unwrap_or_else(|| config.data.join("permissions.toml"))
}

fn path(config: &Config, given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| default_path(config), Path::to_owned)
}

/// The policy of a file; without the broker's own one everybody may use everything.
fn policy(config: &Config, given: Option<&Path>) -> Result<Policy, Failure> {
    let path = path(config, given);
    let required = given.is_some() || config.permissions_file.is_some();
    let wrong = |text: String| Failure::Configuration(text);
    match read(&path) {
        Ok(text) => Policy::parse(&text, &host_names(config)).map_err(|errors| {
            let lines: Vec<_> = errors.0.iter().map(|error| format!("{}: {error}", path.display())).collect();
            wrong(lines.join("\n"))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(Policy::open()),
        Err(error) => Err(wrong(format!("{}: {error}", path.display()))),
    }
}

fn check(config: &Config, given: Option<&Path>, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let (policy, path) = (policy(config, given)?, path(config, given));
    let (entries, there) = (policy.entries(), given.is_some() || path.exists());
    if json {
        return say(out, json!({"file": path.display().to_string(), "exists": there, "entries": entries}));
    }
    let path = path.display();
    match (there, entries) {
        (false, _) => say(out, format_args!("There is no {path}: who has logged in may use everything.")),
        (true, 0) => say(out, format_args!("{path} is sound, and allows nothing to anybody but administrators.")),
        (true, entries) => say(out, format_args!("{path} is sound: {entries} entries.")),
    }
}

fn import(file: &Path, from: Option<Broker>, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let failed = |error: &dyn Display| Failure::Start(format!("{}: {error}", file.display()));
    let text = read(file).map_err(|error| failed(&error))?;
    let origin = match from {
        Some(Broker::Activemq) => Origin::ActiveMq,
        Some(Broker::Rabbitmq) => Origin::RabbitMq,
        Some(Broker::Mosquitto) => Origin::Mosquitto,
        None => Origin::guess(&text),
    };
    let Imported { toml, hosts, entries, notes } = import::import(&text, origin).map_err(|error| failed(&error))?;
    if json {
        return say(out, json!({"toml": toml, "virtual_hosts": hosts, "entries": entries, "notes": notes}));
    }
    for note in &notes {
        eprintln!("causeway: {note}");
    }
    out.write_all(toml.as_bytes()).map_err(|error| Failure::Start(error.to_string()))
}

fn answer(config: &Config, question: &Question, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let policy = policy(config, question.file.as_deref())?;
    let identity = identity(config, question)?;
    let hosts = host_names(config);
    let host = question.virtual_host.as_str();
    let namespace = hosts.get(host).cloned().unwrap_or_else(|| Name::from(host));
    let client = Name::from(question.client.as_str());
    let conditions = Conditions { client, address: question.from, secure: question.secure };
    let protected = Protected { namespace: &namespace, what: question.what.what() };
    let (verdict, text) = explain(&policy, &identity, question.action, &protected, &conditions);
    if json {
        return say(out, json!({"allowed": verdict.allowed, "explanation": text}));
    }
    out.write_all(text.as_bytes()).map_err(|error| Failure::Start(error.to_string()))
}

/// As the users file knows the name; one that it does not know may be a directory's.
fn identity(config: &Config, question: &Question) -> Result<Identity, Failure> {
    let path = &config.users_file;
    let failed = |error: &dyn Display| Failure::Configuration(format!("users file {}: {error}", path.display()));
    let users = match read(path) {
        Ok(text) => Users::parse(&text).map_err(|error| failed(&error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Users::default(),
        Err(error) => return Err(failed(&error)),
    };
    let mut identity = if question.user == "$anonymous" {
        User::new("anonymous").identity(Source::Anonymous)
    } else {
        users
            .find(&question.user)
            .map_or_else(|| User::new(&question.user).identity(Source::File), |user| user.identity(Source::File))
    };
    identity.groups.extend(question.groups.iter().cloned());
    Ok(identity)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_TEXT + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_TEXT {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("larger than {MAX_TEXT} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
