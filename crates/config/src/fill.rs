//! Defaults for what nobody set.

use crate::machine::Machine;
use crate::origin::Origin;
use crate::setting::{Kind, Preset, Rule, Setting};
use crate::settings::SETTINGS;
use crate::value::{Found, Table, Value};
use crate::words::Face;

/// Completes the whole table and the tables in its lists.
pub(crate) fn fill(table: &mut Table, machine: &Machine) {
    fill_table(table, SETTINGS, machine, None);
    let region = table.value("region").cloned();
    for setting in SETTINGS {
        let Kind::Tables(fields) = setting.kind else { continue };
        let Some(Found { value: Value::Tables(tables), .. }) = table.entries.get_mut(setting.name) else { continue };
        for inner in tables {
            fill_table(inner, fields, machine, region.as_ref());
        }
    }
}

/// In the order of the table of settings, so that a rule may look at what stands before it.
fn fill_table(table: &mut Table, settings: &'static [Setting], machine: &Machine, region: Option<&Value>) {
    for setting in settings {
        if table.entries.contains_key(setting.name) {
            continue;
        }
        let value = match setting.preset {
            Preset::Is(text) => Value::parse(&setting.kind, text),
            Preset::Rule(rule) => apply(rule, &setting.kind, table, machine, region),
            Preset::Unset(_) | Preset::Required => None,
        };
        if let Some(value) = value {
            table.entries.insert(setting.name, Found { value, origin: Origin::DEFAULT });
        }
    }
}

fn apply(rule: Rule, kind: &Kind, table: &Table, machine: &Machine, region: Option<&Value>) -> Option<Value> {
    let number = match rule {
        Rule::HalfOfMemory => machine.usable_memory() / 2,
        Rule::HalfOfCores => machine.cores as u64 / 2,
        Rule::AtMostQuarterOfLimit(bytes) => bytes.min(table.number_of("memory_limit")? / 4),
        Rule::PortOfFace => {
            let face = table.text_of("face").and_then(Face::from_name)?;
            u64::from(face.default_port())
        }
        Rule::RegionOfBroker => return region.cloned(),
    };
    Some(match *kind {
        Kind::Size { min, max } => Value::Size(number.clamp(min, max)),
        Kind::Integer { min, max } => Value::Integer(number.clamp(min, max)),
        _ => return None,
    })
}
