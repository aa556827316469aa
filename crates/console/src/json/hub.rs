//! The hub form of a message as JSON, bounded whatever the publisher sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{HubProperties, Value};
use serde_json::{Map, Value as Json, json};

/// Values of one message that are shown.
const SHOWN_VALUES: usize = 1_000;
/// Bytes of text and binary in them.
const SHOWN_BYTES: usize = 64 * 1024;
/// Levels of lists and maps.
const SHOWN_DEPTH: usize = 16;
/// Stands where something was left out.
const LEFT_OUT: &str = "…";

/// What may still be shown of one message.
pub(super) struct Budget {
    values: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { values: SHOWN_VALUES, bytes: SHOWN_BYTES }
    }
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.values == 0 || self.bytes == 0
    }

    /// The first bytes of `text` that may be shown.
    fn text(&mut self, text: &str) -> Json {
        let mut end = text.len().min(self.bytes);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes -= text.len().min(self.bytes);
        if end == text.len() { text.into() } else { format!("{}{LEFT_OUT}", &text[..end]).into() }
    }

    fn binary(&mut self, bytes: &[u8]) -> Json {
        let end = bytes.len().min(self.bytes);
        self.bytes -= end;
        let text = STANDARD.encode(&bytes[..end]);
        if end == bytes.len() { json!({ "base64": text }) } else { json!({ "base64": text, "cut": true }) }
    }
}

/// `[name, value]` pairs in the publisher's order: names may repeat. The number says how many were left out.
pub(super) fn pairs(pairs: &[(String, Value)], budget: &mut Budget) -> (Vec<(Json, Json)>, usize) {
    let mut shown = Vec::new();
    for (name, item) in pairs {
        if budget.is_spent() {
            break;
        }
        shown.push((budget.text(name), value(item, budget)));
    }
    let left_out = pairs.len() - shown.len();
    (shown, left_out)
}

/// The properties that are set, by their names in AMQP 1.0, 3.2.4.
pub(super) fn properties(properties: &HubProperties, budget: &mut Budget) -> Map<String, Json> {
    let HubProperties {
        message_id,
        user_id,
        to,
        subject,
        reply_to,
        correlation_id,
        content_type,
        content_encoding,
        creation_time,
        group_id,
        group_sequence,
        reply_to_group_id,
    } = properties;
    let mut map = Map::new();
    for (name, id) in [("message_id", message_id), ("correlation_id", correlation_id)] {
        if let Some(id) = id {
            map.insert(name.into(), value(id, budget));
        }
    }
    if let Some(user_id) = user_id {
        map.insert("user_id".into(), budget.binary(user_id));
    }
    let texts = [
        ("to", to),
        ("subject", subject),
        ("reply_to", reply_to),
        ("content_type", content_type),
        ("content_encoding", content_encoding),
        ("group_id", group_id),
        ("reply_to_group_id", reply_to_group_id),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            map.insert(name.into(), budget.text(text));
        }
    }
    if let Some(created) = creation_time {
        map.insert("creation_time".into(), (*created).into());
    }
    if let Some(sequence) = group_sequence {
        map.insert("group_sequence".into(), (*sequence).into());
    }
    map
}

/// One value. What JSON has no type for is an object that names the type.
pub(super) fn value(value: &Value, budget: &mut Budget) -> Json {
    shown(value, SHOWN_DEPTH, budget)
}

pub(super) fn list(items: &[Value], budget: &mut Budget) -> Json {
    list_at(items, SHOWN_DEPTH, budget)
}

