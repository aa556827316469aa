//! TOML, of the file or of one variable, read against the table of settings.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::binding::HeaderValue;
use crate::error::{Cause, Error, nearest};
use crate::layer::{Named, written};
use crate::origin::Origin;
use crate::setting::{Kind, Preset, Setting, file_name};
use crate::settings::SETTINGS;
use crate::value::{Found, Table, Value};

/// The settings of a whole file, or `None` if it is not TOML; then nothing is known about what it sets.
pub(crate) fn read_file(text: &str, source: &Origin, errors: &mut Vec<Error>) -> Option<Table> {
    let (document, mistakes) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(text, source, errors);
    if reader.syntax(&mistakes) {
        return None;
    }
    let table = reader.table(document.get_ref(), source.clone(), "", SETTINGS);
    Some(table)
}

/// The value of a variable that holds inline TOML.
pub(crate) fn read_value(text: &str, source: &Origin, setting: &Setting, errors: &mut Vec<Error>) -> Option<Value> {
    let (value, mistakes) = DeValue::parse_recoverable(text);
    let mut reader = Reader::new(text, source, errors);
    if reader.syntax(&mistakes) {
        return None;
    }
    reader.value(setting.name, &setting.kind, setting.secret, &value)
}

struct Reader<'a> {
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    source: &'a Origin,
    errors: &'a mut Vec<Error>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, source: &'a Origin, errors: &'a mut Vec<Error>) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, source, errors }
    }

    /// Notes what the parser found; whether there was anything.
    fn syntax(&mut self, mistakes: &[toml::de::Error]) -> bool {
        for mistake in mistakes {
            let span = mistake.span().unwrap_or_default();
            let mut message = mistake.message().replace('\n', " ");
            if message == "duplicate key" {
                message = format!("{message} \"{}\"", written(self.text.get(span.clone()).unwrap_or_default(), false));
            }
            self.error(span.start, Cause::Syntax(message));
        }
        !mistakes.is_empty()
    }

    /// Reads one table; recursion is as deep as the table of settings.
    fn table(&mut self, raw: &DeTable<'_>, origin: Origin, name: &'static str, settings: &'static [Setting]) -> Table {
        let mut table = Table { origin, entries: BTreeMap::new() };
        for (key, raw_value) in raw {
            let start = raw_value.span().start;
            let word: &str = key.get_ref();
            let path = if name.is_empty() { word.to_owned() } else { format!("{name}.{word}") };
            let origin = self.origin(start);
            if let Some(setting) = settings.iter().find(|setting| setting.name == word && setting.in_file) {
                if let Some(value) = self.value(&path, &setting.kind, setting.secret, raw_value) {
                    table.set(setting, Found { value, origin }, self.errors);
                }
            } else if let Some(setting) = settings.iter().find(|s| s.secret && file_name(s.name) == word) {
                if let Some(value) = self.value(&path, &Kind::Path, false, raw_value) {
                    table.set(setting, Found { value, origin }.into_file(), self.errors);
                }
            } else {
                self.error(key.span().start, unknown_key(word, name, settings));
            }
        }
        for setting in settings.iter().filter(|s| s.preset == Preset::Required && !raw.contains_key(s.name)) {
            let cause = Cause::Missing { table: name, key: setting.name, allowed: setting.kind.allowed() };
            self.errors.push(Error::new(table.origin.clone(), cause));
        }
        table
    }

    fn value(&mut self, key: &str, kind: &Kind, secret: bool, raw: &Spanned<DeValue<'_>>) -> Option<Value> {
        let value = match (kind, raw.get_ref()) {
            (Kind::Bool, DeValue::Boolean(value)) => Some(Value::Bool(*value)),
            (Kind::Integer { .. } | Kind::Size { .. }, DeValue::Integer(number)) => {
                decimal(number).and_then(|text| Value::parse(kind, &text))
            }
            (Kind::Bool | Kind::Integer { .. }, _) => None,
            (Kind::Headers, DeValue::Table(table)) => return self.headers(key, table),
            (Kind::Texts(_) | Kind::Choices(_), DeValue::Array(elements)) => list(kind, elements.iter()),
            (Kind::Tables(settings), DeValue::Array(elements)) => {
                let mut tables = Vec::new();
                for element in elements.iter() {
                    let origin = self.origin(element.span().start);
                    match element.get_ref() {
                        DeValue::Table(table) => tables.push(self.table(table, origin, tables_name(key), settings)),
                        _ => self.not_allowed(key, kind, secret, element),
                    }
                }
                return Some(Value::Tables(tables));
            }
            (Kind::Paths | Kind::Networks, DeValue::Array(elements)) => {
                let one = |element: &Spanned<DeValue<'_>>| match element.get_ref() {
                    DeValue::String(text) => Value::parse(kind, text),
                    _ => None,
                };
                let mut all = match kind {
                    Kind::Paths => Value::Paths(Vec::new()),
                    _ => Value::Networks(Vec::new()),
                };
                for element in elements.iter() {
                    match one(element).and_then(|value| all.clone().joined(value)) {
                        Some(joined) => all = joined,
                        None => {
                            self.not_allowed(key, kind, secret, element);
                            return None;
                        }
                    }
                }
                return Some(all);
            }
            (_, DeValue::String(text)) => Value::parse(kind, text),
            _ => None,
        };
        if value.is_none() {
            self.not_allowed(key, kind, secret, raw);
        }
        value
    }

    fn headers(&mut self, key: &str, raw: &DeTable<'_>) -> Option<Value> {
        let mut headers = BTreeMap::new();
        for (name, raw_value) in raw {
            let value = match raw_value.get_ref() {
                DeValue::String(text) => Some(HeaderValue::Text(text.clone().into_owned())),
                DeValue::Boolean(value) => Some(HeaderValue::Bool(*value)),
                DeValue::Integer(number) => {
                    i64::from_str_radix(number.as_str(), number.radix()).ok().map(HeaderValue::Integer)
                }
                _ => None,
            };
            match value {
                Some(value) => drop(headers.insert(name.get_ref().clone().into_owned(), value)),
                None => self.not_allowed(&format!("{key}.{}", name.get_ref()), &Kind::Headers, false, raw_value),
            }
        }
        Some(Value::Headers(headers))
    }

    fn not_allowed(&mut self, key: &str, kind: &Kind, secret: bool, raw: &Spanned<DeValue<'_>>) {
        let value = written(self.text.get(raw.span()).unwrap_or_default(), secret);
        let allowed = match kind {
            Kind::Tables(_) => format!("a list of tables: write [[{key}]]"),
            _ => kind.allowed(),
        };
        self.error(raw.span().start, Cause::NotAllowed { key: written(key, false), value, allowed });
    }

    fn error(&mut self, at: usize, cause: Cause) {
        let origin = self.origin(at);
        self.errors.push(Error::new(origin, cause));
    }

    /// The place of a byte of the text.
    fn origin(&self, at: usize) -> Origin {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.lines[line - 1]..at).unwrap_or_default();
        self.source.at((line, before.chars().count() + 1))
    }
}

