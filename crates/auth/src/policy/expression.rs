//! Regular expressions on names, as RabbitMQ's permissions have them: not anchored, and the empty one is no name's.

use std::collections::BTreeMap;

use regex::bytes::{Regex, RegexBuilder};

/// Longest expression, in bytes.
pub(super) const MAX_TEXT: usize = 4_096;
/// What one expression may take compiled, in bytes, and again for its cache.
const MAX_COMPILED: usize = 256 << 10;
const MAX_NESTING: u32 = 50;

const VARIABLES: [&str; 3] = ["{username}", "{vhost}", "{client_id}"];

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Nothing,
    Everything,
    Regex(Regex),
    /// With places for what differs from client to client.
    Template(Box<str>),
}

/// What stands for the variables of a template; `None` has no value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variables<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) virtual_host: &'a str,
    pub(super) client: Option<&'a str>,
}

/// Each text is compiled once.
#[derive(Debug, Default)]
pub(super) struct Pool(BTreeMap<String, Regex>);

impl Expression {
    /// # Errors
    /// Why it cannot be used, to follow "must be a regular expression: ".
    pub(super) fn parse(text: &str, variables: bool, pool: &mut Pool) -> Result<Self, String> {
        match text {
            "" | "^$" => Ok(Self::Nothing),
            ".*" | "^.*" | "^.*$" | ".*$" => Ok(Self::Everything),
            _ if text.len() > MAX_TEXT => Err(format!("longer than {MAX_TEXT} bytes")),
            _ if variables && VARIABLES.iter().any(|variable| text.contains(variable)) => {
                if has_variable_in_class(text) {
                    return Err("a variable cannot stand in brackets".to_owned());
                }
                // It must be one also with what is to come: found out with harmless words.
                let example = Variables { user: Some("u"), virtual_host: "v", client: Some("c") };
                compile(&substitute(text, example).unwrap_or_default())?;
                Ok(Self::Template(text.into()))
            }
            _ => {
                if let Some(regex) = pool.0.get(text) {
                    return Ok(Self::Regex(regex.clone()));
                }
                let regex = compile(text)?;
                pool.0.insert(text.to_owned(), regex.clone());
                Ok(Self::Regex(regex))
            }
        }
    }

    pub(super) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Nothing | Self::Template(_) => false,
            Self::Everything => true,
            Self::Regex(regex) => regex.is_match(name),
        }
    }

    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// For one client. What it calls itself is taken literally; a variable without a value makes it nobody's.
    pub(super) fn resolved(&self, variables: Variables<'_>) -> Self {
        let Self::Template(text) = self else { return self.clone() };
        match substitute(text, variables).map(|text| compile(&text)) {
            Some(Ok(regex)) => Self::Regex(regex),
            // Too large with this name in it.
            Some(Err(_)) | None => Self::Nothing,
        }
    }
}

/// In one pass, so that a name that is itself written like a variable stays what it is.
fn substitute(text: &str, variables: Variables<'_>) -> Option<String> {
    let values = [variables.user, Some(variables.virtual_host), variables.client];
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match VARIABLES.iter().position(|variable| rest.starts_with(variable)) {
            Some(which) => {
                // No flag of the expression may make more of a name than it is.
                out.push_str("(?-ix:");
                out.push_str(&regex::escape(values[which].filter(|value| !value.is_empty())?));
                out.push(')');
                rest = &rest[VARIABLES[which].len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

/// A character class takes its characters one by one: what stands there is no name.
fn has_variable_in_class(text: &str) -> bool {
    let (mut depth, mut at) = (0_u32, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => {
                depth += 1;
                at += usize::from(bytes.get(at + 1) == Some(&b'^'));
                // A first bracket is one of the characters.
                at += usize::from(bytes.get(at + 1) == Some(&b']'));
            }
            b']' => depth = depth.saturating_sub(1),
            b'{' if depth > 0 && VARIABLES.iter().any(|variable| text[at..].starts_with(variable)) => return true,
            _ => {}
        }
        at += 1;
    }
    false
}

fn compile(text: &str) -> Result<Regex, String> {
    let built =
        RegexBuilder::new(text).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).nest_limit(MAX_NESTING).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("it takes more than {limit} bytes"),
        // The parser draws a picture; its last line says why.
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}
