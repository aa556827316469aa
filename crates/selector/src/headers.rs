use crate::evaluate::compare;
use crate::expr::Comparison;
use crate::{OwnedValue, Properties};

/// How the pairs of a binding to a headers exchange combine: the argument `x-match`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchMode {
    #[default]
    All,
    Any,
    /// As `All`, and names that start with `x-` count too.
    AllWithX,
    /// As `Any`, and names that start with `x-` count too.
    AnyWithX,
}

impl MatchMode {
    /// The mode an `x-match` names, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "any" => Some(Self::Any),
            "all-with-x" => Some(Self::AllWithX),
            "any-with-x" => Some(Self::AnyWithX),
            _ => None,
        }
    }

    fn needs_all(self) -> bool {
        matches!(self, Self::All | Self::AllWithX)
    }

    fn counts(self, name: &str) -> bool {
        let with_x = matches!(self, Self::AllWithX | Self::AnyWithX);
        name != "x-match" && (with_x || !name.starts_with("x-"))
    }
}

/// The arguments of a binding to a headers exchange (AMQP 0-9-1, 3.1.3.4), with RabbitMQ's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderMatch {
    mode: MatchMode,
    pairs: Box<[(Box<str>, Option<OwnedValue>)]>,
}

impl HeaderMatch {
    /// Keeps the pairs that count: never `x-match`, other names starting with `x-` only in the modes with X.
    /// A pair without a value asks only that the header is there. Equal arguments in any order give equal
    /// matches; of a repeated name each pair counts.
    pub fn new(mode: MatchMode, pairs: impl IntoIterator<Item = (Box<str>, Option<OwnedValue>)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(name, _)| mode.counts(name)).collect();
        pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self { mode, pairs: pairs.into() }
    }

    /// Whether all, or any, of the pairs agree with the message. No pairs at all agree in the modes of all,
    /// and not in those of any. Numbers are equal across integer and float; a null header is absent.
    pub fn matches(&self, properties: &dyn Properties) -> bool {
        let mut agreements = self.pairs.iter().map(|(name, wanted)| {
            let found = properties.get(name);
            match wanted {
                None => found != crate::Value::Null,
                Some(wanted) => compare(Comparison::Equal, wanted.as_value(), found) == Some(true),
            }
        });
        if self.mode.needs_all() { agreements.all(|agrees| agrees) } else { agreements.any(|agrees| agrees) }
    }
}
