//! Times in three forms: of the API, of callers, and of results (`2026-01-31T12:00:00.000Z`). All are UTC. No clock is
//! read here.
//!
//! The calendar is chrono's. Its format strings are not used, because they would be a tenth of the component.

use crate::RuleError;
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use std::borrow::Cow;

/// A time of the API (with or without fraction, with or without `Z`) in the form of results: to the millisecond, with
/// `Z`.
pub fn from_api(api: &str) -> Option<String> {
    parse_api(api)?;
    // Date and time of day have their form now, so only the fraction is to be written anew: three digits.
    let (whole, fraction) = api.split_at("2026-01-31T12:00:00".len());
    let mut time = String::with_capacity("2026-01-31T12:00:00.000Z".len());
    time.push_str(whole);
    time.push('.');
    let digits = fraction.bytes().filter(u8::is_ascii_digit).map(char::from);
    time.extend(digits.chain(std::iter::repeat('0')).take(3));
    time.push('Z');
    Some(time)
}

/// A time in the form of results, to the second: `2026-01-31T12:00:00Z`. A text of another form stays as it is.
pub fn to_the_second(time: &str) -> Cow<'_, str> {
    match time.split_at_checked("2026-01-31T12:00:00".len()) {
        Some((whole, fraction)) if fraction.starts_with('.') => format!("{whole}Z").into(),
        _ => time.into(),
    }
}

/// A time of the API, one millisecond later. A request for messages before the result includes those of the time
/// itself.
pub fn just_after(api: &str) -> Option<String> {
    Some(format(parse_api(api)?.checked_add_signed(TimeDelta::milliseconds(1))?))
}

/// A time of a caller in the form of the API: UTC without zone. What ISO 8601 and RFC 3339 allow is taken: a date alone
/// (its midnight), a time to the minute or second with a fraction after a point or comma, 24:00 (the midnight at the
/// end of the day), and a zone like `Z`, `+01:00`, `+0100` or `+01`. A time without zone is in UTC. The basic form
/// without hyphens, weeks and days of the year are not taken.
///
/// # Errors
/// The text is not a time.
pub fn to_api(input: &str) -> Result<String, RuleError> {
    let time = parse(input.trim()).filter(|time| (1970..=9999).contains(&time.year()));
    time.map(format).ok_or_else(|| "it is not a time: write it like 2026-01-31T12:00:00Z".into())
}

/// Checks the window of a search: only messages before `start` and after `end`, both in the form of the API.
///
/// # Errors
/// No message can be in it, because `start` is not later than `end`.
pub fn window(start: &str, end: &str) -> Result<(), RuleError> {
    match (parse_api(start), parse_api(end)) {
        (Some(start), Some(end)) if start <= end => Err(format!(
            "start and end leave no time between them: messages are older than start and newer than end, so start must \
             be the later one{}",
            if start == end { "" } else { "; exchange the two" }
        )
        .into()),
        _ => Ok(()),
    }
}

/// Parses a time of the API: date and time without zone, in UTC. Each digit has its place, so that a page of times is
/// read quickly.
fn parse_api(api: &str) -> Option<NaiveDateTime> {
    let bare = api.strip_suffix('Z').unwrap_or(api).as_bytes();
    let (whole, fraction) = bare.split_at_checked("2026-01-31T12:00:00".len())?;
    let number = |place| digits(&whole[place]);
    let nanos = match fraction.strip_prefix(b".") {
        // Only the first nine digits of a fraction count: nanoseconds.
        Some(fraction) if !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) => {
            let first = &fraction[..fraction.len().min(9)];
            digits(first)? * 10_u32.pow(9 - u32::try_from(first.len()).ok()?)
        }
        None if fraction.is_empty() => 0,
        _ => return None,
    };
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(0..4)?).ok()?, number(5..7)?, number(8..10)?)?;
    let time = date.and_hms_nano_opt(number(11..13)?, number(14..16)?, number(17..19)?, nanos)?;
    ([4, 7, 10, 13, 16].map(|at| whole[at]) == *b"--T::").then_some(time)
}

/// The number that at most nine digits write; `None` when one is no digit.
fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

