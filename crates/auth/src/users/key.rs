use super::Wrong;
use super::names::check_name;
use crate::keys::Sealed;

pub(super) const MIN_KEY_ID: usize = 4;
/// Bytes of an access key's id.
pub const MAX_KEY_ID: usize = 128;
/// Digits of an AWS account number.
pub(super) const MAX_ACCOUNT: usize = 12;

/// An access key: with its secret, a program signs requests as its user (AWS Signature Version 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What programs call `AWS_ACCESS_KEY_ID`.
    pub id: String,
    pub user: String,
    pub secret: Sealed,
    /// 12 digits; `None`: the broker's own.
    pub account: Option<String>,
    /// Seconds since the Unix epoch.
    pub created: u64,
    pub disabled: bool,
}

/// Whether an access key may have this id: 4 to [`MAX_KEY_ID`] letters, digits, `-`, `_` and `.`.
pub fn is_key_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (MIN_KEY_ID..=MAX_KEY_ID).contains(&id.len()) && id.bytes().all(plain)
}

impl Key {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        check_name(&self.user)?;
        if !is_key_id(&self.id) {
            return Err(Wrong::KeyId);
        }
        let is_account = |text: &String| text.len() == MAX_ACCOUNT && text.bytes().all(|byte| byte.is_ascii_digit());
        match &self.account {
            Some(account) if !is_account(account) => Err(Wrong::Account),
            _ => Ok(()),
        }
    }
}
