use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use model::Exchanged;

use crate::error::Fault;
use crate::json::Object;
use crate::request::Form;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const XML: HeaderValue = HeaderValue::from_static("text/xml");

/// A 200 with this body.
pub(crate) fn success(form: Form, request_id: &str, body: Vec<u8>) -> Exchanged {
    assemble(StatusCode::OK, form, request_id, body.into())
}

/// The answer to a request that cannot be served, in the protocol it spoke.
pub(crate) fn failure(form: Form, request_id: &str, fault: &Fault) -> Exchanged {
    let wire = fault.wire();
    let status = StatusCode::from_u16(wire.status).expect("the table holds valid statuses");
    match form {
        Form::Json => {
            let mut body = Vec::with_capacity(192);
            let mut object = Object::begin(&mut body);
            object.text("__type", &format!("{}#{}", wire.namespace, wire.shape));
            object.text("message", &fault.to_string());
            object.end();
            let mut response = assemble(status, form, request_id, body.into());
            let side = if wire.sender { "Sender" } else { "Receiver" };
            let value = HeaderValue::from_str(&format!("{};{side}", wire.code)).expect("codes are plain ASCII");
            response.headers_mut().insert(QUERY_ERROR, value);
            response
        }
        Form::Xml(namespace) => {
            let side = if wire.sender { "Sender" } else { "Receiver" };
            let body = format!(
                "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{namespace}\"><Error><Type>{side}</Type><Code>{}</Code>\
                 <Message>{}</Message><Detail/></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                wire.code,
                xml_escaped(&fault.to_string()),
            );
            assemble(status, form, request_id, body.into())
        }
    }
}

/// The answer to a request that asks for nothing we know, as SQS answers `GET /`.
pub(crate) fn nothing_here(form: Form, request_id: &str) -> Exchanged {
    let body = match form {
        Form::Json => r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#,
        Form::Xml(_) => "<UnknownOperationException/>",
    };
    assemble(StatusCode::NOT_FOUND, form, request_id, Bytes::from_static(body.as_bytes()))
}

fn assemble(status: StatusCode, form: Form, request_id: &str, body: Bytes) -> Exchanged {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, if form == Form::Json { JSON } else { XML });
    headers.insert(REQUEST_ID, HeaderValue::from_str(request_id).expect("hexadecimal digits and hyphens"));
    response
}

/// Text for an element; what XML 1.0 cannot hold at all becomes U+FFFD.
pub(crate) fn xml_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(c),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::SQS_XML;

    #[test]
    fn a_fault_in_both_protocols() {
        let response = failure(Form::Json, "id", &Fault::NoSuchQueue);
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[QUERY_ERROR], "AWS.SimpleQueueService.NonExistentQueue;Sender");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/x-amz-json-1.0");
        let expected =
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#;
        assert_eq!(response.body(), expected);
        let response = failure(Form::Xml(SQS_XML), "id", &Fault::Internal("<&>\u{1}".into()));
        assert_eq!(response.status(), 500);
        let text = std::str::from_utf8(response.body()).unwrap();
        assert!(text.contains("<Type>Receiver</Type><Code>InternalFailure</Code>"), "{text}");
        assert!(text.contains("(&lt;&amp;&gt;\u{fffd})") && text.contains("<Detail/>"), "{text}");
    }
}
