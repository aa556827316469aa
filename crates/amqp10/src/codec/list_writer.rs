//! Writing the fields of a described list (1.4).

use bytes::{BufMut, BytesMut};

use super::format;
use super::text::{Symbol, Text};
use super::value::{Fields, Map, Value};
use super::write::{self, Open};

/// Appends a described list, field by field. Nulls behind the last other field are left out.
pub(super) struct ListWriter<'a> {
    out: &'a mut BytesMut,
    open: Open,
    count: usize,
    nulls: usize,
}

impl<'a> ListWriter<'a> {
    #[inline]
    pub(super) fn new(out: &'a mut BytesMut, descriptor: u8) -> Self {
        write::put_descriptor(out, descriptor);
        let open = Open::list(out);
        Self { out, open, count: 0, nulls: 0 }
    }

    #[inline]
    pub(super) fn finish(self) {
        self.open.close(self.out, self.count);
    }

    /// A field that is there; `put` appends it.
    #[inline]
    pub(super) fn put(&mut self, put: impl FnOnce(&mut BytesMut)) {
        if self.nulls > 0 {
            self.out.put_bytes(format::NULL, self.nulls);
            self.count += self.nulls;
            self.nulls = 0;
        }
        put(self.out);
        self.count += 1;
    }

    #[inline]
    pub(super) fn null(&mut self) {
        self.nulls += 1;
    }

    /// A field that may be null; `put` appends it if not.
    #[inline]
    pub(super) fn option<T>(&mut self, field: Option<T>, put: impl FnOnce(&mut BytesMut, T)) {
        match field {
            Some(value) => self.put(|out| put(out, value)),
            None => self.null(),
        }
    }

    #[inline]
    pub(super) fn uint(&mut self, field: Option<u32>) {
        self.option(field, write::put_uint);
    }

    /// A number that is left out where it is the default.
    #[inline]
    pub(super) fn uint_unless(&mut self, default: u32, value: u32) {
        self.uint(Some(value).filter(|value| *value != default));
    }

    #[inline]
    pub(super) fn bool(&mut self, field: Option<bool>) {
        self.option(field, write::put_bool);
    }

    /// A boolean whose default is false.
    #[inline]
    pub(super) fn flag(&mut self, value: bool) {
        self.bool(value.then_some(true));
    }

    pub(super) fn binary(&mut self, field: Option<&[u8]>) {
        self.option(field, write::put_binary);
    }

    pub(super) fn string(&mut self, field: Option<&Text>) {
        self.option(field, |out, text| write::put_string(out, text.as_bytes()));
    }

    pub(super) fn symbol(&mut self, field: Option<&Symbol>) {
        self.option(field, |out, symbol| write::put_symbol(out, symbol.as_bytes()));
    }

    /// A `multiple` field: null for none, else an array.
    pub(super) fn symbols(&mut self, symbols: &[Symbol]) {
        self.option((!symbols.is_empty()).then_some(symbols), write::put_symbols);
    }

    pub(super) fn fields(&mut self, fields: &Fields) {
        self.option((!fields.is_empty()).then_some(fields), write::put_fields);
    }

    pub(super) fn map(&mut self, map: &Map) {
        self.option((!map.is_empty()).then_some(map), write::put_map);
    }

    pub(super) fn value(&mut self, value: Option<&Value>) {
        self.option(value, |out, value| write::encode_value(value, out));
    }
}
