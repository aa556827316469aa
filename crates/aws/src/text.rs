//! How JSON is read: text that borrows from the request, and lists that never hold more than they may.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string, borrowed where it has no escapes (also inside `Option`, where a plain `Cow` would be copied).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_string(TextVisitor)
    }
}

/// A list of which the first `KEPT` are kept and all are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List<T, const KEPT: usize> {
    pub(crate) kept: Vec<T>,
    pub(crate) count: usize,
}

impl<T, const KEPT: usize> Default for List<T, KEPT> {
    fn default() -> Self {
        Self { kept: Vec::new(), count: 0 }
    }
}

impl<'de, T: Deserialize<'de>, const KEPT: usize> Deserialize<'de> for List<T, KEPT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T, const KEPT: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const KEPT: usize> Visitor<'de> for ListVisitor<T, KEPT> {
            type Value = List<T, KEPT>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut list = List::default();
                while list.kept.len() < KEPT {
                    let Some(item) = items.next_element()? else { return Ok(list) };
                    list.kept.push(item);
                    list.count += 1;
                }
                while items.next_element::<IgnoredAny>()?.is_some() {
                    list.count += 1;
                }
                Ok(list)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(List::default())
            }
        }

        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// An object with names that the client chooses: the first `KEPT` pairs in their order, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pairs<'a, T, const KEPT: usize> {
    pub(crate) kept: Vec<(Text<'a>, T)>,
    pub(crate) count: usize,
}

impl<T, const KEPT: usize> Default for Pairs<'_, T, KEPT> {
    fn default() -> Self {
        Self { kept: Vec::new(), count: 0 }
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>, const KEPT: usize> Deserialize<'de> for Pairs<'a, T, KEPT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<T, const KEPT: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const KEPT: usize> Visitor<'de> for PairsVisitor<T, KEPT> {
            type Value = Pairs<'de, T, KEPT>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Pairs::default();
                while pairs.kept.len() < KEPT {
                    let Some(pair) = entries.next_entry()? else { return Ok(pairs) };
                    pairs.kept.push(pair);
                    pairs.count += 1;
                }
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    pairs.count += 1;
                }
                Ok(pairs)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Pairs::default())
            }
        }

        deserializer.deserialize_any(PairsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_escapes_is_borrowed_inside_an_option_too() {
        let text: Option<Text<'_>> = serde_json::from_str("\"plain\"").unwrap();
        assert!(matches!(text, Some(Text(Cow::Borrowed("plain")))));
        let text: Option<Text<'_>> = serde_json::from_str("\"a\\nb\"").unwrap();
        assert_eq!(text.unwrap().0, "a\nb");
    }

    #[test]
    fn lists_and_objects_keep_what_they_may_and_count_all() {
        let list: List<u8, 2> = serde_json::from_str("[1, 2, \"anything\", {}]").unwrap();
        assert_eq!((list.kept, list.count), (vec![1, 2], 4));
        let list: List<u8, 2> = serde_json::from_str("null").unwrap();
        assert_eq!(list.count, 0);
        let pairs: Pairs<'_, u8, 1> = serde_json::from_str("{\"b\": 1, \"a\": []}").unwrap();
        assert_eq!((pairs.kept, pairs.count), (vec![(Text("b".into()), 1)], 2));
    }
}
