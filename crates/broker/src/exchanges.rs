//! Exchanges come and go, and are bound to each other.

use model::{
    Binding, ConnectionId, Exchange, ExchangeSettings, Lsn, Name, Namespace, Refusal, Reply, Time, Token, limits,
};

use crate::broker::Broker;
use crate::record::{Record, Tie};
use crate::router::Target;
use crate::step::Step;

impl Broker {
    pub(crate) fn declare_exchange(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (namespace, name, settings): (Namespace, Name, ExchangeSettings),
        passive: bool,
        step: &mut Step,
    ) {
        let text = name.to_text().into_owned();
        let exchange = Exchange::named(&text);
        match self.router.kind(namespace, &exchange) {
            Some(_) if passive => return self.reply(id, token, Reply::Done, step),
            Some(kind) => {
                let standing = ExchangeSettings::new(kind);
                let has = self.router.settings(namespace, &exchange).unwrap_or(&standing);
                return match difference(has, &settings) {
                    None => self.reply_after(id, token, Lsn(self.next_lsn - 1), Reply::Done, step),
                    Some((what, is)) => self.refuse(id, token, Refusal::Different(text, what, is), step),
                };
            }
            None if passive => return self.refuse(id, token, Refusal::NoSuchExchange(text), step),
            None if name.as_bytes().len() > limits::NAME_BYTES => {
                let limit = Refusal::Limit("bytes of an exchange name", limits::NAME_BYTES as u64);
                return self.refuse(id, token, limit, step);
            }
            None => {}
        }
        let durable = settings.durable;
        let record = Record::ExchangeDeclared { namespace, name: name.detached(), settings: Box::new(settings) };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn delete_exchange(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (namespace, exchange, if_unused): (Namespace, Exchange, bool),
        step: &mut Step,
    ) {
        let name = exchange.to_text().into_owned();
        if self.router.kind(namespace, &exchange).is_none() {
            return self.refuse(id, token, Refusal::NoSuchExchange(name), step);
        }
        if !matches!(exchange, Exchange::Named(_)) {
            return self.refuse(id, token, Refusal::Invalid(format!("exchange {name:?} is always there")), step);
        }
        if if_unused && self.router.bindings_of_exchange(namespace, &exchange) > 0 {
            return self.refuse(id, token, Refusal::InUse(name), step);
        }
        let after = self.remove_exchange(now, namespace, exchange, step);
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn bind_exchange(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (namespace, destination, binding): (Namespace, Exchange, Binding),
        step: &mut Step,
    ) {
        let checked =
            self.check_binding(namespace, &binding).and_then(|()| self.check_destination(namespace, &destination));
        if let Err(refusal) = checked {
            return self.refuse(id, token, refusal, step);
        }
        let durable = self.lasts(namespace, &destination) && self.lasts(namespace, &binding.exchange);
        let record = Record::Tied(Box::new(Tie { namespace, destination, binding }));
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn unbind_exchange(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (namespace, destination, binding): (Namespace, Exchange, Binding),
        step: &mut Step,
    ) {
        let source = binding.exchange.clone();
        let durable = self.lasts(namespace, &destination) && self.lasts(namespace, &source);
        let record = Record::Untied(Box::new(Tie { namespace, destination, binding }));
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.delete_if_unbound(now, namespace, &source, step);
        self.reply_after(id, token, after, Reply::Done, step);
    }

    /// After something was unbound from `exchange`: one that is only there for its bindings goes with the last.
    pub(crate) fn delete_if_unbound(&mut self, now: Time, namespace: Namespace, exchange: &Exchange, step: &mut Step) {
        let goes = self.router.settings(namespace, exchange).is_some_and(|settings| settings.auto_delete);
        if goes && self.router.bindings_of_exchange(namespace, exchange) == 0 {
            self.remove_exchange(now, namespace, exchange.clone(), step);
        }
    }

    /// Deletes an exchange, its bindings, and those that led to it, which may be the last of other exchanges. Returns
    /// the last record of it.
    fn remove_exchange(&mut self, now: Time, namespace: Namespace, exchange: Exchange, step: &mut Step) -> Lsn {
        let mut last = Lsn(0);
        let mut going = vec![exchange];
        while let Some(exchange) = going.pop() {
            let sources = self.router.bindings_to(namespace, &Target::Exchange(exchange.clone()));
            let durable = self.lasts(namespace, &exchange);
            let record = Record::ExchangeDeleted { namespace, exchange };
            if durable {
                let located = step.write(&record, &mut self.next_lsn);
                last = last.max(Lsn(located.lsn));
            }
            self.apply(now, record, None);
            going.extend(sources.into_iter().map(|source| source.exchange.clone()).filter(|source| {
                let settings = self.router.settings(namespace, source);
                settings.is_some_and(|it| it.auto_delete) && self.router.bindings_of_exchange(namespace, source) == 0
            }));
        }
        last
    }

    fn check_destination(&self, namespace: Namespace, destination: &Exchange) -> Result<(), Refusal> {
        match destination {
            Exchange::Default => Err(Refusal::Invalid("the default exchange cannot be bound to another".into())),
            other if self.router.kind(namespace, other).is_none() => {
                Err(Refusal::NoSuchExchange(other.to_text().into_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Whether the exchange survives a restart, as the five do that are always there.
    pub(crate) fn lasts(&self, namespace: Namespace, exchange: &Exchange) -> bool {
        self.router.settings(namespace, exchange).is_none_or(|settings| settings.durable)
    }
}

/// In what an exchange that is there differs from what was asked for, and what it is.
fn difference(has: &ExchangeSettings, asked: &ExchangeSettings) -> Option<(&'static str, String)> {
    if has.kind != asked.kind {
        Some(("type", has.kind.name().to_owned()))
    } else if has.durable != asked.durable {
        Some(("durable", has.durable.to_string()))
    } else if has.auto_delete != asked.auto_delete {
        Some(("auto_delete", has.auto_delete.to_string()))
    } else if has.internal != asked.internal {
        Some(("internal", has.internal.to_string()))
    } else if has.alternate != asked.alternate {
        let alternate = has.alternate.as_ref().map_or_else(|| "none".into(), |name| name.to_text().into_owned());
        Some(("alternate-exchange", alternate))
    } else {
        None
    }
}
