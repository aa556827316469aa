use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use model::limits::ROUTE_CACHE;
use model::{Address, Binding, Exchange, ExchangeKind, Name, Namespace, Tag};
use selector::{HeaderMatch, Selector};

use crate::trie::Trie;

/// Longer keys are looked up each time: a full cache of them would take gigabytes.
const CACHED_KEY_BYTES: usize = 512;

/// Exchanges and bindings: one routing table for the wildcards of every dialect, and a cache of what it said.
#[derive(Debug, Default)]
pub(crate) struct Router {
    exchanges: BTreeMap<(Namespace, Exchange), Table>,
    cache: HashMap<Address, Arc<[Candidate]>, foldhash::fast::FixedState>,
}

/// One exchange.
#[derive(Debug)]
struct Table {
    kind: ExchangeKind,
    /// Direct, fanout and headers bindings, by key.
    keyed: BTreeMap<Name, Vec<Bound>>,
    topics: Trie,
}

/// A binding in force.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) queue: u32,
    pub(crate) binding: Arc<Binding>,
    pub(crate) condition: Option<Arc<Condition>>,
}

/// What a message's properties must satisfy besides the address.
#[derive(Debug)]
pub(crate) enum Condition {
    Selector(Selector),
    Headers(HeaderMatch),
    Both(Selector, HeaderMatch),
}

/// A queue that messages of one address go to, if the condition holds.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) queue: u32,
    pub(crate) tag: Tag,
    pub(crate) at_most_once: bool,
    pub(crate) condition: Option<Arc<Condition>>,
}

impl Router {
    /// The kind of an exchange, `None` if there is no such one. The five predeclared ones are there always.
    pub(crate) fn kind(&self, namespace: Namespace, exchange: &Exchange) -> Option<ExchangeKind> {
        match exchange {
            Exchange::Default | Exchange::Direct => Some(ExchangeKind::Direct),
            Exchange::Topic => Some(ExchangeKind::Topic),
            Exchange::Fanout => Some(ExchangeKind::Fanout),
            Exchange::Headers => Some(ExchangeKind::Headers),
            Exchange::Named(_) => self.exchanges.get(&(namespace, exchange.clone())).map(|table| table.kind),
        }
    }

    pub(crate) fn declare(&mut self, namespace: Namespace, exchange: Exchange, kind: ExchangeKind) {
        self.exchanges.entry((namespace, exchange)).or_insert_with(|| Table::new(kind));
    }

    /// Exchanges that somebody declared.
    pub(crate) fn declared(&self) -> impl Iterator<Item = (Namespace, &Name, ExchangeKind)> {
        self.exchanges.iter().filter_map(|((namespace, exchange), table)| match exchange {
            Exchange::Named(name) => Some((*namespace, name, table.kind)),
            _ => None,
        })
    }

    pub(crate) fn delete(&mut self, namespace: Namespace, exchange: &Exchange) {
        self.exchanges.remove(&(namespace, exchange.clone()));
        self.cache.clear();
    }

    pub(crate) fn bindings_of_exchange(&self, namespace: Namespace, exchange: &Exchange) -> usize {
        self.exchanges.get(&(namespace, exchange.clone())).map_or(0, Table::len)
    }

    /// Adds a binding, in place of one with the same queue, exchange, key and headers.
    pub(crate) fn bind(&mut self, namespace: Namespace, queue: u32, binding: Binding) {
        self.unbind(namespace, queue, &binding);
        let Some(kind) = self.kind(namespace, &binding.exchange) else { return };
        let condition = Condition::of(&binding).map(Arc::new);
        let table = self.exchanges.entry((namespace, binding.exchange.clone())).or_insert_with(|| Table::new(kind));
        let bound = Bound { queue, binding: Arc::new(binding), condition };
        match kind {
            ExchangeKind::Topic => table.topics.insert(bound),
            ExchangeKind::Direct => table.keyed.entry(bound.binding.key.clone()).or_default().push(bound),
            ExchangeKind::Fanout | ExchangeKind::Headers => table.keyed.entry(Name::default()).or_default().push(bound),
        }
    }

