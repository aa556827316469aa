//! Sizes and durations as people write them: `512MiB`, `8GB`, `4096`; `500ms`, `10s`, `7d`.

use std::time::Duration;

/// Of two forms that are equally short, the earlier one is written.
const SIZES: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

/// Milliseconds; largest first.
const DURATIONS: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes of `512MiB`, `8 GB` or a plain number of bytes; `None` if it is none of them or does not fit.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = if unit.is_empty() { 1 } else { factor(SIZES, unit)? };
    number.checked_mul(factor)
}

/// The exact size, without a fraction.
pub(crate) fn write_size(bytes: u64) -> String {
    write(SIZES, bytes).unwrap_or_else(|| bytes.to_string())
}

/// `500ms`, `10s`, `5m`, `12h`, `7d`; a number without a unit is none.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    Some(Duration::from_millis(number.checked_mul(factor(DURATIONS, unit)?)?))
}

/// The exact duration in whole milliseconds, without a fraction.
pub(crate) fn write_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    write(DURATIONS, millis).unwrap_or_else(|| "0s".to_owned())
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start_matches(' ')))
}

fn factor(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

/// The shortest exact form: `8GB`, not `7812500KiB`.
fn write(units: &[(&str, u64)], value: u64) -> Option<String> {
    let exact = units.iter().filter(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    exact.map(|(unit, factor)| format!("{}{unit}", value / factor)).min_by_key(String::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let table = [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("1KB", Some(1_000)),
            ("1KiB", Some(1_024)),
            ("512MiB", Some(512 << 20)),
            ("8 GB", Some(8_000_000_000)),
            ("2TiB", Some(2 << 40)),
            ("", None),
            ("MiB", None),
            ("-1", None),
            ("1.5GB", None),
            ("8gb", None),
            ("8G", None),
            ("8GB ", None),
            ("18446744073709551616", None),
            ("18446744073709551615KB", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_size(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations() {
        let table = [
            ("0s", Some(0)),
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("5m", Some(300_000)),
            ("12h", Some(43_200_000)),
            ("7d", Some(604_800_000)),
            ("10", None),
            ("10 sec", None),
            ("1h30m", None),
            ("-1s", None),
            ("18446744073709551615d", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_duration(text).map(|d| d.as_millis()), expected, "{text:?}");
        }
    }

    #[test]
    fn written_as_read() {
        for bytes in [0, 1, 999, 1_000, 1_024, 1 << 20, 3 << 30, 5_000_000_000, u64::MAX] {
            assert_eq!(parse_size(&write_size(bytes)), Some(bytes), "{bytes}");
        }
        assert_eq!(write_size(512 << 20), "512MiB");
        assert_eq!(write_size(8_000_000_000), "8GB");
        for millis in [0, 1, 999, 1_000, 90_000, 86_400_000, 86_400_001] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&write_duration(duration)), Some(duration), "{millis}");
        }
        assert_eq!(write_duration(Duration::from_secs(90)), "90s");
    }
}
