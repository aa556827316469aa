//! Which queue a request is about: URLs, names and ARNs.

use model::{Name, Namespace, QueueInfo, alias_of};
use serde::Deserialize;

use super::input;
use crate::call::{Age, Call, Started, Stop};
use crate::characters::is_account;
use crate::error::Fault;
use crate::json::Object;
use crate::text::Text;

/// The queue that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) account: &'a str,
    pub(crate) namespace: Namespace,
    /// Its name or its alias.
    pub(crate) name: Name,
}

impl<'a> Target<'a> {
    /// From `QueueUrl`: a URL of any host that ends in `/account/name`, that path alone, or a bare name.
    pub(crate) fn of(call: &'a Call<'_>, url: Option<&'a Text<'_>>) -> Result<Self, Stop> {
        let url = url.ok_or(Fault::MissingParameter("QueueUrl"))?;
        let (account, name) = split_url(url).ok_or_else(|| Fault::Address(url.to_string()))?;
        Self::named(call, account, name)
    }

    /// A queue of `account`, or of the caller's own.
    pub(crate) fn named(call: &'a Call<'_>, account: Option<&'a str>, name: &str) -> Result<Self, Stop> {
        let account = account.unwrap_or_else(|| call.caller.account());
        let namespace = call.namespace(account)?;
        Ok(Self { account, namespace, name: Name::from(name) })
    }
}

/// Account, where the URL has one, and name.
pub(crate) fn split_url(url: &str) -> Option<(Option<&str>, &str)> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.trim_end_matches('/').rsplit('/');
    let name = parts.next().filter(|name| !name.is_empty())?;
    Some((parts.next().filter(|account| is_account(account)), name))
}

/// How AWS clients call a queue: its alias where they cannot say its name.
pub(crate) fn shown_name(info: &QueueInfo) -> String {
    info.alias.clone().unwrap_or_else(|| info.name.to_text().into_owned())
}

/// The same for a queue of which only the core's name is known.
pub(crate) fn spoken_name(name: &Name) -> String {
    alias_of(name, 0).unwrap_or_else(|| name.to_text().into_owned())
}

pub(crate) fn queue_url(base: &str, account: &str, name: &str) -> String {
    format!("{base}/{account}/{name}")
}

pub(crate) fn queue_arn(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:sqs:{region}:{account}:{name}")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueUrl<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
}

/// `GetQueueUrl`.
pub(crate) fn start(call: Call<'_>) -> Result<Started, Stop> {
    let input: GetQueueUrl<'_> = input(call.body())?;
    let name = input.queue_name.ok_or(Fault::MissingParameter("QueueName"))?;
    let target = Target::named(&call, input.owner.as_deref().filter(|owner| is_account(owner)), &name)?;
    let info = call.queue(target.namespace, &target.name, Age::New)?;
    Ok(Started::Answered(url_answer(&queue_url(&call.base_url(), target.account, &shown_name(info)))))
}

/// `{"QueueUrl": …}`
pub(crate) fn url_answer(url: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(url.len() + 16);
    let mut object = Object::begin(&mut out);
    object.text("QueueUrl", url);
    object.end();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_named_by_url_path_or_name() {
        let own = Some("000000000000");
        for (url, expected) in [
            ("http://localhost:4566/000000000000/orders", Some((own, "orders"))),
            ("https://sqs.eu-west-1.amazonaws.com/000000000000/orders/", Some((own, "orders"))),
            ("http://localhost/queue/eu-west-1/000000000000/orders?x=1", Some((own, "orders"))),
            ("/000000000000/orders", Some((own, "orders"))),
            ("orders", Some((None, "orders"))),
            ("http://localhost:4566/orders", Some((None, "orders"))),
            ("http://localhost:4566/0000/orders.eu", Some((None, "orders.eu"))),
            ("http://localhost:4566", None),
            ("http://localhost:4566/", None),
            ("", None),
        ] {
            assert_eq!(split_url(url), expected, "{url}");
        }
    }
}
