use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use model::limits::ROUTE_CACHE;
use model::{Address, Binding, Exchange, ExchangeKind, ExchangeSettings, Name, Namespace, Tag};
use selector::{HeaderMatch, Selector};

use crate::trie::Trie;

/// Longer keys are looked up each time: a full cache of them would take gigabytes.
const CACHED_KEY_BYTES: usize = 512;
/// Ways from exchange to exchange that are gone for one address. Many exchanges that are all bound to each other would
/// have more of them than anybody can go.
const WAYS: usize = 4_096;

/// Exchanges and bindings: one routing table for the wildcards of every dialect, and a cache of what it said.
#[derive(Debug, Default)]
pub(crate) struct Router {
    exchanges: BTreeMap<(Namespace, Exchange), Table>,
    /// Exchanges that nobody may publish to: mostly none, and then nobody need be asked.
    internal: usize,
    cache: HashMap<Address, Arc<[Candidate]>, foldhash::fast::FixedState>,
}

/// One exchange.
#[derive(Debug)]
struct Table {
    settings: ExchangeSettings,
    /// Direct, fanout and headers bindings, by key.
    keyed: BTreeMap<Name, Vec<Bound>>,
    topics: Trie,
}

/// Where a binding leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Queue(u32),
    Exchange(Exchange),
}

/// A binding in force.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) target: Target,
    pub(crate) binding: Arc<Binding>,
    pub(crate) condition: Option<Arc<Condition>>,
}

/// What a message's properties must satisfy besides the address.
#[derive(Debug)]
pub(crate) enum Condition {
    Selector(Selector),
    Headers(HeaderMatch),
    Both(Selector, HeaderMatch),
    /// Of every binding on the way through several exchanges.
    All(Vec<Arc<Self>>),
}

/// A queue that messages of one address go to, if the condition holds.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) queue: u32,
    pub(crate) tag: Tag,
    pub(crate) at_most_once: bool,
    pub(crate) condition: Option<Arc<Condition>>,
}

/// A way to an exchange, what a message must satisfy to come this way, and the exchanges on it.
struct Way<'a> {
    exchange: &'a Exchange,
    condition: Option<Arc<Condition>>,
    before: Vec<&'a Exchange>,
}

impl Router {
    /// The kind of an exchange, `None` if there is no such one. The five predeclared ones are there always.
    pub(crate) fn kind(&self, namespace: Namespace, exchange: &Exchange) -> Option<ExchangeKind> {
        match exchange {
            Exchange::Default | Exchange::Direct => Some(ExchangeKind::Direct),
            Exchange::Topic => Some(ExchangeKind::Topic),
            Exchange::Fanout => Some(ExchangeKind::Fanout),
            Exchange::Headers => Some(ExchangeKind::Headers),
            Exchange::Named(_) => self.settings(namespace, exchange).map(|settings| settings.kind),
        }
    }

    /// The settings of an exchange that somebody declared.
    pub(crate) fn settings(&self, namespace: Namespace, exchange: &Exchange) -> Option<&ExchangeSettings> {
        let is_declared = matches!(exchange, Exchange::Named(_));
        self.exchanges.get(&(namespace, exchange.clone())).filter(|_| is_declared).map(|table| &table.settings)
    }

    /// Whether nobody may publish to this address.
    pub(crate) fn is_internal(&self, address: &Address) -> bool {
        self.internal > 0 && self.settings(address.namespace, &address.exchange).is_some_and(|it| it.internal)
    }

    pub(crate) fn declare(&mut self, namespace: Namespace, exchange: Exchange, settings: ExchangeSettings) {
        if let Entry::Vacant(entry) = self.exchanges.entry((namespace, exchange)) {
            self.internal += usize::from(settings.internal);
            entry.insert(Table::new(settings));
        }
        self.cache.clear();
    }

    /// Exchanges that somebody declared.
    pub(crate) fn declared(&self) -> impl Iterator<Item = (Namespace, &Name, &ExchangeSettings)> {
        self.exchanges.iter().filter_map(|((namespace, exchange), table)| match exchange {
            Exchange::Named(name) => Some((*namespace, name, &table.settings)),
            _ => None,
        })
    }

    pub(crate) fn delete(&mut self, namespace: Namespace, exchange: &Exchange) {
        let removed = self.exchanges.remove(&(namespace, exchange.clone()));
        self.internal -= usize::from(removed.is_some_and(|table| table.settings.internal));
        let target = Target::Exchange(exchange.clone());
        for binding in self.bindings_to(namespace, &target) {
            self.unbind(namespace, &target, &binding);
        }
        self.cache.clear();
    }

    pub(crate) fn bindings_of_exchange(&self, namespace: Namespace, exchange: &Exchange) -> usize {
        self.exchanges.get(&(namespace, exchange.clone())).map_or(0, Table::len)
    }

    /// Adds a binding, in place of one with the same target, exchange, key and headers.
    pub(crate) fn bind(&mut self, namespace: Namespace, target: Target, binding: Binding) {
        self.unbind(namespace, &target, &binding);
        let Some(kind) = self.kind(namespace, &binding.exchange) else { return };
        let condition = Condition::of(&binding, kind).map(Arc::new);
        let table = self
            .exchanges
            .entry((namespace, binding.exchange.clone()))
            .or_insert_with(|| Table::new(ExchangeSettings::new(kind)));
        let bound = Bound { target, binding: Arc::new(binding), condition };
        match kind {
            ExchangeKind::Topic => table.topics.insert(bound),
            ExchangeKind::Direct => table.keyed.entry(bound.binding.key.clone()).or_default().push(bound),
            ExchangeKind::Fanout | ExchangeKind::Headers => table.keyed.entry(Name::default()).or_default().push(bound),
        }
    }

