use bytes::Bytes;

use super::{Command, Headers, Version};

/// A frame. Headers and body are slices of the buffer it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub command: Command,
    /// The header lines as they came.
    pub block: Bytes,
    /// How they are escaped.
    pub version: Version,
    pub body: Bytes,
    /// It said how long its body is.
    pub has_length: bool,
}

impl Frame {
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(&self.block, self.version)
    }
}
