//! Random expressions: printed, parsed back, and evaluated beside a second evaluator that is written from the
//! tables of the specification without regard to speed.

use proptest::num::f64;
use proptest::prelude::*;

use super::Message;
use crate::expr::{Comparison, Expr, Operation};
use crate::pattern::{Pattern, Piece};
use crate::{Properties, Selector, Value};

const NAMES: [&str; 5] = ["a", "b", "c", "JMSPriority", "missing"];
const TEXTS: [&str; 8] = ["", "a", "ab", "aab", "2", "-0.5", "it's", "true"];
const COMPARISONS: [(Comparison, &str); 6] = [
    (Comparison::Equal, "="),
    (Comparison::NotEqual, "<>"),
    (Comparison::Less, "<"),
    (Comparison::LessEqual, "<="),
    (Comparison::Greater, ">"),
    (Comparison::GreaterEqual, ">="),
];
const OPERATIONS: [(Operation, &str); 4] =
    [(Operation::Add, "+"), (Operation::Subtract, "-"), (Operation::Multiply, "*"), (Operation::Divide, "/")];

fn property() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(&NAMES[..]).prop_map(Into::into)
}

fn string() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(&TEXTS[..]).prop_map(Into::into)
}

fn number() -> BoxedStrategy<Expr> {
    let leaf = prop_oneof![
        (-3i64..4).prop_map(Expr::Int),
        any::<i64>().prop_map(Expr::Int),
        (-4i8..5).prop_map(|halves| Expr::Float(f64::from(halves) / 2.0)),
        (f64::NORMAL | f64::SUBNORMAL | f64::ZERO).prop_map(Expr::Float),
        property().prop_map(Expr::Property),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        let operation = prop::sample::select(&OPERATIONS[..]).prop_map(|(operation, _)| operation);
        // A sign before a literal would be part of the literal.
        let signed = inner.clone().prop_map(|expr| match expr {
            Expr::Int(_) | Expr::Float(_) => Expr::Property("a".into()),
            expr => expr,
        });
        prop_oneof![
            (any::<bool>(), signed).prop_map(|(negative, operand)| Expr::Sign { negative, operand: Box::new(operand) }),
            (operation, inner.clone(), inner)
                .prop_map(|(operation, left, right)| Expr::Arithmetic(operation, Box::new([left, right]))),
        ]
    })
    .boxed()
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let piece = prop_oneof![
        prop::sample::select(&['a', 'b', '%', '_', '!', '\''][..]).prop_map(Piece::Char),
        Just(Piece::One),
        Just(Piece::Many),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|mut pieces| {
        pieces.dedup_by(|one, other| *one == Piece::Many && *other == Piece::Many);
        Pattern { pieces: pieces.into() }
    })
}

fn condition() -> BoxedStrategy<Expr> {
    let comparison = prop::sample::select(&COMPARISONS[..]).prop_map(|(comparison, _)| comparison);
    let equality = prop::sample::select(&COMPARISONS[..2]).prop_map(|(comparison, _)| comparison);
    let values = prop::collection::btree_set(string(), 1..5).prop_map(|values| values.into_iter().collect());
    let leaf = prop_oneof![
        any::<bool>().prop_map(Expr::Bool),
        property().prop_map(Expr::Property),
        property().prop_map(Expr::IsNull),
        (comparison, number(), number()).prop_map(|(by, left, right)| Expr::Compare(by, Box::new([left, right]))),
        (any::<bool>(), number(), number(), number())
            .prop_map(|(negated, value, low, high)| Expr::Between { negated, operands: Box::new([value, low, high]) }),
        (property(), values).prop_map(|(property, values)| Expr::In { property, values }),
        (property(), pattern()).prop_map(|(property, pattern)| Expr::Like { property, pattern }),
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        let value = prop_oneof![inner.clone(), number(), string().prop_map(Expr::Text)];
        prop_oneof![
            inner.clone().prop_map(|operand| Expr::Not(Box::new(operand))),
            several().prop_map(Expr::And),
            several().prop_map(Expr::Or),
            (equality.clone(), value.clone(), value)
                .prop_map(|(by, left, right)| Expr::Compare(by, Box::new([left, right]))),
        ]
    })
    .boxed()
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3i64..4).prop_map(Value::Int),
        prop::sample::select(&[i64::MIN, i64::MAX][..]).prop_map(Value::Int),
        (-4i8..5).prop_map(|halves| Value::Float(f64::from(halves) / 2.0)),
        Just(Value::Float(f64::NAN)),
        prop::sample::select(&TEXTS[..]).prop_map(Value::Text),
    ];
    prop::collection::vec(value, 4).prop_map(|values| Message(NAMES.into_iter().zip(values).collect()))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The expression with brackets around every operand.
