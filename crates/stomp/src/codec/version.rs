use std::fmt;

/// Versions differ in escapes, in line ends, and in what names a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// No escapes; spaces around names and values do not count.
    #[default]
    V10,
    /// `\n`, `\c` and `\\`.
    V11,
    /// `\r` too, and lines may end with CR LF.
    V12,
}

impl Version {
    pub const ALL: [Self; 3] = [Self::V10, Self::V11, Self::V12];

    pub const fn name(self) -> &'static str {
        match self {
            Self::V10 => "1.0",
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }

    /// The highest version that both sides speak (1.2, "Protocol Negotiation"). A client that names none speaks 1.0.
    pub fn negotiate(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept else { return Some(Self::V10) };
        let offers = |version: &Self| accept.split(',').any(|offer| offer.trim() == version.name());
        Self::ALL.into_iter().rev().find(offers)
    }

    pub const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::V10,
            1 => Self::V11,
            _ => Self::V12,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
