//! `ListQueueTags`, `TagQueue`, `UntagQueue`. A tag is an extra `aws.tag.NAME` of its queue, with `=` before its value,
//! because an empty extra is none.

use model::{Alteration, Command, QueueRef, QueueSettings};
use serde::Deserialize;

use super::input;
use super::target::Target;
use crate::call::{Age, Call, Started, Stop, empty_answer};
use crate::error::Fault;
use crate::json::{Object, string};
use crate::text::{List, Pairs, Text};

/// Tags that a queue may have.
const TAGS: usize = 50;
const PREFIX: &str = "aws.tag.";
const KEY_CHARACTERS: usize = 128;
const VALUE_CHARACTERS: usize = 256;

pub(crate) type TagPairs<'a> = Pairs<'a, Text<'a>, TAGS>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    tags: Option<TagPairs<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Untag<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    tag_keys: Option<List<Text<'a>, TAGS>>,
}

/// The extras of these tags.
pub(crate) fn tag_extras(tags: &TagPairs<'_>) -> Result<Vec<(String, String)>, Fault> {
    if tags.count > TAGS {
        return Err(Fault::InvalidParameter("Too many tags added for queue.".to_owned()));
    }
    let short = |text: &str, most: usize| text.chars().count() <= most;
    if let Some((key, _)) =
        tags.kept.iter().find(|(k, v)| k.is_empty() || !short(k, KEY_CHARACTERS) || !short(v, VALUE_CHARACTERS))
    {
        return Err(Fault::InvalidParameter(format!("Tag {:?} or its value is too short or too long.", &**key)));
    }
    let mut extras: Vec<_> =
        tags.kept.iter().map(|(key, value)| (format!("{PREFIX}{}", &**key), format!("={}", &**value))).collect();
    // The later of two with the same key wins.
    extras.reverse();
    extras.sort_by(|a, b| a.0.cmp(&b.0));
    extras.dedup_by(|later, earlier| later.0 == earlier.0);
    Ok(extras)
}

fn tags_of(settings: &QueueSettings) -> impl Iterator<Item = (&str, &str)> {
    let tag = |extra: &'_ (String, String)| extra.0.starts_with(PREFIX);
    let extras = settings.extras.iter().filter(move |extra| tag(extra));
    extras.map(|(key, value)| (&key[PREFIX.len()..], value.strip_prefix('=').unwrap_or(value)))
}

/// `ListQueueTags`.
pub(crate) fn start_list(call: Call<'_>) -> Result<Started, Stop> {
    let input: Tag<'_> = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, input.queue_url.as_ref())?;
    let info = call.queue(namespace, &name, Age::New)?;
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    if tags_of(&info.settings).next().is_some() {
        let mut tags = Object::begin(object.field("Tags"));
        tags_of(&info.settings).for_each(|(key, value)| string(tags.named(key), value));
        tags.end();
    }
    object.end();
    Ok(Started::Answered(out))
}

/// `TagQueue`.
pub(crate) fn start_tag(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: Tag<'_> = input(call.body())?;
    let tags = input.tags.filter(|tags| tags.count > 0).ok_or(Fault::MissingParameter("Tags"))?;
    let extras = tag_extras(&tags)?;
    let Target { namespace, name, .. } = Target::of(&call, input.queue_url.as_ref())?;
    let info = call.queue(namespace, &name, Age::New)?;
    let is_new = |extra: &&(String, String)| info.settings.extra(&extra.0).is_none();
    if tags_of(&info.settings).count() + extras.iter().filter(is_new).count() > TAGS {
        return Err(Fault::InvalidParameter("Too many tags added for queue.".to_owned()).into());
    }
    Ok(alter(&mut call, QueueRef::Named(namespace, name), extras))
}

/// `UntagQueue`.
pub(crate) fn start_untag(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: Untag<'_> = input(call.body())?;
    let keys = input.tag_keys.filter(|keys| keys.count > 0).ok_or(Fault::MissingParameter("TagKeys"))?;
    if keys.count > TAGS {
        return Err(Fault::InvalidParameter(format!("{} tag keys are more than {TAGS}.", keys.count)).into());
    }
    let Target { namespace, name, .. } = Target::of(&call, input.queue_url.as_ref())?;
    let extras = keys.kept.iter().map(|key| (format!("{PREFIX}{}", &**key), String::new())).collect();
    Ok(alter(&mut call, QueueRef::Named(namespace, name), extras))
}

fn alter(call: &mut Call<'_>, queue: QueueRef, extras: Vec<(String, String)>) -> Started {
    let alteration = Box::new(Alteration { extras, ..Alteration::default() });
    call.ask_one(|token| Command::Alter { token, queue, alteration }, empty_answer)
}