    /// Removes the binding with this queue, exchange, key and headers.
    pub(crate) fn unbind(&mut self, namespace: Namespace, queue: u32, binding: &Binding) -> Option<Bound> {
        self.cache.clear();
        let table = self.exchanges.get_mut(&(namespace, binding.exchange.clone()))?;
        if table.kind == ExchangeKind::Topic {
            return table.topics.remove(queue, binding.key.as_bytes());
        }
        let key = if table.kind == ExchangeKind::Direct { binding.key.clone() } else { Name::default() };
        let list = table.keyed.get_mut(&key)?;
        let same = |bound: &Bound| {
            bound.queue == queue && bound.binding.key == binding.key && bound.binding.headers == binding.headers
        };
        let at = list.iter().position(same)?;
        let bound = list.swap_remove(at);
        if list.is_empty() {
            table.keyed.remove(&key);
        }
        Some(bound)
    }

    /// All bindings of a queue.
    pub(crate) fn bindings_of_queue(&self, namespace: Namespace, queue: u32) -> Vec<Arc<Binding>> {
        let mut found = Vec::new();
        self.for_each(namespace, &mut |_, bound| {
            if bound.queue == queue {
                found.push(bound.binding.clone());
            }
        });
        found
    }

    /// Visits every binding of a namespace.
    pub(crate) fn for_each(&self, namespace: Namespace, visit: &mut dyn FnMut(&Exchange, &Bound)) {
        for ((ns, exchange), table) in &self.exchanges {
            if *ns == namespace {
                table.keyed.values().flatten().for_each(|bound| visit(exchange, bound));
                table.topics.for_each(&mut |bound| visit(exchange, bound));
            }
        }
    }

    /// Queues for messages of `address`, those of one queue side by side. `default_queue` finds the queue of a
    /// default-exchange address and is asked only if the cache does not know. `None`: no such exchange.
    pub(crate) fn route(
        &mut self,
        address: &Address,
        default_queue: impl FnOnce() -> Option<u32>,
    ) -> Option<Arc<[Candidate]>> {
        if let Some(known) = self.cache.get(address) {
            return Some(known.clone());
        }
        let candidates: Arc<[Candidate]> = if address.exchange == Exchange::Default {
            let candidate = |queue| Candidate { queue, tag: Tag::default(), at_most_once: false, condition: None };
            default_queue().map(candidate).into_iter().collect()
        } else {
            self.kind(address.namespace, &address.exchange)?;
            let table = self.exchanges.get(&(address.namespace, address.exchange.clone()));
            table.map(|table| table.candidates(address.key.as_bytes())).unwrap_or_default().into()
        };
        if self.cache.len() >= ROUTE_CACHE {
            self.cache.clear();
        }
        if address.key.as_bytes().len() <= CACHED_KEY_BYTES {
            let key = Address { key: address.key.detached(), ..address.clone() };
            self.cache.insert(key, candidates.clone());
        }
        Some(candidates)
    }

    /// A queue came or went: what the default exchange says may have changed.
    pub(crate) fn forget_routes(&mut self) {
        self.cache.clear();
    }
}

impl Table {
    fn new(kind: ExchangeKind) -> Self {
        Self { kind, keyed: BTreeMap::new(), topics: Trie::default() }
    }

    fn len(&self) -> usize {
        self.topics.len() + self.keyed.values().map(Vec::len).sum::<usize>()
    }

    fn candidates(&self, key: &[u8]) -> Vec<Candidate> {
        let mut bound = Vec::new();
        match self.kind {
            ExchangeKind::Topic => self.topics.collect(key, &mut bound),
            ExchangeKind::Direct => {
                bound.extend(self.keyed.get(&Name::from(bytes::Bytes::copy_from_slice(key))).into_iter().flatten())
            }
            ExchangeKind::Fanout | ExchangeKind::Headers => bound.extend(self.keyed.values().flatten()),
        }
        let mut candidates: Vec<Candidate> = bound
            .into_iter()
            .map(|bound| Candidate {
                queue: bound.queue,
                tag: bound.binding.tag,
                at_most_once: bound.binding.at_most_once,
                condition: bound.condition.clone(),
            })
            .collect();
        candidates.sort_by_key(|candidate| (candidate.queue, candidate.tag));
        candidates
    }
}

impl Condition {
    /// What `binding` asks of a message, besides its address. Its selector was checked when it was made.
    fn of(binding: &Binding) -> Option<Self> {
        let selector = binding.selector.as_deref().and_then(|text| Selector::parse(text).ok());
        match (selector, binding.headers.as_ref().map(crate::view::header_match)) {
            (None, None) => None,
            (Some(selector), None) => Some(Self::Selector(selector)),
            (None, Some(rule)) => Some(Self::Headers(rule)),
            (Some(selector), Some(rule)) => Some(Self::Both(selector, rule)),
        }
    }
}
