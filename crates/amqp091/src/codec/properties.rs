//! The property list of a content header: kept as the publisher wrote it, looked at through [`Properties`].
//!
//! ```text
//!  flags, u16: bit 15 content-type, 14 content-encoding, 13 headers, 12 delivery-mode, 11 priority,
//!              10 correlation-id, 9 reply-to, 8 expiration, 7 message-id, 6 timestamp, 5 type,
//!              4 user-id, 3 app-id, 2 cluster-id, 1 unused, 0 "another flags word follows"
//!  then the properties whose flag is set, in this order
//! ```

use bytes::{BufMut, BytesMut};

use super::error::{Syntax, Unencodable};
use super::table::{TableView, split_long, split_short};
use super::text::{long_len, short_len};

/// No property set: the raw form of most bare messages.
pub const NO_PROPERTIES: [u8; 2] = [0, 0];

/// The properties of class `basic` (1.8): a look into the raw form, and what is filled in to write one.
///
/// Short strings are bytes; what is UTF-8 and what is a number in `expiration`, this codec does not judge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Properties<'a> {
    pub content_type: Option<&'a [u8]>,
    pub content_encoding: Option<&'a [u8]>,
    pub headers: Option<TableView<'a>>,
    /// 2 is persistent.
    pub delivery_mode: Option<u8>,
    pub priority: Option<u8>,
    pub correlation_id: Option<&'a [u8]>,
    pub reply_to: Option<&'a [u8]>,
    /// Milliseconds, in decimal digits.
    pub expiration: Option<&'a [u8]>,
    pub message_id: Option<&'a [u8]>,
    /// Seconds since the epoch.
    pub timestamp: Option<u64>,
    /// `type` in the specification.
    pub kind: Option<&'a [u8]>,
    pub user_id: Option<&'a [u8]>,
    pub app_id: Option<&'a [u8]>,
    pub cluster_id: Option<&'a [u8]>,
}

const CONTENT_TYPE: u16 = 1 << 15;
const CONTENT_ENCODING: u16 = 1 << 14;
const HEADERS: u16 = 1 << 13;
const DELIVERY_MODE: u16 = 1 << 12;
const PRIORITY: u16 = 1 << 11;
const CORRELATION_ID: u16 = 1 << 10;
const REPLY_TO: u16 = 1 << 9;
const EXPIRATION: u16 = 1 << 8;
const MESSAGE_ID: u16 = 1 << 7;
const TIMESTAMP: u16 = 1 << 6;
const KIND: u16 = 1 << 5;
const USER_ID: u16 = 1 << 4;
const APP_ID: u16 = 1 << 3;
const CLUSTER_ID: u16 = 1 << 2;
const UNKNOWN: u16 = 0b11;

impl<'a> Properties<'a> {
    /// Checks and reads `raw`, flags and property list, all of it.
    ///
    /// # Errors
    /// The first fault in it.
    pub fn read(raw: &'a [u8]) -> Result<Self, Syntax> {
        let properties = Self::split(raw)?;
        if let Some(headers) = properties.headers {
            TableView::new(headers.as_bytes())?;
        }
        Ok(properties)
    }

    /// As [`Self::read`] for what has been read or written before, which need not be checked again: the
    /// headers are not walked over.
    ///
    /// # Panics
    /// Later, while `headers` are walked over, if they are invalid.
    #[inline]
    pub fn of_checked(raw: &'a [u8]) -> Self {
        Self::split(raw).unwrap_or_default()
    }

