//! Text that clients chose must not speak to the terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` in one line, with what is no visible character written as an escape.
pub(super) fn one_line(text: &str) -> String {
    escape(text, false).into_owned()
}

/// The same with its line ends kept.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, true)
}

fn escape(text: &str, keeps_lines: bool) -> Cow<'_, str> {
    let escapes = |c: char| (c.is_control() && !(keeps_lines && c == '\n')) || turns_direction(c);
    if !text.contains(escapes) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if escapes(c) {
            let _ = write!(escaped, "{}", c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Marks that let text look like another (Unicode UAX #9, 2).
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_hear_nothing() {
        assert_eq!(one_line("plain é \"quoted\" \\"), "plain é \"quoted\" \\");
        assert_eq!(one_line("\u{1b}[31m\r\n\t\u{9b}"), "\\u{1b}[31m\\r\\n\\t\\u{9b}");
        assert_eq!(one_line("\u{202e}exe"), "\\u{202e}exe");
        assert_eq!(lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