fn shown(value: &Value, depth: usize, budget: &mut Budget) -> Json {
    if budget.is_spent() {
        return LEFT_OUT.into();
    }
    budget.values -= 1;
    if depth == 0 {
        return LEFT_OUT.into();
    }
    match value {
        Value::Null => Json::Null,
        Value::Bool(it) => (*it).into(),
        Value::Ubyte(it) => (*it).into(),
        Value::Ushort(it) => (*it).into(),
        Value::Uint(it) => (*it).into(),
        Value::Ulong(it) => (*it).into(),
        Value::Byte(it) => (*it).into(),
        Value::Short(it) => (*it).into(),
        Value::Int(it) => (*it).into(),
        Value::Long(it) => (*it).into(),
        Value::Float(it) => float(f64::from(*it)),
        Value::Double(it) => float(*it),
        Value::Decimal32(it) => json!({ "decimal32": hexadecimal(it) }),
        Value::Decimal64(it) => json!({ "decimal64": hexadecimal(it) }),
        Value::Decimal128(it) => json!({ "decimal128": hexadecimal(it) }),
        Value::Char(it) => it.to_string().into(),
        Value::Timestamp(it) => json!({ "timestamp": it }),
        Value::Uuid(it) => json!({ "uuid": uuid(it) }),
        Value::Binary(it) => budget.binary(it),
        Value::String(it) => budget.text(it),
        Value::Symbol(it) => json!({ "symbol": budget.text(it) }),
        Value::List(items) | Value::Array(items) => list_at(items, depth - 1, budget),
        Value::Map(pairs) => {
            let mut map = Vec::new();
            for (key, item) in pairs {
                if budget.is_spent() {
                    map.push(LEFT_OUT.into());
                    break;
                }
                map.push(json!([shown(key, depth - 1, budget), shown(item, depth - 1, budget)]));
            }
            json!({ "map": map })
        }
        Value::Described(it) => {
            json!({ "described": [shown(&it.0, depth - 1, budget), shown(&it.1, depth - 1, budget)] })
        }
    }
}

fn list_at(items: &[Value], depth: usize, budget: &mut Budget) -> Json {
    let mut list = Vec::new();
    for item in items {
        list.push(shown(item, depth, budget));
        if budget.is_spent() && list.len() < items.len() {
            list.push(LEFT_OUT.into());
            break;
        }
    }
    list.into()
}

/// JSON knows no infinities and no NaN.
fn float(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Json::Number)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid(bytes: &[u8; 16]) -> String {
    let digits = hexadecimal(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(it: Value) -> Json {
        value(&it, &mut Budget::default())
    }

    #[test]
    fn values_keep_their_types() {
        assert_eq!(show(Value::Ulong(u64::MAX)), json!(u64::MAX));
        assert_eq!(show(Value::Long(i64::MIN)), json!(i64::MIN));
        assert_eq!(show(Value::Double(0.5)), json!(0.5));
        assert_eq!(show(Value::Double(f64::NAN)), json!("NaN"));
        assert_eq!(show(Value::Float(f32::NEG_INFINITY)), json!("-inf"));
        assert_eq!(show(Value::Binary(bytes::Bytes::from_static(&[0, 255]))), json!({ "base64": "AP8=" }));
        assert_eq!(show(Value::Symbol("s".into())), json!({ "symbol": "s" }));
        assert_eq!(show(Value::Uuid([0xab; 16])), json!({ "uuid": "abababab-abab-abab-abab-abababababab" }));
        let map = Value::Map(vec![(Value::Int(1), Value::List(vec![Value::Null, Value::Bool(true)]))]);
        assert_eq!(show(map), json!({ "map": [[1, [null, true]]] }));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = "é".repeat(SHOWN_BYTES);
        let shown = show(Value::String(text));
        let shown = shown.as_str().unwrap();
        assert_eq!(shown.len(), SHOWN_BYTES + LEFT_OUT.len());
        assert!(shown.ends_with("é…"));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let mut deep = Value::Null;
        for _ in 0..1_000 {
            deep = Value::List(vec![deep]);
        }
        let shown = show(deep).to_string();
        assert_eq!(shown, format!("{}\"{LEFT_OUT}\"{}", "[".repeat(SHOWN_DEPTH), "]".repeat(SHOWN_DEPTH)));
        let wide = Value::List(vec![Value::Null; 1_000_000]);
        assert_eq!(show(wide).as_array().unwrap().len(), SHOWN_VALUES);
        let many = vec![("name".to_owned(), Value::Int(1)); 5_000];
        let (shown, left_out) = pairs(&many, &mut Budget::default());
        assert_eq!((shown.len(), left_out), (SHOWN_VALUES, 5_000 - SHOWN_VALUES));
    }
}
