//! RabbitMQ's `definitions.json`, as `rabbitmqctl export_definitions` writes it.

use serde::Deserialize;
use serde_json::Value;

use super::writer::{Table, Writer};
use super::{ImportError, Imported, Origin, SPECIAL};

/// What this reads of it.
#[derive(Deserialize)]
struct Definitions {
    #[serde(default)]
    users: Vec<User>,
    permissions: Vec<Permission>,
    #[serde(default)]
    topic_permissions: Vec<TopicPermission>,
}

#[derive(Deserialize)]
struct User {
    name: String,
    /// A list, in older versions one text with commas.
    #[serde(default)]
    tags: Value,
}

#[derive(Deserialize)]
struct Permission {
    user: String,
    vhost: String,
    configure: String,
    write: String,
    read: String,
}

#[derive(Deserialize)]
struct TopicPermission {
    user: String,
    vhost: String,
    exchange: String,
    write: String,
    read: String,
}

pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let definitions: Definitions = serde_json::from_str(text).map_err(|error| ImportError::Json(error.to_string()))?;
    let mut writer = Writer::new(Origin::RabbitMq);
    for user in &definitions.users {
        for tag in tags(&user.tags) {
            match tag {
                "administrator" => drop(writer.administrators.insert(user.name.clone())),
                "monitoring" => drop(writer.monitors.insert(user.name.clone())),
                _ => {}
            }
        }
    }
    for Permission { user, vhost, configure, write, read } in &definitions.permissions {
        if let Some(mut table) = table(&mut writer, "permission", user, vhost) {
            table.text("configure", configure).text("write", write).text("read", read);
            writer.entry(&table, vhost, &format!("the permissions of user {user:?} in {vhost:?}"));
        }
    }
    for TopicPermission { user, vhost, exchange, write, read } in &definitions.topic_permissions {
        if let Some(mut table) = table(&mut writer, "topic_permission", user, vhost) {
            table.text("exchange", exchange).text("write", write).text("read", read);
            let from = format!("the topic permissions of user {user:?} in {vhost:?} at {exchange:?}");
            let before = writer.entries();
            writer.entry(&table, vhost, &from);
            if writer.entries() == before {
                // Without it there would be more rights than there were: so there are none on this exchange's keys.
                narrowed(&mut writer, (user, vhost, exchange));
            }
        }
    }
    Ok(writer.finish())
}

/// A topic permission that gives no key.
fn narrowed(writer: &mut Writer, (user, vhost, exchange): (&str, &str, &str)) {
    let mut table = Table::new("topic_permission");
    table.text("user", user).host(vhost).text("exchange", exchange).text("write", "").text("read", "");
    writer.entry(&table, vhost, &format!("user {user:?} at exchange {exchange:?}"));
}

fn table(writer: &mut Writer, name: &str, user: &str, vhost: &str) -> Option<Table> {
    if SPECIAL.contains(&user) || vhost == "*" {
        writer.note(format!("left out: user {user:?} in {vhost:?}: the name would mean more than one"));
        return None;
    }
    let mut table = Table::new(name);
    table.text("user", user).host(vhost);
    Some(table)
}

fn tags(tags: &Value) -> Vec<&str> {
    match tags {
        Value::String(text) => text.split(',').map(str::trim).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
