use super::{ImportError, Imported, shortened};
use crate::hash::Hash;
use crate::users::User;

/// `name:hash` a line; empty lines and lines that begin with `#` say nothing (mosquitto_passwd(1)).
pub(super) fn parse(text: &str) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |wrong: String| ImportError::Line { line: at + 1, wrong };
        let (name, hash) = line.split_once(':').ok_or_else(|| wrong("it is not `name:hash`".to_owned()))?;
        let hash = Hash::parse(hash).map_err(|error| wrong(format!("user {:?}: {error}", shortened(name))))?;
        imported.users.push(User { hash: Some(hash), ..User::new(name) });
    }
    Ok(imported)
}
