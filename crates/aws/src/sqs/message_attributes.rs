//! Message attributes as senders give them: read, checked, put in order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::characters::is_speakable;
use crate::error::Fault;
use crate::properties::{Attribute, Content};
use crate::text::{Pairs, Text};

/// Attributes that one message may have.
pub(crate) const MAX_ATTRIBUTES: usize = 10;
const TRACE_HEADER: &str = "AWSTraceHeader";
/// Bytes of names, and of types.
const NAME_BYTES: usize = 256;

pub(crate) type AttributeInputs<'a> = Pairs<'a, AttributeInput<'a>, MAX_ATTRIBUTES>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeInput<'a> {
    #[serde(borrow)]
    data_type: Option<Text<'a>>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    /// Base64.
    #[serde(borrow)]
    binary_value: Option<Text<'a>>,
    string_list_values: Option<NotEmpty>,
    binary_list_values: Option<NotEmpty>,
}

/// A list of which it only matters whether it is empty.
struct NotEmpty(bool);

impl<'de> Deserialize<'de> for NotEmpty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::List::<IgnoredAny, 0>::deserialize(deserializer).map(|list| Self(list.count > 0))
    }
}

/// Decodes the binary values; those of other types are empty.
pub(crate) fn decode(inputs: &AttributeInputs<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    let decoded = |(name, input): &(Text<'_>, AttributeInput<'_>)| match &input.binary_value {
        Some(text) => STANDARD
            .decode(text.as_bytes())
            .map_err(|_| Fault::Serialization(format!("BinaryValue of message attribute '{}' is no Base64", &**name))),
        None => Ok(Vec::new()),
    };
    inputs.kept.iter().map(decoded).collect()
}

/// The checked attributes in order of name. `decoded` is what [`decode`] made of `inputs`.
pub(crate) fn check<'a>(inputs: &'a AttributeInputs<'_>, decoded: &'a [Vec<u8>]) -> Result<Vec<Attribute<'a>>, Fault> {
    if inputs.count > MAX_ATTRIBUTES {
        return invalid(format!("Number of message attributes [{}] exceeds the allowed maximum [10].", inputs.count));
    }
    let mut attributes = Vec::with_capacity(inputs.kept.len());
    for ((name, input), binary) in inputs.kept.iter().zip(decoded) {
        check_name(name)?;
        attributes.push(check_one(name, input, binary)?);
    }
    attributes.sort_by_key(|attribute| attribute.name);
    // Of a name that is there twice, JSON means the last.
    attributes.dedup_by(|later, earlier| {
        let same = later.name == earlier.name;
        if same {
            earlier.clone_from(later);
        }
        same
    });
    Ok(attributes)
}

/// The system attribute that senders may give, `AWSTraceHeader`.
pub(crate) fn check_system<'a>(inputs: &'a AttributeInputs<'_>) -> Result<Option<Attribute<'a>>, Fault> {
    let mut trace = None;
    for (name, input) in &inputs.kept {
        let attribute = check_one(name, input, &[])?;
        if attribute.name != TRACE_HEADER {
            return invalid(format!("Message system attribute name '{}' is invalid.", attribute.name));
        }
        if attribute.data_type != "String" {
            return invalid(format!("Message system attribute '{TRACE_HEADER}' must be of type 'String'."));
        }
        trace = Some(attribute);
    }
    Ok(trace)
}

/// Whether an attribute of a message may have this name.
pub(crate) fn is_attribute_name(name: &str) -> bool {
    check_name(name).is_ok()
}

fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() || name.len() > NAME_BYTES {
        return invalid("Message (user) attribute names must have 1 to 256 bytes.".to_owned());
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || ('\u{c0}'..='\u{17f}').contains(&c);
    if !name.chars().all(known) {
        return invalid(
            "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and underscores."
                .to_owned(),
        );
    }
    let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if begins("AWS.") || begins("Amazon.") || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return invalid(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for \
             internal use. Additionally, they cannot start or end with '.'."
                .to_owned(),
        );
    }
    Ok(())
}