/// Parses a time of a caller.
fn parse(input: &str) -> Option<NaiveDateTime> {
    let Some((date, clock)) = input.split_once(['T', 't', ' ']) else { return at(input, "00:00") };
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return at(date, clock);
    }
    let Some(sign) = clock.find(['+', '-']) else { return at(date, clock) };
    let (clock, offset) = clock.split_at(sign);
    let [hours, minutes] = offset_of(offset.get(1..)?)?;
    let ahead = TimeDelta::minutes(i64::from(hours * 60 + minutes));
    let time = at(date, clock).filter(|_| hours < 24 && minutes < 60)?;
    if offset.starts_with('+') { time.checked_sub_signed(ahead) } else { time.checked_add_signed(ahead) }
}

/// Parses the offset of a zone without its sign: `01:00`, `0100` or `01`.
fn offset_of(offset: &str) -> Option<[u32; 2]> {
    if let Some([hours]) = numbers(offset, ':', [2]) {
        return Some([hours, 0]);
    }
    if let Some([whole]) = numbers(offset, ':', [4]) {
        return Some([whole / 100, whole % 100]);
    }
    numbers(offset, ':', [2, 2])
}

/// Parses a date and a time of day: `2026-01-31` and `12:00`, `12:00:00` or `12:00:00.5`. The midnight at
/// the end of the day may be written as `24:00` (ISO 8601).
fn at(date: &str, clock: &str) -> Option<NaiveDateTime> {
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let Some((clock, fraction)) = clock.split_once(['.', ',']) else {
        let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])
            .or_else(|| numbers(clock, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0]))?;
        if [hour, minute, second] == [24, 0, 0] {
            return date.succ_opt()?.and_hms_opt(0, 0, 0);
        }
        return date.and_hms_opt(hour, minute, second);
    };
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    // Only the first nine digits of a fraction count: nanoseconds.
    let digits = fraction.len().min(9);
    let [nanos] = numbers(fraction.get(..digits)?, '.', [digits])?;
    let whole = fraction.bytes().all(|b| b.is_ascii_digit());
    let nanos = nanos * 10_u32.pow(9 - u32::try_from(digits).ok()?);
    date.and_hms_nano_opt(hour, minute, second, nanos).filter(|_| whole && digits > 0)
}

