use broker::Outgoing;
use model::{Body, CloseReason, ConnectionId, Deliver, Effect, Reply};

/// `a@3 Deliver c0 q0@1.1 "one"`: to connection `a`, once record 3 is durable, to its consumer 0, from queue 0 the
/// message at 1, for the first time.
pub(crate) fn line(outgoing: &Outgoing) -> String {
    let Outgoing { connection, after, effect } = outgoing;
    let text = match effect {
        Effect::Deliver(it) => deliver(it),
        Effect::Confirm { message, routed: true, .. } => format!("Confirm #{}", message.0),
        Effect::Confirm { message, routed: false, .. } => format!("Confirm #{} unrouted", message.0),
        Effect::Returned { message, .. } => format!("Returned {}", body(&message.body)),
        Effect::Reply { reply: Ok(it), .. } => format!("Reply {}", reply(it)),
        Effect::Reply { reply: Err(refusal), .. } => format!("Refused: {refusal}"),
        Effect::Drained { consumer } => format!("Drained c{}", consumer.0),
        Effect::Cancelled { consumer, refusal } => format!("Cancelled c{}: {refusal}", consumer.0),
        Effect::Throttle { reason: None } => "Throttle no longer".into(),
        Effect::Throttle { reason: Some(alarm) } => format!("Throttle {alarm}"),
        Effect::Challenge { .. } => "Challenge".into(),
        Effect::Progress { done, total, .. } => format!("Progress {done} of {total}"),
        Effect::Close { reason: CloseReason::TakenOver } => "Close: taken over".into(),
        Effect::Close { reason } => format!("Close: {reason:?}"),
    };
    format!("{}@{} {text}", letter(*connection), after.0)
}

fn letter(id: ConnectionId) -> char {
    match id.thread {
        0 => char::from_u32('a' as u32 + id.slot).unwrap_or('?'),
        _ => '!',
    }
}

fn deliver(it: &Deliver) -> String {
    let place = it.delivery;
    let mut text = format!(
        "Deliver c{} q{}@{}.{} {}",
        it.consumer.0,
        place.queue.n,
        place.seq,
        place.attempt,
        body(&it.message.body)
    );
    for (flag, name) in [(it.redelivered, " redelivered"), (it.settled, " settled"), (it.retained, " retained")] {
        text += if flag { name } else { "" };
    }
    if it.failed > 0 {
        text += &format!(" failed {}", it.failed);
    }
    let mut tags: Vec<u64> = it.tags.iter().map(|tag| tag.0).filter(|tag| *tag > 0).collect();
    tags.sort_unstable();
    if !tags.is_empty() {
        text += &format!(" tags {tags:?}");
    }
    text
}

fn body(body: &Body) -> String {
    if body.len() > 40 {
        return format!("<{} bytes>", body.len());
    }
    format!("{:?}", String::from_utf8_lossy(&body.joined()))
}

fn reply(reply: &Reply) -> String {
    match reply {
        Reply::Done => "Done".into(),
        Reply::Namespace(namespace) => format!("Namespace {}", namespace.0),
        Reply::Declared { queue, existed, .. } => {
            format!("Declared q{}{}", queue.n, if *existed { " existed" } else { "" })
        }
        Reply::Consuming { queue, decided } => {
            let decided: String = decided.iter().map(|(it, mark)| format!(" decided {} mark {mark}", it.seq)).collect();
            format!("Consuming q{}{decided}", queue.n)
        }
        Reply::Fetching { queue, .. } => format!("Fetching q{}", queue.n),
        Reply::Count(count) => format!("Count {count}"),
        Reply::Prepared(xids) => format!("Prepared {xids:?}"),
        other => format!("{other:?}"),
    }
}
