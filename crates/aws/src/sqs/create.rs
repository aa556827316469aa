//! `CreateQueue`.

use model::{Command, Declare, DeclareMode, QueueInfo, QueueSettings, Reply};
use serde::Deserialize;

use super::attributes::{AttributePairs, Place, Wanted, shown};
use super::input;
use super::tags::{TagPairs, tag_extras};
use super::target::{Target, queue_url, shown_name, url_answer};
use crate::call::{Call, Started, Stop, unexpected};
use crate::characters::is_plain_name;
use crate::error::Fault;
use crate::text::Text;

/// Milliseconds for which a queue that SQS made keeps messages, unless it is told otherwise: 4 days.
const DEFAULT_RETENTION: u64 = 345_600_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    attributes: AttributePairs<'a>,
    #[serde(borrow, default, rename = "tags", alias = "Tags")]
    tags: TagPairs<'a>,
}

/// `CreateQueue`: makes the queue, or finds it if it has the attributes that are given.
pub(crate) fn start(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: Create<'_> = input(call.body())?;
    let name = input.queue_name.as_ref().ok_or(Fault::MissingParameter("QueueName"))?;
    check_name(name, &input.attributes)?;
    let wanted = Wanted::of(&input.attributes)?;
    let tags = tag_extras(&input.tags)?;
    let target = Target::named(&call, None, name)?;
    let dead_letter = wanted.dead_letter(&call, &target)?;
    let alteration = wanted.into_alteration(dead_letter);
    let mut settings = QueueSettings { ttl: Some(DEFAULT_RETENTION), ..QueueSettings::default() };
    alteration.apply_to(&mut settings);
    settings.extras.extend(tags);
    settings.extras.sort();

    let given: Vec<String> = input.attributes.kept.iter().map(|(name, _)| name.to_string()).collect();
    let place = Place { region: call.caller.region.clone(), account: target.account.to_owned() };
    let base = call.base_url();
    let Target { namespace, name, .. } = target;
    call.memory.forget_queue(namespace, &name);
    let declared = settings.clone();
    let command = |token| {
        Command::Declare(Box::new(Declare {
            token,
            namespace,
            name,
            settings,
            mode: DeclareMode::IfAbsent,
            own: model::Own::No,
        }))
    };
    Ok(call.ask_one(command, move |reply| match reply.map_err(Fault::from)? {
        Reply::Declared { existed, info, .. } => {
            if existed {
                compare(&info, &declared, &given, &place)?;
            }
            Ok(url_answer(&queue_url(&base, &place.account, &shown_name(&info))))
        }
        other => Err(unexpected(&"Declare", &other)),
    }))
}

fn check_name(name: &str, attributes: &AttributePairs<'_>) -> Result<(), Fault> {
    let wants_fifo = attributes.kept.iter().any(|(name, value)| &**name == "FifoQueue" && &**value == "true");
    let stem = name.strip_suffix(".fifo");
    if wants_fifo || stem.is_some_and(is_plain_name) {
        return Err(Fault::Unsupported("FIFO queues are not implemented by this endpoint.".to_owned()));
    }
    if !is_plain_name(name) {
        let text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(Fault::InvalidParameter(text.to_owned()));
    }
    Ok(())
}

/// Whether a queue that was there has the attributes that were given; the first that differs is named.
fn compare(info: &QueueInfo, declared: &QueueSettings, given: &[String], place: &Place) -> Result<(), Fault> {
    let wanted = QueueInfo { settings: declared.clone(), ..info.clone() };
    match given.iter().find(|name| shown(info, place, name) != shown(&wanted, place, name)) {
        Some(name) => Err(Fault::QueueExists(name.clone())),
        None => Ok(()),
    }
}
