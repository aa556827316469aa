//! The arguments of a binding, for headers exchanges.

use model::{HeaderRule, HeaderValue};

use crate::codec::{FieldTable, FieldValue};
use crate::error::Fault;
use crate::publish::integer;

/// Which headers a message must have; `None` if the binding asks for none.
pub(crate) fn header_rule(arguments: &FieldTable) -> Result<Option<HeaderRule>, Fault> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let mut rule = HeaderRule { all: true, with_x: false, pairs: Vec::new() };
    for (name, value) in arguments {
        if name == b"x-match" {
            (rule.all, rule.with_x) = match value {
                FieldValue::LongString(b"all") => (true, false),
                FieldValue::LongString(b"any") => (false, false),
                FieldValue::LongString(b"all-with-x") => (true, true),
                FieldValue::LongString(b"any-with-x") => (false, true),
                other => return Err(Fault::Match(shown(other))),
            };
            continue;
        }
        rule.pairs.push((String::from_utf8_lossy(name).into_owned(), wanted(value)));
    }
    // The same arguments in another order are the same binding.
    rule.pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Some(rule))
}

/// `None`, "it is there", for what cannot be compared.
fn wanted(value: FieldValue<'_>) -> Option<HeaderValue> {
    match value {
        FieldValue::LongString(text) => Some(HeaderValue::Text(String::from_utf8_lossy(text).into_owned())),
        FieldValue::Bool(value) => Some(HeaderValue::Bool(value)),
        FieldValue::Float(value) => Some(HeaderValue::Float(value.into())),
        FieldValue::Double(value) => Some(HeaderValue::Float(value)),
        FieldValue::Timestamp(value) => i64::try_from(value).ok().map(HeaderValue::Int),
        other => integer(other).map(HeaderValue::Int),
    }
}

fn shown(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::LongString(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    }
}
