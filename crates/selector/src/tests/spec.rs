//! Jakarta Messaging 3.1, section 3.8, as tables.

use super::Message;
use crate::{ParseError, Selector, Value};

const T: Option<bool> = Some(true);
const F: Option<bool> = Some(false);
const U: Option<bool> = None;

/// The three-valued truth of a selector, seen from outside through NOT.
fn truth(text: &str, message: &Message<'_>) -> Option<bool> {
    let matches = |text: &str| Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).matches(message);
    let (plain, prefix) = match text.strip_prefix("convert_string_expressions:") {
        Some(rest) => (rest, "convert_string_expressions:"),
        None => (text, ""),
    };
    match (matches(text), matches(&format!("{prefix}NOT ({plain})"))) {
        (true, false) => T,
        (false, true) => F,
        (false, false) => U,
        (true, true) => panic!("{text} and its negation both match"),
    }
}

fn check(message: &Message<'_>, table: &[(&str, Option<bool>)]) {
    for (text, expected) in table {
        assert_eq!(truth(text, message), *expected, "{text}");
    }
}

fn sample() -> Message<'static> {
    Message(vec![
        ("JMSType", Value::Text("car")),
        ("JMSDeliveryMode", Value::Text("PERSISTENT")),
        ("color", Value::Text("blue")),
        ("weight", Value::Int(2600)),
        ("age", Value::Int(15)),
        ("price", Value::Float(9.5)),
        ("NumberOfOrders", Value::Text("2")),
        ("quote", Value::Text("it's")),
        ("Country", Value::Text("UK")),
        ("yes", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("max", Value::Int(i64::MAX)),
        ("nan", Value::Float(f64::NAN)),
        ("_$größe9", Value::Int(1)),
    ])
}

#[test]
fn literals() {
    check(
        &sample(),
        &[
            ("quote = 'it''s'", T),
            ("quote = 'IT''S'", F),
            ("'' = ''", T),
            ("'''' = ''''", T),
            ("57 = +57 AND -957 = 0 - 957 AND 62L = 62l", T),
            ("7E3 = 7000 AND -57.9E2 = -5790 AND 7. = 7 AND .5 = 0.5 AND +6.2 > 6", T),
            ("0x1F = 31 AND 0XFFL = 255 AND 017 = 15 AND 0 = 00", T),
            ("0xFFFFFFFFFFFFFFFF = -1 AND -0x10 = -16", T),
            ("1D = 1.0d AND 1.5F = 1.5 AND 09.5 = 9.5 AND 1e+2 = 1E2", T),
            // Java's float of 0.1 is not its double of 0.1.
            ("0.1F = 0.1", F),
            ("max = 9223372036854775807 AND -max - 1 = -9223372036854775808", T),
            ("TRUE", T),
            ("false", F),
        ],
    );
}

#[test]
fn identifiers_keywords_and_white_space() {
    check(
        &sample(),
        &[
            ("_$größe9 = 1", T),
            ("Color = 'blue'", U),
            ("color\t\n\r\x0c=  'blue'aNd(Not weight<1)Or no", T),
            ("color iS nOt nUlL AND Country iN ('UK') and color LIKE 'b%' and age Between 1 aND 15", T),
            ("andy = 1", U),
            ("xpath IS NULL", T),
        ],
    );
}

#[test]
fn comparisons() {
    check(
        &sample(),
        &[
            ("JMSType = 'car' AND color = 'blue' AND weight > 2500", T),
            ("JMSDeliveryMode = 'PERSISTENT' AND JMSDeliveryMode <> 'NON_PERSISTENT'", T),
            ("weight < 2600", F),
            ("weight <= 2600 AND weight >= 2600 AND weight = 2600.0", T),
            ("weight <> 2600", F),
            ("price > 9 AND price < 10", T),
            // Unlike types, and orderings of strings and booleans, are false: not even unequal.
            ("NumberOfOrders > 1", F),
            ("NumberOfOrders = 2", F),
            ("NumberOfOrders <> 2", F),
            ("yes = 1", F),
            ("yes <> 'true'", F),
            ("color >= color", F),
            ("yes <= yes", F),
            ("yes = TRUE AND no <> TRUE AND yes", T),
            ("(weight > 1) = yes", T),
            ("weight > 1 = no", F),
            ("missing = 1", U),
            ("missing <> 1", U),
            ("missing = missing", U),
            ("nan = nan", F),
            ("nan <> nan", T),
            // Promotion to double rounds; between longs nothing does.
            ("max = 9223372036854775807.0", T),
            ("max = 9223372036854775806", F),
        ],
    );
}

