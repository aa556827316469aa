//! `ListQueues`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use model::{Command, Inspect, Name, Refusal, Reply};
use serde::Deserialize;

use super::input;
use super::target::{queue_url, shown_name};
use crate::batch::Elements;
use crate::call::{Call, Started, Stop, unexpected};
use crate::error::Fault;
use crate::json::{Object, string};
use crate::text::Text;

/// Queues in one answer.
const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues<'a> {
    #[serde(borrow)]
    queue_name_prefix: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<i64>,
}

/// `ListQueues`: URLs in order of name; with `MaxResults` in pages, each of which begins after its token's name.
pub(crate) fn start(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: ListQueues<'_> = input(call.body())?;
    let paged = input.max_results.is_some();
    let max = match input.max_results {
        None => MOST,
        Some(max @ 1..=1_000) => usize::try_from(max).expect("1 to 1000"),
        Some(max) => return Err(Fault::value(max, "MaxResults", "MaxResults must be between 1 and 1000.").into()),
    };
    let after = match &input.next_token {
        None => String::new(),
        Some(token) => name_of(token).ok_or(Fault::InvalidParameter("Invalid or expired next token.".to_owned()))?,
    };
    let account = call.caller.account().to_owned();
    let namespace = call.namespace(&account)?;
    let prefix = input.queue_name_prefix.map(Text::into_string).unwrap_or_default();
    let what = Inspect::Queues { namespace: Some(namespace), prefix: core_prefix(&prefix), internal: false };
    let base = call.base_url();
    let finish = move |reply: Result<Reply, Refusal>| match reply {
        Ok(Reply::Queues(queues)) => {
            let mut names: Vec<String> = queues.iter().map(shown_name).collect();
            names.retain(|name| name.starts_with(&prefix) && *name > after);
            names.sort();
            let more = paged && names.len() > max;
            names.truncate(max);
            Ok(written(&base, &account, &names, more))
        }
        Ok(other) => Err(unexpected(&"Inspect", &other)),
        Err(refusal) => Err(refusal.into()),
    };
    Ok(call.ask_one(|token| Command::Inspect { token, what }, finish))
}

/// What names begin with in the core whose shown name begins with `prefix`: an alias has a hyphen for whatever AWS
/// cannot say, so nothing is known from the first hyphen on.
fn core_prefix(prefix: &str) -> Name {
    Name::from(prefix.split('-').next().unwrap_or_default())
}

fn written(base: &str, account: &str, names: &[String], more: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + names.len() * 64);
    let mut object = Object::begin(&mut out);
    let mut list = Elements::default();
    for name in names {
        string(list.next(&mut object, "QueueUrls"), &queue_url(base, account, name));
    }
    list.end(&mut object);
    if let (true, Some(last)) = (more, names.last()) {
        object.text("NextToken", &URL_SAFE.encode(last));
    }
    object.end();
    out
}

fn name_of(token: &str) -> Option<String> {
    URL_SAFE.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).filter(|name| !name.is_empty())
}
