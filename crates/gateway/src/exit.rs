use std::fmt::Display;
use std::path::Path;

/// Why the process ends, in one line or, for the configuration, one line a mistake.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 2.
    Configuration(String),
    /// Exit code 1.
    Start(String),
    /// While running; exit code 70 (EX_SOFTWARE).
    Fatal(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Configuration(text) | Self::Start(text) | Self::Fatal(text)) = self;
        f.write_str(text)
    }
}

impl Failure {
    pub(crate) fn store(data: &Path, error: impl Display) -> Self {
        Self::Start(format!("data folder {}: {error}", data.display()))
    }

    /// Says why on standard error and ends the process.
    pub(crate) fn exit(&self) -> ! {
        let (text, code) = match self {
            Self::Configuration(text) => (text, 2),
            Self::Start(text) => (text, 1),
            Self::Fatal(text) => (text, 70),
        };
        for line in text.lines() {
            eprintln!("causeway: {line}");
        }
        std::process::exit(code)
    }
}
