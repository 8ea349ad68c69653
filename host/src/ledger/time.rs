//! The time of the ledger: what the clock says, but never earlier than the newest event, and only as long as the clock
//! fits the journal and 46elks's own clock (pure).

use super::unavailable::{Unavailable, Whose};
use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};
use std::time::Duration;

/// How far clocks may be apart.
pub(crate) const TOLERANCE: TimeDelta = TimeDelta::seconds(300);

/// What 46elks's clock said, and how long ago that was by a clock that nobody can set. That one may stand still while
/// the computer sleeps.
pub(super) type Seen = (DateTime<Utc>, Duration);

/// What the ledger does about its time.
#[derive(Debug)]
pub(super) enum Ruling {
    /// It is this time.
    Now(DateTime<Utc>),
    /// It is this time, and later events of the journal were dated by a wrong clock.
    Redate(DateTime<Utc>),
    /// Nobody knows what time it is.
    Wrong(Unavailable),
}

/// The time by which a send is judged. A clock that is ahead of 46elks's may be right, if the computer slept; then a
/// new answer of 46elks confirms it.
pub(super) fn rule(whose: Whose, ours: DateTime<Utc>, newest: Option<DateTime<Utc>>, server: Option<Seen>) -> Ruling {
    let wrong = |server| Ruling::Wrong(Unavailable::Clock { whose, ours, newest, server });
    if !is_written(ours) {
        return wrong(None);
    }
    let server = server.and_then(now_there);
    if server.is_some_and(|server| differ(ours, server)) {
        return wrong(server);
    }
    match newest {
        Some(newest) if newest - ours > TOLERANCE && server.is_some() => Ruling::Redate(in_milliseconds(ours)),
        Some(newest) if newest - ours > TOLERANCE => wrong(None),
        _ => Ruling::Now(never_back(ours, newest)),
    }
}

/// Whether 46elks's clock agrees that it is this time. Without an answer of 46elks it does not.
pub(super) fn is_confirmed(now: DateTime<Utc>, server: Option<Seen>) -> bool {
    is_written(now) && server.and_then(now_there).is_some_and(|server| !differ(now, server))
}

/// Whether the journal can have this time: its years have four digits.
pub(super) fn is_written(time: DateTime<Utc>) -> bool {
    (1970..=9999).contains(&time.year())
}

/// What 46elks's clock says now.
fn now_there((time, since): Seen) -> Option<DateTime<Utc>> {
    time.checked_add_signed(TimeDelta::from_std(since).ok()?)
}

/// Whether clocks are too far apart.
fn differ(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    (one - other).abs() > TOLERANCE
}

/// The time of an event that is recorded whatever the clock says.
pub(super) fn never_back(ours: DateTime<Utc>, newest: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let ours = if is_written(ours) { ours } else { DateTime::UNIX_EPOCH };
    newest.map_or(in_milliseconds(ours), |newest| newest.max(in_milliseconds(ours)))
}

/// The journal has whole milliseconds.
fn in_milliseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(3)
}

