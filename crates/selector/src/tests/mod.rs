//! The crate's tests: tables from the specification, a reference model, hostile input.

mod headers;
mod hostile;
mod model;
mod spec;

use crate::{Properties, Value};

/// A message with these properties.
#[derive(Debug)]
struct Message<'a>(Vec<(&'a str, Value<'a>)>);

impl Properties for Message<'_> {
    fn get(&self, name: &str) -> Value<'_> {
        self.0.iter().find(|(known, _)| *known == name).map_or(Value::Null, |(_, value)| *value)
    }
}