fn check_one<'a>(name: &'a str, input: &'a AttributeInput<'_>, binary: &'a [u8]) -> Result<Attribute<'a>, Fault> {
    let data_type = input.data_type.as_deref().unwrap_or_default();
    if data_type.is_empty() {
        return invalid(format!("The message attribute '{name}' must contain non-empty message attribute type."));
    }
    if data_type.len() > NAME_BYTES || !is_speakable(data_type) {
        return invalid("Message (user) attribute types must be shorter than 256 Bytes".to_owned());
    }
    if [&input.string_list_values, &input.binary_list_values].into_iter().flatten().any(|list| list.0) {
        return invalid("Message attribute list values in SendMessage operation are not supported.".to_owned());
    }
    let kind = data_type.split('.').next().unwrap_or_default();
    let content = match kind {
        "String" | "Number" => Content::Text(input.string_value.as_deref().unwrap_or_default()),
        "Binary" => Content::Binary(binary),
        _ => {
            return invalid(format!(
                "The type of message (user) attribute '{name}' is invalid. You must use only the following supported \
                 type prefixes: Binary, Number, String."
            ));
        }
    };
    if content.as_bytes().is_empty() {
        return invalid(format!("Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."));
    }
    if let Content::Text(text) = content {
        if !is_speakable(text) {
            return invalid(Fault::MessageContents.to_string());
        }
        if kind == "Number" && !is_number(text) {
            return invalid(format!("Can't cast the value of message (user) attribute '{name}' to a number."));
        }
    }
    Ok(Attribute { name, data_type, content })
}

/// Decimal digits, perhaps with sign, point and exponent.
fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) && text.parse::<f64>().is_ok()
}

fn invalid<T>(text: String) -> Result<T, Fault> {
    Err(Fault::InvalidParameter(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(json: &str) -> String {
        let inputs: AttributeInputs<'_> = serde_json::from_str(json).unwrap();
        let decoded = decode(&inputs).unwrap();
        check(&inputs, &decoded).unwrap_err().to_string()
    }

    #[test]
    fn attributes_come_in_order_of_name_with_their_bytes() {
        let json = r#"{"b": {"DataType": "Binary.png", "BinaryValue": "AAEC"}, "a1øßä": {"DataType": "String", "StringValue": "x"},
                       "n": {"DataType": "Number.int", "StringValue": "-1.5e3"}}"#;
        let inputs: AttributeInputs<'_> = serde_json::from_str(json).unwrap();
        let decoded = decode(&inputs).unwrap();
        let attributes = check(&inputs, &decoded).unwrap();
        assert_eq!(attributes.iter().map(|a| a.name).collect::<Vec<_>>(), ["a1øßä", "b", "n"]);
        assert_eq!(attributes[1].content, Content::Binary(&[0, 1, 2]));
        assert_eq!(attributes.iter().map(Attribute::size).sum::<usize>(), (8 + 6 + 1) + (1 + 10 + 3) + (1 + 10 + 6));
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_aws() {
        let string =
            |name: &str, value: &str| format!(r#"{{"{name}": {{"DataType": "String", "StringValue": "{value}"}}}}"#);
        assert_eq!(
            fault_of(&string("ErrorDetails", "")),
            "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."
        );
        for name in ["aWs.-x", "AMAZON.x", ".x", "x.", "x..y"] {
            assert!(fault_of(&string(name, "v")).starts_with("You can't use message attribute names"), "{name}");
        }
        for name in ["a!", "a§", "a b", "a?"] {
            assert!(fault_of(&string(name, "v")).contains("can only contain"), "{name}");
        }
        assert!(fault_of(&string(&"L".repeat(257), "v")).contains("256"));
        assert!(fault_of(&string("a", "\\u0008")).starts_with("Invalid characters found."));
        assert!(fault_of(r#"{"a": {"DataType": "Invalid", "StringValue": "v"}}"#).contains("supported type prefixes"));
        assert!(fault_of(r#"{"a": {"DataType": "Number", "StringValue": "inf"}}"#).starts_with("Can't cast"));
        assert!(fault_of(r#"{"a": {"StringValue": "v"}}"#).contains("non-empty message attribute type"));
        assert!(fault_of(r#"{"a": {"DataType": "String", "StringListValues": ["v"]}}"#).contains("not supported"));
        let eleven: Vec<String> = (0..11).map(|i| string(&format!("a{i}"), "v")[1..].replace("}}", "}")).collect();
        let expected = "Number of message attributes [11] exceeds the allowed maximum [10].";
        assert_eq!(fault_of(&format!("{{{}}}", eleven.join(","))), expected);
    }
}
