//! From the TOML of a permissions file to its entries.

use std::collections::BTreeMap;

use model::Name;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, Fields};
use super::entry::{Access, Entry, Kind, Members, Names, Rights, Rule};
use super::error::{Cause, Error, Errors, excerpt};
use super::expression::{Expression, Pool};
use super::filter::{self, Filter};
use super::member::{self, Member};
use super::network::{self, Network};
use super::scope::Scope;
use super::wildcard;

/// Bytes of a file.
const MAX_FILE: usize = 4 << 20;
/// Tables of a file, of all kinds together.
const MAX_ENTRIES: usize = 10_000;

/// The broker's own namespace.
pub(super) const OWN: &str = "/";
const EVERY: &str = "*";
const ACCOUNT_DIGITS: usize = 12;

const EXPRESSION: &str = "a regular expression";
const USER: &str = "a user's name, \"*\" (every user) or \"$anonymous\"";

/// Names by which rules choose a namespace, and the namespaces' own names.
pub type HostNames = BTreeMap<String, Name>;

type Read = fn(&mut Fields<'_, '_>, &mut Reader<'_>, &str) -> Option<(String, Rule)>;

/// The tables that there are.
const TABLES: [(&str, Read); 5] = [
    ("destination", destination),
    ("temporary", temporary),
    ("permission", permission),
    ("topic_permission", topic_permission),
    ("topic", topic),
];

struct Reader<'h> {
    hosts: &'h HostNames,
    expressions: Pool,
}

pub(super) fn parse(text: &str, hosts: &HostNames) -> Result<Vec<Entry>, Errors> {
    if text.len() > MAX_FILE {
        let cause = Cause::Limit { what: "bytes", most: MAX_FILE };
        return Err(Errors(vec![Error { line: 1, cause }]));
    }
    let mut document = Document::new(text);
    let (root, mistakes) = DeTable::parse_recoverable(text);
    if !mistakes.is_empty() {
        document.syntax(&mistakes);
        return Err(Errors(document.errors));
    }
    let mut reader = Reader { hosts, expressions: Pool::default() };
    let mut entries = Vec::new();
    for (key, value) in root.get_ref() {
        let word: &str = key.get_ref();
        let line = document.line(key.span().start);
        let Some((name, read)) = TABLES.iter().find(|(name, _)| *name == word) else {
            document.error(line, Cause::UnknownTable(excerpt(word)));
            continue;
        };
        let tables = tables(value);
        if tables.is_none() {
            document.error(line, Cause::Missing { table: name, what: "to be a list of tables, each under its [[…]]" });
        }
        for (table, at) in tables.unwrap_or_default() {
            if entries.len() == MAX_ENTRIES {
                document.error(document.line(at), Cause::Limit { what: "entries", most: MAX_ENTRIES });
                return Err(Errors(document.errors));
            }
            entries.extend(entry(&mut document, &mut reader, table, (name, *read), at));
        }
    }
    entries.sort_by_key(|entry| entry.line);
    let mut errors = document.errors;
    errors.sort_by_key(|error| error.line);
    if errors.is_empty() { Ok(entries) } else { Err(Errors(errors)) }
}

/// The tables of a list with where they begin; `None` if it is something else.
fn tables<'v>(value: &'v Spanned<DeValue<'v>>) -> Option<Vec<(&'v DeTable<'v>, usize)>> {
    let DeValue::Array(array) = value.get_ref() else { return None };
    let table = |element: &'v Spanned<DeValue<'v>>| match element.get_ref() {
        DeValue::Table(table) => Some((table, element.span().start)),
        _ => None,
    };
    array.iter().map(table).collect()
}

fn entry<'d>(
    document: &mut Document<'_>,
    reader: &mut Reader<'_>,
    table: &'d DeTable<'d>,
    (name, read): (&'static str, Read),
    at: usize,
) -> Option<Entry> {
    let mut fields = Fields::new(document, table, name, at);
    let scope = scope(&mut fields, reader);
    let found = read(&mut fields, reader, &scope.virtual_host);
    let line = fields.line;
    fields.finish();
    let (title, rule) = found?;
    Some(Entry { line, title: format!("[[{name}]] {title}").trim_end().to_owned(), scope, rule })
}

/// Without `virtual_host` a rule is about the broker's own namespace.
fn scope(fields: &mut Fields<'_, '_>, reader: &Reader<'_>) -> Scope {
    let allowed = "\"/\", \"*\" (every one), a [[virtual_host]] of the configuration, or ACCOUNT/REGION";
    let host = |text: &str| namespace(text, reader.hosts).map(|namespace| (namespace, text.to_owned()));
    let (namespace, virtual_host) =
        fields.one("virtual_host", allowed, host).unwrap_or_else(|| (Some(Name::from_static(OWN)), OWN.to_owned()));
    let from = fields.list("from", 1, network::ALLOWED, Network::parse);
    Scope { namespace, virtual_host, from, secure: fields.flag("secure") }
}

/// `Some(None)`: every one. Names that nobody gave to a namespace are refused, although clients that say them get into
/// the broker's own: a rule for one host must not count in another.
fn namespace(text: &str, hosts: &HostNames) -> Option<Option<Name>> {
    if text == EVERY {
        return Some(None);
    }
    if let Some(namespace) = hosts.get(text) {
        return Some(Some(namespace.clone()));
    }
    let (account, region) = text.split_once('/')?;
    let digits = account.len() == ACCOUNT_DIGITS && account.bytes().all(|byte| byte.is_ascii_digit());
    let letters = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (text == OWN || digits && letters && !region.is_empty()).then(|| Some(Name::from(text)))
}

