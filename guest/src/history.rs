//! The search through the history, page by page. The form of requests and responses is in `api`; counting is elsewhere.

use crate::api::{self, PageJson, Purpose};
use crate::bindings::queries::{DirectionFilter, GetSmsMessagesRequest};
use crate::bindings::types::{Direction, Error, Message};
use crate::error::invalid;
use crate::fetch::{Fetch, Request};
use sms_rules::cursor::{After, Cursor};
use sms_rules::limits::{DEFAULT_HISTORY_LIMIT, DEFAULT_STATISTICS_LIMIT, MAX_PAGE, MAX_PAGES};
use sms_rules::{phone, times};

/// Whether a message was returned before the cursor: a newer one, or one of the same time up to and including the
/// cursor's own. The cursor is done, and becomes `None`, at the first message that was not.
fn skips(after: &mut Option<After>, message: &Message) -> bool {
    let Some(After { time, id }) = after else { return false };
    if message.created < *time {
        *after = None;
        return false;
    }
    if message.created == *time && message.id == *id {
        *after = None;
    }
    true
}

/// A search through the history.
pub(crate) struct Search {
    /// Only messages before this time, in the form of the API.
    start: Option<String>,
    /// Only messages after this time, in the form of the API.
    end: Option<String>,
    /// Only messages to this number, in E.164 form.
    to: Option<String>,
    /// Only messages of this direction.
    direction: DirectionFilter,
    /// The number of messages to find, 1 to [`MAX_PAGE`].
    limit: u32,
    /// The message after which an earlier search stopped.
    after: Option<After>,
}

/// The result of a search.
pub(crate) struct Found {
    /// The messages, newest first.
    pub(crate) messages: Vec<Message>,
    /// Where to read on, when there is more.
    pub(crate) cursor: Option<String>,
    /// Whether the search stopped before the end of the history and before the limit.
    pub(crate) stopped_early: bool,
    /// The number of rows that could not be read.
    pub(crate) unreadable: u32,
}

impl Search {
    /// The search that a request asks for.
    ///
    /// # Errors
    /// A time, number or cursor that is none.
    pub(crate) fn of_request(request: &GetSmsMessagesRequest) -> Result<Self, Error> {
        if request.start.is_some() && request.cursor.is_some() {
            return Err(Error::Invalid("start and cursor say the same thing: give one of them".into()));
        }
        let time = |name: &str, value: &Option<String>| {
            value.as_deref().map(times::to_api).transpose().map_err(|error| invalid(name, error))
        };
        let (start, after) = match &request.cursor {
            None => (time("start", &request.start)?, None),
            Some(cursor) => {
                let Cursor { start, after } = Cursor::parse(cursor)
                    .ok_or_else(|| invalid("cursor", "it is not one that get_sms_messages returned as next_cursor"))?;
                (Some(start), after)
            }
        };
        let end = time("end", &request.end)?;
        if let (Some(start), Some(end), None) = (&start, &end, &request.cursor) {
            times::window(start, end).map_err(|error| Error::Invalid(error.into()))?;
        }
        Ok(Self {
            start,
            end,
            to: request.to.as_deref().map(phone::e164).transpose().map_err(|error| invalid("to", error))?,
            direction: request.direction.unwrap_or(DirectionFilter::Both),
            limit: request.limit.unwrap_or(DEFAULT_HISTORY_LIMIT).clamp(1, MAX_PAGE),
            after,
        })
    }

    /// The search for the newest outbound messages.
    pub(crate) fn newest_outbound(limit: Option<u32>) -> Self {
        let limit = limit.unwrap_or(DEFAULT_STATISTICS_LIMIT).clamp(1, MAX_PAGE);
        Self { start: None, end: None, to: None, direction: DirectionFilter::Outbound, limit, after: None }
    }

