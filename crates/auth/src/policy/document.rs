//! The TOML of a permissions file, read key by key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Cause, Error, excerpt};

/// Mistakes that are told at most.
const MAX_ERRORS: usize = 50;
/// Bytes of one text.
pub(super) const MAX_TEXT: usize = 4_096;
/// Elements of one list.
const MAX_LIST: usize = 1_000;

/// The text and what is wrong with it.
pub(super) struct Document<'a> {
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    pub(super) errors: Vec<Error>,
}

/// One table, whose keys are taken out one after the other.
pub(super) struct Fields<'d, 'a> {
    document: &'d mut Document<'a>,
    table: &'d DeTable<'d>,
    pub(super) name: &'static str,
    /// Where the table begins.
    pub(super) line: usize,
    known: Vec<&'static str>,
}

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let lines = core::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, errors: Vec::new() }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    pub(super) fn error(&mut self, line: usize, cause: Cause) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(Error { line, cause });
        }
    }

    /// Notes what the parser of TOML found.
    pub(super) fn syntax(&mut self, mistakes: &[toml::de::Error]) {
        for mistake in mistakes {
            let span = mistake.span().unwrap_or_default();
            let written = self.text.get(span.clone()).unwrap_or_default();
            let message = match mistake.message() {
                "duplicate key" => format!("duplicate key \"{}\"", excerpt(written)),
                other => excerpt(other),
            };
            self.error(self.line(span.start), Cause::Syntax(message));
        }
    }
}

impl<'d, 'a> Fields<'d, 'a> {
    pub(super) fn new(document: &'d mut Document<'a>, table: &'d DeTable<'d>, name: &'static str, at: usize) -> Self {
        let line = document.line(at);
        Self { document, table, name, line, known: Vec::new() }
    }

    /// A text that is not empty and, as `parse` sees it, what it must be; `None` if it is not there or wrong.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let result = match value.get_ref() {
            DeValue::String(text) if text.len() <= MAX_TEXT => parse(text),
            _ => Err(String::new()),
        };
        match result {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                let allowed = if why.is_empty() { allowed.to_owned() } else { format!("{allowed}: {why}") };
                self.wrong(key, value, allowed);
                None
            }
        }
    }

    /// As [`parsed`](Self::parsed), of what has no more to say about a mistake.
    pub(super) fn one<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.parsed(key, allowed, |text| parse(text).ok_or_else(String::new))
    }

    /// Any text but an empty one, or one with control characters.
    pub(super) fn name(&mut self, key: &'static str) -> Option<String> {
        let sound = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        self.one(key, "a name without control characters", |text| sound(text).then(|| text.to_owned()))
    }

    /// A list of at least `least` texts; empty if it is not there or wrong.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        least: usize,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let element = |element: &Spanned<DeValue<'_>>| match element.get_ref() {
            DeValue::String(text) if text.len() <= MAX_TEXT => parse(text),
            _ => None,
        };
        let list: Option<Vec<_>> = match value.get_ref() {
            DeValue::Array(array) if (least..=MAX_LIST).contains(&array.len()) => array.iter().map(element).collect(),
            _ => None,
        };
        list.unwrap_or_else(|| {
            self.wrong(key, value, allowed.to_owned());
            Vec::new()
        })
    }

    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        let Some(value) = self.take(key) else { return false };
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            _ => {
                self.wrong(key, value, "true or false".to_owned());
                false
            }
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn missing(&mut self, what: &'static str) {
        self.document.error(self.line, Cause::Missing { table: self.name, what });
    }

    pub(super) fn together(&mut self, keys: &'static str) {
        self.document.error(self.line, Cause::Together { table: self.name, keys });
    }

    /// Names what nobody took: a slip in the name of a condition must not lift it.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let word: &str = key.get_ref();
            if !self.known.contains(&word) {
                let cause = Cause::UnknownKey { table: self.name, key: excerpt(word), known: self.known.join(", ") };
                self.document.error(self.document.line(key.span().start), cause);
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.push(key);
        self.table.get(key)
    }

    fn wrong(&mut self, key: &'static str, value: &Spanned<DeValue<'_>>, allowed: String) {
        let span = value.span();
        let written = excerpt(self.document.text.get(span.clone()).unwrap_or_default());
        let line = self.document.line(span.start);
        self.document.error(line, Cause::NotAllowed { table: self.name, key, value: written, allowed });
    }
}
