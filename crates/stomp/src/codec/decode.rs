use bytes::{Buf, BytesMut};
use memchr::{memchr, memchr2};

use super::escape::{is_valid, known};
use super::headers::Header;
use super::{Command, Frame, Limits, Malformed, Version};

/// Bytes of a line that are quoted in an error.
const QUOTED: usize = 64;

/// Takes frames off a stream. Bytes of an incomplete frame are looked at once, however they arrive.
#[derive(Clone, Debug)]
pub struct Decoder {
    limits: Limits,
    version: Version,
    part: Part,
    /// Up to where the buffer was searched for the end of the current line or body.
    searched: usize,
    /// Where the current line begins.
    line: usize,
}

/// How far the frame at the front of the buffer is known.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// Nothing but line ends, which are heart-beats.
    Between,
    Headers {
        command: Command,
        /// Where the first header line begins.
        block: usize,
        count: usize,
        length: Option<usize>,
    },
    Body {
        command: Command,
        block: usize,
        /// Where the blank line begins.
        block_end: usize,
        body: usize,
        length: Option<usize>,
    },
}

impl Decoder {
    /// `version` is that of the connection: `V10` until it is agreed upon.
    pub const fn new(limits: Limits, version: Version) -> Self {
        Self { limits, version, part: Part::Between, searched: 0, line: 0 }
    }

    /// To be called between frames.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// The next whole frame, taken off the front of `input`; `None` if it has none yet. `input` must then be shown again
    /// with more behind what it has. Line ends between frames are taken off and mean nothing but that the peer lives.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, Malformed> {
        if let Part::Between = self.part
            && !self.read_command(input)?
        {
            return Ok(None);
        }
        while let Part::Headers { .. } = self.part {
            if !self.read_line(input)? {
                return Ok(None);
            }
        }
        self.read_body(input)
    }

    fn read_command(&mut self, input: &mut BytesMut) -> Result<bool, Malformed> {
        let blank = input.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        if blank > 0 {
            input.advance(blank);
        }
        let Some(end) = memchr(b'\n', &input[..input.len().min(Command::LONGEST + 2)]) else {
            // A line that is too long, or holds what no command has, is no command before its end is known.
            let is_hopeless =
                input.len() > Command::LONGEST + 1 || input.iter().any(|b| !b.is_ascii_uppercase() && *b != b'\r');
            return if is_hopeless { Err(Malformed::UnknownCommand(quote(input))) } else { Ok(false) };
        };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        let command = Command::of(line).ok_or_else(|| Malformed::UnknownCommand(quote(line)))?;
        self.line = end + 1;
        self.searched = self.line;
        self.part = Part::Headers { command, block: self.line, count: 0, length: None };
        Ok(true)
    }

    /// Reads one header line or the blank line. False if it is not all there.
    fn read_line(&mut self, input: &[u8]) -> Result<bool, Malformed> {
        let Part::Headers { command, block, count, length } = &mut self.part else { return Ok(true) };
        let (command, block) = (*command, *block);
        let found = memchr2(b'\n', 0, &input[self.searched..]).map(|at| self.searched + at);
        let end = found.unwrap_or(input.len());
        // The limit that is reached first is the one that is named, however the bytes arrive.
        let (line_end, block_end) = (self.line + self.limits.line, block + self.limits.block);
        if end > line_end.min(block_end) {
            return Err(match line_end <= block_end {
                true => Malformed::LongLine(command, self.limits.line),
                false => Malformed::LongHeaders(command, self.limits.block),
            });
        }
        if found.is_none() {
            self.searched = end;
            return Ok(false);
        }
        if input[end] == 0 {
            return Err(Malformed::NoBlankLine(command));
        }
        let line = &input[self.line..end];
        let start = std::mem::replace(&mut self.line, end + 1);
        self.searched = self.line;
        if matches!(line, b"" | b"\r") {
            let (length, version) = (*length, escapes(command, self.version));
            check_block(command, &input[block..start], version)?;
            self.part = Part::Body { command, block, block_end: start, body: self.line, length };
            return Ok(true);
        }
        *count += 1;
        if *count > self.limits.headers {
            return Err(Malformed::ManyHeaders(command, self.limits.headers));
        }
        let header =
            Header::of(line, escapes(command, self.version)).ok_or_else(|| Malformed::NoColon(command, quote(line)))?;
        if header.raw_name.is_empty() {
            return Err(Malformed::NoName(command, quote(line)));
        }
        if header.has_stray_return() {
            return Err(Malformed::StrayReturn(command, quote(line)));
        }
        if header.raw_name == b"content-length" && length.is_none() {
            *length = Some(content_length(command, header.raw_value)?);
        }
        Ok(true)
    }

    fn read_body(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, Malformed> {
        let Part::Body { command, block, block_end, body, length } = self.part else { return Ok(None) };
        let limit = if command.has_body() { self.limits.body } else { self.limits.body.min(Limits::STRAY_BODY) };
        let end = match length {
            Some(length) if length > limit => return Err(Malformed::LongBody(command, limit)),
            Some(length) => match input.get(body + length) {
                None => return Ok(None),
                Some(0) => body + length,
                Some(_) => return Err(Malformed::NoNul(command, length)),
            },
            None => {
                let found = memchr(0, &input[self.searched..]).map(|at| self.searched + at);
                let end = found.unwrap_or(input.len());
                if end - body > limit {
                    return Err(Malformed::LongBody(command, limit));
                }
                self.searched = end;
                if found.is_none() {
                    return Ok(None);
                }
                end
            }
        };
        self.part = Part::Between;
        let mut frame = input.split_to(end + 1).freeze();
        frame.truncate(end);
        let version = escapes(command, self.version);
        let block = frame.slice(block..block_end);
        frame.advance(body);
        Ok(Some(Frame { command, block, version, body: frame, has_length: length.is_some() }))
    }
}

