use bytes::{BufMut, BytesMut};
use model::{
    DeadLetter, DeathReason, Exchange, ExchangeKind, ExchangeSettings, HeaderRule, HeaderValue, Lifetime, Name,
    Overflow, QueueKind, QueueSettings,
};

use super::decode::exchange;
use super::encode::put_exchange;
use crate::wire::{BadRecord, Reader, put_bool, put_bytes, put_number, put_option};

pub(super) fn put_settings(out: &mut BytesMut, settings: &QueueSettings) {
    out.put_u8(match settings.kind {
        QueueKind::Queue => 0,
        QueueKind::Log => 1,
    });
    put_bool(out, settings.durable);
    out.put_u8(match settings.lifetime {
        Lifetime::Permanent => 0,
        Lifetime::WhileConsumed => 1,
        Lifetime::Connection => 2,
    });
    put_bool(out, settings.internal);
    out.put_u8(settings.max_priority);
    put_option(out, settings.max_length);
    put_option(out, settings.max_bytes);
    out.put_u8(match settings.overflow {
        Overflow::Reject => 0,
        Overflow::DropHead => 1,
        Overflow::DeadLetter => 2,
        Overflow::DropNew => 3,
    });
    put_option(out, settings.ttl);
    put_number(out, settings.delay);
    put_number(out, settings.lease);
    put_dead_letter(out, settings.dead_letter.as_ref());
    let flags = [settings.drops_transient_unattended, settings.expires.is_some(), settings.single_active];
    out.put_u8(flags.iter().enumerate().map(|(bit, flag)| u8::from(*flag) << bit).sum());
    if let Some(expires) = settings.expires {
        put_number(out, expires);
    }
    put_number(out, settings.extras.len() as u64);
    for (name, value) in &settings.extras {
        put_bytes(out, name.as_bytes());
        put_bytes(out, value.as_bytes());
    }
}

/// 1: a queue by its name. 2: an exchange, with a key or the message's own.
fn put_dead_letter(out: &mut BytesMut, dead_letter: Option<&DeadLetter>) {
    let Some(dead_letter) = dead_letter else { return out.put_u8(0) };
    if let Some(queue) = dead_letter.queue() {
        out.put_u8(1);
        put_bytes(out, queue.as_bytes());
    } else {
        out.put_u8(2);
        put_exchange(out, &dead_letter.exchange);
        put_bool(out, dead_letter.key.is_some());
        put_bytes(out, dead_letter.key.as_ref().map(Name::as_bytes).unwrap_or_default());
    }
    put_option(out, dead_letter.max_deliveries.map(u64::from));
}

fn dead_letter(r: &mut Reader) -> Result<Option<DeadLetter>, BadRecord> {
    let (exchange, key) = match r.byte()? {
        0 => return Ok(None),
        1 => (Exchange::Default, Some(r.bytes()?.into())),
        2 => {
            let (exchange, present, key) = (exchange(r)?, r.bool()?, r.bytes()?.into());
            (exchange, present.then_some(key))
        }
        _ => return Err(BadRecord("unknown dead-letter address")),
    };
    let max_deliveries = match r.option()? {
        None => None,
        Some(most) => Some(u32::try_from(most).map_err(|_| BadRecord("number too large"))?),
    };
    Ok(Some(DeadLetter { exchange, key, max_deliveries }))
}

pub(super) fn settings(r: &mut Reader) -> Result<QueueSettings, BadRecord> {
    let kind = match r.byte()? {
        0 => QueueKind::Queue,
        1 => QueueKind::Log,
        _ => return Err(BadRecord("unknown queue kind")),
    };
    let durable = r.bool()?;
    let lifetime = match r.byte()? {
        0 => Lifetime::Permanent,
        1 => Lifetime::WhileConsumed,
        2 => Lifetime::Connection,
        _ => return Err(BadRecord("unknown lifetime")),
    };
    let (internal, max_priority) = (r.bool()?, r.byte()?);
    let (max_length, max_bytes) = (r.option()?, r.option()?);
    let overflow = match r.byte()? {
        0 => Overflow::Reject,
        1 => Overflow::DropHead,
        2 => Overflow::DeadLetter,
        3 => Overflow::DropNew,
        _ => return Err(BadRecord("unknown overflow")),
    };
    let (ttl, delay, lease) = (r.option()?, r.number()?, r.number()?);
    let dead_letter = dead_letter(r)?;
    let flags = r.byte()?;
    let expires = if flags & 2 == 0 { None } else { Some(r.number()?) };
    let extras = (0..r.count()?).map(|_| Ok((r.text()?, r.text()?))).collect::<Result<_, _>>()?;
    Ok(QueueSettings {
        kind,
        durable,
        lifetime,
        internal,
        max_priority,
        max_length,
        max_bytes,
        overflow,
        ttl,
        delay,
        lease,
        dead_letter,
        expires,
        single_active: flags & 4 != 0,
        drops_transient_unattended: flags & 1 != 0,
        extras,
    })
}

