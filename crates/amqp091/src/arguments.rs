//! The arguments of `queue.declare` ⇄ the settings of a queue.

use model::{DeadLetter, Exchange, Lifetime, Name, Overflow, QueueSettings};

use crate::codec::FieldValue;
use crate::codec::method::queue;
use crate::error::Fault;
use crate::publish::integer;
use crate::queues::{AUTO_DELETE, QUEUE_TYPE};
use crate::shared::Shared;

/// Queues that were declared here have their arguments among their extras, named by this and the argument's name. The
/// value is the type's octet and the value as text.
const EXTRA: &str = "amqp091.";
/// The arguments that belong to a queue's identity, as in RabbitMQ; others are taken and forgotten.
const KNOWN: [&str; 14] = [
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-delivery-limit",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-priority",
    "x-message-ttl",
    "x-overflow",
    "x-queue-mode",
    "x-queue-type",
    "x-queue-version",
    "x-queue-master-locator",
    "x-single-active-consumer",
];
/// No exchange has this name: what is sent there is dropped.
const NOWHERE: Name = Name::from_static("amq.rabbitmq.nowhere");

/// The settings that a declaration asks for.
pub(crate) fn settings(declare: &queue::Declare, shared: &Shared) -> Result<QueueSettings, Fault> {
    let mut reader = Arguments { declare, shared, extras: Vec::new() };
    let mut settings = QueueSettings {
        durable: declare.durable && !declare.exclusive,
        lifetime: lifetime(declare),
        overflow: Overflow::DropHead,
        ..QueueSettings::default()
    };
    reader.read(&mut settings)?;
    reader.extras.push((AUTO_DELETE.to_owned(), declare.auto_delete.to_string()));
    if settings.extra(QUEUE_TYPE).is_none() && !reader.extras.iter().any(|(name, _)| name == QUEUE_TYPE) {
        reader.extras.push((QUEUE_TYPE.to_owned(), "classic".to_owned()));
    }
    reader.extras.sort();
    settings.extras = reader.extras;
    Ok(settings)
}

fn lifetime(declare: &queue::Declare) -> Lifetime {
    match (declare.exclusive, declare.auto_delete) {
        (true, _) => Lifetime::Connection,
        (false, true) => Lifetime::WhileConsumed,
        (false, false) => Lifetime::Permanent,
    }
}

struct Arguments<'a> {
    declare: &'a queue::Declare,
    shared: &'a Shared,
    extras: Vec<(String, String)>,
}

impl Arguments<'_> {
    fn read(&mut self, settings: &mut QueueSettings) -> Result<(), Fault> {
        settings.ttl = self.count("x-message-ttl", 0)?.map(|ttl| ttl.max(1));
        settings.expires = self.count("x-expires", 1)?;
        settings.max_length = self.count("x-max-length", 0)?;
        settings.max_bytes = self.count("x-max-length-bytes", 0)?;
        settings.max_priority = match self.count("x-max-priority", 0)? {
            Some(most) => u8::try_from(most).map_err(|_| self.fault("x-max-priority", "max_value_exceeded"))?,
            None => 0,
        };
        let exchange = self.text("x-dead-letter-exchange")?;
        let key = self.text("x-dead-letter-routing-key")?;
        let limit = self.count("x-delivery-limit", 0)?;
        if exchange.is_none() && key.is_some() {
            return Err(self.fault("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined"));
        }
        // The first delivery does not count, and the one over the limit does not happen.
        let max_deliveries = limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1));
        let target = exchange.as_deref().map(|name| Exchange::named(&String::from_utf8_lossy(name)));
        let target = target.or_else(|| max_deliveries.map(|_| Exchange::Named(NOWHERE)));
        settings.dead_letter = target.map(|exchange| DeadLetter {
            exchange,
            key: key.map(|key| Name::from(bytes::Bytes::from(key))),
            max_deliveries,
        });
        self.overflow(settings)?;
        self.kind()?;
        self.text("x-queue-mode")?;
        settings.single_active = self.flag("x-single-active-consumer")?;
        Ok(())
    }

    fn overflow(&mut self, settings: &mut QueueSettings) -> Result<(), Fault> {
        settings.overflow = match self.text("x-overflow")?.as_deref() {
            None | Some(b"drop-head") if settings.dead_letter.is_some() => Overflow::DeadLetter,
            None | Some(b"drop-head") => Overflow::DropHead,
            Some(b"reject-publish") => Overflow::Reject,
            Some(b"reject-publish-dlx") => {
                return Err(Fault::NotImplemented("x-overflow=reject-publish-dlx".into()));
            }
            Some(_) => return Err(self.fault("x-overflow", "invalid_overflow")),
        };
        Ok(())
    }

    fn kind(&mut self) -> Result<(), Fault> {
        match self.text("x-queue-type")?.as_deref() {
            None | Some(b"classic" | b"quorum") => Ok(()),
            Some(b"stream") => Err(Fault::NotImplemented("x-queue-type=stream".into())),
            Some(_) => Err(self.fault("x-queue-type", "invalid_queue_type")),
        }
    }

    fn given(&self, name: &str) -> Option<FieldValue<'_>> {
        self.declare.arguments.get(name)
    }

    /// A number of at least `least`.
    fn count(&mut self, name: &str, least: i64) -> Result<Option<u64>, Fault> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let Some(number) = integer(value) else { return Err(self.unacceptable(name, value)) };
        if number < least {
            let why = if number == 0 { "{value_zero,0}".to_owned() } else { format!("{{value_negative,{number}}}") };
            return Err(self.fault(name, &why));
        }
        self.extras.push((extra(name), format!("{}{number}", char::from(value.code()))));
        Ok(Some(number.unsigned_abs()))
    }

    fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        let Some(value) = self.given(name) else { return Ok(false) };
        let FieldValue::Bool(flag) = value else { return Err(self.unacceptable(name, value)) };
        self.extras.push((extra(name), format!("t{flag}")));
        Ok(flag)
    }

    fn text(&mut self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let FieldValue::LongString(text) = value else { return Err(self.unacceptable(name, value)) };
        let text = text.to_vec();
        let shown = String::from_utf8_lossy(&text).into_owned();
        self.extras.push(if name == "x-queue-type" {
            (QUEUE_TYPE.to_owned(), shown)
        } else {
            (extra(name), format!("S{shown}"))
        });
        Ok(Some(text))
    }

    fn unacceptable(&self, name: &str, value: FieldValue<'_>) -> Fault {
        self.fault(name, &format!("{{unacceptable_type,{}}}", type_name(value.code())))
    }

    fn fault(&self, arg: &str, why: &str) -> Fault {
        let what = self.shared.described("queue", &self.declare.queue.to_string());
        Fault::Argument { arg: arg.to_owned(), what, why: why.to_owned() }
    }
}

