//! Constants of the 46elks API that the component and the host share: host name, page sizes, defaults and bounds. No
//! settings: nothing here can be configured.

/// The host name of the 46elks API. Source: 46elks.com/docs.
pub const API_HOST: &str = "api.46elks.com";

/// The number of messages on one page of the history, at most. Source: 46elks.com/docs.
pub const MAX_PAGE: u32 = 100;

/// The number of rows of a page that are read, at most. 46elks returns [`MAX_PAGE`]; a response with more is no page of
/// its history, and each row takes memory.
pub const MAX_ROWS: usize = 10 * MAX_PAGE as usize;

/// The number of pages that one call reads, at most: with [`MAX_PAGE`], 1,000 messages. A search that finds few
/// messages must end.
pub const MAX_PAGES: u32 = 10;

/// The text that is priced to learn the price of one part. A fixed text lets the host permit this request and no
/// other.
pub const PRICE_PROBE_TEXT: &str = "1";

/// The number of messages that `get_sms_messages` returns when the request names no limit.
pub const DEFAULT_HISTORY_LIMIT: u32 = 10;

/// The number of messages that `get_delivery_statistics` counts when the request names no limit.
pub const DEFAULT_STATISTICS_LIMIT: u32 = 50;

/// The size of a response, at most, in bytes. [`MAX_PAGE`] messages of ten parts are under a megabyte, even when every
/// character is escaped.
pub const MAX_RESPONSE_BYTES: usize = 2 * 1024 * 1024;

/// The part of an error text of 46elks that is passed on, at most, in characters. The known texts have one line.
pub const MAX_QUOTE_CHARS: usize = 160;
