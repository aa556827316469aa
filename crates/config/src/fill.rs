//! Defaults for what nobody set.

use crate::machine::Machine;
use crate::origin::Origin;
use crate::setting::{Kind, Preset, Rule, Setting};
use crate::settings::SETTINGS;
use crate::value::{Found, Table, Value};
use crate::words::{Face, TlsMode};

/// Completes the whole table and the tables in its lists.
pub(crate) fn fill(table: &mut Table, machine: &Machine) {
    fill_table(table, SETTINGS, machine, None);
    let mut broker = table.clone();
    broker.entries.retain(|_, found| !matches!(found.value, Value::Tables(_)));
    for setting in SETTINGS {
        let Kind::Tables(fields) = setting.kind else { continue };
        let Some(Found { value: Value::Tables(tables), .. }) = table.entries.get_mut(setting.name) else { continue };
        for inner in tables {
            fill_table(inner, fields, machine, Some(&broker));
        }
    }
}

/// In the order of the table of settings, so that a rule may look at what stands before it.
fn fill_table(table: &mut Table, settings: &'static [Setting], machine: &Machine, broker: Option<&Table>) {
    for setting in settings {
        if table.entries.contains_key(setting.name) {
            continue;
        }
        let value = match setting.preset {
            Preset::Is(text) => Value::parse(&setting.kind, text),
            Preset::Rule(rule) => apply(rule, &setting.kind, table, machine, broker),
            Preset::Unset(_) | Preset::Required => None,
        };
        if let Some(value) = value {
            table.entries.insert(setting.name, Found { value, origin: Origin::DEFAULT });
        }
    }
}

/// How a listener speaks TLS, whether that was set or not. `broker` has the settings above all tables.
pub(crate) fn tls_mode(listener: &Table, broker: &Table) -> TlsMode {
    let face = listener.text_of("face").and_then(Face::from_name);
    match listener.text_of("tls").and_then(TlsMode::from_name) {
        Some(set) => set,
        None if broker.bool_of("tls_only") == Some(true) => TlsMode::On,
        None if !listener.paths("certificate_files").is_empty() && face != Some(Face::Aws) => TlsMode::On,
        None if has_certificate(listener, broker) && face == Some(Face::Aws) => TlsMode::Both,
        None => TlsMode::Off,
    }
}

pub(crate) fn has_certificate(listener: &Table, broker: &Table) -> bool {
    !listener.paths("certificate_files").is_empty() || broker.entries.contains_key("tls_dir")
}

fn apply(rule: Rule, kind: &Kind, table: &Table, machine: &Machine, broker: Option<&Table>) -> Option<Value> {
    let number = match rule {
        Rule::HalfOfMemory => machine.usable_memory() / 2,
        Rule::HalfOfCores => machine.cores as u64 / 2,
        Rule::AtMostQuarterOfLimit(bytes) => bytes.min(table.number_of("memory_limit")? / 4),
        Rule::PortOfFace => {
            let face = table.text_of("face").and_then(Face::from_name)?;
            let tls = table.text_of("tls") == Some(TlsMode::On.name());
            u64::from(face.tls_port().filter(|_| tls).unwrap_or(face.default_port()))
        }
        Rule::TlsOfFace => return Some(Value::Text(tls_mode(table, broker?).name().to_owned())),
        Rule::OfBroker(name) => return broker?.value(name).cloned(),
    };
    Some(match *kind {
        Kind::Size { min, max } => Value::Size(number.clamp(min, max)),
        Kind::Integer { min, max } => Value::Integer(number.clamp(min, max)),
        _ => return None,
    })
}