pub(super) fn put_kind(out: &mut BytesMut, kind: ExchangeKind) {
    out.put_u8(match kind {
        ExchangeKind::Direct => 0,
        ExchangeKind::Fanout => 1,
        ExchangeKind::Topic => 2,
        ExchangeKind::Headers => 3,
    });
}

pub(super) fn kind(r: &mut Reader) -> Result<ExchangeKind, BadRecord> {
    Ok(match r.byte()? {
        0 => ExchangeKind::Direct,
        1 => ExchangeKind::Fanout,
        2 => ExchangeKind::Topic,
        3 => ExchangeKind::Headers,
        _ => return Err(BadRecord("unknown exchange kind")),
    })
}

/// What an exchange has besides its kind.
pub(super) fn put_exchange_settings(out: &mut BytesMut, settings: &ExchangeSettings) {
    put_bool(out, settings.durable);
    put_bool(out, settings.auto_delete);
    put_bool(out, settings.internal);
    put_bool(out, settings.alternate.is_some());
    put_bytes(out, settings.alternate.as_ref().map(Name::as_bytes).unwrap_or_default());
}

pub(super) fn exchange_settings(r: &mut Reader) -> Result<ExchangeSettings, BadRecord> {
    let (kind, durable, auto_delete, internal) = (kind(r)?, r.bool()?, r.bool()?, r.bool()?);
    let (present, alternate) = (r.bool()?, Name::from(r.bytes()?));
    Ok(ExchangeSettings { kind, durable, auto_delete, internal, alternate: present.then_some(alternate) })
}

/// Mode: 1 all, else any; 2 more with names in `x-`. A value: 0 none, 1 text, 2 and 3 false and true, 4 integer, 5 float.
pub(super) fn put_header_rule(out: &mut BytesMut, rule: &HeaderRule) {
    out.put_u8(u8::from(rule.all) | u8::from(rule.with_x) << 1);
    put_number(out, rule.pairs.len() as u64);
    for (name, value) in &rule.pairs {
        put_bytes(out, name.as_bytes());
        match value {
            None => out.put_slice(&[0, 0]),
            Some(HeaderValue::Text(text)) => {
                out.put_u8(1);
                put_bytes(out, text.as_bytes());
            }
            Some(HeaderValue::Bool(value)) => out.put_u8(2 + u8::from(*value)),
            Some(HeaderValue::Int(value)) => {
                out.put_u8(4);
                out.put_i64(*value);
            }
            Some(HeaderValue::Float(value)) => {
                out.put_u8(5);
                out.put_f64(*value);
            }
        }
    }
}

pub(super) fn header_rule(r: &mut Reader) -> Result<HeaderRule, BadRecord> {
    let mode = r.byte()?;
    let mut pairs = Vec::new();
    for _ in 0..r.count()? {
        let name = r.text()?;
        let value = match r.byte()? {
            // An empty text stands behind it.
            0 => r.text().map(|_| None)?,
            1 => Some(HeaderValue::Text(r.text()?)),
            kind @ (2 | 3) => Some(HeaderValue::Bool(kind == 3)),
            4 => Some(HeaderValue::Int(r.eight()? as i64)),
            5 => Some(HeaderValue::Float(f64::from_bits(r.eight()?))),
            _ => return Err(BadRecord("unknown type of a header")),
        };
        pairs.push((name, value));
    }
    Ok(HeaderRule { all: mode & 1 != 0, with_x: mode & 2 != 0, pairs })
}

pub(crate) fn put_reason(out: &mut BytesMut, reason: DeathReason) {
    out.put_u8(match reason {
        DeathReason::Rejected => 0,
        DeathReason::Expired => 1,
        DeathReason::MaxLength => 2,
        DeathReason::DeliveryLimit => 3,
        DeathReason::Undeliverable => 4,
    });
}

pub(crate) fn reason(r: &mut Reader) -> Result<DeathReason, BadRecord> {
    Ok(match r.byte()? {
        0 => DeathReason::Rejected,
        1 => DeathReason::Expired,
        2 => DeathReason::MaxLength,
        3 => DeathReason::DeliveryLimit,
        4 => DeathReason::Undeliverable,
        _ => return Err(BadRecord("unknown reason of a death")),
    })
}
