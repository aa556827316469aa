use std::collections::BTreeMap;

use crate::pattern::{is_wildcard, matches, words};
use crate::router::{Bound, Target};

/// Bindings of a topic exchange by the words of their patterns. A `#` that is not the last word would make a walk
/// branch without limit, so those patterns stand in a list and are matched one by one.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    root: Node,
    floating: Vec<Bound>,
    count: usize,
}

#[derive(Debug, Default)]
struct Node {
    words: BTreeMap<Box<[u8]>, Self>,
    one: Option<Box<Self>>,
    here: Vec<Bound>,
    /// Bindings whose pattern ends with `#` here.
    rest: Vec<Bound>,
}

/// A pattern's place in the tree.
enum Place<'a> {
    Node(Vec<&'a [u8]>),
    Rest(Vec<&'a [u8]>),
    Floating,
}

fn place(pattern: &[u8]) -> Place<'_> {
    let mut all: Vec<&[u8]> = words(pattern).collect();
    match all.iter().position(|word| *word == b"#") {
        None => Place::Node(all),
        Some(at) if at + 1 == all.len() => {
            all.pop();
            Place::Rest(all)
        }
        Some(_) => Place::Floating,
    }
}

impl Trie {
    pub(crate) fn insert(&mut self, bound: Bound) {
        self.count += 1;
        let key = bound.binding.key.clone();
        match place(key.as_bytes()) {
            Place::Node(words) => self.root.descend(&words).here.push(bound),
            Place::Rest(words) => self.root.descend(&words).rest.push(bound),
            Place::Floating => self.floating.push(bound),
        }
    }

    /// Removes the binding of `target` with this very pattern.
    pub(crate) fn remove(&mut self, target: &Target, pattern: &[u8]) -> Option<Bound> {
        let same = |bound: &Bound| bound.target == *target && bound.binding.key.as_bytes() == pattern;
        let removed = match place(pattern) {
            Place::Node(words) => self.root.remove(&words, &|node: &mut Node| take(&mut node.here, &same)),
            Place::Rest(words) => self.root.remove(&words, &|node: &mut Node| take(&mut node.rest, &same)),
            Place::Floating => take(&mut self.floating, &same),
        };
        self.count -= usize::from(removed.is_some());
        removed
    }

    pub(crate) fn collect<'a>(&'a self, key: &[u8], out: &mut Vec<&'a Bound>) {
        let key: Vec<&[u8]> = words(key).collect();
        self.root.collect(&key, out);
        for bound in &self.floating {
            let pattern: Vec<&[u8]> = words(bound.binding.key.as_bytes()).collect();
            if matches(&pattern, &key) {
                out.push(bound);
            }
        }
        if key.first().is_some_and(|word| word.starts_with(b"$")) {
            out.retain(|bound| {
                let first = words(bound.binding.key.as_bytes()).next();
                !(bound.binding.hides_dollar && first.is_some_and(is_wildcard))
            });
        }
    }

    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(&Bound)) {
        self.floating.iter().for_each(&mut *visit);
        self.root.for_each(visit);
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }
}

impl Node {
    fn descend(&mut self, words: &[&[u8]]) -> &mut Self {
        words.iter().fold(self, |node, word| {
            if *word == b"*" { node.one.get_or_insert_default() } else { node.words.entry((*word).into()).or_default() }
        })
    }

    /// Lets `take` remove something at the end of `words`, and drops the nodes that are empty then.
    fn remove(&mut self, words: &[&[u8]], take: &dyn Fn(&mut Self) -> Option<Bound>) -> Option<Bound> {
        let Some((word, deeper)) = words.split_first() else { return take(self) };
        if *word == b"*" {
            let removed = self.one.as_mut()?.remove(deeper, take);
            self.one.take_if(|node| node.is_empty());
            return removed;
        }
        let node = self.words.get_mut(*word)?;
        let removed = node.remove(deeper, take);
        if node.is_empty() {
            self.words.remove(*word);
        }
        removed
    }

    fn collect<'a>(&'a self, key: &[&[u8]], out: &mut Vec<&'a Bound>) {
        out.extend(&self.rest);
        let Some((word, deeper)) = key.split_first() else {
            out.extend(&self.here);
            return;
        };
        if let Some(node) = self.words.get(*word) {
            node.collect(deeper, out);
        }
        if let Some(node) = &self.one {
            node.collect(deeper, out);
        }
    }

    fn for_each(&self, visit: &mut dyn FnMut(&Bound)) {
        self.here.iter().chain(&self.rest).for_each(&mut *visit);
        self.words.values().chain(self.one.as_deref()).for_each(|node| node.for_each(visit));
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.one.is_none() && self.here.is_empty() && self.rest.is_empty()
    }
}

fn take(list: &mut Vec<Bound>, same: &dyn Fn(&Bound) -> bool) -> Option<Bound> {
    let at = list.iter().position(same)?;
    Some(list.swap_remove(at))
}