fn print(expr: &Expr) -> String {
    let join = |operands: &[Expr], word: &str| {
        operands.iter().map(|operand| format!("({})", print(operand))).collect::<Vec<_>>().join(word)
    };
    match expr {
        Expr::Bool(value) => value.to_string(),
        Expr::Int(value) => value.to_string(),
        Expr::Float(value) => format!("{value:?}"),
        Expr::Text(text) => quoted(text),
        Expr::Property(name) => name.to_string(),
        Expr::Sign { negative, operand } => format!("{}({})", if *negative { '-' } else { '+' }, print(operand)),
        Expr::Arithmetic(operation, operands) => {
            join(&operands[..], OPERATIONS.iter().find(|(known, _)| known == operation).unwrap().1)
        }
        Expr::Compare(comparison, operands) => {
            join(&operands[..], COMPARISONS.iter().find(|(known, _)| known == comparison).unwrap().1)
        }
        Expr::Between { negated, operands } => {
            let [value, low, high] = [0, 1, 2].map(|at| print(&operands[at]));
            format!("({value}) {}BETWEEN ({low}) AND ({high})", if *negated { "NOT " } else { "" })
        }
        Expr::In { property, values } => {
            format!("{property} IN ({})", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
        }
        Expr::Like { property, pattern } => {
            let piece = |piece: &Piece| match piece {
                Piece::One => "_".to_owned(),
                Piece::Many => "%".to_owned(),
                Piece::Char(c) if "%_!".contains(*c) => format!("!{c}"),
                Piece::Char(c) => c.to_string(),
            };
            format!("{property} LIKE {} ESCAPE '!'", quoted(&pattern.pieces.iter().map(piece).collect::<String>()))
        }
        Expr::IsNull(property) => format!("{property} IS NULL"),
        Expr::Not(operand) => format!("NOT ({})", print(operand)),
        Expr::And(operands) => join(operands, " AND "),
        Expr::Or(operands) => join(operands, " OR "),
    }
}

/// Truth as a number: AND is the smallest, OR the greatest, NOT the mirror image.
const FALSE: u8 = 0;
const UNKNOWN: u8 = 1;
const TRUE: u8 = 2;

#[derive(Clone, Copy)]
struct Model<'a> {
    message: &'a Message<'static>,
    convert: bool,
}

impl<'a> Model<'a> {
    fn truth(self, expr: &'a Expr) -> u8 {
        match self.value(expr) {
            Value::Null => UNKNOWN,
            Value::Bool(true) => TRUE,
            _ => FALSE,
        }
    }

