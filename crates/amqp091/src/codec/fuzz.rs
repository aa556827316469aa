//! What fuzzing and the replay of its corpus run.

use bytes::{Bytes, BytesMut};

use super::{
    ArrayBuilder, ArrayView, FieldTable, FieldValue, Frame, Limits, Malformed, Method, Properties, Role, TableBuilder,
    TableView, decode, encode, needed, peek_message,
};

const LIMITS: Limits = Limits { frame_max: 1 << 17 };

/// Decodes `data` for both sides, as a table and as a property list, and panics if the codec contradicts itself.
pub fn run(data: &[u8]) {
    for role in [Role::Server, Role::Client] {
        let whole = decode_all(data, role);
        assert_eq!(whole, decode_in_pieces(data, role), "the result depends on how the bytes arrive");
        for frame in &whole.0 {
            encoded_again(frame, role);
        }
    }
    if let Ok(table) = FieldTable::new(Bytes::copy_from_slice(data)) {
        rebuilt(&table);
    }
    if let Ok(properties) = Properties::read(data) {
        let mut raw = BytesMut::new();
        properties.write(&mut raw).expect("what was read can be written");
        assert_eq!(raw, data, "properties are written as they were read");
    }
}

/// Frames until there are no more, and what ended the stream.
pub fn decode_all(data: &[u8], role: Role) -> (Vec<Frame>, Option<Malformed>) {
    let mut frames = Vec::new();
    let end = drain(&mut BytesMut::from(data), role, &mut frames).err();
    (frames, end)
}

/// Pieces of 1 to 16 bytes; how long each one is, the data itself decides.
fn decode_in_pieces(data: &[u8], role: Role) -> (Vec<Frame>, Option<Malformed>) {
    let mut frames = Vec::new();
    let mut input = BytesMut::new();
    let mut rest = data;
    while let Some(&first) = rest.first() {
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(first % 16)));
        input.extend_from_slice(piece);
        rest = after;
        if let Err(end) = drain(&mut input, role, &mut frames) {
            return (frames, Some(end));
        }
    }
    (frames, None)
}

fn drain(input: &mut BytesMut, role: Role, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
    loop {
        let before = input.clone();
        let size = needed(input);
        let Some(frame) = decode(input, &LIMITS, role)? else {
            assert_eq!(*input, before, "an incomplete frame stays where it is");
            assert!(size.is_none_or(|size| size > before.len()), "a complete frame is not left lying");
            return Ok(());
        };
        assert_eq!(size, Some(before.len() - input.len()), "a frame takes exactly its own bytes");
        if role == Role::Server {
            peeked(&before, &frame);
        }
        frames.push(frame);
    }
}

/// What a look at the whole message says must be what its frames say one by one.
fn peeked(input: &[u8], first: &Frame) {
    let Some(view) = peek_message(input, &LIMITS) else {
        return;
    };
    let Frame::Method(channel, Method::BasicPublish(publish)) = first else {
        panic!("a message begins with {first:?}");
    };
    assert_eq!((view.channel, view.exchange, view.routing_key), (*channel, &*publish.exchange, &*publish.routing_key));
    assert_eq!((view.mandatory, view.immediate), (publish.mandatory, publish.immediate));
    let mut rest = BytesMut::from(input);
    let mut next = || decode(&mut rest, &LIMITS, Role::Server).expect("seen before").expect("seen before");
    next();
    let Frame::Header(header_channel, header) = next() else {
        panic!("no content header behind {first:?}");
    };
    assert_eq!(header_channel, *channel);
    assert_eq!(header.properties(), view.properties);
    assert_eq!(header.raw(), &input[view.raw_properties]);
    let body = &input[view.body];
    assert_eq!(header.body_size, body.len() as u64);
    if !body.is_empty() {
        assert_eq!(next(), Frame::Body(*channel, Bytes::copy_from_slice(body)));
    }
    assert_eq!(view.len, input.len() - rest.len());
}

fn encoded_again(frame: &Frame, role: Role) {
    let mut bytes = BytesMut::new();
    encode(frame, &mut bytes).expect("what was decoded can be encoded");
    assert_eq!(needed(&bytes), Some(bytes.len()));
    let again = decode_all(&bytes, role);
    assert_eq!(again, (vec![frame.clone()], None), "encoding and decoding give the same frame");
}

/// Only the spelling of a table may change when it is built anew, and only once.
fn rebuilt(table: &FieldTable) {
    let once = rebuild_table(table.view());
    assert_eq!(once.as_bytes().len(), table.as_bytes().len(), "every type keeps its length");
    assert_eq!(format!("{once:?}"), format!("{table:?}"));
    assert_eq!(rebuild_table(once.view()), once);
}

fn rebuild_table(table: TableView<'_>) -> FieldTable {
    let mut builder = TableBuilder::new();
    for (name, value) in table {
        rebuild(value, &mut |value| builder.push(name, value));
    }
    builder.finish().expect("what was read can be written")
}

fn rebuild(value: FieldValue<'_>, push: &mut dyn FnMut(FieldValue<'_>)) {
    match value {
        FieldValue::Table(table) => push(FieldValue::Table(rebuild_table(table).view())),
        FieldValue::Array(array) => {
            let mut builder = ArrayBuilder::new();
            for value in array {
                rebuild(value, &mut |value| builder.push(value));
            }
            let values = builder.finish().expect("what was read can be written");
            push(FieldValue::Array(ArrayView::new(&values).expect("just written")));
        }
        other => push(other),
    }
}
