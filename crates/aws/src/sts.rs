//! The Query protocol: STS `GetCallerIdentity`, which SDK tooling calls first, and refusals of the rest in XML.

use bytes::Bytes;
use http::Request;
use model::Exchanged;

use crate::credentials::Caller;
use crate::error::Fault;
use crate::json::Object;
use crate::request::{Form, SQS_XML, STS_XML, Wish};
use crate::response::{failure, success};
use crate::sqs::is_operation;

const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// Answers a request of the Query protocol.
pub(crate) fn answer_action(request: &Request<Bytes>, action: &str, json: bool, id: &str) -> Exchanged {
    if action != GET_CALLER_IDENTITY {
        let (xml, fault) = if is_operation(action) {
            let text = format!("{action}: SQS is served over the AWS JSON 1.0 protocol only, not over AWS Query.");
            (SQS_XML, Fault::Unsupported(text))
        } else {
            (STS_XML, Fault::InvalidAction(action.to_owned()))
        };
        return failure(Form::Xml(xml), id, &fault);
    }
    match (Caller::of(request), json) {
        (Err(fault), _) => failure(Form::Xml(STS_XML), id, &fault),
        (Ok(caller), false) => success(Form::Xml(STS_XML), id, identity_xml(&caller, id)),
        (Ok(caller), true) => {
            let mut body = Vec::with_capacity(256);
            let mut outer = Object::begin(&mut body);
            let mut response = Object::begin(outer.field("GetCallerIdentityResponse"));
            push_identity(response.field("GetCallerIdentityResult"), &caller);
            let mut metadata = Object::begin(response.field("ResponseMetadata"));
            metadata.text("RequestId", id);
            metadata.end();
            response.end();
            outer.end();
            success(Form::Json, id, body)
        }
    }
}

/// Answers an operation of STS that was asked for by `X-Amz-Target`.
pub(crate) fn answer_json(request: &Request<Bytes>, operation: &str) -> Result<Vec<u8>, Fault> {
    debug_assert!(matches!(Wish::of(request), Wish::Target { .. }));
    if operation != GET_CALLER_IDENTITY {
        return Err(Fault::UnknownOperation(operation.to_owned()));
    }
    let mut body = Vec::with_capacity(128);
    push_identity(&mut body, &Caller::of(request)?);
    Ok(body)
}

fn push_identity(out: &mut Vec<u8>, caller: &Caller<'_>) {
    let account = caller.account();
    let mut result = Object::begin(out);
    result.text("Account", account);
    result.text("Arn", &root_arn(account));
    result.text("UserId", account);
    result.end();
}

fn identity_xml(caller: &Caller<'_>, id: &str) -> Vec<u8> {
    let account = caller.account();
    let arn = root_arn(account);
    format!(
        "<GetCallerIdentityResponse xmlns=\"{STS_XML}\"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{account}</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{id}</RequestId>\
         </ResponseMetadata></GetCallerIdentityResponse>"
    )
    .into_bytes()
}

/// Without users, everybody is the account itself.
fn root_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}
