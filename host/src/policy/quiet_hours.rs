//! Quiet hours: spans of the day, on the clocks of a zone, in which nothing is sent. A span is what the clock on the
//! wall shows: when clocks are changed, it may be an hour shorter or longer.

use super::zones::Zone;
use chrono::{DateTime, Utc};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// If no moment of so many seconds is open, none ever is: every span is the same each day, but for changed clocks.
const SEARCHED: i64 = 8 * DAY;

/// A span of the day. Begin and end differ.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
struct Span {
    /// In seconds after midnight.
    begins: i64,
    /// In seconds after midnight; the first moment that is not in the span.
    ends: i64,
    zone: Zone,
}

/// When nothing is sent.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct QuietHours(BTreeSet<Span>);

/// Whether a moment is quiet, and when that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// It is not quiet.
    Open,
    /// It is quiet until then.
    Until {
        /// The first moment that is not quiet.
        opens: DateTime<Utc>,
        /// The same on the clocks of the zone: `08:00 Europe/Stockholm`.
        text: String,
    },
    /// The spans together leave no moment open.
    ForEver,
}

impl QuietHours {
    /// Adds a span as people write it: `21:00-08:00 Europe/Stockholm`. Says whether it is one.
    pub(crate) fn add(&mut self, entry: &str) -> bool {
        Span::parse(entry).map(|span| self.0.insert(span)).is_some()
    }

    /// The spans of both.
    pub(crate) fn union(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// Whether there is no span.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The spans in words, separated by commas.
    pub(crate) fn text(&self) -> String {
        let spans = self
            .0
            .iter()
            .map(|span| format!("{}-{} {}", time_of_day(span.begins), time_of_day(span.ends), span.zone.name()));
        spans.collect::<Vec<_>>().join(", ")
    }

    /// Whether some moment is open, in winter and in summer.
    pub(crate) fn can_open(&self) -> bool {
        // The middle of January and of July 2026, in seconds since 1970.
        [1_768_435_200, 1_784_073_600].into_iter().all(|at| self.opening(at).is_some())
    }

    /// Whether it is quiet at a moment, and until when.
    pub(crate) fn at(&self, moment: DateTime<Utc>) -> Quiet {
        match self.opening(moment.timestamp()) {
            Some((_, None)) => Quiet::Open,
            Some((opens, Some(last))) => match DateTime::from_timestamp(opens, 0) {
                Some(time) => Quiet::Until {
                    opens: time,
                    text: format!("{} {}", time_of_day(last.zone.wall_clock(opens)), last.zone.name()),
                },
                None => Quiet::ForEver,
            },
            None => Quiet::ForEver,
        }
    }

    /// The first moment from `from` on that is in no span, and the span that ended then, if one did.
    fn opening(&self, from: i64) -> Option<(i64, Option<&Span>)> {
        let (mut at, mut last) = (from, None);
        while at - from <= SEARCHED {
            let Some(span) = self.0.iter().find(|span| span.has(at)) else { return Some((at, last)) };
            at = span.end(at);
            last = Some(span);
        }
        None
    }
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (hours, zone) = text.split_once(|c: char| c.is_ascii_whitespace())?;
        let (begins, ends) = hours.split_once('-')?;
        let (begins, ends) = (seconds(begins)?, seconds(ends)?);
        // 24:00 is how people write a span that ends at midnight.
        let ends = ends % DAY;
        (begins < DAY && begins != ends).then_some(Self { begins, ends, zone: Zone::named(zone.trim())? })
    }

    /// Whether a moment is in the span.
    fn has(&self, at: i64) -> bool {
        let time = self.zone.wall_clock(at);
        if self.begins < self.ends {
            (self.begins..self.ends).contains(&time)
        } else {
            time >= self.begins || time < self.ends
        }
    }

    /// The first moment after one in the span that is not in it.
    fn end(&self, mut at: i64) -> i64 {
        loop {
            let end = at + (self.ends - self.zone.wall_clock(at)).rem_euclid(DAY);
            match self.zone.change(at, end) {
                None => return end,
                Some(change) if !self.has(change) => return change,
                Some(change) => at = change,
            }
        }
    }

    fn key(&self) -> (i64, i64, &str) {
        (self.begins, self.ends, self.zone.name())
    }
}

