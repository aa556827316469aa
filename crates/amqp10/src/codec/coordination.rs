//! What a controller sends to a transaction coordinator: messages whose body is one of two values (4.5.2–4.5.3).

use bytes::{Bytes, BytesMut};

use super::body::{BodyPart, NO_VALUE, body_parts};
use super::composite::{open, required, take_described};
use super::descriptor;
use super::error::Malformed;
use super::list_writer::ListWriter;
use super::read::{Budget, Origin};
use super::sections::scan;
use super::value::Value;
use super::write::put_descriptor;

/// A message for the coordinator.
#[derive(Clone, Debug, PartialEq)]
pub enum Coordination {
    /// 4.5.2; a global id is that of a distributed transaction.
    Declare { global_id: Option<Value> },
    /// 4.5.3; `fail` rolls back.
    Discharge { txn_id: Bytes, fail: bool },
}

impl Coordination {
    /// The value in the message that `pieces` are.
    ///
    /// # Errors
    /// [`Malformed::Missing`] and [`Malformed::Descriptor`] if it is another one, and all that [`scan`] finds.
    pub fn decode(pieces: &[Bytes]) -> Result<Self, Malformed> {
        let sections = scan(pieces)?;
        let Some(BodyPart::Value(bytes)) = body_parts(&sections.body).next() else {
            return Err(NO_VALUE);
        };
        let (code, fields) = take_described("a coordinator's message", &mut &bytes[..])?;
        let mut budget = Budget::PERFORMATIVE;
        let mut list = open("a coordinator's message", fields, Origin::Shared(&bytes), &mut budget)?;
        let message = match code {
            Some(descriptor::DECLARE) => Self::Declare { global_id: list.value()? },
            Some(descriptor::DISCHARGE) => {
                Self::Discharge { txn_id: required("txn-id", list.binary("txn-id")?)?, fail: list.flag("fail")? }
            }
            _ => return Err(Malformed::Descriptor("a coordinator's message")),
        };
        list.finish()?;
        Ok(message)
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut BytesMut) {
        put_descriptor(out, descriptor::VALUE);
        match self {
            Self::Declare { global_id } => {
                let mut list = ListWriter::new(out, descriptor::DECLARE);
                list.value(global_id.as_ref());
                list.finish();
            }
            Self::Discharge { txn_id, fail } => {
                let mut list = ListWriter::new(out, descriptor::DISCHARGE);
                list.binary(Some(txn_id));
                list.flag(*fail);
                list.finish();
            }
        }
    }
}
