//! Delivery states, outcomes and errors: bytes ⇄ values.

use bytes::BytesMut;

use super::composite::{Composite, open, required, take_described};
use super::descriptor;
use super::error::Malformed;
use super::format;
use super::list_writer::ListWriter;
use super::read::{Budget, Origin};
use super::state::{AmqpError, DeliveryState, Modified, Outcome, Received, Transactional};
use super::value_ref::ValueRef;
use super::write::{put_uint, put_ulong};

impl DeliveryState {
    pub(super) fn read<'a>(rest: &mut &'a [u8], origin: Origin<'a>, budget: &mut Budget) -> Result<Self, Malformed> {
        // What nearly all dispositions say.
        if let [format::DESCRIBED, format::SMALL_ULONG, code, format::LIST_0, left @ ..] = *rest {
            let state = match *code {
                descriptor::ACCEPTED => Some(Self::ACCEPTED),
                descriptor::RELEASED => Some(Self::RELEASED),
                _ => None,
            };
            if let Some(state) = state {
                *rest = left;
                return Ok(state);
            }
        }
        let (code, fields) = take_described("delivery-state", rest)?;
        match code {
            Some(descriptor::RECEIVED) => {
                let mut list = open("received", fields, origin, budget)?;
                let section_number = required("section-number", list.uint("section-number")?)?;
                let section_offset = required("section-offset", list.ulong("section-offset")?)?;
                list.finish()?;
                Ok(Self::Received(Received { section_number, section_offset }))
            }
            Some(descriptor::TRANSACTIONAL_STATE) => {
                let mut list = open("transactional-state", fields, origin, budget)?;
                let txn_id = required("txn-id", list.binary("txn-id")?)?;
                let outcome = list.nested(Outcome::read)?;
                list.finish()?;
                Ok(Self::Transactional(Transactional { txn_id, outcome }))
            }
            code => Outcome::read_fields(code, fields, origin, budget).map(Self::Outcome),
        }
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Outcome(outcome) => outcome.write(out),
            Self::Received(Received { section_number, section_offset }) => {
                let mut list = ListWriter::new(out, descriptor::RECEIVED);
                list.put(|out| put_uint(out, *section_number));
                list.put(|out| put_ulong(out, *section_offset));
                list.finish();
            }
            Self::Transactional(Transactional { txn_id, outcome }) => {
                let mut list = ListWriter::new(out, descriptor::TRANSACTIONAL_STATE);
                list.binary(Some(txn_id));
                list.option(outcome.as_ref(), |out, outcome| outcome.write(out));
                list.finish();
            }
        }
    }
}

impl Outcome {
    pub(super) fn read<'a>(rest: &mut &'a [u8], origin: Origin<'a>, budget: &mut Budget) -> Result<Self, Malformed> {
        let (code, fields) = take_described("outcome", rest)?;
        Self::read_fields(code, fields, origin, budget)
    }

    fn read_fields(
        code: Option<u8>,
        fields: ValueRef<'_>,
        origin: Origin<'_>,
        budget: &mut Budget,
    ) -> Result<Self, Malformed> {
        let mut list = open("outcome", fields, origin, budget)?;
        let outcome = match code {
            Some(descriptor::ACCEPTED) => Self::Accepted,
            Some(descriptor::RELEASED) => Self::Released,
            Some(descriptor::REJECTED) => Self::Rejected(list.nested(AmqpError::read)?.map(Box::new)),
            Some(descriptor::MODIFIED) => Self::Modified(Modified {
                delivery_failed: list.flag("delivery-failed")?,
                undeliverable_here: list.flag("undeliverable-here")?,
                message_annotations: list.map("message-annotations")?,
            }),
            Some(descriptor::DECLARED) => Self::Declared(required("txn-id", list.binary("txn-id")?)?),
            _ => return Err(Malformed::Descriptor("an outcome")),
        };
        list.finish()?;
        Ok(outcome)
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Accepted => ListWriter::new(out, descriptor::ACCEPTED).finish(),
            Self::Released => ListWriter::new(out, descriptor::RELEASED).finish(),
            Self::Rejected(error) => {
                let mut list = ListWriter::new(out, descriptor::REJECTED);
                list.option(error.as_deref(), |out, error| error.write(out));
                list.finish();
            }
            Self::Modified(Modified { delivery_failed, undeliverable_here, message_annotations }) => {
                let mut list = ListWriter::new(out, descriptor::MODIFIED);
                list.flag(*delivery_failed);
                list.flag(*undeliverable_here);
                list.map(message_annotations);
                list.finish();
            }
            Self::Declared(txn_id) => {
                let mut list = ListWriter::new(out, descriptor::DECLARED);
                list.binary(Some(txn_id));
                list.finish();
            }
        }
    }
}

impl AmqpError {
    pub(super) fn read<'a>(rest: &mut &'a [u8], origin: Origin<'a>, budget: &mut Budget) -> Result<Self, Malformed> {
        let (code, fields) = take_described("error", rest)?;
        if code != Some(descriptor::ERROR) {
            return Err(Malformed::Descriptor("an error"));
        }
        let mut list: Composite<'_, '_> = open("error", fields, origin, budget)?;
        let error = Self {
            condition: required("condition", list.symbol("condition")?)?,
            description: list.string("description")?,
            info: list.fields("info")?,
        };
        list.finish()?;
        Ok(error)
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        let Self { condition, description, info } = self;
        let mut list = ListWriter::new(out, descriptor::ERROR);
        list.symbol(Some(condition));
        list.string(description.as_ref());
        list.fields(info);
        list.finish();
    }
}