#[test]
fn arithmetic() {
    check(
        &sample(),
        &[
            ("weight + 2 * 3 - 1 = 2605", T),
            ("(weight + 2) * 3 = 7806", T),
            ("10 - 4 - 3 = 3 AND 100 / 10 / 5 = 2", T),
            ("7 / 2 = 3 AND -7 / 2 = -3 AND 7 / 2. = 3.5", T),
            ("-age = -15 AND - -age = 15 AND +age = 15 AND 5 --3 = 8", T),
            ("-price * 2 = -19", T),
            ("max + 1 = -9223372036854775808", T),
            ("1 / 0 = 1", U),
            ("1 / 0.0 > 1", T),
            ("missing + 1 = 1", U),
            ("NumberOfOrders + 1 = 3", U),
            ("-color = 1", U),
        ],
    );
}

#[test]
fn between() {
    check(
        &sample(),
        &[
            ("age BETWEEN 15 AND 19", T),
            ("age NOT BETWEEN 15 AND 19", F),
            ("age BETWEEN 16 AND 19", F),
            ("age NOT BETWEEN 16 AND 19", T),
            ("age BETWEEN 10 + 4 AND weight / 100 AND yes", T),
            ("age + 1 BETWEEN 15.5 AND 16.5", T),
            ("missing BETWEEN 1 AND 2", U),
            ("age BETWEEN missing AND 20", U),
            ("age BETWEEN missing AND 10", F),
            ("age NOT BETWEEN missing AND 10", T),
            ("color BETWEEN 1 AND 2", F),
            ("color NOT BETWEEN 1 AND 2", F),
        ],
    );
}

#[test]
fn in_lists() {
    for (country, is_in) in [("UK", T), ("US", T), ("France", T), ("Peru", F), ("uk", F), ("", F)] {
        let message = Message(vec![("Country", Value::Text(country))]);
        check(
            &message,
            &[
                ("Country IN ('UK', 'US', 'France')", is_in),
                ("Country NOT IN ('UK', 'US', 'France')", is_in.map(|is_in| !is_in)),
                ("(Country) IN ('US','US','UK','France')", is_in),
            ],
        );
    }
    check(&sample(), &[("missing IN ('a')", U), ("missing NOT IN ('a')", U), ("age IN ('15')", F)]);
}

#[test]
fn like() {
    let table = [
        ("12%3", "123", T),
        ("12%3", "12993", T),
        ("12%3", "1234", F),
        ("l_se", "lose", T),
        ("l_se", "loose", F),
        ("l_se", "l\u{1F980}se", T),
        ("", "", T),
        ("", "a", F),
        ("%", "", T),
        ("_", "", F),
        ("%%a%%", "bab", T),
        ("a%b%c", "a_bb_c_c", T),
        ("%ab", "aab", T),
        ("%a_%b", "aab", T),
        ("a.*", "axx", F),
        ("A%", "abc", F),
        ("%\n%", "line\nline", T),
        ("it''s", "it's", T),
    ];
    for (pattern, text, expected) in table {
        let message = Message(vec![("word", Value::Text(text))]);
        let negated = expected.map(|matches| !matches);
        check(
            &message,
            &[
                (&format!("word LIKE '{pattern}'"), expected),
                (&format!("word NOT LIKE '{pattern}'"), negated),
                (&format!("word LIKE '{pattern}' ESCAPE '!'"), expected),
            ],
        );
    }
    check(&sample(), &[("missing LIKE '%'", U), ("missing NOT LIKE '%'", U), ("age LIKE '%'", F)]);
}

