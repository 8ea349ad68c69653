//! The cursor of a history: where a result stopped, so that the next one continues there. Nothing is requested here.
//!
//! A cursor is `time~id`: after this message of that time, because other messages may have the same time. A cursor
//! without id is a time of 46elks itself, which stands between two pages.

use crate::{forms, times};

/// Where a history continues.
pub struct Cursor {
    /// The history begins before this time, in the form of the API.
    pub start: String,
    /// The last message that was returned, where the cursor names one.
    pub after: Option<After>,
}

/// The last message that was returned.
pub struct After {
    /// When it was created, in the form of results.
    pub time: String,
    /// Its id.
    pub id: String,
}

impl Cursor {
    /// Reads a cursor; `None` when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((time, id)) = text.split_once('~') else {
            // A time of 46elks stays as it is: cut to milliseconds, it would leave messages out.
            let of_api = forms::is_api_time(text) && times::from_api(text).is_some();
            let start = if of_api { text.into() } else { times::to_api(text).ok()? };
            return Some(Self { start, after: None });
        };
        let start = times::just_after(time).filter(|_| forms::is_message_id(id))?;
        Some(Self { start, after: Some(After { time: times::from_api(time)?, id: id.into() }) })
    }

    /// Writes the cursor of a message, from the time when it was created (in the form of results) and its id.
    pub fn write(created: &str, id: &str) -> String {
        format!("{}~{id}", created.trim_end_matches('Z'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = Cursor::write("2026-01-31T12:00:02.000Z", "s1");
        assert_eq!(text, "2026-01-31T12:00:02.000~s1");
        let cursor = Cursor::parse(&text).expect("is a cursor");
        assert_eq!(cursor.start, "2026-01-31T12:00:02.001", "messages of the same time are requested again");
        let after = cursor.after.expect("names a message");
        assert_eq!((after.time.as_str(), after.id.as_str()), ("2026-01-31T12:00:02.000Z", "s1"));
    }

    #[test]
    fn a_cursor_without_id_is_a_time() {
        let cursor = Cursor::parse("2026-01-31T12:00:01").expect("is a cursor");
        assert_eq!((cursor.start.as_str(), cursor.after.is_none()), ("2026-01-31T12:00:01", true));
        // To the microsecond, as 46elks wrote it: a message of .429100 must be in the next result.
        let cursor = Cursor::parse("2026-01-31T12:00:00.429389").expect("is a cursor");
        assert_eq!(cursor.start, "2026-01-31T12:00:00.429389");
        let cursor = Cursor::parse("2026-01-31").expect("is a cursor");
        assert_eq!(cursor.start, "2026-01-31T00:00:00.000");
    }

    #[test]
    fn anything_else_is_no_cursor() {
        for text in ["", "x", "~", "~s1", "2026-01-31T12:00:00~", "2026-01-31T12:00:00~../me", "yesterday~s1"] {
            assert!(Cursor::parse(text).is_none(), "{text}");
        }
    }
}