/// Parses numbers with the given counts of digits and a separator between them, and nothing else.
fn numbers<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Formats a time to the millisecond.
fn format(time: NaiveDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.nanosecond() / 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_time_is_parsed() {
        for (api, expected) in [
            ("2021-12-30T20:35:32.429389", "2021-12-30T20:35:32.429Z"),
            ("2017-03-14T09:52:10Z", "2017-03-14T09:52:10.000Z"),
            ("2017-03-14T09:52:10", "2017-03-14T09:52:10.000Z"),
            ("2024-02-29T09:52:10.5", "2024-02-29T09:52:10.500Z"),
        ] {
            assert_eq!(from_api(api).as_deref(), Some(expected));
        }
        for (input, expected) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000"),
            ("2026-01-31t12:00:00z", "2026-01-31T12:00:00.000"),
            ("2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00.000"),
            ("2026-01-31T23:30:00.25-02:30", "2026-02-01T02:00:00.250"),
            ("2026-01-31T12:00:00.5", "2026-01-31T12:00:00.500"),
            ("2026-01-31T12:00:00.123456789012", "2026-01-31T12:00:00.123"),
            ("2026-01-31T12:00", "2026-01-31T12:00:00.000"),
            ("2026-01-31 12:00:00", "2026-01-31T12:00:00.000"),
            (" 2026-01-31 ", "2026-01-31T00:00:00.000"),
            ("2026-01-31T12:00:00+0100", "2026-01-31T11:00:00.000"),
            ("2026-01-31T12:00:00-0230", "2026-01-31T14:30:00.000"),
            ("2026-01-31T12:00+01", "2026-01-31T11:00:00.000"),
            ("2026-01-31T12:00:00,5Z", "2026-01-31T12:00:00.500"),
            ("2026-01-31T24:00", "2026-02-01T00:00:00.000"),
            ("2026-12-31T24:00:00+01:00", "2026-12-31T23:00:00.000"),
        ] {
            assert_eq!(to_api(input), Ok(expected.to_string()));
        }
    }

    #[test]
    fn a_result_shows_a_time_to_the_second() {
        for (time, shown) in [
            ("2026-01-31T12:00:00.999Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("yesterday", "yesterday"),
            ("", ""),
        ] {
            assert_eq!(to_the_second(time), shown);
        }
    }

    #[test]
    fn a_window_without_room_is_refused() {
        for (start, end, fits) in [
            ("2026-11-20T00:00:00.000", "2026-11-15T00:00:00.000", true),
            ("2026-11-15T00:00:00.001", "2026-11-15T00:00:00.000", true),
            ("2026-11-15T00:00:00.000", "2026-11-15T00:00:00.000", false),
            ("2026-11-15T00:00:00", "2026-11-15T00:00:00.000", false),
            ("2026-11-15T00:00:00.000", "2026-11-20T00:00:00.000", false),
        ] {
            assert_eq!(window(start, end).is_ok(), fits, "{start} {end}");
        }
    }

    #[test]
    fn anything_but_a_time_is_refused() {
        for nonsense in [
            "yesterday",
            "2026-13-01",
            "2025-02-29",
            "",
            "T",
            "2026-01-31T25:00:00Z",
            "2026-01-31T12:60:00Z",
            "2026-01-31T12:00:61Z",
            "2026-01-31T12:00:00.",
            "2026-01-31T12:00:00.5x",
            "2026-01-31T12:00:00+1:00",
            "2026-01-31T12:00:00+1",
            "2026-01-31T12:00:00+010",
            "2026-01-31T12:00:00+2400",
            "2026-01-31T12:00:00+0160",
            "2026-01-31T12:00:00,",
            "2026-01-31T24:01",
            "2026-01-31T24:00:00.5",
            "2026-01-31T24:00:01Z",
            "20260131T120000Z",
            "2026-01-31T12:00:00+24:00",
            "2026-01-31T12:00:00+",
            "2026-1-31",
            "+2026-01-31",
            "1969-12-31T23:59:59Z",
            "2026-01-31T12:00:00ZZ",
            "２０２６-01-31",
            "0000-01-01T00:00:00.5é",
        ] {
            assert!(to_api(nonsense).is_err(), "{nonsense}");
        }
        for nonsense in [
            "2026-01-31",
            "2026-01-31T12:00",
            "2026-01-31 12:00:00",
            "2026-01-31T12:00:00+01:00",
            "2026-01-31T12:00:00,5",
            "2026-01-31T24:00:00",
        ] {
            assert_eq!(from_api(nonsense), None, "{nonsense}");
        }
        assert_eq!(just_after("9999-12-31T23:59:59.999").as_deref(), Some("10000-01-01T00:00:00.000"));
    }

    /// A time of the API by the rules for callers, which take more forms.
    fn parse_as_of_a_caller(api: &str) -> Option<NaiveDateTime> {
        let bare = api.strip_suffix('Z').unwrap_or(api);
        let (date, clock) = bare.split_once('T')?;
        let has_its_form = clock.len() >= "12:00:00".len() && !clock.contains(',') && !clock.starts_with("24");
        at(date, clock).filter(|_| has_its_form)
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}", near in "[0-9]{4}[-0][0-9]{2}[-:][0-9]{2}[Tt ]?[0-9:.,]{0,18}[Zz+-]?[0-9:]{0,6}", usual in "[012][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.,][0-9]{0,12})?[Zz]?") {
            for text in [text, near, usual] {
                prop_assert_eq!(from_api(&text), parse_api(&text).map(|time| format!("{}Z", format(time))));
                prop_assert_eq!(parse_api(&text), parse_as_of_a_caller(&text));
                let _ = just_after(&text);
                if let Ok(time) = to_api(&text) {
                    prop_assert_eq!(to_api(&time), Ok(time.clone()));
                    prop_assert!(from_api(&time).is_some());
                }
            }
        }
    }
}
