//! mosquitto's `acl_file`, a rule a line.

use super::writer::{Table, Writer};
use super::{ImportError, Imported, Origin, SPECIAL};
use crate::policy::parse::OWN;

/// What a denial that cannot be said would leave to its user is not known, so it ends the import.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let mut writer = Writer::new(Origin::Mosquitto);
    // Lines before the first user are about clients without a name.
    let mut user = Some("$anonymous".to_owned());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = format!("line {}: {line}", number + 1);
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim_start()));
        let (access, filter) = access(rest);
        let before = writer.entries();
        match (word, &user) {
            ("user", _) => {
                user = (!rest.is_empty() && !SPECIAL.contains(&rest)).then(|| rest.to_owned());
                if user.is_none() {
                    writer.note(format!("left out, with what follows: {at}: no user's name"));
                }
                continue;
            }
            ("topic", _) if rest.contains("%c") || rest.contains("%u") => {
                writer.note(format!("left out: {at}: in a topic line this is no variable, which no rule here can say"));
            }
            ("topic", Some(user)) => rule(&mut writer, Some(user), (access, filter), &at),
            ("topic", None) => {}
            ("pattern", _) => rule(&mut writer, None, (access, filter), &at),
            _ => writer.note(format!("left out: {at}: unknown")),
        }
        if access == "deny" && writer.entries() == before {
            return Err(ImportError::Denial(at));
        }
    }
    Ok(writer.finish())
}

/// `[access] FILTER`; the filter may have spaces.
fn access(rest: &str) -> (&str, &str) {
    rest.split_once(' ').map_or(("readwrite", rest), |(access, filter)| (access, filter.trim_start()))
}

fn rule(writer: &mut Writer, user: Option<&str>, (access, filter): (&str, &str), at: &str) {
    let mut table = Table::new("topic");
    if let Some(user) = user {
        table.text("user", user);
    }
    table.text("filter", filter).text("access", access);
    writer.entry(&table, OWN, at);
}
