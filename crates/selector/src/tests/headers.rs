use super::Message;
use crate::{HeaderMatch, MatchMode, OwnedValue, Value};

fn pairs(pairs: &[(&str, Option<OwnedValue>)]) -> Vec<(Box<str>, Option<OwnedValue>)> {
    pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()
}

fn text(text: &str) -> Option<OwnedValue> {
    Some(OwnedValue::Text(text.into()))
}

#[test]
fn all_any_and_x() {
    let binding = pairs(&[("format", text("pdf")), ("x-kind", text("report")), ("x-match", text("anything"))]);
    let format = ("format", Value::Text("pdf"));
    let kind = ("x-kind", Value::Text("report"));
    let other = ("format", Value::Text("zip"));
    for (headers, all, any, all_with_x, any_with_x) in [
        (vec![format, kind], true, true, true, true),
        (vec![format], true, true, false, true),
        (vec![kind], false, false, false, true),
        (vec![other, kind], false, false, false, true),
        (vec![other], false, false, false, false),
        (vec![], false, false, false, false),
    ] {
        let message = Message(headers);
        for (name, expected) in [("all", all), ("any", any), ("all-with-x", all_with_x), ("any-with-x", any_with_x)] {
            let headers = HeaderMatch::new(MatchMode::parse(name).unwrap(), binding.clone());
            assert_eq!(headers.matches(&message), expected, "{name} {message:?}");
        }
    }
    assert_eq!(MatchMode::parse("ALL"), None);
}

#[test]
fn no_pairs_match_all_and_not_any() {
    let message = Message(vec![("a", Value::Int(1))]);
    assert!(HeaderMatch::new(MatchMode::All, pairs(&[("x-match", text("all"))])).matches(&message));
    assert!(!HeaderMatch::new(MatchMode::Any, pairs(&[])).matches(&message));
}

#[test]
fn values_compare_by_type_and_absence_is_null() {
    let message = Message(vec![("n", Value::Int(1)), ("b", Value::Bool(true)), ("void", Value::Null)]);
    for (name, wanted, expected) in [
        ("n", Some(OwnedValue::Int(1)), true),
        ("n", Some(OwnedValue::Float(1.0)), true),
        ("n", Some(OwnedValue::Float(1.5)), false),
        ("n", text("1"), false),
        ("n", None, true),
        ("b", Some(OwnedValue::Bool(true)), true),
        ("b", Some(OwnedValue::Bool(false)), false),
        ("b", text("true"), false),
        ("void", None, false),
        ("missing", None, false),
        ("missing", text(""), false),
    ] {
        let headers = HeaderMatch::new(MatchMode::All, pairs(&[(name, wanted.clone())]));
        assert_eq!(headers.matches(&message), expected, "{name} {wanted:?}");
    }
}

#[test]
fn the_order_of_pairs_does_not_tell_bindings_apart() {
    let one = HeaderMatch::new(MatchMode::Any, pairs(&[("a", None), ("b", text("c"))]));
    let other = HeaderMatch::new(MatchMode::Any, pairs(&[("b", text("c")), ("x-a", None), ("a", None)]));
    assert_eq!(one, other);
    assert_ne!(one, HeaderMatch::new(MatchMode::AnyWithX, pairs(&[("b", text("c")), ("x-a", None), ("a", None)])));
}
