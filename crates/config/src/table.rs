//! Typed reading of a checked table.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::Namespace;
use crate::origin::Origin;
use crate::value::{Table, Value};

/// What every getter without `Option` relies on.
const COMPLETE: &str = "a table without errors has a value of the right kind for every setting with a default";

impl Table {
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.entries.get(name).map(|found| &found.value)
    }

    /// Who set `name`; the table's own place if nobody did.
    pub(crate) fn origin(&self, name: &str) -> &Origin {
        self.entries.get(name).map_or(&self.origin, |found| &found.origin)
    }

    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn bool_of(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number or a size in bytes.
    pub(crate) fn number_of(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Integer(value) | Value::Size(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn duration_of(&self, name: &str) -> Option<Duration> {
        match self.value(name)? {
            Value::Duration(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn address_of(&self, name: &str) -> Option<IpAddr> {
        match self.value(name)? {
            Value::Address(value) => Some(*value),
            _ => None,
        }
    }

    /// The tables of a list; none if it was not set.
    pub(crate) fn tables(&self, name: &str) -> &[Self] {
        match self.value(name) {
            Some(Value::Tables(tables)) => tables,
            _ => &[],
        }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.text_of(name).expect(COMPLETE).to_owned()
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<String> {
        self.text_of(name).map(str::to_owned)
    }

    /// The elements of a list; none if it was not set.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn bool(&self, name: &str) -> bool {
        self.bool_of(name).expect(COMPLETE)
    }

    /// A number that its setting's bounds make fit.
    pub(crate) fn number<T: TryFrom<u64>>(&self, name: &str) -> T {
        self.optional_number(name).expect(COMPLETE)
    }

    pub(crate) fn optional_number<T: TryFrom<u64>>(&self, name: &str) -> Option<T> {
        self.number_of(name).and_then(|value| T::try_from(value).ok())
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        self.duration_of(name).expect(COMPLETE)
    }

    pub(crate) fn optional_duration(&self, name: &str) -> Option<Duration> {
        self.duration_of(name)
    }

    /// None if it was not set.
    pub(crate) fn paths(&self, name: &str) -> &[PathBuf] {
        match self.value(name) {
            Some(Value::Paths(paths)) => paths,
            _ => &[],
        }
    }

    /// None if it was not set.
    pub(crate) fn networks(&self, name: &str) -> &[IpNet] {
        match self.value(name) {
            Some(Value::Networks(networks)) => networks,
            _ => &[],
        }
    }

    pub(crate) fn address(&self, name: &str) -> IpAddr {
        self.address_of(name).expect(COMPLETE)
    }

    pub(crate) fn word<T>(&self, name: &str, from_name: impl Fn(&str) -> Option<T>) -> T {
        self.text_of(name).and_then(from_name).expect(COMPLETE)
    }

    pub(crate) fn namespace(&self) -> Namespace {
        Namespace { account: self.text("account"), region: self.text("region") }
    }
}
