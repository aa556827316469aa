//! Class `exchange`.

use model::{Binding, Command, Exchange, ExchangeKind, ExchangeSettings, Io, Name, Refusal, Reply};

use crate::bindings::header_rule;
use crate::channel::{Channel, Question};
use crate::codec::method::exchange;
use crate::codec::{FieldTable, FieldValue, ShortString};
use crate::error::Fault;
use crate::shared::{self, Shared};

const RESERVED: &[u8] = b"amq.";

impl Channel {
    pub(crate) fn declare_exchange(
        &mut self,
        declare: exchange::Declare,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let exchange::Declare { exchange, kind, passive, no_wait, arguments, .. } = &declare;
        if exchange.is_empty() {
            return Err(Fault::DefaultExchange);
        }
        let name = shared::name(exchange)?;
        let settings = if *passive {
            ExchangeSettings::new(ExchangeKind::Direct)
        } else {
            if matches!(Exchange::named(&name.to_text()), Exchange::Named(_)) && exchange.starts_with(RESERVED) {
                return Err(Fault::Reserved("exchange", exchange.to_string()));
            }
            ExchangeSettings {
                kind: kind_of(kind, arguments.get("x-delayed-type"))?,
                durable: declare.durable,
                auto_delete: declare.auto_delete,
                internal: declare.internal,
                alternate: alternate(&declare, shared)?,
            }
        };
        let asked = ExchangeAsked { name: name.clone(), kind: kind.detached(), settings: settings.clone() };
        let question = Question::ExchangeDeclare { no_wait: *no_wait, asked: Box::new(asked) };
        let passive = *passive;
        let namespace = shared.namespace;
        let command = |token| Command::DeclareExchange { token, namespace, name, settings, passive };
        self.ask(question, command, shared, io)
    }

    pub(crate) fn exchange_declared(
        &mut self,
        (asked, no_wait): (&ExchangeAsked, bool),
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        match reply {
            Ok(_) if no_wait => Ok(()),
            Ok(_) => {
                self.say(exchange::DeclareOk {}, io);
                Ok(())
            }
            Err(Refusal::Different(_, arg, current)) => Err(asked.differs(arg, &current, shared)),
            Err(refusal) => Err(exchange_refused(refusal, &asked.name, shared)),
        }
    }

    pub(crate) fn bind_exchange(
        &mut self,
        bind: exchange::Bind,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let exchange::Bind { destination, source, routing_key, no_wait, arguments } = bind;
        let (destination, binding) = tie(&destination, &source, &routing_key, &arguments)?;
        let question = Question::ExchangeBind { no_wait, destination: Name::from(&*destination.to_text()) };
        let namespace = shared.namespace;
        let command = |token| Command::BindExchange { token, namespace, destination, binding };
        self.ask(question, command, shared, io)
    }

    pub(crate) fn exchange_bound(
        &mut self,
        (destination, no_wait): (&Name, bool),
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        reply.map_err(|refusal| exchange_refused(refusal, destination, shared))?;
        if !no_wait {
            self.say(exchange::BindOk {}, io);
        }
        Ok(())
    }

    pub(crate) fn unbind_exchange(
        &mut self,
        unbind: exchange::Unbind,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let exchange::Unbind { destination, source, routing_key, no_wait, arguments } = unbind;
        let (destination, binding) = tie(&destination, &source, &routing_key, &arguments)?;
        let namespace = shared.namespace;
        let command = |token| Command::UnbindExchange { token, namespace, destination, binding };
        self.ask(Question::ExchangeUnbind { no_wait }, command, shared, io)
    }

    pub(crate) fn delete_exchange(
        &mut self,
        delete: &exchange::Delete,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let exchange::Delete { exchange, if_unused, no_wait } = delete;
        if exchange.is_empty() {
            return Err(Fault::DefaultExchange);
        }
        if exchange.starts_with(RESERVED) {
            return Err(Fault::Reserved("exchange", exchange.to_string()));
        }
        let name = shared::name(exchange)?;
        let question = Question::ExchangeDelete { no_wait: *no_wait, exchange: name.clone() };
        let (exchange, if_unused) = (Exchange::named(&name.to_text()), *if_unused);
        let namespace = shared.namespace;
        let command = |token| Command::DeleteExchange { token, namespace, exchange, if_unused };
        self.ask(question, command, shared, io)
    }

