/// What a peer may send at most. Nothing is reserved for a length that it merely announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Header lines of one frame.
    pub headers: usize,
    /// Bytes of one header line.
    pub line: usize,
    /// Bytes of all header lines of one frame.
    pub block: usize,
    /// Bytes of the body of a SEND, MESSAGE or ERROR.
    pub body: usize,
}

impl Limits {
    /// Bytes of the body of a frame that has none by the specification. It is ignored, as in other brokers.
    pub const STRAY_BODY: usize = 4 * 1024;

    pub const fn with_body(body: usize) -> Self {
        Self { headers: 1_000, line: 32 * 1024, block: 64 * 1024, body }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::with_body(64 * 1024 * 1024)
    }
}
