//! The entry of the fuzz target, and of the test that replays its corpus.

use crate::{ParseError, Properties, Selector, Value};

/// Parses any bytes; evaluates what parses; checks what must hold in either case.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Selector::parse(text) {
        Ok(selector) => {
            assert_eq!(selector.text(), text);
            for salt in 0..8 {
                let view = Derived { salt };
                assert_eq!(selector.matches(&view), selector.matches(&view));
            }
        }
        Err(
            ParseError::TooDeep { position }
            | ParseError::ListTooLong { position }
            | ParseError::PatternTooLong { position }
            | ParseError::BodyQuery { position, .. }
            | ParseError::Unexpected { position, .. },
        ) => assert!(text.is_char_boundary(position), "position {position} is inside a character or beyond the end"),
        Err(ParseError::TooLong { length }) => assert!(length > crate::MAX_TEXT),
    }
}

/// A view whose values follow from the names.
struct Derived {
    salt: usize,
}

impl Properties for Derived {
    fn get(&self, name: &str) -> Value<'_> {
        const VALUES: [Value<'static>; 8] = [
            Value::Null,
            Value::Bool(true),
            Value::Int(3),
            Value::Int(i64::MIN),
            Value::Float(-0.5),
            Value::Float(f64::NAN),
            Value::Text("aaaaaaaaaaaaaaaab"),
            Value::Text("3"),
        ];
        let sum: usize = name.bytes().map(usize::from).sum();
        VALUES[(sum + self.salt) % VALUES.len()]
    }
}
