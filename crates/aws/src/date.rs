//! Points of time as AWS signatures write them: `YYYYMMDDTHHMMSSZ` (ISO 8601, basic format).

use model::Time;

const DAY: u64 = 86_400_000;
/// Years that are understood.
const YEARS: std::ops::RangeInclusive<u64> = 1970..=9999;

/// `None` for anything that is not exactly of this form, or no such day.
pub(crate) fn read(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(9..11)?, number(11..13)?, number(13..15)?);
    let is_day = YEARS.contains(&year) && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_day || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_before(year) + (1..month).map(|earlier| days_of(year, earlier)).sum::<u64>() + day - 1;
    Some(Time(days * DAY + ((hour * 60 + minute) * 60 + second) * 1_000))
}

pub(crate) fn written(time: Time) -> String {
    let (mut days, rest) = (time.0 / DAY, time.0 % DAY / 1_000);
    // A guess that is never too late, and few years too early.
    let mut year = 1970 + days / 366;
    while days_before(year + 1) <= days {
        year += 1;
    }
    days -= days_before(year);
    let mut month = 1;
    while days >= days_of(year, month) {
        days -= days_of(year, month);
        month += 1;
    }
    let day = days + 1;
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Days from 1970 to the beginning of this year.
fn days_before(year: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn days_of(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn well_known_times() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20150830T123600Z", 1_440_938_160),
            ("20270115T080000Z", 1_800_000_000),
            ("99991231T235959Z", 253_402_300_799),
        ] {
            assert_eq!(read(text), Some(Time(seconds * 1_000)), "{text}");
            assert_eq!(written(Time(seconds * 1_000 + 999)), text);
        }
        for wrong in [
            "",
            "2015-08-30T12:36Z",
            "20150830T123600",
            "20150830T123600z",
            "20150230T000000Z",
            "20151330T000000Z",
            "20150830T240000Z",
            "19690830T000000Z",
            "20150830T12360+Z",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0u64..253_402_300_800, other: String) {
            let time = Time(seconds * 1_000);
            prop_assert_eq!(read(&written(time)), Some(time));
            let _ = read(&other);
        }
    }
}
