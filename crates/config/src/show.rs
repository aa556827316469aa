use crate::config::Config;
use crate::setting::{Kind, Preset, Setting};
use crate::settings::SETTINGS;
use crate::value::{Table, Value};

/// The effective configuration as TOML that can be loaded again, with a comment where each value came from. Secrets are
/// comments, as `***`; so is what may not stand in a file.
pub fn show(config: &Config) -> String {
    let mut out = String::new();
    show_table(&mut out, &config.effective, SETTINGS);
    for setting in SETTINGS {
        let Kind::Tables(fields) = setting.kind else { continue };
        for table in config.effective.tables(setting.name) {
            out += &format!("\n[[{}]]\n", setting.name);
            show_table(&mut out, table, fields);
        }
    }
    out
}

fn show_table(out: &mut String, table: &Table, settings: &[Setting]) {
    for setting in settings {
        let name = setting.name;
        let Some(found) = table.entries.get(name) else {
            if let (false, Preset::Unset(meaning)) = (matches!(setting.kind, Kind::Tables(_)), setting.preset) {
                *out += &format!("# {name} is not set: {meaning}\n");
            }
            continue;
        };
        let origin = found.origin.describe();
        match &found.value {
            Value::Tables(_) => {}
            _ if setting.secret => *out += &format!("# {name} = \"***\"  # {origin}\n"),
            value if !setting.in_file => *out += &format!("# {name} = {}  # {origin}\n", value.to_toml()),
            value => *out += &format!("{name} = {}  # {origin}\n", value.to_toml()),
        }
    }
}