    fn value(self, expr: &'a Expr) -> Value<'a> {
        let text = |name: &str, test: &dyn Fn(&str) -> bool| match self.message.get(name) {
            Value::Null => UNKNOWN,
            Value::Text(text) if test(text) => TRUE,
            _ => FALSE,
        };
        let truth = match expr {
            Expr::Bool(value) => return Value::Bool(*value),
            Expr::Int(value) => return Value::Int(*value),
            Expr::Float(value) => return Value::Float(*value),
            Expr::Text(value) => return Value::Text(value),
            Expr::Property(name) => return self.message.get(name),
            Expr::Sign { negative: false, operand } => return self.number(operand),
            Expr::Sign { negative: true, operand } => match self.number(operand) {
                Value::Int(value) => return Value::Int((-i128::from(value)) as i64),
                Value::Float(value) => return Value::Float(-value),
                _ => return Value::Null,
            },
            Expr::Arithmetic(operation, operands) => {
                return Self::arithmetic(*operation, self.number(&operands[0]), self.number(&operands[1]));
            }
            Expr::Compare(comparison, operands) => self.compare(*comparison, &operands[0], &operands[1]),
            Expr::Between { negated: false, operands: all } => self
                .compare(Comparison::GreaterEqual, &all[0], &all[1])
                .min(self.compare(Comparison::LessEqual, &all[0], &all[2])),
            Expr::Between { negated: true, operands: all } => {
                let below = self.compare(Comparison::Less, &all[0], &all[1]);
                below.max(self.compare(Comparison::Greater, &all[0], &all[2]))
            }
            Expr::In { property, values } => text(property, &|text| values.iter().any(|value| **value == *text)),
            Expr::Like { property, pattern } => text(property, &|text| like(&pattern.pieces, text)),
            Expr::IsNull(property) if self.message.get(property) == Value::Null => TRUE,
            Expr::IsNull(_) => FALSE,
            Expr::Not(operand) => TRUE - self.truth(operand),
            Expr::And(operands) => operands.iter().map(|operand| self.truth(operand)).min().unwrap(),
            Expr::Or(operands) => operands.iter().map(|operand| self.truth(operand)).max().unwrap(),
        };
        [Value::Bool(false), Value::Null, Value::Bool(true)][usize::from(truth)]
    }

    fn number(self, expr: &'a Expr) -> Value<'a> {
        match self.value(expr) {
            Value::Text(text) if self.convert => numeric(text).unwrap_or(Value::Null),
            Value::Text(_) | Value::Bool(_) => Value::Null,
            value => value,
        }
    }

    fn arithmetic(operation: Operation, left: Value<'a>, right: Value<'a>) -> Value<'a> {
        let exact = |left: i128, right: i128| match operation {
            Operation::Add => Some(left + right),
            Operation::Subtract => Some(left - right),
            Operation::Multiply => Some(left * right),
            Operation::Divide => left.checked_div(right),
        };
        match (left, right) {
            (Value::Null, _) | (_, Value::Null) => Value::Null,
            (Value::Int(left), Value::Int(right)) => {
                exact(left.into(), right.into()).map_or(Value::Null, |value| Value::Int(value as i64))
            }
            (left, right) => {
                let (left, right) = (double(left), double(right));
                Value::Float(match operation {
                    Operation::Add => left + right,
                    Operation::Subtract => left - right,
                    Operation::Multiply => left * right,
                    Operation::Divide => left / right,
                })
            }
        }
    }

    fn compare(self, comparison: Comparison, left: &'a Expr, right: &'a Expr) -> u8 {
        let (mut left, mut right) = (self.value(left), self.value(right));
        if self.convert {
            (left, right) = (converted(left, right), converted(right, left));
        }
        let holds = match (left, right) {
            (Value::Null, _) | (_, Value::Null) => return UNKNOWN,
            (Value::Text(left), Value::Text(right)) => alike(comparison, left == right),
            (Value::Bool(left), Value::Bool(right)) => alike(comparison, left == right),
            (Value::Text(_) | Value::Bool(_), _) | (_, Value::Text(_) | Value::Bool(_)) => false,
            (Value::Int(left), Value::Int(right)) => ordered(comparison, left, right),
            (left, right) => ordered(comparison, double(left), double(right)),
        };
        if holds { TRUE } else { FALSE }
    }
}

fn ordered<T: PartialOrd>(comparison: Comparison, left: T, right: T) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterEqual => left >= right,
    }
}

fn alike(comparison: Comparison, equal: bool) -> bool {
    comparison == Comparison::Equal && equal || comparison == Comparison::NotEqual && !equal
}

fn double(value: Value<'_>) -> f64 {
    match value {
        Value::Int(value) => value as f64,
        Value::Float(value) => value,
        value => panic!("{value:?} is no number"),
    }
}

/// The strings among [`TEXTS`] that are numbers.
fn numeric(text: &str) -> Option<Value<'static>> {
    match text {
        "2" => Some(Value::Int(2)),
        "-0.5" => Some(Value::Float(-0.5)),
        _ => None,
    }
}

fn converted<'a>(value: Value<'a>, other: Value<'_>) -> Value<'a> {
    match (value, other) {
        (Value::Text(text), Value::Bool(_)) => Value::Bool(text == "true"),
        (Value::Text(text), Value::Int(_) | Value::Float(_)) => numeric(text).unwrap_or(value),
        _ => value,
    }
}

fn like(pieces: &[Piece], text: &str) -> bool {
    let shorter = |text: &str| text.chars().skip(1).collect::<String>();
    match pieces {
        [] => text.is_empty(),
        [Piece::Many, rest @ ..] => like(rest, text) || !text.is_empty() && like(pieces, &shorter(text)),
        [Piece::One, rest @ ..] => !text.is_empty() && like(rest, &shorter(text)),
        [Piece::Char(c), rest @ ..] => text.starts_with(*c) && like(rest, &shorter(text)),
    }
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(expr in condition()) {
        let text = print(&expr);
        let selector = Selector::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(selector.root(), &expr, "{}", text);
    }

    #[test]
    fn evaluation_agrees_with_the_model(
        expr in condition(),
        messages in prop::collection::vec(message(), 8),
        convert: bool,
    ) {
        let text = format!("{}{}", if convert { "convert_string_expressions:" } else { "" }, print(&expr));
        let selector = Selector::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        for message in &messages {
            let expected = Model { message, convert }.truth(&expr) == TRUE;
            prop_assert_eq!(selector.matches(message), expected, "{} on {:?}", text, message);
        }
    }

    #[test]
    fn patterns_agree_with_the_model(pattern in pattern(), text in "[ab%_!]{0,8}") {
        prop_assert_eq!(pattern.matches(&text), like(&pattern.pieces, &text));
    }
}
