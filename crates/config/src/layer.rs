//! What one source (file, environment or flags) sets, before the sources are put together.

use crate::error::{Cause, Error, excerpt};
use crate::origin::Origin;
use crate::setting::{Kind, Setting, file_name};
use crate::settings::SETTINGS;
use crate::value::{Found, Table, Value, quote};
use crate::words::Face;

/// One source's settings.
pub(crate) struct Layer {
    pub(crate) values: Table,
    pub(crate) shorthands: Vec<Shorthand>,
}

/// `CAUSEWAY_MQTT_PORT` and its like: one field of a face's listeners.
#[derive(Clone)]
pub(crate) struct Shorthand {
    pub(crate) face: Face,
    /// `port` or `address`, as in `[[listener]]`.
    pub(crate) field: &'static Setting,
    pub(crate) found: Found,
}

/// What a name in the environment or a flag stands for.
pub(crate) enum Named {
    Setting(&'static Setting),
    /// The file that holds a secret.
    FileOf(&'static Setting),
    Shorthand(Face, &'static Setting),
}

/// The fields of a listener that have a shorthand.
pub(crate) const SHORTHAND_FIELDS: [&str; 2] = ["port", "address"];

impl Layer {
    pub(crate) const fn empty() -> Self {
        let values = Table { origin: Origin::DEFAULT, entries: std::collections::BTreeMap::new() };
        Self { values, shorthands: Vec::new() }
    }

    /// Sets the scalar setting that `named` stands for to `text`.
    pub(crate) fn set_text(&mut self, named: &Named, text: &str, origin: &Origin, errors: &mut Vec<Error>) {
        let (key, kind, secret) = match *named {
            Named::Setting(setting) => (setting.name.to_owned(), &setting.kind, setting.secret),
            Named::FileOf(setting) => (file_name(setting.name), &Kind::Path, false),
            Named::Shorthand(face, field) => (shorthand_name(face, field), &field.kind, false),
        };
        let Some(value) = Value::parse(kind, text) else {
            let value = written(&quote(text), secret);
            errors.push(Error::new(origin.clone(), Cause::NotAllowed { key, value, allowed: kind.allowed() }));
            return;
        };
        let found = Found { value, origin: origin.clone() };
        match *named {
            Named::Setting(setting) => self.values.set(setting, found, errors),
            Named::FileOf(setting) => self.values.set(setting, found.into_file(), errors),
            Named::Shorthand(face, field) => self.shorthands.push(Shorthand { face, field, found }),
        }
    }
}

impl Named {
    /// Every name that the environment and the flags know, in the order of the reference page.
    pub(crate) fn all() -> impl Iterator<Item = (String, Self)> {
        let settings = SETTINGS.iter().flat_map(|setting| {
            let file = setting.secret.then(|| (file_name(setting.name), Self::FileOf(setting)));
            std::iter::once((setting.name.to_owned(), Self::Setting(setting))).chain(file)
        });
        let shorthands = Face::ALL.iter().flat_map(|face| {
            shorthand_fields().map(|field| (shorthand_name(*face, field), Self::Shorthand(*face, field)))
        });
        settings.chain(shorthands)
    }
}

impl Table {
    /// Notes a value; a secret that is already there was given in its other form.
    pub(crate) fn set(&mut self, setting: &'static Setting, found: Found, errors: &mut Vec<Error>) {
        let origin = found.origin.clone();
        if self.entries.insert(setting.name, found).is_some() {
            errors.push(Error::new(origin, Cause::SecretTwice { key: setting.name }));
        }
    }
}

impl Found {
    /// The path becomes the place of a secret.
    pub(crate) fn into_file(self) -> Self {
        let value = match self.value {
            Value::Text(path) => Value::InFile(path.into()),
            other => other,
        };
        Self { value, origin: self.origin }
    }
}

/// `mqtt_port`.
pub(crate) fn shorthand_name(face: Face, field: &Setting) -> String {
    format!("{}_{}", face.name(), field.name)
}

/// The settings of a listener that have a shorthand.
pub(crate) fn shorthand_fields() -> impl Iterator<Item = &'static Setting> {
    let listener = SETTINGS.iter().find(|setting| setting.name == "listener");
    let fields = match listener {
        Some(Setting { kind: Kind::Tables(fields), .. }) => *fields,
        _ => &[],
    };
    fields.iter().filter(|field| SHORTHAND_FIELDS.contains(&field.name))
}

/// A value as an error line shows it.
pub(crate) fn written(text: &str, secret: bool) -> String {
    if secret { "***".to_owned() } else { excerpt(text) }
}
