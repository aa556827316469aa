//! Answers to questions. They change nothing.

use std::collections::BTreeMap;

use model::{
    Action, BindingInfo, ConnectionId, ConnectionInfo, Exchange, ExchangeKind, Inspect, Lsn, Name, Namespace, QueueRef,
    Refusal, Reply, Status, Time, Token, TopicInfo, What,
};

use crate::broker::Broker;
use crate::queue::Queue;
use crate::router::Target;
use crate::step::Step;

impl Broker {
    pub(crate) fn inspect(&mut self, now: Time, id: ConnectionId, token: Token, what: &Inspect, step: &mut Step) {
        let reply = match what {
            Inspect::Status => Reply::Status(Box::new(self.status(now))),
            Inspect::Queue(queue) => match self.registry.find(queue).and_then(|n| self.registry.queue(n)) {
                Some(queue) => Reply::Queue(Box::new(queue.info())),
                None => return self.refuse(id, token, no_such(queue), step),
            },
            Inspect::Queues { namespace, prefix, internal } => {
                let rights = self.connections.get(id).map(|connection| &connection.rights);
                let shown = |queue: &Queue| {
                    let namespace = self.registry.namespace_name(queue.namespace);
                    rights.is_some_and(|rights| rights.may(Action::See, namespace, What::Queue(&queue.name)))
                };
                let wanted = |queue: &&Queue| (*internal || !queue.settings.internal) && shown(queue);
                Reply::Queues(match namespace {
                    Some(namespace) => {
                        self.registry.prefixed(*namespace, prefix).filter(wanted).map(Queue::info).collect()
                    }
                    None => {
                        let begins = |queue: &&Queue| queue.name.as_bytes().starts_with(prefix.as_bytes());
                        self.registry.all().filter(wanted).filter(begins).map(Queue::info).collect()
                    }
                })
            }
            Inspect::Bindings(queue) => match self.registry.find(queue).and_then(|n| self.registry.queue(n)) {
                Some(queue) => {
                    let bindings = self.router.bindings_to(queue.namespace, &Target::Queue(queue.n));
                    let info = |binding: std::sync::Arc<model::Binding>| BindingInfo {
                        queue: queue.name.clone(),
                        binding: binding.as_ref().clone(),
                    };
                    Reply::Bindings(bindings.into_iter().map(info).collect())
                }
                None => return self.refuse(id, token, no_such(queue), step),
            },
            Inspect::Topics { namespace } => {
                let mut topics = self.topics(*namespace);
                let rights = self.connections.get(id).map(|connection| &connection.rights);
                topics.retain(|topic| {
                    let exchange = Exchange::named(&topic.exchange.to_text());
                    let (namespace, what) =
                        (self.registry.namespace_name(topic.namespace), What::Address(&exchange, &topic.key));
                    rights.is_some_and(|rights| rights.may(Action::See, namespace, what))
                });
                Reply::Topics(topics)
            }
            Inspect::Connections => Reply::Connections(self.connection_infos()),
            Inspect::Prepared => Reply::Prepared(self.prepared()),
            Inspect::Holdings { most } => Reply::Holdings(self.holdings(*most)),
        };
        self.reply(id, token, reply, step);
    }

    /// The totals, for `/metrics` and `causeway status`.
    pub fn status(&self, now: Time) -> Status {
        let sum = |f: fn(&Queue) -> u64| self.registry.all().map(f).sum();
        Status {
            now,
            connections: self.connections.len() as u64,
            queues: self.registry.len() as u64,
            consumers: self.consumers.len() as u64,
            messages: sum(Queue::len),
            bytes: sum(|queue| queue.counts.bytes),
            memory: self.memory.used,
            memory_limit: self.memory.limit,
            space: self.space,
            alarm: self.alarm().cloned(),
            lsn: Lsn(self.next_lsn - 1),
            published: self.totals.published,
            delivered: self.totals.delivered,
            settled: self.totals.settled,
            unrouted: self.totals.unrouted,
            conversions: self.totals.conversions,
        }
    }

    fn topics(&self, namespace: Option<Namespace>) -> Vec<TopicInfo> {
        let mut topics: BTreeMap<(Namespace, Exchange, Name), TopicInfo> = BTreeMap::new();
        let info = |namespace, exchange: &Exchange, kind, key: &Name| TopicInfo {
            namespace,
            exchange: exchange.to_text().as_ref().into(),
            kind,
            key: key.clone(),
            bindings: 0,
            retained: false,
        };
        let mut namespaces: Vec<Namespace> = self.registry.namespaces().map(|(_, namespace)| namespace).collect();
        namespaces.push(Namespace(0));
        for namespace in namespaces.into_iter().filter(|it| namespace.is_none_or(|wanted| wanted == *it)) {
            self.router.for_each(namespace, &mut |exchange, bound| {
                let kind = self.router.kind(namespace, exchange).unwrap_or(ExchangeKind::Topic);
                let key = &bound.binding.key;
                let topic = topics
                    .entry((namespace, exchange.clone(), key.clone()))
                    .or_insert_with(|| info(namespace, exchange, kind, key));
                topic.bindings += 1;
            });
        }
        for (ns, key) in self.registry.topics() {
            if namespace.is_none_or(|wanted| wanted == *ns) {
                topics
                    .entry((*ns, Exchange::Topic, key.clone()))
                    .or_insert_with(|| info(*ns, &Exchange::Topic, ExchangeKind::Topic, key));
            }
        }
        for (ns, key) in self.retained.topics() {
            if namespace.is_none_or(|wanted| wanted == *ns) {
                let topic = topics
                    .entry((*ns, Exchange::Topic, key.clone()))
                    .or_insert_with(|| info(*ns, &Exchange::Topic, ExchangeKind::Topic, key));
                topic.retained = true;
            }
        }
        topics.into_values().collect()
    }

    fn connection_infos(&self) -> Vec<ConnectionInfo> {
        let info = |connection: &crate::connections::Connection| {
            let keys = connection.consumers.iter().flatten().chain(&connection.lingering);
            ConnectionInfo {
                id: connection.id,
                protocol: connection.peer.protocol,
                address: connection.peer.address.map(|address| address.to_string()).unwrap_or_default(),
                client: connection.client.clone(),
                user: connection.rights.user(),
                consumers: connection.consumers.iter().flatten().count() as u64,
                leased: keys.filter_map(|key| self.consumers.get(*key)).map(|it| u64::from(it.leased)).sum(),
                since: connection.since,
            }
        };
        self.connections.iter().filter(|it| !it.is_vacated).map(info).collect()
    }
}

pub(crate) fn no_such(queue: &QueueRef) -> Refusal {
    match queue {
        QueueRef::Named(_, name) => Refusal::NoSuchQueue(name.to_text().into_owned()),
        QueueRef::Id(id) => Refusal::NoSuchQueue(format!("#{}", id.n)),
    }
}
