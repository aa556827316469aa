//! The way from the sources to one complete table: read, merge, fill in, check.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::Sources;
use crate::error::{Cause, Error, Errors};
use crate::layer::{Layer, Of, Shorthand, written};
use crate::origin::Origin;
use crate::setting::{Kind, Setting};
use crate::settings::SETTINGS;
use crate::value::{Found, Table, Value};
use crate::words::{Face, TlsMode};
use crate::{check, document, environment, fill, flags, text_file};

pub(crate) fn load<E>(sources: Sources<E>) -> Result<Table, Errors>
where
    E: Iterator<Item = (String, String)>,
{
    let mut errors = Vec::new();
    let mut layers = Vec::new();
    let mut readable = true;
    if let Some((path, text)) = &sources.file {
        let values = document::read_file(text, &Origin::file(path), &mut errors);
        readable = values.is_some();
        layers.extend(values.map(|values| Layer { values, shorthands: Vec::new() }));
    }
    layers.push(environment::read(sources.environment, &mut errors));
    layers.push(flags::read(&sources.flags, &mut errors));

    let mut table = merge(layers, &mut errors);
    read_secrets(&mut table, &mut errors);
    fill::fill(&mut table, &sources.machine);
    // A file that could not be read would only make the rest look wrong, too.
    if readable {
        check::check(&table, &mut errors);
    }
    errors.sort_by(|a, b| a.origin.cmp(&b.origin));
    if errors.is_empty() { Ok(table) } else { Err(Errors(errors)) }
}

/// Puts the layers, weakest first, together.
fn merge(layers: Vec<Layer>, errors: &mut Vec<Error>) -> Table {
    let mut merged = Layer::empty().values;
    let mut listed: BTreeMap<Face, Vec<Table>> = BTreeMap::new();
    let mut shorthands = Vec::new();
    for layer in layers {
        for (name, found) in layer.values.entries {
            match found.value {
                Value::Tables(tables) if name == "listener" => listed.extend(by_face(tables)),
                _ => drop(merged.entries.insert(name, found)),
            }
        }
        shorthands.extend(layer.shorthands);
    }
    let mut listeners: BTreeMap<Face, Vec<Table>> =
        Face::ALL.iter().map(|face| (*face, default_listeners(*face, &merged))).collect();
    listeners.extend(listed);
    for shorthand in shorthands {
        let of_face = listeners.entry(shorthand.short.face).or_default();
        apply_shorthand(shorthand, of_face, &merged, errors);
    }
    let value = Value::Tables(listeners.into_values().flatten().collect());
    merged.entries.insert("listener", Found { value, origin: Origin::DEFAULT });
    merged
}

/// One; with certificates two, if the face has a port for TLS.
fn default_listeners(face: Face, broker: &Table) -> Vec<Table> {
    let listener = |tls: Option<TlsMode>| {
        let text = |text: &str| Found { value: Value::Text(text.to_owned()), origin: Origin::DEFAULT };
        let mut entries = BTreeMap::from([("face", text(face.name()))]);
        entries.extend(tls.map(|mode| ("tls", text(mode.name()))));
        Table { origin: Origin::DEFAULT, entries }
    };
    let tls_only = broker.bool_of("tls_only") == Some(true);
    let has_both = !tls_only && face.tls_port().is_some() && broker.entries.contains_key("tls_dir");
    std::iter::once(listener(None)).chain(has_both.then(|| listener(Some(TlsMode::On)))).collect()
}

/// Listeners whose face is missing or wrong have their error already.
fn by_face(tables: Vec<Table>) -> BTreeMap<Face, Vec<Table>> {
    let mut grouped: BTreeMap<Face, Vec<Table>> = BTreeMap::new();
    for table in tables {
        if let Some(face) = table.text_of("face").and_then(Face::from_name) {
            grouped.entry(face).or_default().push(table);
        }
    }
    grouped
}

/// Sets one field of the face's listeners; one that is switched off stays off.
fn apply_shorthand(shorthand: Shorthand, listeners: &mut [Table], broker: &Table, errors: &mut Vec<Error>) {
    let Shorthand { short, found } = shorthand;
    let enabled = listeners.iter_mut().filter(|listener| listener.bool_of("enabled") != Some(false));
    let enabled: Vec<_> = enabled.collect();
    let is_off = enabled.is_empty();
    let meant = |listener: &&mut Table| match short.of {
        Of::All => true,
        Of::Plain => fill::tls_mode(listener, broker) != TlsMode::On,
        Of::Tls => fill::tls_mode(listener, broker) == TlsMode::On,
    };
    let mut meant: Vec<_> = enabled.into_iter().filter(meant).collect();
    if short.field.name == "port" && meant.len() > 1 {
        errors.push(Error::new(found.origin, Cause::PortOfMany { face: short.face, count: meant.len() }));
        return;
    }
    if meant.is_empty() && !is_off {
        errors.push(Error::new(found.origin, Cause::PortOfNone { key: short.name(), tls: short.of == Of::Tls }));
        return;
    }
    for listener in &mut meant {
        listener.entries.insert(short.field.name, found.clone());
    }
}

/// Replaces the files of secrets by what they hold, in the whole table and in the tables in its lists.
fn read_secrets(table: &mut Table, errors: &mut Vec<Error>) {
    read_secrets_of(table, SETTINGS, errors);
    for setting in SETTINGS {
        let Kind::Tables(fields) = setting.kind else { continue };
        let Some(Found { value: Value::Tables(tables), .. }) = table.entries.get_mut(setting.name) else { continue };
        for inner in tables {
            read_secrets_of(inner, fields, errors);
        }
    }
}

fn read_secrets_of(table: &mut Table, settings: &'static [Setting], errors: &mut Vec<Error>) {
    for setting in settings.iter().filter(|setting| setting.secret) {
        let Some(found) = table.entries.get_mut(setting.name) else { continue };
        let Value::InFile(path) = &found.value else { continue };
        match read_secret(setting, path) {
            Ok(value) => found.value = value,
            Err(cause) => errors.push(Error::new(found.origin.clone(), cause)),
        }
    }
}

fn read_secret(setting: &Setting, path: &Path) -> Result<Value, Cause> {
    let key = setting.name;
    let text = text_file::read_secret(path).map_err(|error| Cause::SecretUnreadable {
        key,
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    Value::parse(&setting.kind, &text).ok_or_else(|| Cause::NotAllowed {
        key: key.to_owned(),
        value: written(&text, true),
        allowed: setting.kind.allowed(),
    })
}