    fn split(raw: &'a [u8]) -> Result<Self, Syntax> {
        let (flags, mut rest) = raw.split_first_chunk::<2>().ok_or(Syntax::Truncated)?;
        let flags = u16::from_be_bytes(*flags);
        if flags & UNKNOWN != 0 {
            return Err(Syntax::PropertyFlags(flags));
        }
        let short = |flag: u16, rest: &mut &'a [u8]| -> Result<Option<&'a [u8]>, Syntax> {
            if flags & flag == 0 {
                return Ok(None);
            }
            let (text, after) = split_short(rest)?;
            *rest = after;
            Ok(Some(text))
        };
        let content_type = short(CONTENT_TYPE, &mut rest)?;
        let content_encoding = short(CONTENT_ENCODING, &mut rest)?;
        let headers = match flags & HEADERS {
            0 => None,
            _ => {
                let (fields, after) = split_long(rest)?;
                rest = after;
                Some(TableView::unchecked(fields))
            }
        };
        let delivery_mode = octets(flags & DELIVERY_MODE, &mut rest)?.map(u8::from_be_bytes);
        let priority = octets(flags & PRIORITY, &mut rest)?.map(u8::from_be_bytes);
        let correlation_id = short(CORRELATION_ID, &mut rest)?;
        let reply_to = short(REPLY_TO, &mut rest)?;
        let expiration = short(EXPIRATION, &mut rest)?;
        let message_id = short(MESSAGE_ID, &mut rest)?;
        let timestamp = octets(flags & TIMESTAMP, &mut rest)?.map(u64::from_be_bytes);
        let kind = short(KIND, &mut rest)?;
        let user_id = short(USER_ID, &mut rest)?;
        let app_id = short(APP_ID, &mut rest)?;
        let cluster_id = short(CLUSTER_ID, &mut rest)?;
        if !rest.is_empty() {
            return Err(Syntax::TrailingBytes);
        }
        Ok(Self {
            content_type,
            content_encoding,
            headers,
            delivery_mode,
            priority,
            correlation_id,
            reply_to,
            expiration,
            message_id,
            timestamp,
            kind,
            user_id,
            app_id,
            cluster_id,
        })
    }

    /// Appends the raw form.
    ///
    /// # Errors
    /// A short string of more than 255 bytes or headers of 4 GiB; nothing is appended then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), Unencodable> {
        let begin = out.len();
        let written = self.append(out);
        if written.is_err() {
            out.truncate(begin);
        }
        written
    }

    fn append(&self, out: &mut BytesMut) -> Result<(), Unencodable> {
        out.put_u16(self.flags());
        short(self.content_type, out)?;
        short(self.content_encoding, out)?;
        if let Some(headers) = self.headers {
            out.put_u32(long_len(headers.as_bytes())?);
            out.put_slice(headers.as_bytes());
        }
        out.extend(self.delivery_mode);
        out.extend(self.priority);
        short(self.correlation_id, out)?;
        short(self.reply_to, out)?;
        short(self.expiration, out)?;
        short(self.message_id, out)?;
        if let Some(timestamp) = self.timestamp {
            out.put_u64(timestamp);
        }
        short(self.kind, out)?;
        short(self.user_id, out)?;
        short(self.app_id, out)?;
        short(self.cluster_id, out)
    }

    fn flags(&self) -> u16 {
        [
            (self.content_type.is_some(), CONTENT_TYPE),
            (self.content_encoding.is_some(), CONTENT_ENCODING),
            (self.headers.is_some(), HEADERS),
            (self.delivery_mode.is_some(), DELIVERY_MODE),
            (self.priority.is_some(), PRIORITY),
            (self.correlation_id.is_some(), CORRELATION_ID),
            (self.reply_to.is_some(), REPLY_TO),
            (self.expiration.is_some(), EXPIRATION),
            (self.message_id.is_some(), MESSAGE_ID),
            (self.timestamp.is_some(), TIMESTAMP),
            (self.kind.is_some(), KIND),
            (self.user_id.is_some(), USER_ID),
            (self.app_id.is_some(), APP_ID),
            (self.cluster_id.is_some(), CLUSTER_ID),
        ]
        .into_iter()
        .fold(0, |flags, (set, flag)| if set { flags | flag } else { flags })
    }
}

/// `N` bytes if `flag` is set.
fn octets<const N: usize>(flag: u16, rest: &mut &[u8]) -> Result<Option<[u8; N]>, Syntax> {
    if flag == 0 {
        return Ok(None);
    }
    let (octets, after) = rest.split_first_chunk::<N>().ok_or(Syntax::Truncated)?;
    *rest = after;
    Ok(Some(*octets))
}

fn short(text: Option<&[u8]>, out: &mut BytesMut) -> Result<(), Unencodable> {
    if let Some(text) = text {
        out.put_u8(short_len(text)?);
        out.put_slice(text);
    }
    Ok(())
}
