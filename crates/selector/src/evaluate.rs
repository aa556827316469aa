use std::cmp::Ordering;

use crate::expr::{Comparison, Expr, Operation};
use crate::{Properties, Value};

/// One message under evaluation. Truth is three-valued: `None` is unknown.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    properties: &'a dyn Properties,
    /// Strings are read as what they meet.
    convert: bool,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(properties: &'a dyn Properties, convert: bool) -> Self {
        Self { properties, convert }
    }

    /// An expression as a condition. A property that is neither a boolean nor null is false.
    pub(crate) fn truth(self, expr: &'a Expr) -> Option<bool> {
        match expr {
            Expr::Compare(comparison, operands) => {
                let [left, right] = &**operands;
                self.compare(*comparison, self.value(left), self.value(right))
            }
            Expr::Between { negated, operands } => {
                let [value, low, high] = &**operands;
                let value = self.value(value);
                let (below, above) = if *negated {
                    (Comparison::Less, Comparison::Greater)
                } else {
                    (Comparison::GreaterEqual, Comparison::LessEqual)
                };
                let bounds = [(below, low), (above, high)].into_iter();
                fold(*negated, bounds.map(|(comparison, bound)| self.compare(comparison, value, self.value(bound))))
            }
            Expr::In { property, values } => {
                self.text(property, |text| values.binary_search_by(|value| (**value).cmp(text)).is_ok())
            }
            Expr::Like { property, pattern } => self.text(property, |text| pattern.matches(text)),
            Expr::IsNull(property) => Some(self.properties.get(property) == Value::Null),
            Expr::Not(operand) => self.truth(operand).map(|truth| !truth),
            Expr::And(operands) => fold(false, operands.iter().map(|operand| self.truth(operand))),
            Expr::Or(operands) => fold(true, operands.iter().map(|operand| self.truth(operand))),
            Expr::Bool(_)
            | Expr::Int(_)
            | Expr::Float(_)
            | Expr::Text(_)
            | Expr::Property(_)
            | Expr::Sign { .. }
            | Expr::Arithmetic(..) => match self.value(expr) {
                Value::Null => None,
                value => Some(value == Value::Bool(true)),
            },
        }
    }

    fn value(self, expr: &'a Expr) -> Value<'a> {
        match expr {
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Int(value) => Value::Int(*value),
            Expr::Float(value) => Value::Float(*value),
            Expr::Text(value) => Value::Text(value),
            Expr::Property(name) => self.properties.get(name),
            Expr::Sign { negative, operand } => match (negative, self.number(operand)) {
                (true, Value::Int(value)) => Value::Int(value.wrapping_neg()),
                (true, Value::Float(value)) => Value::Float(-value),
                (_, value) => value,
            },
            Expr::Arithmetic(operation, operands) => {
                let [left, right] = &**operands;
                arithmetic(*operation, self.number(left), self.number(right))
            }
            Expr::Compare(..)
            | Expr::Between { .. }
            | Expr::In { .. }
            | Expr::Like { .. }
            | Expr::IsNull(_)
            | Expr::Not(_)
            | Expr::And(_)
            | Expr::Or(_) => self.truth(expr).map_or(Value::Null, Value::Bool),
        }
    }

    /// An operand of arithmetic; null if it is no number.
    fn number(self, expr: &'a Expr) -> Value<'a> {
        match self.value(expr) {
            value @ (Value::Int(_) | Value::Float(_)) => value,
            Value::Text(text) if self.convert => read_number(text).unwrap_or(Value::Null),
            Value::Null | Value::Bool(_) | Value::Text(_) => Value::Null,
        }
    }

    /// A test of a string property: unknown for null, false for another type.
    fn text(self, property: &'a str, test: impl FnOnce(&str) -> bool) -> Option<bool> {
        match self.properties.get(property) {
            Value::Null => None,
            Value::Text(text) => Some(test(text)),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(false),
        }
    }

    fn compare(self, comparison: Comparison, left: Value<'_>, right: Value<'_>) -> Option<bool> {
        if self.convert {
            compare(comparison, read_as(left, right), read_as(right, left))
        } else {
            compare(comparison, left, right)
        }
    }
}

/// Null compares to unknown; unlike types, and strings or booleans in an ordering, to false.
pub(crate) fn compare(comparison: Comparison, left: Value<'_>, right: Value<'_>) -> Option<bool> {
    let equality = |equal: bool| !comparison.is_ordering() && comparison.holds(equal.then_some(Ordering::Equal));
    Some(match (left, right) {
        (Value::Null, _) | (_, Value::Null) => return None,
        (Value::Text(left), Value::Text(right)) => equality(left == right),
        (Value::Bool(left), Value::Bool(right)) => equality(left == right),
        (Value::Int(left), Value::Int(right)) => comparison.holds(Some(left.cmp(&right))),
        _ => match (promote(left), promote(right)) {
            (Some(left), Some(right)) => comparison.holds(left.partial_cmp(&right)),
            _ => false,
        },
    })
}

/// AND (`decisive` is false) or OR (`decisive` is true) of three-valued operands: a decisive one decides,
/// otherwise an unknown one does.
fn fold(decisive: bool, operands: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(!decisive);
    for operand in operands {
        if operand == Some(decisive) {
            return operand;
        }
        if operand.is_none() {
            result = None;
        }
    }
    result
}

/// Java's rules: integers wrap around, and stay integers unless they meet a float. Null if an operand is no
/// number, and for an integer divided by zero, where Java throws.
fn arithmetic(operation: Operation, left: Value<'_>, right: Value<'_>) -> Value<'static> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        return Value::Int(match operation {
            Operation::Add => left.wrapping_add(right),
            Operation::Subtract => left.wrapping_sub(right),
            Operation::Multiply => left.wrapping_mul(right),
            Operation::Divide if right == 0 => return Value::Null,
            Operation::Divide => left.wrapping_div(right),
        });
    }
    let (Some(left), Some(right)) = (promote(left), promote(right)) else { return Value::Null };
    Value::Float(match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        Operation::Multiply => left * right,
        Operation::Divide => left / right,
    })
}

/// Java's widening of a long to a double, which rounds beyond 2^53.
fn promote(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(value as f64),
        Value::Float(value) => Some(value),
        Value::Null | Value::Bool(_) | Value::Text(_) => None,
    }
}

/// A string that meets a number or a boolean, read as one if it is one.
fn read_as<'a>(value: Value<'a>, other: Value<'_>) -> Value<'a> {
    match (value, other) {
        (Value::Text(text), Value::Int(_) | Value::Float(_)) => read_number(text).unwrap_or(value),
        (Value::Text(text), Value::Bool(_)) => Value::Bool(text.eq_ignore_ascii_case("true")),
        _ => value,
    }
}

fn read_number(text: &str) -> Option<Value<'static>> {
    if let Ok(number) = text.parse() {
        return Some(Value::Int(number));
    }
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
}
