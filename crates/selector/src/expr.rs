use std::cmp::Ordering;

use crate::pattern::Pattern;

/// An expression, its operands checked as far as their types show: conditions where a condition is needed,
/// no string or condition where a number is needed. Only a property may turn out to be anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    Property(Box<str>),
    Sign {
        negative: bool,
        operand: Box<Self>,
    },
    Arithmetic(Operation, Box<[Self; 2]>),
    Compare(Comparison, Box<[Self; 2]>),
    /// Value, lower and upper bound, both inclusive.
    Between {
        negated: bool,
        operands: Box<[Self; 3]>,
    },
    /// The values are sorted, without repetition.
    In {
        property: Box<str>,
        values: Box<[Box<str>]>,
    },
    Like {
        property: Box<str>,
        pattern: Pattern,
    },
    IsNull(Box<str>),
    Not(Box<Self>),
    /// Two operands or more.
    And(Vec<Self>),
    /// Two operands or more.
    Or(Vec<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Comparison {
    pub(crate) fn is_ordering(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether the comparison holds for values in this order; `None` is unequal and unordered.
    pub(crate) fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

impl Expr {
    /// A truth value, or a property that may be one.
    pub(crate) fn may_be_condition(&self) -> bool {
        !matches!(self, Self::Int(_) | Self::Float(_) | Self::Text(_) | Self::Sign { .. } | Self::Arithmetic(..))
    }

    /// A number, or a property that may be one.
    pub(crate) fn may_be_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_) | Self::Property(_) | Self::Sign { .. } | Self::Arithmetic(..))
    }
}
