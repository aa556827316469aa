//! Which attributes a receiver asked for.

use crate::error::Fault;
use crate::text::{List, Text};

/// Names in one request; more are refused.
const NAMES: usize = 64;

pub(crate) type Names<'a> = List<Text<'a>, NAMES>;

/// System attributes in a receive's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SystemName {
    SenderId,
    SentTimestamp,
    ApproximateReceiveCount,
    ApproximateFirstReceiveTimestamp,
    AwsTraceHeader,
    MessageGroupId,
    DeadLetterQueueSourceArn,
    /// These two are known, but no message has them: FIFO queues are not built.
    SequenceNumber,
    MessageDeduplicationId,
}

const SYSTEM_NAMES: [(&str, SystemName); 9] = [
    ("SenderId", SystemName::SenderId),
    ("SentTimestamp", SystemName::SentTimestamp),
    ("ApproximateReceiveCount", SystemName::ApproximateReceiveCount),
    ("ApproximateFirstReceiveTimestamp", SystemName::ApproximateFirstReceiveTimestamp),
    ("AWSTraceHeader", SystemName::AwsTraceHeader),
    ("MessageGroupId", SystemName::MessageGroupId),
    ("SequenceNumber", SystemName::SequenceNumber),
    ("MessageDeduplicationId", SystemName::MessageDeduplicationId),
    ("DeadLetterQueueSourceArn", SystemName::DeadLetterQueueSourceArn),
];

/// A set of system attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SystemSelection(u16);

impl SystemSelection {
    /// `AttributeNames` and `MessageSystemAttributeNames` together.
    pub(crate) fn of(lists: [&Names<'_>; 2]) -> Result<Self, Fault> {
        let mut set = 0;
        for list in lists {
            check_count(list)?;
            for name in &list.kept {
                match SYSTEM_NAMES.iter().find(|(known, _)| *known == &**name) {
                    Some((_, system)) => set |= 1 << *system as u16,
                    None if &**name == "All" => set = u16::MAX,
                    None => return Err(Fault::unknown_attribute(name)),
                }
            }
        }
        Ok(Self(set))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, name: SystemName) -> bool {
        self.0 & 1 << name as u16 != 0
    }
}

/// Message attributes by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    #[default]
    Nothing,
    All,
    Some(Vec<String>),
}

impl Selection {
    /// `MessageAttributeNames`: names, `prefix.*`, or `All` (`.*`, `*`).
    pub(crate) fn of(names: Names<'_>) -> Result<Self, Fault> {
        check_count(&names)?;
        if names.kept.is_empty() {
            return Ok(Self::Nothing);
        }
        if names.kept.iter().any(|name| matches!(&**name, "All" | ".*" | "*")) {
            return Ok(Self::All);
        }
        Ok(Self::Some(names.kept.into_iter().map(Text::into_string).collect()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Some(wanted) => wanted.iter().any(|wanted| match wanted.strip_suffix(".*") {
                Some(prefix) => name.starts_with(prefix),
                None => name == wanted,
            }),
        }
    }
}

fn check_count(names: &Names<'_>) -> Result<(), Fault> {
    if names.count > NAMES {
        return Err(Fault::InvalidParameter(format!("{} attribute names are more than {NAMES}.", names.count)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(json: &str) -> Vec<&'static str> {
        let selection = Selection::of(serde_json::from_str(json).unwrap()).unwrap();
        ["General", "Hello", "Help.Me"].into_iter().filter(|name| selection.has(name)).collect()
    }

    #[test]
    fn names_prefixes_and_all() {
        assert!(selected("[]").is_empty());
        for all in ["[\"All\"]", "[\"*\"]", "[\".*\"]"] {
            assert_eq!(selected(all).len(), 3, "{all}");
        }
        assert!(selected(r#"["Foo", "Help", "AWS.", "..foo"]"#).is_empty());
        assert_eq!(selected(r#"["Foo", "Hello"]"#), ["Hello"]);
        assert_eq!(selected(r#"["Hel.*"]"#), ["Hello", "Help.Me"]);
    }

    #[test]
    fn system_attributes_are_a_closed_set() {
        let names = |json| serde_json::from_str::<Names<'_>>(json).unwrap();
        let set = SystemSelection::of([&names("[\"SenderId\"]"), &names("[\"AWSTraceHeader\"]")]).unwrap();
        assert!(set.has(SystemName::SenderId) && set.has(SystemName::AwsTraceHeader));
        assert!(!set.has(SystemName::SentTimestamp));
        let all = SystemSelection::of([&names("[\"All\"]"), &names("[]")]).unwrap();
        assert!(SYSTEM_NAMES.iter().all(|(_, name)| all.has(*name)));
        let unknown = SystemSelection::of([&names("[]"), &names("[\"Nonsense\"]")]);
        assert_eq!(unknown, Err(Fault::unknown_attribute("Nonsense")));
    }
}
