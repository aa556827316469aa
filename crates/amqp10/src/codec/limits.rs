//! What a peer may make this side read, hold or recurse into. Every limit has a name.

/// Values inside values: lists, maps, arrays and descriptors below the outermost value of a field or section.
pub const MAX_DEPTH: usize = 32;

/// How many values the fields of one performative may hold together, however they are nested; and the annotations and
/// properties of one message.
pub const MAX_VALUES: usize = 16_384;

/// Elements of arrays that take no bytes (null, true, false, 0 and the empty list have such forms) let a count say
/// anything: so many there may be in one performative, value or message.
pub const MAX_ZERO_WIDTH: usize = 4_096;

/// How many sections a message's body may be cut into; one is usual.
pub const MAX_BODY_SECTIONS: usize = 1_024;

/// MIN-MAX-FRAME-SIZE (2.8.2): what every peer must be able to take, and all that may be sent before an open.
pub const MIN_MAX_FRAME_SIZE: u32 = 512;

/// SASL frames should fit into 512 bytes (5.3.1), but tokens of OAuth and Kerberos do not.
pub const MAX_SASL_FRAME: u32 = 16 * 1024;

/// The limits of one direction of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole frame, as this side's open has said (2.7.1); before that, what it is going to say.
    pub max_frame: u32,
}