/// A list of texts; `None` if an element is no text or not allowed.
fn list<'a>(kind: &Kind, elements: impl Iterator<Item = &'a Spanned<DeValue<'a>>>) -> Option<Value> {
    let texts = elements.map(|element| match element.get_ref() {
        DeValue::String(text) => Some(text.as_ref()),
        _ => None,
    });
    let texts = texts.collect::<Option<Vec<_>>>()?;
    match *kind {
        Kind::Texts(form) => Value::list(texts.into_iter(), |text| form.accepts(text)),
        Kind::Choices(words) => Value::list(texts.into_iter(), |text| words.contains(&text)),
        _ => None,
    }
}

/// The three slips that a nearest name would not explain have a line of their own.
fn unknown_key(word: &str, table: &'static str, settings: &[Setting]) -> Cause {
    if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == word && !setting.in_file) {
        return Cause::OnceInFile { key: setting.name };
    }
    let scalar = |setting: &&Setting| setting.name == word && !matches!(setting.kind, Kind::Tables(_));
    if let Some(setting) = SETTINGS.iter().find(scalar) {
        return Cause::Misplaced { key: setting.name, table };
    }
    if let Some((_, Named::Shorthand(short))) = Named::all().find(|(known, _)| known == word) {
        return Cause::ShorthandInFile { key: word.to_owned(), face: short.face, field: short.field.name };
    }
    let known = settings.iter().filter(|setting| setting.in_file).map(|setting| setting.name.to_owned());
    let files = settings.iter().filter(|setting| setting.secret).map(|setting| file_name(setting.name));
    Cause::UnknownKey { key: written(word, false), nearest: nearest(word, known.chain(files)) }
}

/// The static name of a list of tables.
fn tables_name(key: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.name == key).map_or("", |setting| setting.name)
}

/// A whole number of any radix in decimal digits; `None` if it is negative or too large.
fn decimal(number: &DeInteger<'_>) -> Option<String> {
    u64::from_str_radix(number.as_str(), number.radix()).ok().map(|value| value.to_string())
}