fn destination(fields: &mut Fields<'_, '_>, _: &mut Reader<'_>, _: &str) -> Option<(String, Rule)> {
    let written = |text: &str| wildcard::parse(text).map(|pattern| (pattern, text.to_owned()));
    let mut found = Vec::new();
    for (key, kind) in [("queue", Kind::Queue), ("topic", Kind::Topic), ("exchange", Kind::Exchange)] {
        let there = fields.has(key);
        let pattern = fields.one(key, wildcard::ALLOWED, written);
        if there {
            found.push((key, kind, pattern));
        }
    }
    let members = members(fields);
    match found.len() {
        0 => fields.missing("one of queue, topic and exchange"),
        1 => {}
        _ => fields.together("queue, topic and exchange"),
    }
    let (key, kind, pattern) = found.pop()?;
    let (pattern, text) = pattern?;
    Some((format!("{key} = {text:?}"), Rule::Destination { kind, pattern, members }))
}

fn temporary(fields: &mut Fields<'_, '_>, _: &mut Reader<'_>, _: &str) -> Option<(String, Rule)> {
    Some((String::new(), Rule::Temporary(members(fields))))
}

fn members(fields: &mut Fields<'_, '_>) -> Members {
    let mut list = |key| fields.list(key, 0, member::ALLOWED, Member::parse);
    Members { admin: list("admin"), write: list("write"), read: list("read") }
}

fn permission(fields: &mut Fields<'_, '_>, reader: &mut Reader<'_>, _: &str) -> Option<(String, Rule)> {
    let who = who(fields);
    let configure = expression(fields, reader, "configure", false);
    let (write, read) = (expression(fields, reader, "write", false), expression(fields, reader, "read", false));
    let (who, title) = required(fields, who)?;
    Some((title, Rule::Permission { who, names: Names { configure, write, read } }))
}

fn topic_permission(fields: &mut Fields<'_, '_>, reader: &mut Reader<'_>, host: &str) -> Option<(String, Rule)> {
    let who = who(fields);
    let exchange = fields.name("exchange");
    if !fields.has("exchange") {
        fields.missing("exchange: the name of one, such as \"amq.topic\"");
    }
    let variables = host != EVERY;
    let (write, read) = (expression(fields, reader, "write", variables), expression(fields, reader, "read", variables));
    let (who, title) = required(fields, who)?;
    let exchange = exchange?;
    let title = format!("{title}, exchange = {exchange:?}");
    let keys = Names { configure: Expression::Nothing, write, read };
    Some((title, Rule::TopicPermission { who, exchange, keys }))
}

/// Where every virtual host counts, there is none for `{vhost}`.
fn expression(fields: &mut Fields<'_, '_>, reader: &mut Reader<'_>, key: &'static str, variables: bool) -> Expression {
    let parsed = fields.parsed(key, EXPRESSION, |text| {
        if !variables && names_variable(text) {
            return Err("variables stand in a [[topic_permission]] of one virtual_host".to_owned());
        }
        Expression::parse(text, variables, &mut reader.expressions)
    });
    parsed.unwrap_or(Expression::Nothing)
}

/// Whether a text names a variable, where none would be put in its place.
fn names_variable(text: &str) -> bool {
    ["{username}", "{vhost}", "{client_id}"].iter().any(|variable| text.contains(variable))
}

fn topic(fields: &mut Fields<'_, '_>, _: &mut Reader<'_>, _: &str) -> Option<(String, Rule)> {
    let who = who(fields);
    let written = |text: &str| Filter::parse(text).map(|filter| (filter, text.to_owned()));
    let filter = fields.one("filter", filter::ALLOWED, written);
    if !fields.has("filter") {
        fields.missing("filter: an MQTT topic filter");
    }
    let access = fields.one("access", "\"read\", \"write\", \"readwrite\" or \"deny\"", |text| match text {
        "read" => Some(Access::May(Rights::READ)),
        "write" => Some(Access::May(Rights::WRITE)),
        "readwrite" => Some(Access::May(Rights::READ.and(Rights::WRITE))),
        "deny" => Some(Access::Denied),
        _ => None,
    });
    if !fields.has("access") {
        fields.missing("access: \"read\", \"write\", \"readwrite\" or \"deny\"");
    }
    let (filter, text) = filter?;
    let access = access?;
    let title = format!("filter = {text:?}");
    match who {
        Who::Nobody => {
            Some((title, Rule::Topic { who: vec![Member::Authenticated, Member::Anonymous], filter, access }))
        }
        Who::One(member, whose) => {
            Some((format!("{whose}, {title}"), Rule::Topic { who: vec![member], filter, access }))
        }
        Who::Wrong => None,
    }
}

enum Who {
    One(Member, String),
    Nobody,
    Wrong,
}

fn who(fields: &mut Fields<'_, '_>) -> Who {
    let user = fields.one("user", USER, |text| match text {
        "" => None,
        "*" => Some((Member::Authenticated, "user = \"*\"".to_owned())),
        "$anonymous" => Some((Member::Anonymous, "user = \"$anonymous\"".to_owned())),
        name => Some((Member::User(name.to_owned()), format!("user = {name:?}"))),
    });
    let group = fields.name("group").map(|name| (Member::Group(name.clone()), format!("group = {name:?}")));
    match (fields.has("user"), fields.has("group"), user.or(group)) {
        (true, true, _) => {
            fields.together("user and group");
            Who::Wrong
        }
        (_, _, Some((member, title))) => Who::One(member, title),
        (false, false, None) => Who::Nobody,
        _ => Who::Wrong,
    }
}

fn required(fields: &mut Fields<'_, '_>, who: Who) -> Option<(Member, String)> {
    match who {
        Who::One(member, title) => Some((member, title)),
        Who::Nobody => {
            fields.missing("user or group");
            None
        }
        Who::Wrong => None,
    }
}
