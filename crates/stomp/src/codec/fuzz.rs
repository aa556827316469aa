//! What fuzzing and the replay of its corpus run.

use bytes::BytesMut;

use super::{Decoder, Frame, FrameWriter, Limits, Malformed, Version};

const LIMITS: Limits = Limits { headers: 16, line: 256, block: 1024, body: 4096 };

/// Decodes `data` in all versions, and panics if the codec contradicts itself.
///
/// # Panics
/// If the result depends on how the bytes arrive, or a frame is not the same after encoding and decoding.
pub fn run(data: &[u8]) {
    for version in Version::ALL {
        let whole = decode_all(data, version, &LIMITS);
        let pieces = decode_in_pieces(data, version);
        assert_eq!(whole.0, pieces.0, "the frames depend on how the bytes arrive");
        assert_eq!(without_quote(whole.1), without_quote(pieces.1), "the error depends on how the bytes arrive");
        for frame in &whole.0 {
            for target in Version::ALL {
                encoded_again(frame, target);
            }
        }
    }
}

/// Frames until there are no more, and what ended the stream.
pub fn decode_all(data: &[u8], version: Version, limits: &Limits) -> (Vec<Frame>, Option<Malformed>) {
    let mut frames = Vec::new();
    let mut decoder = Decoder::new(*limits, version);
    let end = drain(&mut decoder, &mut BytesMut::from(data), &mut frames).err();
    (frames, end)
}

/// How much of a line that is no command has come, depends on when it is seen to be none.
fn without_quote(end: Option<Malformed>) -> Option<Malformed> {
    end.map(|end| match end {
        Malformed::UnknownCommand(_) => Malformed::UnknownCommand(String::new()),
        other => other,
    })
}

/// Pieces of 1 to 16 bytes; how long each one is, the data itself decides.
fn decode_in_pieces(data: &[u8], version: Version) -> (Vec<Frame>, Option<Malformed>) {
    let (mut frames, mut input) = (Vec::new(), BytesMut::new());
    let mut decoder = Decoder::new(LIMITS, version);
    let mut rest = data;
    while let Some(&first) = rest.first() {
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(first % 16)));
        input.extend_from_slice(piece);
        rest = after;
        if let Err(end) = drain(&mut decoder, &mut input, &mut frames) {
            return (frames, Some(end));
        }
    }
    (frames, None)
}

fn drain(decoder: &mut Decoder, input: &mut BytesMut, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
    while let Some(frame) = decoder.decode(input)? {
        assert!(frame.block.len() <= LIMITS.block.max(Limits::default().block));
        frames.push(frame);
    }
    Ok(())
}

/// As a broker forwards it.
fn encoded_again(frame: &Frame, target: Version) {
    let mut bytes = BytesMut::new();
    let mut writer = FrameWriter::new(frame.command, target, &mut bytes);
    // A name that is one only without its spaces would be another one in 1.0.
    for header in frame.headers().into_iter().filter(|header| is_custom(&header.name())) {
        writer.forward(&header);
    }
    writer.body(&frame.body);
    let (frames, end) = decode_all(&bytes, target, &Limits::default());
    assert_eq!((frames.len(), &end), (1, &None), "{frame:?} became {bytes:?} in {target}");
    let again = &frames[0];
    assert_eq!((again.command, &again.body), (frame.command, &frame.body));
    let names = |frame: &Frame| -> Vec<(String, String)> {
        let all = frame.headers().into_iter().map(|header| (header.name().into_owned(), header.value().into_owned()));
        all.filter(|(name, _)| is_custom(name)).collect()
    };
    let is_sayable = target == frame.version || target == Version::V12 && !frame.command.is_unescaped();
    if is_sayable {
        assert_eq!(names(again), names(frame), "from {} to {target}", frame.version);
    } else {
        assert_eq!(names(again).len(), names(frame).len());
    }
}

fn is_custom(name: &str) -> bool {
    !matches!(name.trim_ascii(), "" | "content-length")
}