fn extra(name: &str) -> String {
    format!("{EXTRA}{name}")
}

/// As RabbitMQ calls the types in its texts.
fn type_name(code: u8) -> &'static str {
    match code {
        b'V' => "void",
        b't' => "bool",
        b'b' => "byte",
        b'B' => "unsignedbyte",
        b's' => "short",
        b'u' => "unsignedshort",
        b'I' => "signedint",
        b'i' => "unsignedint",
        b'l' => "long",
        b'f' => "float",
        b'd' => "double",
        b'D' => "decimal",
        b'S' => "longstr",
        b'x' => "binary",
        b'T' => "timestamp",
        b'A' => "array",
        _ => "table",
    }
}

/// Whether a queue that exists is the one that `wanted` describes.
///
/// A queue that another protocol made has no arguments that could be missing; those that are given must fit.
pub(crate) fn check_equivalent(
    name: &str,
    wanted: &QueueSettings,
    has: &QueueSettings,
    shared: &Shared,
) -> Result<(), Fault> {
    if (wanted.lifetime == Lifetime::Connection) != (has.lifetime == Lifetime::Connection) {
        return Err(Fault::Locked(name.to_owned(), shared.vhost.clone()));
    }
    let differs = |arg: &str, received: String, current: String| {
        let what = shared.described("queue", name);
        Err(Fault::Inequivalent { arg: arg.to_owned(), what, received, current })
    };
    if wanted.durable != has.durable {
        return differs("durable", format!("'{}'", wanted.durable), format!("'{}'", has.durable));
    }
    let (wants_delete, has_delete) = (auto_deletes(wanted), auto_deletes(has));
    if wants_delete != has_delete {
        return differs("auto_delete", format!("'{wants_delete}'"), format!("'{has_delete}'"));
    }
    let Some(kind) = has.extra(QUEUE_TYPE) else {
        return check_foreign(wanted, has, &differs);
    };
    let wanted_kind = wanted.extra(QUEUE_TYPE).unwrap_or("classic");
    if kind != wanted_kind {
        return differs("x-queue-type", shown(Some(&format!("S{wanted_kind}"))), shown(Some(&format!("S{kind}"))));
    }
    for arg in KNOWN {
        let (received, current) = (wanted.extra(&extra(arg)), has.extra(&extra(arg)));
        // Numbers are compared as numbers, whatever their width.
        if received.map(value_of) != current.map(value_of) {
            return differs(arg, shown(received), shown(current));
        }
    }
    Ok(())
}

fn check_foreign(
    wanted: &QueueSettings,
    has: &QueueSettings,
    differs: &dyn Fn(&str, String, String) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let number = |value: Option<u64>| value.map_or("none".to_owned(), |it| shown(Some(&format!("l{it}"))));
    let given = |arg: &str| wanted.extra(&extra(arg));
    let counts = [
        ("x-message-ttl", wanted.ttl, has.ttl),
        ("x-max-length", wanted.max_length, has.max_length),
        ("x-max-length-bytes", wanted.max_bytes, has.max_bytes),
        ("x-max-priority", Some(wanted.max_priority.into()), Some(has.max_priority.into())),
    ];
    for (arg, wants, there) in counts {
        if given(arg).is_some() && wants != there {
            return differs(arg, shown(given(arg)), number(there));
        }
    }
    let arg = "x-dead-letter-exchange";
    let to = |settings: &QueueSettings| settings.dead_letter.as_ref().map(|it| (it.exchange.clone(), it.key.clone()));
    if given(arg).is_some() && to(wanted) != to(has) {
        let current = to(has).map(|(exchange, _)| format!("S{}", exchange.to_text()));
        return differs(arg, shown(given(arg)), shown(current.as_deref()));
    }
    Ok(())
}

fn auto_deletes(settings: &QueueSettings) -> bool {
    match settings.extra(AUTO_DELETE) {
        Some(text) => text == "true",
        None => settings.lifetime == Lifetime::WhileConsumed,
    }
}

/// An extra without its type.
fn value_of(extra: &str) -> &str {
    extra.get(1..).unwrap_or_default()
}

/// A value as RabbitMQ shows it.
fn shown(extra: Option<&str>) -> String {
    match extra.and_then(|text| Some((text.as_bytes().first()?, value_of(text)))) {
        Some((code, value)) => format!("the value '{value}' of type '{}'", type_name(*code)),
        None => "none".to_owned(),
    }
}