impl Ord for Span {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Span {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Span {}

/// A time of day like `08:00`, in seconds after midnight; `24:00` at most.
fn seconds(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let (hour, minute) = (number(hour).filter(|_| hour.len() <= 2)?, number(minute).filter(|_| minute.len() == 2)?);
    (minute < 60 && hour * 60 + minute <= 24 * 60).then_some((hour * 60 + minute) * 60)
}

/// Seconds after midnight as a time of day.
fn time_of_day(seconds: i64) -> String {
    format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quiet(entries: &[&str]) -> QuietHours {
        let mut hours = QuietHours::default();
        for entry in entries {
            assert!(hours.add(entry), "{entry}");
        }
        hours
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect(text)
    }

    #[test]
    fn quiet_hours_end_at_the_true_moment_over_midnight_and_changed_clocks() {
        const NIGHT: &str = "21:00-08:00 Europe/Stockholm";
        for (hours, now, opens, text) in [
            (NIGHT, "2026-01-15T20:00:00Z", "2026-01-16T07:00:00Z", "08:00 Europe/Stockholm"),
            (NIGHT, "2026-01-16T06:59:59.9Z", "2026-01-16T07:00:00Z", "08:00 Europe/Stockholm"),
            (NIGHT, "2026-07-15T19:00:00Z", "2026-07-16T06:00:00Z", "08:00 Europe/Stockholm"),
            // The night before 2026-03-29 has ten hours, the one before 2026-10-25 twelve.
            (NIGHT, "2026-03-28T20:00:00Z", "2026-03-29T06:00:00Z", "08:00 Europe/Stockholm"),
            (NIGHT, "2026-10-24T19:00:00Z", "2026-10-25T07:00:00Z", "08:00 Europe/Stockholm"),
            // The clocks jump over the end: 02:30 does not exist that night.
            ("01:00-02:30 Europe/Stockholm", "2026-03-29T00:10:00Z", "2026-03-29T01:00:00Z", "03:00 Europe/Stockholm"),
            // The clocks show 02:30 twice; the first time opens, and the second hour of two is quiet again.
            ("01:00-02:30 Europe/Stockholm", "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z", "02:30 Europe/Stockholm"),
            ("01:00-02:30 Europe/Stockholm", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "02:30 Europe/Stockholm"),
            ("12:00-24:00 UTC", "2026-02-28T12:00:00Z", "2026-03-01T00:00:00Z", "00:00 UTC"),
            ("22:00-06:00 america/new_york", "2026-03-08T03:00:00Z", "2026-03-08T10:00:00Z", "06:00 America/New_York"),
        ] {
            let expected = Quiet::Until { opens: time(opens), text: text.into() };
            assert_eq!(quiet(&[hours]).at(time(now)), expected, "{hours} at {now}");
        }
        for open in ["2026-01-15T19:59:59Z", "2026-01-16T07:00:00Z", "2026-03-28T19:59:59.999Z", "2026-10-25T07:00:00Z"]
        {
            assert_eq!(quiet(&[NIGHT]).at(time(open)), Quiet::Open, "{open}");
        }
    }

    #[test]
    fn spans_that_follow_each_other_open_after_the_last() {
        let hours = quiet(&["21:00-08:00 UTC", "07:30-09:00 UTC", "09:00-10:15 Europe/London"]);
        let opens = time("2026-01-16T10:15:00Z");
        assert_eq!(hours.at(time("2026-01-15T23:00:00Z")), Quiet::Until { opens, text: "10:15 Europe/London".into() });
        assert_eq!(hours.text(), "07:30-09:00 UTC, 09:00-10:15 Europe/London, 21:00-08:00 UTC");
    }

    #[test]
    fn spans_that_leave_no_moment_open_never_end() {
        let closed = quiet(&["00:00-12:00 UTC", "11:59-00:00 UTC"]);
        assert!(!closed.can_open() && closed.at(time("2026-01-15T23:00:00Z")) == Quiet::ForEver);
        assert!(!quiet(&["06:00-05:00 UTC", "06:00-07:00 Europe/London"]).can_open(), "open in one half of the year");
        assert!(quiet(&["00:00-12:00 UTC", "12:01-00:00 UTC"]).can_open());
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for entry in [
            "",
            "*",
            "21:00-08:00",
            "21:00-08:00 ",
            "21-08 UTC",
            "21:00 08:00 UTC",
            "21:00-21:00 UTC",
            "00:00-24:00 UTC",
            "24:00-08:00 UTC",
            "25:00-08:00 UTC",
            "21:60-08:00 UTC",
            "21:0-08:00 UTC",
            "+1:00-08:00 UTC",
            "021:00-08:00 UTC",
            "21:00-08:00 CET2",
            "21:00-08:00 Europe/Atlantis",
            "21:00-08:00 +01:00",
            "21:00-24:01 UTC",
            "21:00-08:00UTC",
            "9pm-8am UTC",
        ] {
            assert!(!QuietHours::default().add(entry), "{entry}");
        }
        assert!(QuietHours::default().add("9:00-10:00   UTC"));
    }

    proptest! {
        #[test]
        fn the_opening_is_the_first_open_moment(
            spans in prop::collection::vec((0_i64..24 * 60, 1_i64..24 * 60, 0_usize..4), 1..4),
            minutes in 0_i64..366 * 24 * 60,
        ) {
            let zones = ["Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"];
            let mut hours = QuietHours::default();
            for (begins, length, zone) in spans {
                let (begins, ends) = (begins * 60, (begins + length) * 60 % DAY);
                let entry = format!("{}-{} {}", time_of_day(begins), time_of_day(ends), zones[zone]);
                prop_assert!(hours.add(&entry));
            }
            let now = 1_767_225_600 + minutes * 60;
            // All clocks here are changed at whole minutes, so that it is enough to look at those.
            let first = (now..=now + SEARCHED).step_by(60).find(|at| !hours.0.iter().any(|span| span.has(*at)));
            prop_assert_eq!(hours.opening(now).map(|(at, _)| at), first);
        }
    }
}
