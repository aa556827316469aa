use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use model::{Message, MessageNumber, Name, Namespace};

use crate::entry::Located;
use crate::holds::Holds;
use crate::pattern::{is_wildcard, matches, words};
use crate::publish::size_of;

/// The last retained message of each topic.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    kept: BTreeMap<(Namespace, Name), Kept>,
    bytes: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) message: Arc<Message>,
    pub(crate) number: MessageNumber,
    pub(crate) located: Option<Located>,
}

impl Retained {
    /// Keeps a message, or forgets the topic's one if its body is empty (MQTT-3.3.1-10, -11).
    pub(crate) fn set(&mut self, kept: Kept, holds: &mut Holds) {
        let address = &kept.message.address;
        let key = (address.namespace, address.key.detached());
        let size = u64::from(size_of(&kept.message));
        let before = if kept.message.body.is_empty() {
            self.kept.remove(&key)
        } else {
            self.bytes += size;
            kept.located.into_iter().for_each(|located| holds.add(located, size as u32));
            self.kept.insert(key, kept)
        };
        if let Some(before) = before {
            let size = size_of(&before.message);
            self.bytes -= u64::from(size);
            before.located.into_iter().for_each(|located| holds.release(located, size));
        }
    }

    /// Those whose topic matches `pattern`, in order of topic.
    pub(crate) fn matching(&self, namespace: Namespace, pattern: &Name, hides_dollar: bool) -> Vec<Kept> {
        let pattern: Vec<&[u8]> = words(pattern.as_bytes()).collect();
        let literal: Vec<&[u8]> = pattern.iter().copied().take_while(|word| !is_wildcard(word)).collect();
        let prefix = literal.join(&b"."[..]);
        let wild_first = pattern.first().is_some_and(|word| is_wildcard(word));
        let from = Name::from(bytes::Bytes::from(prefix.clone()));
        self.kept
            .range((Bound::Included((namespace, from)), Bound::Unbounded))
            .take_while(|((ns, key), _)| *ns == namespace && key.as_bytes().starts_with(&prefix))
            .filter(|((_, key), _)| !(hides_dollar && wild_first && key.as_bytes().starts_with(b"$")))
            .filter(|((_, key), _)| matches(&pattern, &words(key.as_bytes()).collect::<Vec<_>>()))
            .map(|(_, kept)| kept.clone())
            .collect()
    }

    /// All, in order of namespace and topic.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.values()
    }

    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Those that the journal has.
    pub(crate) fn all(&self) -> Vec<Kept> {
        self.kept.values().filter(|kept| kept.located.is_some()).cloned().collect()
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &(Namespace, Name)> {
        self.kept.keys()
    }
}