    /// Collects the messages of the direction, each id once: 46elks cannot filter by direction, and messages of the
    /// same time may stand on two pages. At most [`MAX_PAGE`] messages are collected, so comparing each id with all of
    /// them is fast enough.
    ///
    /// # Errors
    /// A refusal of 46elks, or a response that is lost or no page.
    pub(crate) fn run(mut self, fetch: &impl Fetch) -> Result<Found, Error> {
        let mut found = Found { messages: Vec::new(), cursor: None, stopped_early: false, unreadable: 0 };
        let limit = self.limit as usize;
        for _ in 0..MAX_PAGES {
            let page = PageJson(api::read(fetch.fetch(&self.request()), Purpose::Query)?);
            let next = page.next();
            let (on_page, unreadable) = page.messages()?;
            found.unreadable += unreadable;
            let mut on_page = on_page.into_iter();
            for message in on_page.by_ref() {
                if !skips(&mut self.after, &message)
                    && self.wants(message.direction)
                    && found.messages.iter().all(|other| other.id != message.id)
                {
                    found.messages.push(message);
                    if found.messages.len() == limit {
                        break;
                    }
                }
            }
            if found.messages.len() == limit {
                // The rest of the page begins after the last message taken.
                let last = on_page.next().and(found.messages.last());
                let has_more = last.is_some() || next.is_some();
                found.cursor = match last {
                    Some(last) => Some(Cursor::write(&last.created, &last.id)),
                    None => next.flatten(),
                };
                // There is more, but 46elks does not say where.
                found.stopped_early = has_more && found.cursor.is_none();
                return Ok(found);
            }
            match next {
                None => return Ok(found),
                // A page that ends where it began would be requested again and again, and a value that is no time
                // cannot be requested.
                Some(next) if next.is_none() || next == self.start => {
                    found.stopped_early = true;
                    return Ok(found);
                }
                Some(next) => self.start = next,
            }
        }
        found.cursor = self.start;
        found.stopped_early = true;
        Ok(found)
    }

    /// The request for the next page. Without a filter every message counts, so the page need not be larger than the
    /// limit.
    fn request(&self) -> Request {
        let size = if self.direction == DirectionFilter::Both { self.limit } else { MAX_PAGE };
        api::history(self.start.as_deref(), self.end.as_deref(), self.to.as_deref(), size)
    }

