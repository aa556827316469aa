//! The `<authorizationMap>` of ActiveMQ's XML configuration.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::writer::{Table, Writer};
use super::{ImportError, Imported, Origin};
use crate::policy::parse::OWN;

/// Attributes of an entry that say who has which right.
const RIGHTS: [&str; 3] = ["admin", "write", "read"];

pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let wrong = |error: &dyn core::fmt::Display| ImportError::Xml(error.to_string());
    let mut reader = Reader::from_str(text);
    let mut writer = Writer::new(Origin::ActiveMq);
    let mut found = false;
    loop {
        match reader.read_event().map_err(|error| wrong(&error))? {
            Event::DocType(_) => return Err(ImportError::DocumentType),
            Event::Start(element) | Event::Empty(element) => {
                let attributes = attributes(&element).map_err(|error| wrong(&error))?;
                match element.local_name().as_ref() {
                    "authorizationMap" => found = true,
                    "authorizationEntry" => entry(&mut writer, &attributes),
                    // The element of this name that holds another one has no attributes.
                    "tempDestinationAuthorizationEntry" if !attributes.is_empty() => {
                        temporary(&mut writer, &attributes)
                    }
                    "cachedLDAPAuthorizationMap" => {
                        found = true;
                        writer
                            .note("left out: cachedLDAPAuthorizationMap: its entries are in the directory".to_owned());
                    }
                    _ => {}
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if found { Ok(writer.finish()) } else { Err(ImportError::NoAuthorizationMap) }
}

fn attributes(element: &BytesStart<'_>) -> Result<Vec<(String, String)>, quick_xml::Error> {
    let pair = |attribute: Result<quick_xml::events::attributes::Attribute<'_>, _>| {
        let attribute = attribute?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0)?.into_owned();
        Ok((attribute.key.local_name().as_ref().to_owned(), value))
    };
    element.attributes().map(pair).collect()
}

fn entry(writer: &mut Writer, attributes: &[(String, String)]) {
    let is_temporary = |key: &str| key == "tempQueue" || key == "tempTopic";
    if attributes.iter().any(|(key, value)| is_temporary(key) && value != "false") {
        return temporary(writer, attributes);
    }
    let mut destinations = 0;
    for (kind, names) in attributes.iter().filter(|(key, _)| key == "queue" || key == "topic") {
        for name in list(names) {
            destinations += 1;
            let mut table = Table::new("destination");
            table.text(kind, &name);
            members(writer, &mut table, attributes);
            writer.entry(&table, OWN, &format!("the entry of {kind} {name:?}"));
        }
    }
    if destinations == 0 {
        writer.note("left out: an authorizationEntry without queue and topic".to_owned());
    }
}

fn temporary(writer: &mut Writer, attributes: &[(String, String)]) {
    let mut table = Table::new("temporary");
    members(writer, &mut table, attributes);
    writer.entry(&table, OWN, "the entry of temporary destinations");
}

/// Groups, the anonymous one and every one's `*` are written as here.
fn members(writer: &mut Writer, table: &mut Table, attributes: &[(String, String)]) {
    for right in RIGHTS {
        let Some((_, groups)) = attributes.iter().find(|(key, _)| key == right) else { continue };
        let (users, groups): (Vec<_>, Vec<_>) = list(groups).partition(|group| group.starts_with("user:"));
        for group in users {
            writer.note(format!("left out: group {group:?}: here it would name a user"));
        }
        table.list(right, &groups);
    }
}

fn list(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty())
}
