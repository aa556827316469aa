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

/// `CAUSEWAY_MQTT_PORT` and its like, and what it was set to.
#[derive(Clone)]
pub(crate) struct Shorthand {
    pub(crate) short: Short,
    pub(crate) found: Found,
}

/// One field of a face's listeners.
#[derive(Clone, Copy)]
pub(crate) struct Short {
    pub(crate) face: Face,
    /// `port` or `address`, as in `[[listener]]`.
    pub(crate) field: &'static Setting,
    pub(crate) of: Of,
}

/// Which of a face's listeners a shorthand is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    All,
    /// Those on which TLS need not be spoken.
    Plain,
    /// Those with `tls = "on"`.
    Tls,
}

/// What a name in the environment or a flag stands for.
pub(crate) enum Named {
    Setting(&'static Setting),
    /// The file that holds a secret.
    FileOf(&'static Setting),
    Shorthand(Short),
}

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
            Named::Shorthand(short) => (short.name(), &short.field.kind, false),
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
            Named::Shorthand(short) => self.shorthands.push(Shorthand { short, found }),
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
        let shorthands = Face::ALL.iter().flat_map(|face| Short::of(*face));
        settings.chain(shorthands.map(|short| (short.name(), Self::Shorthand(short))))
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

impl Short {
    /// All shorthands of a face: `mqtt_address`, `mqtt_port`, `mqtt_tls_port`.
    pub(crate) fn of(face: Face) -> impl Iterator<Item = Self> {
        let plain = if face.tls_port().is_some() { Of::Plain } else { Of::All };
        let tls = face.tls_port().map(|_| ("port", Of::Tls));
        let fields = [("address", Of::All), ("port", plain)].into_iter().chain(tls);
        fields.filter_map(move |(name, of)| Some(Self { face, field: field(name)?, of }))
    }

    pub(crate) fn name(self) -> String {
        let Self { face, field, of } = self;
        let tls = if of == Of::Tls { "tls_" } else { "" };
        format!("{}_{tls}{}", face.name(), field.name)
    }
}

/// A setting of a listener.
fn field(name: &str) -> Option<&'static Setting> {
    let listener = SETTINGS.iter().find(|setting| setting.name == "listener")?;
    match listener.kind {
        Kind::Tables(fields) => fields.iter().find(|field| field.name == name),
        _ => None,
    }
}

/// A value as an error line shows it.
pub(crate) fn written(text: &str, secret: bool) -> String {
    if secret { "***".to_owned() } else { excerpt(text) }
}