/// A time as the journal writes it: `2026-01-31T12:00:00.000Z`, and no other form.
pub(super) mod in_json {
    use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn text(time: &DateTime<Utc>) -> String {
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    pub(in super::super) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(time))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        parse(text.as_bytes()).ok_or_else(|| D::Error::custom("not a time of the journal"))
    }

    /// Several times faster than a general parser, which matters when 100,000 events are read.
    fn parse(text: &[u8]) -> Option<DateTime<Utc>> {
        let form = b"0000-00-00T00:00:00.000Z";
        let fits = |(c, form): (&u8, &u8)| if *form == b'0' { c.is_ascii_digit() } else { c == form };
        if text.len() != form.len() || !text.iter().zip(form).all(fits) {
            return None;
        }
        let number = |from: usize, to: usize| text[from..to].iter().fold(0, |sum, c| sum * 10 + u32::from(c - b'0'));
        NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)).ok()?, number(5, 7), number(8, 10))?
            .and_hms_milli_opt(number(11, 13), number(14, 16), number(17, 19), number(20, 23))
            .map(|time| time.and_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_769_860_800 + seconds, 0).expect("is a time")
    }

    /// What 46elks's clock said so many seconds ago.
    fn server(time: i64, since: u64) -> Option<Seen> {
        Some((at(time), Duration::from_secs(since)))
    }

    #[test]
    fn the_clock_must_fit_the_journal_and_the_server() {
        const HOUR: i64 = 3600;
        let words =
            |ours: i64, newest: Option<i64>, server| match rule(Whose::Computer, at(ours), newest.map(at), server) {
                Ruling::Now(now) => format!("now {}", (now - at(0)).num_seconds()),
                Ruling::Redate(now) => format!("redate {}", (now - at(0)).num_seconds()),
                Ruling::Wrong(Unavailable::Clock { server: Some(server), .. }) => {
                    format!("server {}", (server - at(0)).num_seconds())
                }
                Ruling::Wrong(_) => "behind the journal".into(),
            };
        for (ours, newest, server, expected) in [
            // Without an answer of 46elks only the journal is known.
            (0, None, None, "now 0"),
            (0, Some(-HOUR), None, "now 0"),
            (0, Some(300), None, "now 300"),
            (0, Some(301), None, "behind the journal"),
            // A program that was not used for a year.
            (365 * 24 * HOUR, Some(0), None, "now 31536000"),
            // 46elks agrees with the clock: the journal is what is wrong.
            (0, Some(HOUR), server(0, 0), "redate 0"),
            (0, Some(HOUR), server(-300, 0), "redate 0"),
            (0, Some(200), server(0, 0), "now 200"),
            (300, None, server(0, 0), "now 300"),
            // 46elks does not agree.
            (0, None, server(-301, 0), "server -301"),
            (0, None, server(301, 0), "server 301"),
            (0, Some(HOUR), server(HOUR, 0), "server 3600"),
            // The clock was set back by an hour since.
            (-HOUR, Some(0), server(0, 10), "server 10"),
            // It was set right since.
            (10, Some(0), server(0, 10), "now 10"),
            // It was right then and is an hour ahead now: it was set, or the computer slept.
            (HOUR, Some(0), server(0, 10), "server 10"),
            (HOUR, Some(2 * HOUR), server(0, 10), "server 10"),
        ] {
            assert_eq!(words(ours, newest, server), expected, "{ours} {newest:?} {server:?}");
        }
    }

    #[test]
    fn a_time_without_four_digits_of_a_year_is_never_written() {
        let far = DateTime::from_timestamp(253_402_300_800, 0).expect("is a time");
        assert!(matches!(rule(Whose::Server, far, None, None), Ruling::Wrong(_)));
        assert_eq!(never_back(far, Some(at(0))), at(0));
        assert!(!is_confirmed(far, Some((far, Duration::ZERO))));
    }

    #[test]
    fn a_clock_is_confirmed_by_46elks_alone() {
        assert!(!is_confirmed(at(0), None));
        for (ours, expected) in [(-291, false), (-290, true), (310, true), (311, false)] {
            assert_eq!(is_confirmed(at(ours), server(0, 10)), expected, "{ours}");
        }
    }

    #[test]
    fn no_time_is_too_far_to_be_compared() {
        let far = [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, at(0), DateTime::<Utc>::MAX_UTC];
        for (ours, there) in far.iter().flat_map(|ours| far.iter().map(move |there| (*ours, *there))) {
            for since in [Duration::ZERO, Duration::from_secs(1 << 40), Duration::MAX] {
                let seen = Some((there, since));
                assert!(!matches!(rule(Whose::Computer, ours, Some(there), seen), Ruling::Redate(_)), "{ours} {there}");
                assert!(!is_confirmed(ours, seen) || ours == there);
                assert!(is_written(never_back(ours, None)));
            }
        }
    }

    proptest! {
        #[test]
        fn the_time_never_goes_back_but_by_a_new_date(ours in -10_000i64..10_000, newest in -10_000i64..10_000) {
            if let Ruling::Now(now) = rule(Whose::Computer, at(ours), Some(at(newest)), None) {
                prop_assert!(now >= at(newest) && now >= at(ours) && now <= at(ours) + TOLERANCE);
            }
            prop_assert!(never_back(at(ours), Some(at(newest))) >= at(newest));
        }

        #[test]
        fn times_are_read_as_they_were_written(milliseconds in 0i64..253_402_300_800_000) {
            #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
            struct At(#[serde(with = "in_json")] DateTime<Utc>);
            let time = At(DateTime::from_timestamp_millis(milliseconds).expect("is a time"));
            let text = serde_json::to_string(&time).expect("is JSON");
            prop_assert_eq!(text.len(), 26);
            prop_assert_eq!(serde_json::from_str::<At>(&text).expect("is a time"), time);
        }
    }
}