    /// Whether messages of a direction are wanted.
    fn wants(&self, direction: Direction) -> bool {
        match self.direction {
            DirectionFilter::Both => true,
            DirectionFilter::Inbound => direction == Direction::Inbound,
            DirectionFilter::Outbound => direction == Direction::Outbound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{FetchError, Response};
    use std::cell::RefCell;

    /// A history of 46elks: pages in the order in which they are returned, and the requests for them.
    #[derive(Default)]
    struct History {
        pages: RefCell<Vec<String>>,
        requests: RefCell<Vec<String>>,
    }

    impl History {
        fn of(pages: &[&str]) -> Self {
            let pages = pages.iter().rev().map(ToString::to_string).collect();
            Self { pages: RefCell::new(pages), requests: RefCell::default() }
        }
    }

    impl Fetch for History {
        type Pending = Response;

        fn begin(&self, request: &Request) -> Result<Response, FetchError> {
            self.requests.borrow_mut().push(request.path.clone());
            let page = self.pages.borrow_mut().pop();
            page.map(|page| Response { status: 200, body: page.into() })
                .ok_or_else(|| FetchError::before("there is no further page"))
        }

        fn finish(&self, page: Response) -> Result<Response, FetchError> {
            Ok(page)
        }
    }

    /// A row of the history: `o` and `i` begin the ids of outbound and inbound messages.
    fn row(id: &str, second: u32) -> String {
        let direction = if id.starts_with('i') { "incoming" } else { "outgoing" };
        format!(r#"{{"id": "{id}", "direction": "{direction}", "created": "2026-01-31T12:00:{second:02}"}}"#)
    }

    fn page(rows: &[String], next: &str) -> String {
        format!(r#"{{"data": [{}], "next": {next}}}"#, rows.join(","))
    }

    fn request(limit: u32, direction: Option<DirectionFilter>, cursor: Option<&str>) -> GetSmsMessagesRequest {
        let cursor = cursor.map(Into::into);
        GetSmsMessagesRequest { limit: Some(limit), direction, start: None, end: None, to: None, cursor }
    }

    fn ids(found: &Found) -> Vec<&str> {
        found.messages.iter().map(|message| message.id.as_str()).collect()
    }

    fn run(request: GetSmsMessagesRequest, history: &History) -> Found {
        Search::of_request(&request).expect("is valid").run(history).expect("is found")
    }

    #[test]
    fn a_search_reads_pages_until_the_limit_and_continues_inside_a_page() {
        let first = page(&[row("o4", 4), row("o3", 3)], r#""2026-01-31T12:00:03""#);
        let second = page(&[row("o2", 2), row("o1", 1)], "null");
        let history = History::of(&[&first, &second]);
        let found = run(request(3, None, None), &history);
        assert_eq!((ids(&found), found.stopped_early), (vec!["o4", "o3", "o2"], false));
        assert_eq!(*history.requests.borrow(), ["/a1/sms?limit=3", "/a1/sms?limit=3&start=2026-01-31T12%3A00%3A03"]);
        let cursor = found.cursor.expect("there is more");
        assert_eq!(cursor, "2026-01-31T12:00:02.000~o2");

        let history = History::of(&[&second]);
        let rest = run(request(3, None, Some(&cursor)), &history);
        assert_eq!((ids(&rest), rest.cursor.as_deref()), (vec!["o1"], None));
        assert_eq!(*history.requests.borrow(), ["/a1/sms?limit=3&start=2026-01-31T12%3A00%3A02.001"]);
    }

    #[test]
    fn messages_of_one_time_are_returned_once_each() {
        let rows = ["o5", "o4", "o3", "o2"].map(|id| row(id, 1));
        let history = History::of(&[&page(&rows, "null")]);
        let found = run(request(2, None, None), &history);
        assert_eq!(ids(&found), ["o5", "o4"]);
        let history = History::of(&[&page(&rows, "null")]);
        let rest = run(request(4, None, found.cursor.as_deref()), &history);
        assert_eq!((ids(&rest), rest.cursor.as_deref()), (vec!["o3", "o2"], None));

        // The same message at the end of one page and at the beginning of the next.
        let (first, second) = (page(&[row("o2", 1)], r#""2026-01-31T12:00:01.001""#), page(&[row("o2", 1)], "null"));
        assert_eq!(ids(&run(request(9, None, None), &History::of(&[&first, &second]))), ["o2"]);
    }

    #[test]
    fn a_full_page_continues_at_46elkss_own_time() {
        let first = page(&[row("o2", 2), row("o1", 1)], r#""2026-01-31T12:00:01""#);
        let found = run(request(2, None, None), &History::of(&[&first]));
        assert_eq!(found.cursor.as_deref(), Some("2026-01-31T12:00:01"));
    }

    #[test]
    fn a_filter_by_direction_reads_whole_pages() {
        let rows = [row("o3", 3), row("i2", 2), row("o1", 1)];
        for (direction, expected) in
            [(DirectionFilter::Inbound, vec!["i2"]), (DirectionFilter::Outbound, vec!["o3", "o1"])]
        {
            let history = History::of(&[&page(&rows, "null")]);
            assert_eq!(ids(&run(request(5, Some(direction), None), &history)), expected);
            assert_eq!(*history.requests.borrow(), ["/a1/sms?limit=100"]);
        }
        let history = History::of(&[&page(&rows, "null")]);
        let found = Search::newest_outbound(Some(1000)).run(&history).expect("is found");
        assert_eq!(ids(&found), ["o3", "o1"]);
    }

    #[test]
    fn a_search_that_finds_too_little_stops_early() {
        let pages: Vec<String> = (1..=MAX_PAGES)
            .map(|at| page(&[row(&format!("i{at}"), 0)], &format!(r#""2026-01-01T00:00:{at:02}""#)))
            .collect();
        let history = History::of(&pages.iter().map(String::as_str).collect::<Vec<_>>());
        let found = run(request(1, Some(DirectionFilter::Outbound), None), &history);
        assert!(found.messages.is_empty() && found.stopped_early);
        assert_eq!(found.cursor.as_deref(), Some("2026-01-01T00:00:10"));
        assert_eq!(history.requests.borrow().len(), MAX_PAGES as usize);
    }

    #[test]
    fn a_history_that_leads_nowhere_ends_the_search() {
        let again = page(&[], r#""2026-01-01T00:00:00""#);
        let history = History::of(&[&again, &again, &again]);
        let found = run(request(1, None, None), &history);
        assert!(found.stopped_early && found.cursor.is_none() && history.requests.borrow().len() == 2);

        for rows in [vec![], vec![row("o1", 1)]] {
            let found = run(request(1, None, None), &History::of(&[&page(&rows, r#""tomorrow""#)]));
            assert!(found.stopped_early && found.cursor.is_none());
        }
    }

    #[test]
    fn an_unreadable_row_is_counted_and_hides_no_other() {
        let rows = [row("o2", 2), "{}".into(), "5".into(), row("o1", 1)];
        let found = run(request(9, None, None), &History::of(&[&page(&rows, "null")]));
        assert_eq!((ids(&found), found.unreadable), (vec!["o2", "o1"], 2));
    }

    #[test]
    fn an_error_on_a_later_page_is_an_error_of_the_search() {
        let history = History::of(&[&page(&[row("o1", 1)], r#""2026-01-31T12:00:01""#)]);
        let failed = Search::of_request(&request(9, None, None)).expect("is valid").run(&history);
        assert!(matches!(failed, Err(Error::Unreachable(_))));
    }

    #[test]
    fn arguments_that_cannot_be_requested_are_refused() {
        let invalid = |request: GetSmsMessagesRequest| match Search::of_request(&request).err() {
            Some(Error::Invalid(message)) => message,
            other => panic!("{other:?}"),
        };
        for cursor in ["", "x", "~", "~s1", "2026-01-31T12:00:00~", "2026-01-31T12:00:00~../me", "yesterday~s1"] {
            assert!(invalid(request(1, None, Some(cursor))).starts_with("cursor: "), "{cursor}");
        }
        let plain = request(1, None, None);
        for (request, argument) in [
            (GetSmsMessagesRequest { start: Some("yesterday".into()), ..plain.clone() }, "start: "),
            (GetSmsMessagesRequest { end: Some("tomorrow".into()), ..plain.clone() }, "end: "),
            (GetSmsMessagesRequest { to: Some("0701740605".into()), ..plain.clone() }, "to: "),
            (
                GetSmsMessagesRequest {
                    start: Some("2026-01-31".into()),
                    cursor: Some("2026-01-31T12:00:00".into()),
                    ..plain
                },
                "start and cursor",
            ),
        ] {
            let message = invalid(request);
            assert!(message.starts_with(argument), "{message}");
        }
    }

    #[test]
    fn a_limit_outside_its_bounds_becomes_the_nearest_bound() {
        let limit = |asked: Option<u32>| {
            let request = GetSmsMessagesRequest { limit: asked, ..request(1, None, None) };
            Search::of_request(&request).expect("is valid").limit
        };
        assert_eq!([Some(0), Some(500), None].map(limit), [1, MAX_PAGE, DEFAULT_HISTORY_LIMIT]);
        assert_eq!(Search::newest_outbound(None).limit, DEFAULT_STATISTICS_LIMIT);
    }
}
