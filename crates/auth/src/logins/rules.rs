use crate::attempts::AttemptLimits;
use crate::hash::Cost;

/// What the settings say of logins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who somebody without credentials is; `None`: nobody, they are refused.
    pub anonymous: Option<String>,
    pub certificate_user: CertificateUser,
    /// Of new hashes.
    pub cost: Cost,
}

/// Who somebody with a client certificate is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateUser {
    /// The user that names it in the users file.
    #[default]
    Mapped,
    /// That one, or else whoever its common name says, also if the users file does not know the name.
    CommonName,
}

/// How much is remembered. Set once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginLimits {
    pub attempts: AttemptLimits,
    /// Milliseconds that a right password is remembered; 0: never.
    pub cache_lifetime: u64,
    pub cache_entries: usize,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self { attempts: AttemptLimits::default(), cache_lifetime: 600_000, cache_entries: 65_536 }
    }
}
