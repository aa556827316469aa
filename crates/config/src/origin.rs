use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value was set. Its text begins every error line: `causeway.toml:12:3`, `CAUSEWAY_DEV`, `--dev`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    source: Source,
    /// Line and column in characters, from 1, where the source is TOML.
    position: Option<(usize, usize)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    File(Arc<str>),
    Environment(Arc<str>),
    Flag(Arc<str>),
    Default,
}

impl Origin {
    pub(crate) const DEFAULT: Self = Self { source: Source::Default, position: None };

    pub(crate) fn file(path: &Path) -> Self {
        Self::of(Source::File(one_line(&path.display().to_string())))
    }

    pub(crate) fn environment(variable: &str) -> Self {
        Self::of(Source::Environment(one_line(variable)))
    }

    pub(crate) fn flag(flag: &str) -> Self {
        Self::of(Source::Flag(one_line(flag)))
    }

    /// The same source, at this line and column.
    pub(crate) fn at(&self, position: (usize, usize)) -> Self {
        Self { source: self.source.clone(), position: Some(position) }
    }

    /// Nobody set it.
    pub fn is_default(&self) -> bool {
        self.source == Source::Default
    }

    /// For people who look for the place: `causeway.toml:12`, `environment CAUSEWAY_DEV`, `flag --dev`, `default`.
    pub(crate) fn describe(&self) -> String {
        match (&self.source, self.position) {
            (Source::File(path), Some((line, _))) => format!("{path}:{line}"),
            (Source::File(path), None) => path.to_string(),
            (Source::Environment(variable), _) => format!("environment {variable}"),
            (Source::Flag(flag), _) => format!("flag {flag}"),
            (Source::Default, _) => "default".to_owned(),
        }
    }

    const fn of(source: Source) -> Self {
        Self { source, position: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File(name) | Source::Environment(name) | Source::Flag(name) => f.write_str(name)?,
            Source::Default => f.write_str("default")?,
        }
        match self.position {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// A path may hold line breaks, an error line may not.
fn one_line(name: &str) -> Arc<str> {
    if name.contains(char::is_control) { name.escape_debug().to_string().into() } else { name.into() }
}
