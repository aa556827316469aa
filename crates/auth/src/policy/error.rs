use core::fmt;

/// Everything that is wrong with a permissions file, in its order; printed one a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Errors(pub Vec<Error>);

/// One mistake. Its text is one line that names the line, the entry, the key, the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct Error {
    /// From 1.
    pub line: usize,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    #[error("not TOML: {0}")]
    Syntax(String),
    #[error("{what} over the limit of {most}")]
    Limit { what: &'static str, most: usize },
    #[error(
        "unknown table \"{0}\": the tables are [[destination]], [[temporary]], [[permission]], [[topic_permission]] and [[topic]]"
    )]
    UnknownTable(String),
    #[error("[[{table}]]: unknown key \"{key}\": the keys are {known}")]
    UnknownKey { table: &'static str, key: String, known: String },
    /// `value` is as it was written, shortened.
    #[error("[[{table}]]: {key} = {value}: must be {allowed}")]
    NotAllowed { table: &'static str, key: &'static str, value: String, allowed: String },
    #[error("[[{table}]] needs {what}")]
    Missing { table: &'static str, what: &'static str },
    #[error("[[{table}]]: {keys} cannot stand together")]
    Together { table: &'static str, keys: &'static str },
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// What was written, for an error line: shortened, without control characters.
pub(super) fn excerpt(written: &str) -> String {
    const CHARACTERS: usize = 60;
    let mut out = String::new();
    for c in written.chars().take(CHARACTERS) {
        if c.is_control() { out.extend(c.escape_debug()) } else { out.push(c) }
    }
    if written.chars().nth(CHARACTERS).is_some() {
        out.push('…');
    }
    out
}
