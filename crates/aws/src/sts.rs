//! STS `GetCallerIdentity`, which SDK tooling calls first, and the Query protocol's refusals of the rest in XML.

use crate::caller::Caller;
use crate::error::Fault;
use crate::json::Object;
use crate::request::{Form, SQS_XML, STS_XML};
use crate::response::{failure, success, xml_escaped};
use crate::sqs::is_operation;

pub(crate) const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// Answers a request of the Query protocol for anything else than [`GET_CALLER_IDENTITY`].
pub(crate) fn refuse_action(action: &str, id: &str) -> model::Exchanged {
    let (xml, fault) = if is_operation(action) {
        let text = format!("{action}: SQS is served over the AWS JSON 1.0 protocol only, not over AWS Query.");
        (SQS_XML, Fault::Unsupported(text))
    } else {
        (STS_XML, Fault::InvalidAction(action.to_owned()))
    };
    failure(Form::Xml(xml), id, &fault)
}

/// Answers `GetCallerIdentity` in the Query protocol.
pub(crate) fn answer_action(caller: &Caller, json: bool, id: &str) -> model::Exchanged {
    if !json {
        return success(Form::Xml(STS_XML), id, identity_xml(caller, id));
    }
    let mut body = Vec::with_capacity(256);
    let mut outer = Object::begin(&mut body);
    let mut response = Object::begin(outer.field("GetCallerIdentityResponse"));
    push_identity(response.field("GetCallerIdentityResult"), caller);
    let mut metadata = Object::begin(response.field("ResponseMetadata"));
    metadata.text("RequestId", id);
    metadata.end();
    response.end();
    outer.end();
    success(Form::Json, id, body)
}

/// Answers an operation of STS that was asked for by `X-Amz-Target`.
pub(crate) fn answer_json(caller: &Caller, operation: &str) -> Result<Vec<u8>, Fault> {
    if operation != GET_CALLER_IDENTITY {
        return Err(Fault::UnknownOperation(operation.to_owned()));
    }
    let mut body = Vec::with_capacity(128);
    push_identity(&mut body, caller);
    Ok(body)
}

fn push_identity(out: &mut Vec<u8>, caller: &Caller) {
    let mut result = Object::begin(out);
    result.text("Account", caller.account());
    result.text("Arn", &caller.arn());
    result.text("UserId", caller.id());
    result.end();
}

fn identity_xml(caller: &Caller, id: &str) -> Vec<u8> {
    let (account, arn, user) = (caller.account(), xml_escaped(&caller.arn()), xml_escaped(caller.id()));
    format!(
        "<GetCallerIdentityResponse xmlns=\"{STS_XML}\"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user}</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{id}</RequestId>\
         </ResponseMetadata></GetCallerIdentityResponse>"
    )
    .into_bytes()
}
