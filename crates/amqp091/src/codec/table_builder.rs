//! Writes tables and arrays.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::Unencodable;
use super::table::{ArrayView, FieldTable, FieldValue};
use super::text::{long_len, short_len};

/// Appends fields; the first fault is told at the end.
#[derive(Debug, Default)]
pub struct TableBuilder {
    fields: BytesMut,
    fault: Option<Unencodable>,
}

impl TableBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn field(mut self, name: &str, value: FieldValue<'_>) -> Self {
        self.push(name.as_bytes(), value);
        self
    }

    /// A field with a text, of type `S`.
    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        self.field(name, FieldValue::LongString(text.as_bytes()))
    }

    pub fn push(&mut self, name: &[u8], value: FieldValue<'_>) {
        let begin = self.fields.len();
        let written = short_len(name).and_then(|len| {
            self.fields.put_u8(len);
            self.fields.put_slice(name);
            write_value(value, &mut self.fields)
        });
        if let Err(fault) = written {
            self.fields.truncate(begin);
            self.fault.get_or_insert(fault);
        }
    }

    /// # Errors
    /// The first field whose name or value has no bytes in AMQP 0-9-1, or the nesting of all.
    pub fn finish(self) -> Result<FieldTable, Unencodable> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        FieldTable::new(self.fields.freeze()).map_err(|_| Unencodable::TooDeep)
    }
}

/// Appends values; the first fault is told at the end.
#[derive(Debug, Default)]
pub struct ArrayBuilder {
    values: BytesMut,
    fault: Option<Unencodable>,
}

impl ArrayBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, value: FieldValue<'_>) {
        let begin = self.values.len();
        if let Err(fault) = write_value(value, &mut self.values) {
            self.values.truncate(begin);
            self.fault.get_or_insert(fault);
        }
    }

    /// The array's values without their length: for [`ArrayView::new`].
    ///
    /// # Errors
    /// The first value that has no bytes in AMQP 0-9-1, or the nesting of all.
    pub fn finish(self) -> Result<Bytes, Unencodable> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let values = self.values.freeze();
        ArrayView::new(&values).map_err(|_| Unencodable::TooDeep)?;
        Ok(values)
    }
}

/// # Errors
/// Some of the bytes may have been appended then.
fn write_value(value: FieldValue<'_>, out: &mut BytesMut) -> Result<(), Unencodable> {
    out.put_u8(value.code());
    match value {
        FieldValue::Void => {}
        FieldValue::Bool(value) => out.put_u8(value.into()),
        FieldValue::Byte(value) => out.put_i8(value),
        FieldValue::UnsignedByte(value) => out.put_u8(value),
        FieldValue::Short(value) => out.put_i16(value),
        FieldValue::UnsignedShort(value) => out.put_u16(value),
        FieldValue::Int(value) => out.put_i32(value),
        FieldValue::UnsignedInt(value) => out.put_u32(value),
        FieldValue::Long(value) => out.put_i64(value),
        FieldValue::Float(value) => out.put_f32(value),
        FieldValue::Double(value) => out.put_f64(value),
        FieldValue::Decimal { scale, value } => {
            out.put_u8(scale);
            out.put_u32(value);
        }
        FieldValue::Timestamp(value) => out.put_u64(value),
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => return long(bytes, out),
        FieldValue::Array(array) => return long(array.as_bytes(), out),
        FieldValue::Table(table) => return long(table.as_bytes(), out),
    }
    Ok(())
}

fn long(bytes: &[u8], out: &mut BytesMut) -> Result<(), Unencodable> {
    out.put_u32(long_len(bytes)?);
    out.put_slice(bytes);
    Ok(())
}
