//! The frames of the security layer: bytes ⇄ values.

use bytes::{Bytes, BytesMut};

use super::composite::{open, required};
use super::descriptor;
use super::error::Malformed;
use super::list_writer::ListWriter;
use super::read::{Budget, Origin};
use super::sasl::{SaslCode, SaslFrame, SaslInit, SaslOutcome};
use super::value_ref::ValueRef;
use super::write::{put_symbols, put_ubyte};

/// The frame with the body `bytes`.
pub(super) fn decode_body(bytes: &[u8]) -> Result<SaslFrame, Malformed> {
    let bytes = Bytes::copy_from_slice(bytes);
    let mut rest = &bytes[..];
    let code = descriptor::take("a SASL frame", &mut rest)?;
    let fields = ValueRef::take(&mut rest)?;
    if !rest.is_empty() {
        return Err(Malformed::TrailingBytes("a SASL frame"));
    }
    let mut budget = Budget::PERFORMATIVE;
    let mut list = open("a SASL frame", fields, Origin::Shared(&bytes), &mut budget)?;
    let frame = match code {
        Some(descriptor::SASL_MECHANISMS) => {
            let mechanisms = list.symbols("sasl-server-mechanisms")?;
            SaslFrame::Mechanisms(required("sasl-server-mechanisms", Some(mechanisms).filter(|all| !all.is_empty()))?)
        }
        Some(descriptor::SASL_INIT) => SaslFrame::Init(SaslInit {
            mechanism: required("mechanism", list.symbol("mechanism")?)?,
            initial_response: list.binary("initial-response")?,
            hostname: list.string("hostname")?,
        }),
        Some(descriptor::SASL_CHALLENGE) => SaslFrame::Challenge(required("challenge", list.binary("challenge")?)?),
        Some(descriptor::SASL_RESPONSE) => SaslFrame::Response(required("response", list.binary("response")?)?),
        Some(descriptor::SASL_OUTCOME) => SaslFrame::Outcome(SaslOutcome {
            code: match required("code", list.ubyte("code")?)? {
                0 => SaslCode::Ok,
                1 => SaslCode::Auth,
                2 => SaslCode::Sys,
                3 => SaslCode::SysPerm,
                4 => SaslCode::SysTemp,
                _ => return Err(Malformed::Choice("code")),
            },
            additional_data: list.binary("additional-data")?,
        }),
        _ => return Err(Malformed::Descriptor("a SASL frame")),
    };
    list.finish()?;
    Ok(frame)
}

pub(super) fn put_body(out: &mut BytesMut, frame: &SaslFrame) {
    match frame {
        SaslFrame::Mechanisms(mechanisms) => {
            let mut list = ListWriter::new(out, descriptor::SASL_MECHANISMS);
            list.put(|out| put_symbols(out, mechanisms));
            list.finish();
        }
        SaslFrame::Init(SaslInit { mechanism, initial_response, hostname }) => {
            let mut list = ListWriter::new(out, descriptor::SASL_INIT);
            list.symbol(Some(mechanism));
            list.binary(initial_response.as_deref());
            list.string(hostname.as_ref());
            list.finish();
        }
        SaslFrame::Challenge(challenge) => {
            let mut list = ListWriter::new(out, descriptor::SASL_CHALLENGE);
            list.binary(Some(challenge));
            list.finish();
        }
        SaslFrame::Response(response) => {
            let mut list = ListWriter::new(out, descriptor::SASL_RESPONSE);
            list.binary(Some(response));
            list.finish();
        }
        SaslFrame::Outcome(SaslOutcome { code, additional_data }) => {
            let mut list = ListWriter::new(out, descriptor::SASL_OUTCOME);
            list.put(|out| put_ubyte(out, *code as u8));
            list.binary(additional_data.as_deref());
            list.finish();
        }
    }
}