#[test]
fn like_with_escape() {
    let table = [
        (r"\_%", "_foo", T),
        (r"\_%", "bar", F),
        (r"100\%", "100%", T),
        (r"100\%", "1000", F),
        (r"\\%", r"\x", T),
        (r"\a", r"\a", T),
        (r"a\", r"a\", T),
    ];
    for (pattern, text, expected) in table {
        let message = Message(vec![("underscored", Value::Text(text))]);
        check(&message, &[(&format!(r"underscored LIKE '{pattern}' ESCAPE '\'"), expected)]);
    }
}

/// Tables 3-4, 3-5 and 3-6, and IS NULL.
#[test]
fn three_valued_logic() {
    let message = Message(vec![("t", Value::Bool(true)), ("f", Value::Bool(false)), ("text", Value::Text("true"))]);
    let (and, or) = ([T, F, U, F, F, F, U, F, U], [T, T, T, T, F, U, T, U, U]);
    let pairs = ["t", "f", "u"].into_iter().flat_map(|left| ["t", "f", "u"].map(|right| (left, right)));
    for ((left, right), (and, or)) in pairs.zip(and.into_iter().zip(or)) {
        check(&message, &[(&format!("{left} AND {right}"), and), (&format!("{left} OR {right}"), or)]);
    }
    check(
        &message,
        &[
            ("NOT t", F),
            ("NOT f", T),
            ("NOT u", U),
            ("u IS NULL", T),
            ("u IS NOT NULL", F),
            ("t IS NULL", F),
            ("t IS NOT NULL AND NOT t IS NULL", T),
            // NOT binds tighter than AND, AND tighter than OR, and comparisons tighter than NOT.
            ("NOT f AND f", F),
            ("t OR t AND f", T),
            ("(t OR t) AND f", F),
            ("NOT 1 = 2", T),
            // A property that is no boolean is no condition that holds.
            ("text", F),
        ],
    );
}

#[test]
fn strings_convert_behind_the_prefix_of_activemq() {
    let message = Message(vec![
        ("n", Value::Text("2")),
        ("d", Value::Text("2.5")),
        ("b", Value::Text("TRUE")),
        ("word", Value::Text("inf")),
        ("i", Value::Int(2)),
    ]);
    let convert = |text: &str| format!("convert_string_expressions:{text}");
    for (text, without, with) in [
        ("n = 2", F, T),
        ("n <> 2", F, F),
        ("n BETWEEN 1 AND 3", F, T),
        ("d > 2", F, T),
        ("n + 1 = 3", U, T),
        ("i = '2'", F, T),
        ("b = TRUE", F, T),
        ("n = '2'", T, T),
        ("word > 1", F, F),
        ("word + 1 > 1", U, U),
        ("missing = 1", U, U),
    ] {
        check(&message, &[(text, without), (&convert(text), with)]);
    }
    let text = convert("n = 2");
    assert_eq!(Selector::parse(&text).unwrap().text(), text);
}

#[test]
fn a_blank_selector_selects_everything() {
    for text in ["", " \t\n"] {
        assert!(Selector::parse(text).unwrap().matches(&Message(vec![])));
    }
}

#[test]
fn errors_say_where_what_and_what_instead() {
    let value = "a property, a literal, NOT, a sign or (";
    let operator = "an operator or the end of the selector";
    let number = "a number or a property";
    for (text, position, found, expected) in [
        ("a = ", 4, "the end", value),
        ("a = = 1", 4, "=", value),
        ("a b", 2, "b", operator),
        ("a == 1", 3, "=", value),
        ("a != 1", 2, "!", operator),
        ("a = 1)", 5, ")", operator),
        ("(a = 1", 6, "the end", "an operator or )"),
        ("a = 'b", 4, "'b", "a closing quote"),
        ("a = \"b\"", 4, "\"", value),
        ("a = 5x", 4, "5x", "a long or a double"),
        ("a = 09", 4, "09", "a long or a double"),
        ("a = 1e999", 4, "1e999", "a long or a double"),
        ("a = 0x", 4, "0x", "a long or a double"),
        ("a = 9223372036854775808", 4, "9223372036854775808", "a long"),
        ("a = -9223372036854775809", 5, "9223372036854775809", "a long"),
        ("a = NULL", 4, "NULL", value),
        ("NULL = 1", 0, "NULL", value),
        ("a IS 1", 5, "1", "NULL or NOT NULL"),
        ("a IS NOT 1", 9, "1", "NULL"),
        ("1 IS NULL", 0, "1", "a property on the left"),
        ("a IN ()", 6, ")", "a string in single quotes"),
        ("a IN ('b' 'c')", 10, "'c'", ", or )"),
        ("a IN (1)", 6, "1", "a string in single quotes"),
        ("'a' NOT IN ('a')", 0, "'a'", "a property on the left"),
        ("a NOT = 1", 6, "=", "BETWEEN, IN or LIKE"),
        ("a LIKE b", 7, "b", "a string in single quotes"),
        ("a LIKE 'b' ESCAPE 'cd'", 18, "'cd'", "a string of one character"),
        ("a LIKE 'b' ESCAPE ''", 18, "''", "a string of one character"),
        ("a BETWEEN 1 OR 2", 12, "OR", "AND"),
        ("a BETWEEN 'x' AND 'y'", 10, "'x'", number),
        ("(a = 1) NOT BETWEEN 1 AND 2", 0, "(a = 1)", number),
        ("a > 'x'", 4, "'x'", number),
        ("'x' + 1 = 2", 0, "'x'", number),
        ("-(a = 1) = 2", 1, "(a = 1)", number),
        ("5", 0, "5", "a condition"),
        ("a AND b + 1", 6, "b + 1", "a condition"),
        ("NOT 'a'", 4, "'a'", "a condition"),
        ("convert_string_expressions:", 27, "the end", value),
        ("Select a from b", 7, "a", operator),
    ] {
        let error = Selector::parse(text).unwrap_err();
        let expected = ParseError::Unexpected { position, found: found.to_owned(), expected };
        assert_eq!(error, expected, "{text}");
    }
    let error = Selector::parse("größe = ").unwrap_err();
    assert_eq!(error.to_string(), format!("at 10: found the end, expected {value}"));
}

#[test]
fn queries_on_the_body_are_refused_by_name() {
    for (text, position, function) in [("XPATH 'a/b'", 0, "XPATH"), ("a = 1 AND xquery '/'", 10, "XQUERY")] {
        assert_eq!(Selector::parse(text).unwrap_err(), ParseError::BodyQuery { position, function });
    }
}
