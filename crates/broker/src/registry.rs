use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use hashbrown::HashMap;
use model::{Lsn, Name, Namespace, QueueId, QueueRef, alias_of};

use crate::queue::Queue;

/// Who is called what: namespaces, queues, aliases.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    queues: HashMap<u32, Box<Queue>, foldhash::fast::FixedState>,
    numbers: BTreeSet<u32>,
    by_name: BTreeMap<(Namespace, Name), u32>,
    by_alias: BTreeMap<(Namespace, String), u32>,
    namespaces: BTreeMap<Name, Namespace>,
    /// Their names; the first is that of `/`.
    namespace_names: BTreeMap<Namespace, Name>,
    /// Topics that were declared; others exist by being used.
    topics: BTreeSet<(Namespace, Name)>,
    /// The next queue's number.
    pub(crate) next: u32,
    /// Numbers below were announced to the journal, by this record.
    pub(crate) announced: u32,
    pub(crate) announced_by: Lsn,
}

impl Registry {
    pub(crate) fn queue(&self, n: u32) -> Option<&Queue> {
        self.queues.get(&n).map(AsRef::as_ref)
    }

    pub(crate) fn queue_mut(&mut self, n: u32) -> Option<&mut Queue> {
        self.queues.get_mut(&n).map(AsMut::as_mut)
    }

    /// The next queue in turn, by number.
    pub(crate) fn next_in_turn(&self, turn: &mut u32) -> Option<u32> {
        let next = self.numbers.range(*turn..).next().or_else(|| self.numbers.first()).copied()?;
        *turn = next.wrapping_add(1);
        Some(next)
    }

    pub(crate) fn find(&self, queue: &QueueRef) -> Option<u32> {
        match queue {
            QueueRef::Id(QueueId { shard: 0, n }) => self.queues.contains_key(n).then_some(*n),
            QueueRef::Id(_) => None,
            QueueRef::Named(namespace, name) => self.named(*namespace, name).or_else(|| {
                let alias = std::str::from_utf8(name.as_bytes()).ok()?;
                self.by_alias.get(&(*namespace, alias.to_owned())).copied()
            }),
        }
    }

    pub(crate) fn named(&self, namespace: Namespace, name: &Name) -> Option<u32> {
        self.by_name.get(&(namespace, name.clone())).copied()
    }

    /// The queue of this name, if everybody may send to it.
    pub(crate) fn public(&self, namespace: Namespace, name: &Name) -> Option<u32> {
        self.named(namespace, name).filter(|n| self.queue(*n).is_some_and(|queue| !queue.is_private()))
    }

    /// An alias for a new queue that collides with no name or alias there is.
    pub(crate) fn free_alias(&self, namespace: Namespace, name: &Name) -> Option<String> {
        (0..).map(|nth| alias_of(name, nth)).find(|alias| match alias {
            None => !self.by_alias.contains_key(&(namespace, name.to_text().into_owned())),
            Some(alias) => {
                !self.by_alias.contains_key(&(namespace, alias.clone()))
                    && self.named(namespace, &alias.as_str().into()).is_none()
            }
        })?
    }

    pub(crate) fn insert(&mut self, queue: Queue) {
        self.next = self.next.max(queue.n + 1);
        self.by_name.insert((queue.namespace, queue.name.clone()), queue.n);
        if let Some(alias) = &queue.alias {
            self.by_alias.insert((queue.namespace, alias.clone()), queue.n);
        }
        self.numbers.insert(queue.n);
        self.queues.insert(queue.n, Box::new(queue));
    }

    pub(crate) fn remove(&mut self, n: u32) -> Option<Box<Queue>> {
        let queue = self.queues.remove(&n)?;
        self.numbers.remove(&n);
        self.by_name.remove(&(queue.namespace, queue.name.clone()));
        if let Some(alias) = &queue.alias {
            self.by_alias.remove(&(queue.namespace, alias.clone()));
        }
        Some(queue)
    }

    pub(crate) fn namespace(&self, name: &Name) -> Option<Namespace> {
        self.namespaces.get(name).copied()
    }

    /// The number a new namespace gets; `None` when all are given out. 0 is `/`.
    pub(crate) fn free_namespace(&self) -> Option<Namespace> {
        u16::try_from(self.namespaces.len() + 1).ok().map(Namespace)
    }

    pub(crate) fn enter(&mut self, namespace: Namespace, name: Name) {
        self.namespace_names.insert(namespace, name.clone());
        self.namespaces.insert(name, namespace);
    }

    pub(crate) fn namespace_name(&self, namespace: Namespace) -> &Name {
        static ROOT: Name = Name::from_static("/");
        self.namespace_names.get(&namespace).unwrap_or(&ROOT)
    }

    pub(crate) fn namespaces(&self) -> impl Iterator<Item = (&Name, Namespace)> {
        self.namespaces.iter().map(|(name, namespace)| (name, *namespace))
    }

    pub(crate) fn add_topic(&mut self, namespace: Namespace, name: Name) {
        self.topics.insert((namespace, name));
    }

    pub(crate) fn has_topic(&self, namespace: Namespace, name: &Name) -> bool {
        self.topics.contains(&(namespace, name.clone()))
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &(Namespace, Name)> {
        self.topics.iter()
    }

    /// All queues in order of namespace and name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Queue> {
        self.by_name.values().filter_map(|n| self.queue(*n))
    }

    /// Queues of `namespace` whose name begins with `prefix`, in order of name.
    pub(crate) fn prefixed<'a>(&'a self, namespace: Namespace, prefix: &'a Name) -> impl Iterator<Item = &'a Queue> {
        self.by_name
            .range((Bound::Included((namespace, prefix.clone())), Bound::Unbounded))
            .take_while(move |((ns, name), _)| *ns == namespace && name.as_bytes().starts_with(prefix.as_bytes()))
            .filter_map(|(_, n)| self.queue(*n))
    }

    pub(crate) fn len(&self) -> usize {
        self.queues.len()
    }
}
