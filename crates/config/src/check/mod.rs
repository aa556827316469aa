//! Rules between settings. They look at what is there: what is missing has its error already.

mod tls;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::directory_check;
use crate::error::{Cause, Error};
use crate::key_source::NAMES as KEYS;
use crate::origin::Origin;
use crate::setting::Setting;
use crate::settings::SETTINGS;
use crate::units::write_size;
use crate::value::{Table, Value};
use crate::words::{Encryption, ExchangeKind, Face, TlsMode};

/// Segments that any `disk_limit` has room for.
const LEAST_SEGMENTS: u64 = 4;

pub(crate) fn check(table: &Table, errors: &mut Vec<Error>) {
    check_memory(table, errors);
    check_disk(table, errors);
    check_encryption(table, errors);
    check_listeners(table, errors);
    for setting in SETTINGS.iter().filter(|setting| ["queue", "topic", "exchange"].contains(&setting.name)) {
        check_duplicates(setting, table.tables(setting.name), errors);
    }
    directory_check::check(table, errors);
    for queue in table.tables("queue") {
        check_dead_letter(queue, errors);
    }
    for exchange in table.tables("exchange") {
        if let Some(name) = exchange.text_of("name").filter(|name| name.starts_with("amq.")) {
            let cause = Cause::ReservedName { name: name.to_owned() };
            errors.push(Error::new(exchange.origin("name").clone(), cause));
        }
    }
    for binding in table.tables("binding") {
        check_binding(binding, table.tables("exchange"), errors);
    }
}

fn check_memory(table: &Table, errors: &mut Vec<Error>) {
    if let (Some(size), Some(limit)) = (table.number_of("max_message_size"), table.number_of("memory_limit"))
        && size > limit
    {
        let cause = Cause::LargerThanMemory { size: write_size(size), limit: write_size(limit) };
        errors.push(Error::new(table.origin("max_message_size").clone(), cause));
    }
}

/// With less the log could not go on: beside the segment that is written there are one in wait, and what is rewritten.
fn check_disk(table: &Table, errors: &mut Vec<Error>) {
    let (Some(limit), Some(segment)) = (table.number_of("disk_limit"), table.number_of("segment_size")) else { return };
    let least = segment.saturating_mul(LEAST_SEGMENTS);
    if limit < least {
        let (limit, least) = (write_size(limit), write_size(least));
        let cause = Cause::SmallerThanSegments { limit, least, segments: LEAST_SEGMENTS };
        errors.push(Error::new(table.origin("disk_limit").clone(), cause));
    }
}

fn check_encryption(table: &Table, errors: &mut Vec<Error>) {
    let mut set = KEYS.into_iter().filter(|name| table.entries.contains_key(name));
    let first = set.next();
    if let (Some(first), Some(second)) = (first, set.next()) {
        let cause = Cause::KeyTwice { first, second };
        errors.push(Error::new(table.origin(second).clone(), cause));
    }
    let word = table.text_of("encryption").filter(|word| *word != Encryption::Off.name());
    if let (Some(word), None) = (word, first) {
        let cause = Cause::NeedsKeyOfStore { encryption: word.to_owned() };
        errors.push(Error::new(table.origin("encryption").clone(), cause));
    }
}

fn check_listeners(table: &Table, errors: &mut Vec<Error>) {
    let dev = table.bool_of("dev") == Some(true);
    let mut taken: Vec<(SocketAddr, Face, &Origin)> = Vec::new();
    for listener in table.tables("listener").iter().filter(|listener| listener.bool_of("enabled") != Some(false)) {
        let Some(face) = listener.text_of("face").and_then(Face::from_name) else { continue };
        tls::check(face, listener, table, errors);
        if !listener.networks("proxy_from").is_empty() && listener.bool_of("proxy_protocol") != Some(true) {
            errors.push(Error::new(listener.origin("proxy_from").clone(), Cause::NeedsProxyProtocol { face }));
        }
        let Some(address) = listener.address_of("address") else { continue };
        let plaintext = listener.bool_of("allow_plaintext") == Some(true);
        let readable = listener.text_of("tls") != Some(TlsMode::On.name()) && !plaintext;
        if !dev && readable && !address.to_canonical().is_loopback() {
            errors.push(Error::new(listener.origin("address").clone(), Cause::NotLoopback { face, address }));
        }
        let Some(port) = listener.number_of("port").and_then(|port| u16::try_from(port).ok()) else { continue };
        let socket = SocketAddr::new(address, port);
        let port_origin = listener.origin("port");
        let origin = if port_origin.is_default() { &listener.origin } else { port_origin };
        if let Some((_, other, first)) = taken.iter().find(|(other, ..)| overlap(*other, socket)) {
            // The one that somebody set is the one to change.
            let (face, other, origin) =
                if origin.is_default() { (*other, face, *first) } else { (face, *other, origin) };
            errors.push(Error::new(origin.clone(), Cause::SocketTaken { face, socket, other }));
        }
        taken.push((socket, face, origin));
    }
}

