use core::fmt;

use bytes::Bytes;

use crate::{Name, Token};

/// A client says who it is. The shell finds out whether that is true, and answers with a `Reply::Authenticated`, a
/// refusal, or an `Effect::Challenge`. Until then the connection is shown no further input: it leaves what it has in the
/// buffer, and is shown it again afterwards.
#[derive(Clone, Debug)]
pub struct Authenticate {
    pub token: Token,
    pub credentials: Credentials,
    /// What the client calls itself (MQTT's client id), if it has said so yet.
    pub client: Name,
}

/// What a client shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing. Who has a client certificate is its subject, where the listener says so; everybody else is anonymous.
    Nothing,
    Password {
        user: String,
        password: Secret,
    },
    /// The first message of a SASL mechanism that is not one of the above (RFC 4422): its name, and what the client sent
    /// along.
    Sasl {
        mechanism: String,
        response: Option<Secret>,
    },
    /// The answer to a challenge.
    Response(Secret),
    Signature(Box<Signature>),
}

/// A request signed by AWS Signature Version 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub access_key: String,
    /// `YYYYMMDD/region/service/aws4_request`.
    pub scope: String,
    pub string_to_sign: String,
    /// 64 hexadecimal digits.
    pub signature: String,
}

/// Bytes that must not be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Bytes);

impl Secret {
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Secret {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The ways to log in that a listener offers by SASL, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanisms {
    /// The client's certificate says who it is.
    pub external: bool,
    pub scram_sha_256: bool,
    /// A password as it is: PLAIN, and AMQP 0-9-1's AMQPLAIN.
    pub plain: bool,
    pub anonymous: bool,
}

impl Mechanisms {
    /// What is offered where everybody is let in.
    pub const OPEN: Self = Self { external: false, scram_sha_256: false, plain: true, anonymous: true };

    /// Their registered names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.external, "EXTERNAL"),
            (self.scram_sha_256, "SCRAM-SHA-256"),
            (self.plain, "PLAIN"),
            (self.anonymous, "ANONYMOUS"),
        ];
        all.into_iter().filter_map(|(offered, name)| offered.then_some(name))
    }
}
