//! Sizes and spans as people write them.

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

const SPANS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, &'static str> {
    parse(text, SIZES).ok_or("write a size like 4096, 64KiB or 10MiB")
}

/// Milliseconds.
pub(super) fn parse_duration(text: &str) -> Result<u64, &'static str> {
    parse(text, SPANS).ok_or("write a time like 500ms, 10s, 5m, 12h or 7d")
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// `512 B`, `1.5 KiB`, `12.0 MiB`.
pub(super) fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024.0 is 1.0 of the next one.
    while value >= 1023.95 {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// The largest unit only: `850ms`, `5s`, `3m`, `2h`, `4d`.
pub(super) fn show_span(milliseconds: u64) -> String {
    let (unit, factor) = SPANS.iter().rev().find(|(_, factor)| milliseconds >= *factor).unwrap_or(&("s", 1_000));
    format!("{}{unit}", milliseconds / factor)
}

/// UTC, as RFC 3339 writes it: `2026-01-31T12:00:05.123Z`.
pub fn show_time(milliseconds: u64) -> String {
    let (days, within) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (within / 3_600_000, within / 60_000 % 60);
    let (second, fraction) = (within / 1_000 % 60, within % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, a leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_read() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_duration("5m"), Ok(300_000));
        for wrong in ["", "KiB", "-1", "1.5MiB", "1 KiB", "99999999TiB", "5x"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert!(parse_duration("5").is_err() && parse_duration("213503982335d").is_err());
    }

    #[test]
    fn sizes_and_spans_are_short() {
        let sizes = [0, 1023, 1024, 1536, 1_048_524, 1_048_525, 12 << 20, u64::MAX].map(show_size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1023.9 KiB", "1.0 MiB", "12.0 MiB", "16.0 EiB"]);
        let spans = [0, 850, 1_000, 59_999, 60_000, 7_200_000, 400 * 86_400_000].map(show_span);
        assert_eq!(spans, ["0s", "850ms", "1s", "59s", "1m", "2h", "400d"]);
    }

    #[test]
    fn times_are_calendar_times() {
        assert_eq!(show_time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(show_time(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(show_time(1_709_251_199_999), "2024-02-29T23:59:59.999Z");
        assert_eq!(show_time(1_772_323_200_000), "2026-03-01T00:00:00.000Z");
        assert_eq!(show_time(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }
}
