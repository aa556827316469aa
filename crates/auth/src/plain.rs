use crate::hash::MAX_PASSWORD;
use crate::users::MAX_NAME;

/// Longer passwords may be tokens, which only a directory reads.
pub const MAX_TOKEN: usize = 16 << 10;

/// The message of SASL PLAIN: `[authzid] NUL user NUL password` (RFC 4616).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Plain<'a> {
    pub user: &'a str,
    pub password: &'a [u8],
}

/// That is no message of PLAIN; the text says why, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed PLAIN message: {0}")]
pub struct MalformedPlain(pub &'static str);

impl<'a> Plain<'a> {
    /// # Errors
    /// There are not three parts, they are too long, or the client wants to act for somebody else than itself.
    pub fn parse(message: &'a [u8]) -> Result<Self, MalformedPlain> {
        if message.len() > 2 * MAX_NAME + 2 + MAX_TOKEN.max(MAX_PASSWORD) {
            return Err(MalformedPlain("it is too long"));
        }
        let mut parts = message.split(|byte| *byte == 0);
        let (Some(authzid), Some(user), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MalformedPlain("it has not three parts"));
        };
        let user = core::str::from_utf8(user).map_err(|_| MalformedPlain("the user's name is not UTF-8"))?;
        if user.len() > MAX_NAME {
            return Err(MalformedPlain("the user's name is too long"));
        }
        if !authzid.is_empty() && authzid != user.as_bytes() {
            return Err(MalformedPlain("it wants to act for another user"));
        }
        Ok(Self { user, password })
    }
}

impl core::fmt::Debug for Plain<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Plain").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_parts_are_read() {
        let plain = Plain { user: "alice", password: b"secret" };
        assert_eq!(Plain::parse(b"\0alice\0secret"), Ok(plain));
        assert_eq!(Plain::parse(b"alice\0alice\0secret"), Ok(plain));
        assert_eq!(Plain::parse(b"\0\0"), Ok(Plain { user: "", password: b"" }));
        assert!(!format!("{plain:?}").contains("115"));
    }

    #[test]
    fn everything_else_is_refused() {
        let long = "x".repeat(MAX_NAME + 1);
        let messages: [&[u8]; 7] = [
            b"",
            b"alice",
            b"alice\0secret",
            b"\0alice\0secret\0",
            b"bob\0alice\0secret",
            b"\0\xff\0secret",
            &[b"\0", long.as_bytes(), b"\0secret"].concat(),
        ];
        for message in messages {
            assert!(Plain::parse(message).is_err(), "{message:?}");
        }
        assert!(Plain::parse(&vec![b'x'; 1 << 20]).is_err());
    }

    proptest! {
        #[test]
        fn any_message_is_read_without_harm(message: Vec<u8>) {
            if let Ok(plain) = Plain::parse(&message) {
                prop_assert!(message.ends_with(plain.password));
            }
        }
    }
}