    pub(crate) fn exchange_deleted(
        &mut self,
        (exchange, no_wait): (Name, bool),
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        match reply {
            // It is gone, as was wished.
            Ok(_) | Err(Refusal::NoSuchExchange(_)) => {
                if !no_wait {
                    self.say(exchange::DeleteOk {}, io);
                }
                Ok(())
            }
            Err(refusal) => Err(exchange_refused(refusal, &exchange, shared)),
        }
    }
}

/// An `exchange.declare` that waits for the broker.
#[derive(Debug)]
pub(crate) struct ExchangeAsked {
    name: Name,
    kind: ShortString,
    settings: ExchangeSettings,
}

impl ExchangeAsked {
    /// The exchange that is there has another `arg`: this `current` one.
    fn differs(&self, arg: &'static str, current: &str, shared: &Shared) -> Fault {
        let quoted = |value: &dyn std::fmt::Display| format!("'{value}'");
        let named = |value: &dyn std::fmt::Display| format!("the value '{value}' of type 'longstr'");
        let settings = &self.settings;
        let (received, current) = match arg {
            "type" => (quoted(&self.kind), quoted(&current)),
            "durable" => (quoted(&settings.durable), quoted(&current)),
            "auto_delete" => (quoted(&settings.auto_delete), quoted(&current)),
            "internal" => (quoted(&settings.internal), quoted(&current)),
            _ => {
                let received = settings.alternate.as_ref().map_or_else(|| "none".to_owned(), |it| named(it));
                (received, if current == "none" { current.to_owned() } else { named(&current) })
            }
        };
        let what = shared.described("exchange", &self.name.to_text());
        Fault::Inequivalent { arg: arg.to_owned(), what, received, current }
    }
}

/// Where what no binding takes is to go.
fn alternate(declare: &exchange::Declare, shared: &Shared) -> Result<Option<Name>, Fault> {
    match declare.arguments.get("alternate-exchange") {
        None => Ok(None),
        Some(FieldValue::LongString(name)) => Ok(Some(Name::from(bytes::Bytes::copy_from_slice(name)))),
        Some(_) => Err(Fault::Argument {
            arg: "alternate-exchange".into(),
            what: shared.described("exchange", &declare.exchange.to_string()),
            why: "{unacceptable_type}".into(),
        }),
    }
}

/// A binding of one exchange to another.
fn tie(
    destination: &ShortString,
    source: &ShortString,
    key: &ShortString,
    arguments: &FieldTable,
) -> Result<(Exchange, Box<Binding>), Fault> {
    if destination.is_empty() || source.is_empty() {
        return Err(Fault::DefaultExchange);
    }
    let binding = Binding {
        exchange: Exchange::named(&shared::name(source)?.to_text()),
        key: shared::name(key)?,
        headers: header_rule(arguments)?,
        ..Binding::default()
    };
    Ok((Exchange::named(&shared::name(destination)?.to_text()), Box::new(binding)))
}

fn exchange_refused(refusal: Refusal, exchange: &Name, shared: &Shared) -> Fault {
    match refusal {
        Refusal::NoSuchExchange(name) => shared.no_exchange(&name),
        Refusal::Denied(denial) => shared.denied(&denial),
        Refusal::InUse(_) => Fault::InUse(shared.described("exchange", &exchange.to_text())),
        other => Fault::Refused(other),
    }
}

/// `x-delayed-message` is RabbitMQ's plugin: every exchange of ours delays, so only its underlying type matters.
fn kind_of(kind: &ShortString, delayed: Option<FieldValue<'_>>) -> Result<ExchangeKind, Fault> {
    let kind: &[u8] = match (&**kind, delayed) {
        (b"x-delayed-message", Some(FieldValue::LongString(underlying))) => underlying,
        (other, _) => other,
    };
    match kind {
        b"direct" => Ok(ExchangeKind::Direct),
        b"fanout" => Ok(ExchangeKind::Fanout),
        b"topic" => Ok(ExchangeKind::Topic),
        b"headers" => Ok(ExchangeKind::Headers),
        other => Err(Fault::ExchangeType(String::from_utf8_lossy(other).into_owned())),
    }
}
