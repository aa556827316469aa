//! Which characters may stand where, and fast scans for those that may not.

const EVERY: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether one of 8 bytes is below `limit` (at most 0x80).
const fn has_below(word: u64, limit: u8) -> bool {
    word.wrapping_sub(EVERY * limit as u64) & !word & HIGH != 0
}

/// Whether one of 8 bytes is `byte`.
const fn has_byte(word: u64, byte: u8) -> bool {
    has_below(word ^ (EVERY * byte as u64), 1)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().expect("chunks of 8 bytes")))
}

/// Whether a message may consist of this: #x9, #xA, #xD, #x20–#xD7FF, #xE000–#xFFFD, #x10000–#x10FFFF.
pub(crate) fn is_speakable(text: &str) -> bool {
    let bytes = text.as_bytes();
    let calm = words(bytes).take_while(|word| !has_below(*word, 0x20) && !has_byte(*word, 0xef)).count() * 8;
    // 0xEF begins U+F000–U+FFFF; it cannot be cut off from what follows, because the scan stops before its word.
    bytes[calm..].iter().enumerate().all(|(i, byte)| match byte {
        b'\t' | b'\n' | b'\r' => true,
        0..0x20 => false,
        0xef => !matches!(bytes.get(calm + i + 1..calm + i + 3), Some([0xbf, 0xbe | 0xbf])),
        _ => true,
    })
}

/// How many bytes at the front a JSON string can hold as they are.
pub(crate) fn json_clean(bytes: &[u8]) -> usize {
    let dirty = |word: u64| has_below(word, 0x20) || has_byte(word, b'"') || has_byte(word, b'\\');
    let calm = words(bytes).take_while(|word| !dirty(*word)).count() * 8;
    let rest = &bytes[calm..];
    calm + rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')).unwrap_or(rest.len())
}

/// 1–80 of alphanumeric, hyphen, underscore: queue names without `.fifo`, and batch entry ids.
pub(crate) fn is_plain_name(text: &str) -> bool {
    (1..=80).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// 1–128 of alphanumeric and punctuation: message group ids.
pub(crate) fn is_group_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// An AWS account: 12 digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_may_not_hold_control_characters() {
        assert!(is_speakable("tab\tline\r\nÄ – 😀 \u{fffd}\u{e000}\u{7f}"));
        for bad in ["\0", "\u{8}", "long enough for a word \u{1b}", "\u{fffe}", "12345678\u{ffff}"] {
            assert!(!is_speakable(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn scans_agree_with_the_plain_definitions(text in "[\u{0}-\u{7f}\u{ef}\u{fff0}-\u{ffff}😀é]{0,40}") {
            let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            prop_assert_eq!(is_speakable(&text), text.chars().all(allowed));
            let clean = text.bytes().take_while(|b| *b >= 0x20 && *b != b'"' && *b != b'\\').count();
            prop_assert_eq!(json_clean(text.as_bytes()), clean);
        }
    }
}
