use super::Wrong;

/// Bytes of a user's or group's name.
pub const MAX_NAME: usize = 256;
/// Groups of one user.
pub const MAX_GROUPS: usize = 64;

/// Whether a user or group may be called so: 1 to [`MAX_NAME`] bytes, no control characters, no space around it.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(char::is_control) && name.trim() == name
}

pub(super) fn check_name(name: &str) -> Result<(), Wrong> {
    if is_name(name) { Ok(()) } else { Err(Wrong::Name(name.chars().take(MAX_NAME).collect())) }
}