/// Whether two listeners cannot both be open. The unspecified address is every address of its family.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let any = |address: IpAddr| address.is_unspecified();
    let same_address = a.ip() == b.ip() || (a.is_ipv4() == b.is_ipv4() && (any(a.ip()) || any(b.ip())));
    a.port() != 0 && a.port() == b.port() && same_address
}

fn check_duplicates(setting: &'static Setting, tables: &[Table], errors: &mut Vec<Error>) {
    let mut seen: BTreeMap<_, &Origin> = BTreeMap::new();
    for table in tables {
        let Some(name) = table.text_of("name") else { continue };
        let origin = table.origin("name");
        let key = (table.text_of("account"), table.text_of("region"), name);
        if let Some(first) = seen.insert(key, origin) {
            let cause = Cause::Duplicate { table: setting.name, name: name.to_owned(), first: first.clone() };
            errors.push(Error::new(origin.clone(), cause));
        }
    }
}

fn check_dead_letter(table: &Table, errors: &mut Vec<Error>) {
    let Some(queue) = table.text_of("name") else { return };
    let dead_letter = table.text_of("dead_letter");
    if dead_letter == Some(queue) {
        let cause = Cause::OwnDeadLetter { queue: queue.to_owned() };
        errors.push(Error::new(table.origin("dead_letter").clone(), cause));
    }
    let overflows = table.text_of("overflow") == Some("dead-letter");
    let counts = table.number_of("max_deliveries").is_some();
    for (needed, key) in [(overflows, "overflow = \"dead-letter\""), (counts, "max_deliveries")] {
        if needed && !table.entries.contains_key("dead_letter") {
            let name = if overflows && key.starts_with("overflow") { "overflow" } else { "max_deliveries" };
            let cause = Cause::NeedsDeadLetter { queue: queue.to_owned(), key };
            errors.push(Error::new(table.origin(name).clone(), cause));
        }
    }
}

/// Refuses what could never match. An exchange that the configuration does not list may be of any kind.
fn check_binding(binding: &Table, exchanges: &[Table], errors: &mut Vec<Error>) {
    let (Some(queue), Some(exchange)) = (binding.text_of("queue"), binding.text_of("exchange")) else { return };
    let same_namespace =
        |other: &&Table| ["account", "region"].iter().all(|key| other.value(key) == binding.value(key));
    let kind = match exchange {
        "amq.direct" => Some(ExchangeKind::Direct),
        "amq.fanout" => Some(ExchangeKind::Fanout),
        "amq.topic" => Some(ExchangeKind::Topic),
        "amq.headers" | "amq.match" => Some(ExchangeKind::Headers),
        _ => exchanges
            .iter()
            .filter(same_namespace)
            .find(|other| other.text_of("name") == Some(exchange))
            .and_then(|found| found.text_of("type").and_then(ExchangeKind::from_name)),
    };
    let (queue, exchange) = (queue.to_owned(), exchange.to_owned());
    let has_headers = matches!(binding.value("headers"), Some(Value::Headers(_)));
    match kind {
        Some(ExchangeKind::Direct | ExchangeKind::Topic | ExchangeKind::Fanout) if has_headers => {
            let origin = binding.origin("headers").clone();
            errors.push(Error::new(origin, Cause::HeadersUnused { queue, exchange }));
        }
        Some(ExchangeKind::Direct | ExchangeKind::Topic) if !binding.entries.contains_key("key") => {
            errors.push(Error::new(binding.origin.clone(), Cause::NeedsKey { queue, exchange }));
        }
        _ => {}
    }
}