/// The header `name` of the frame at the front of `input`, as it came and as far as that is there and sound: for what is said
/// of a frame that cannot be read.
pub fn glimpse<'a>(input: &'a [u8], version: Version, name: &str) -> Option<&'a [u8]> {
    let (command, block) = input.split_at_checked(memchr(b'\n', input)? + 1)?;
    let command = Command::of(command.trim_ascii())?;
    let block = &block[..block.len().min(Limits::default().block)];
    let mut rest = block;
    while let Some(end) = memchr2(b'\n', 0, rest) {
        let line = &rest[..end];
        if matches!(line, b"" | b"\r") || rest[end] == 0 {
            return None;
        }
        if let Some(header) = Header::of(line, escapes(command, version))
            && header.raw_name == name.as_bytes()
        {
            let is_text = std::str::from_utf8(header.raw_value).is_ok() && !header.has_stray_return();
            return (is_text && is_valid(header.raw_value, version)).then_some(header.raw_value);
        }
        rest = &rest[end + 1..];
    }
    None
}

fn escapes(command: Command, version: Version) -> Version {
    if command.is_unescaped() { Version::V10 } else { version }
}

fn check_block(command: Command, block: &[u8], version: Version) -> Result<(), Malformed> {
    if std::str::from_utf8(block).is_err() {
        return Err(Malformed::NotUtf8(command));
    }
    if is_valid(block, version) {
        return Ok(());
    }
    let wrong = block.split(|byte| *byte == b'\n').find(|line| !is_valid(line, version)).unwrap_or_default();
    Err(Malformed::Escape(command, quote(wrong), version.name(), known(version)))
}

fn content_length(command: Command, raw: &[u8]) -> Result<usize, Malformed> {
    let digits = raw.trim_ascii();
    let wrong = || Malformed::ContentLength(command, quote(raw));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    // A number that does not even fit is over every limit.
    let number = digits
        .iter()
        .fold(0_usize, |number, digit| number.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
    Ok(number)
}

fn quote(line: &[u8]) -> String {
    let line = &line[..line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len())];
    String::from_utf8_lossy(&line[..line.len().min(QUOTED)]).into_owned()
}