    /// Removes the binding with this target, exchange, key and headers.
    pub(crate) fn unbind(&mut self, namespace: Namespace, target: &Target, binding: &Binding) -> Option<Bound> {
        self.cache.clear();
        let table = self.exchanges.get_mut(&(namespace, binding.exchange.clone()))?;
        if table.settings.kind == ExchangeKind::Topic {
            return table.topics.remove(target, binding.key.as_bytes());
        }
        let key = if table.settings.kind == ExchangeKind::Direct { binding.key.clone() } else { Name::default() };
        let list = table.keyed.get_mut(&key)?;
        let same = |bound: &Bound| {
            bound.target == *target && bound.binding.key == binding.key && bound.binding.headers == binding.headers
        };
        let at = list.iter().position(same)?;
        let bound = list.swap_remove(at);
        if list.is_empty() {
            table.keyed.remove(&key);
        }
        Some(bound)
    }

    /// All bindings that lead to `target`.
    pub(crate) fn bindings_to(&self, namespace: Namespace, target: &Target) -> Vec<Arc<Binding>> {
        let mut found = Vec::new();
        self.for_each(namespace, &mut |_, bound| {
            if bound.target == *target {
                found.push(bound.binding.clone());
            }
        });
        found
    }

    /// All bindings between exchanges of one namespace: destination and binding.
    pub(crate) fn between_exchanges(&self, namespace: Namespace) -> Vec<(Exchange, Arc<Binding>)> {
        let mut found = Vec::new();
        self.for_each(namespace, &mut |_, bound| {
            if let Target::Exchange(destination) = &bound.target {
                found.push((destination.clone(), bound.binding.clone()));
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
            self.walk(address).into()
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

    /// Every queue that bindings lead to from one address, through as many exchanges as there are.
    fn walk(&self, address: &Address) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        // Reached without a condition: no other way there can add anything.
        let mut free: BTreeSet<&Exchange> = BTreeSet::from([&address.exchange]);
        let mut ways = vec![Way { exchange: &address.exchange, condition: None, before: Vec::new() }];
        let mut left = WAYS;
        while let Some(Way { exchange, condition, before }) = ways.pop() {
            let Some(table) = self.exchanges.get(&(address.namespace, exchange.clone())) else { continue };
            for bound in table.matching(address.key.as_bytes()) {
                let condition = Condition::both(condition.as_ref(), bound.condition.as_ref());
                match &bound.target {
                    Target::Queue(queue) => candidates.push(Candidate {
                        queue: *queue,
                        tag: bound.binding.tag,
                        at_most_once: bound.binding.at_most_once,
                        condition,
                    }),
                    Target::Exchange(next) => {
                        let new = if condition.is_none() { free.insert(next) } else { !free.contains(next) };
                        if new && next != exchange && !before.contains(&next) && left > 0 {
                            left -= 1;
                            let before = before.iter().copied().chain([exchange]).collect();
                            ways.push(Way { exchange: next, condition, before });
                        }
                    }
                }
            }
        }
        candidates.sort_by_key(|candidate| (candidate.queue, candidate.tag));
        candidates
    }

    /// A queue came or went: what the default exchange says may have changed.
    pub(crate) fn forget_routes(&mut self) {
        self.cache.clear();
    }
}

impl Table {
    fn new(settings: ExchangeSettings) -> Self {
        Self { settings, keyed: BTreeMap::new(), topics: Trie::default() }
    }

    fn len(&self) -> usize {
        self.topics.len() + self.keyed.values().map(Vec::len).sum::<usize>()
    }

    fn matching(&self, key: &[u8]) -> Vec<&Bound> {
        let mut bound = Vec::new();
        match self.settings.kind {
            ExchangeKind::Topic => self.topics.collect(key, &mut bound),
            ExchangeKind::Direct => {
                bound.extend(self.keyed.get(&Name::from(bytes::Bytes::copy_from_slice(key))).into_iter().flatten())
            }
            ExchangeKind::Fanout | ExchangeKind::Headers => bound.extend(self.keyed.values().flatten()),
        }
        bound
    }
}

impl Condition {
    /// What `binding` asks of a message, besides its address. Its selector was checked when it was made. Headers count
    /// in an exchange of their kind only, elsewhere they just tell bindings apart, as in RabbitMQ.
    fn of(binding: &Binding, kind: ExchangeKind) -> Option<Self> {
        let selector = binding.selector.as_deref().and_then(|text| Selector::parse(text).ok());
        match (
            selector,
            binding.headers.as_ref().filter(|_| kind == ExchangeKind::Headers).map(crate::view::header_match),
        ) {
            (None, None) => None,
            (Some(selector), None) => Some(Self::Selector(selector)),
            (None, Some(rule)) => Some(Self::Headers(rule)),
            (Some(selector), Some(rule)) => Some(Self::Both(selector, rule)),
        }
    }

    /// That both hold, where there are two.
    fn both(one: Option<&Arc<Self>>, other: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Arc::new(Self::All(vec![one.clone(), other.clone()]))),
            (one, other) => one.or(other).cloned(),
        }
    }
}
