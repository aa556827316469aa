use std::borrow::Cow;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use percent_encoding::percent_decode_str;

/// Which protocol a request speaks: its answer, an error too, is in the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// AWS JSON 1.0 or 1.1.
    Json,
    /// AWS Query, answered in XML of this namespace.
    Xml(&'static str),
}

pub(crate) const SQS_XML: &str = "http://queue.amazonaws.com/doc/2012-11-05/";
pub(crate) const STS_XML: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish<'a> {
    /// `X-Amz-Target: service.operation`.
    Target { service: &'a str, operation: &'a str },
    /// `Action=…` in the query or in the form. `json`: the client would rather have JSON.
    Action { action: Cow<'a, str>, json: bool },
    /// Neither.
    Nothing(Form),
}

pub(crate) static TARGET: HeaderName = HeaderName::from_static("x-amz-target");
/// Names of actions are shorter than this.
const ACTION_BYTES: usize = 128;

impl<'a> Wish<'a> {
    pub(crate) fn of(request: &'a Request<Bytes>) -> Self {
        let header = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(target) = header(&TARGET) {
            let (service, operation) = target.split_once('.').unwrap_or((target, ""));
            return Self::Target { service, operation };
        }
        let content_type = header(&CONTENT_TYPE).unwrap_or("");
        if content_type.starts_with("application/x-amz-json") {
            return Self::Nothing(Form::Json);
        }
        let form = if content_type.is_empty() || content_type.starts_with("application/x-www-form-urlencoded") {
            std::str::from_utf8(request.body()).unwrap_or("")
        } else {
            ""
        };
        let action = query_value(request.uri().query().unwrap_or(""), "Action").or_else(|| query_value(form, "Action"));
        match action.filter(|action| (1..ACTION_BYTES).contains(&action.len())) {
            Some(action) => {
                let accept = request.headers().get(ACCEPT).map(|value| value.as_bytes());
                Self::Action { action, json: accept == Some(b"application/json") }
            }
            None => Self::Nothing(Form::Xml(SQS_XML)),
        }
    }
}

/// The first value of `name` in a query string or form.
pub(crate) fn query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| decoded(value))
}

/// A value of a query string or form, decoded; `None` if it is no UTF-8.
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    if value.contains('+') {
        let spaced = value.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(value).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish_of(request: http::request::Builder, body: &'static str) -> String {
        format!("{:?}", Wish::of(&request.body(Bytes::from(body)).unwrap()))
    }

    #[test]
    fn a_target_an_action_or_nothing() {
        let json = Request::post("/").header("X-Amz-Target", "AmazonSQS.SendMessage");
        assert_eq!(wish_of(json, "{}"), r#"Target { service: "AmazonSQS", operation: "SendMessage" }"#);
        let form = Request::post("/1/q").header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(wish_of(form, "Version=1&Action=Get%51ueueUrl"), r#"Action { action: "GetQueueUrl", json: false }"#);
        let get = Request::get("/?Action=A+B").header("accept", "application/json");
        assert_eq!(wish_of(get, ""), r#"Action { action: "A B", json: true }"#);
        assert_eq!(wish_of(Request::get("/health"), ""), format!("{:?}", Wish::Nothing(Form::Xml(SQS_XML))));
        let targetless = Request::post("/").header("content-type", "application/x-amz-json-1.0");
        assert_eq!(wish_of(targetless, "{}"), format!("{:?}", Wish::Nothing(Form::Json)));
    }
}
