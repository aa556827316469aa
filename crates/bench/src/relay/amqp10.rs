//! Just enough AMQP 1.0 to relay: whatever is asked is granted, a sender has all the credit it can use, its transfers
//! are settled at once and copied as they are.

use std::io;

use super::{Asked, invalid};
use crate::workload::amqp10::frame::{self, Role, SASL};
use crate::workload::amqp10::value::{self, Fields, Malformed};

const HEADER: usize = 8;
/// Enough for any run.
const CREDIT: u32 = 1 << 31;

pub(super) fn understand(input: &[u8], asked: &mut Asked) -> io::Result<usize> {
    let mut at = 0;
    // Unsettled deliveries of one read are settled together.
    let mut settled: Option<(u32, u32)> = None;
    let mut run = 0..0;
    loop {
        if input[at..].starts_with(b"AMQP") {
            let Some(header) = input.get(at..at + HEADER) else { break };
            greet(header, asked);
            at += HEADER;
            continue;
        }
        let Some((body, len)) = frame::next(&input[at..]).map_err(invalid)? else { break };
        if let Some(unsettled) = transfer(body).map_err(invalid)? {
            if let Some(id) = unsettled {
                settled = Some((settled.map_or(id, |(first, _)| first), id));
            }
            if run.end != at {
                asked.relayed.extend_from_slice(&input[run]);
                run = at..at;
            }
            run.end = at + len;
        } else if !body.is_empty() {
            answer(body, asked).map_err(invalid)?;
        }
        at += len;
    }
    asked.relayed.extend_from_slice(&input[run]);
    if let Some((first, last)) = settled {
        frame::write_disposition(Role::Receiver, first, last, &mut asked.reply);
    }
    Ok(at)
}

fn greet(header: &[u8], asked: &mut Asked) {
    asked.reply.extend_from_slice(header);
    if header == SASL {
        let mechanisms = value::list(frame::SASL_MECHANISMS as u8, &[&value::symbol("PLAIN")]);
        asked.reply.extend_from_slice(&frame::frame(1, &mechanisms));
    }
}

/// Of a transfer: its id, if it wants to be settled.
fn transfer(body: &[u8]) -> Result<Option<Option<u32>>, Malformed> {
    if body.is_empty() {
        return Ok(None);
    }
    let (found, _) = frame::read(body)?;
    if found.code != frame::TRANSFER {
        return Ok(None);
    }
    let mut fields = found.fields;
    fields.skip(1)?;
    let id = fields.uint()?;
    fields.skip(2)?;
    Ok(Some(id.filter(|_| !matches!(fields.flag(), Ok(true)))))
}

fn answer(body: &[u8], asked: &mut Asked) -> Result<(), Malformed> {
    let (found, _) = frame::read(body)?;
    match found.code {
        frame::SASL_INIT => {
            let outcome = value::list(frame::SASL_OUTCOME as u8, &[&[0x50, 0]]);
            asked.reply.extend_from_slice(&frame::frame(1, &outcome));
        }
        frame::OPEN => asked.reply.extend_from_slice(&frame::open("relay")),
        frame::BEGIN => asked.reply.extend_from_slice(&frame::begin(Some(0), CREDIT)),
        frame::ATTACH => attach(found.fields, asked)?,
        frame::CLOSE => asked.ends = true,
        _ => {}
    }
    Ok(())
}

fn attach(mut fields: Fields<'_>, asked: &mut Asked) -> Result<(), Malformed> {
    let name = fields.take()?;
    fields.skip(1)?;
    if fields.flag()? {
        asked.subscribes = true;
        let own: &[&[u8]] = &[name, &[0x43], &[value::FALSE], &[value::NULL], &[value::NULL]];
        let rest: &[&[u8]] = &[&[value::NULL], &[value::NULL], &[value::NULL], &[value::NULL], &[0x43]];
        asked.reply.extend_from_slice(&frame::performative(frame::ATTACH, &[own, rest].concat()));
    } else {
        asked.reply.extend_from_slice(&frame::performative(frame::ATTACH, &[name, &[0x43], &[value::TRUE]]));
        frame::write_flow(0, CREDIT, 0, CREDIT, &mut asked.reply);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::amqp10::frame::Settled;
    use crate::workload::batch::Batch;

    #[test]
    fn transfers_are_copied_as_they_are_and_settled_together() {
        for (settled, replies) in [(Settled::Before, false), (Settled::After, true)] {
            let mut batch = Batch::new(&frame::transfer(settled, 16), 3);
            let transfers = batch.patch(3, 0, 7, 0).to_vec();
            let beat = frame::frame(0, &[]);
            let input = [&transfers[..batch.message_len()], &beat, &transfers[batch.message_len()..], &[0; 3]].concat();
            let mut asked = Asked::default();
            assert_eq!(understand(&input, &mut asked).unwrap(), input.len() - 3);
            assert_eq!(asked.relayed, transfers);
            let mut expected = Vec::new();
            if replies {
                frame::write_disposition(Role::Receiver, 7, 9, &mut expected);
            }
            assert_eq!(asked.reply, expected);
        }
    }
}
