//! The journal as rows of a PostgreSQL database, for the computers that share an account. A row is a line of a journal,
//! with the same head.
//!
//! A use of the ledger is one transaction: it takes the account's advisory lock, reads the rows of others and the
//! server's clock, and ends with the row that it appends. Only the next event of an account can be appended: the number
//! of a row is its key, and a trigger compares heads. So a process that lost the lock without knowing it cannot append.
//! Many new rows are read before the lock is taken: rows never change, and the computers that wait for the lock wait
//! for the reading of one page at most.

use super::chain::Checked;
use super::event::Event;
use super::journal::Contents;
use super::unavailable::{Broken, Damage, Unavailable};
use crate::database::{self, Address, Fault, Session, remaining};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

/// How many rows are read at once. A row has at most 4 KiB.
const PAGE: u32 = 1_000;

/// How long one use of the server may take when nothing else bounds it.
const LIMIT: Duration = Duration::from_secs(5);

/// How long the server waits for this process within a transaction. Then it ends the transaction, and others go on.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// How long the rows of a long journal may be read, without the lock. What was read is known at the next try.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// How much longer than for the lock the server waits for a statement, so that the lock is what an error names.
const LOCK_FIRST: Duration = Duration::from_millis(250);

/// How much longer than for the lock this process waits. It is more than [`LOCK_FIRST`]: the server's answer says why.
const GRACE: Duration = Duration::from_millis(500);

/// The pause between two attempts to connect to a server that has just been lost.
const PAUSE: Duration = Duration::from_millis(50);

/// The oldest rows of an account, from a number on.
const ROWS: &str = "SELECT seq, line FROM elks_mcp.events WHERE account = $1 AND seq >= $2 ORDER BY seq LIMIT $3";

/// The server's time in milliseconds, and the version of the tables.
const TIME: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                        (SELECT max(version) FROM elks_mcp.schema_version)";

/// Appends a row.
const APPEND: &str = "INSERT INTO elks_mcp.events (account, seq, line) VALUES ($1, $2, $3)";

/// The accounts that have events, each found by the index.
const ACCOUNTS: &str = "WITH RECURSIVE names AS (
        (SELECT account FROM elks_mcp.events ORDER BY account LIMIT 1)
        UNION ALL
        SELECT (SELECT account FROM elks_mcp.events WHERE account > names.account ORDER BY account LIMIT 1)
        FROM names WHERE names.account IS NOT NULL
    ) SELECT account FROM names WHERE account IS NOT NULL";

/// A row: its number and its line.
type Line = (u64, String);

/// The journal of an account in a database, and the connection to it.
pub(super) struct Rows {
    address: Arc<Address>,
    account: String,
    session: Option<Session>,
    /// Whether a transaction is open, with the account's lock.
    is_holding: bool,
    /// The clock of a test, which counts instead of the server's.
    #[cfg(test)]
    pub(super) clock: Option<Arc<dyn crate::clock::Clock>>,
}

impl Rows {
    /// The journal of an account. Does nothing yet.
    pub(super) fn new(address: Arc<Address>, account: String) -> Self {
        Self {
            address,
            account,
            session: None,
            is_holding: false,
            #[cfg(test)]
            clock: None,
        }
    }

    /// Takes the account's lock, reads what others have appended, and returns the server's time.
    pub(super) fn hold(
        &mut self,
        contents: &mut Contents,
        mut deadline: Instant,
    ) -> Result<DateTime<Utc>, Unavailable> {
        if self.is_holding {
            // The last use ended in the middle.
            self.give_up();
        }
        loop {
            let was_empty = contents.tip.seq == 0;
            let (now, page) = self.lock(contents.tip.seq.max(1), deadline)?;
            let is_last = take(contents, page, now)?;
            let again = contents.must_begin_again(was_empty);
            if is_last && !again {
                return Ok(now);
            }
            // There is more than a page. Others append while it is read.
            self.release();
            if again {
                *contents = Contents::default();
            }
            let for_the_lock = remaining(deadline);
            self.read_on(contents, now)?;
            // What is read for the first time is judged by the right clock.
            contents.redated &= !again && !was_empty;
            deadline = Instant::now() + for_the_lock;
        }
    }

    /// Connects, and makes sure that the ledger is there and that this role cannot change it.
    fn connect(&self, deadline: Instant) -> Result<Session, Fault> {
        let session = Session::with_ledger(&self.address, deadline)?;
        session.ensure_it_appends_only(deadline)?;
        Ok(session)
    }

    /// Begins a transaction with the account's lock. Gives the time, and the rows from a number on.
    fn lock(&mut self, from: u64, deadline: Instant) -> Result<(DateTime<Utc>, Vec<Line>), Fault> {
        let begun = match self.session.take() {
            Some(session) => match self.begin(session, from, deadline) {
                // A server that was restarted since, or a connection that was idle for too long. Nothing was done yet.
                Err(Fault::Lost) => self.begin(self.connect(deadline)?, from, deadline)?,
                begun => begun?,
            },
            None => self.begin(self.connect(deadline)?, from, deadline)?,
        };
        let (session, now, rows) = begun;
        (self.session, self.is_holding) = (Some(session), true);
        #[cfg(test)]
        if let Some(clock) = &self.clock {
            return Ok((clock.now(), rows));
        }
        Ok((now, rows))
    }

    fn begin(
        &self,
        session: Session,
        from: u64,
        deadline: Instant,
    ) -> Result<(Session, DateTime<Utc>, Vec<Line>), Fault> {
        let limit = remaining(deadline);
        let begin = begin(&self.account, limit);
        let client = &session.client;
        // The three are on their way at once, and the server does them in this order.
        let all = async {
            let (begun, time, rows) = tokio::join!(
                biased;
                client.batch_execute(&begin),
                client.query_typed_one(TIME, &[]),
                rows(client, &self.account, from),
            );
            begun?;
            let time = time?;
            Ok((time.try_get(0)?, time.try_get(1)?, rows?))
        };
        let (time, version, rows): (_, Option<i32>, _) = session.wait(limit + GRACE, all)?;
        database::ensure_version(version)?;
        let time = DateTime::from_timestamp_millis(time).ok_or(Fault::Lost)?;
        Ok((session, time, rows))
    }

    /// Reads the rows that were appended since the last time, without the lock.
    pub(super) fn read_on(&mut self, contents: &mut Contents, clock: DateTime<Utc>) -> Result<(), Unavailable> {
        let deadline = Instant::now() + READ_LIMIT;
        loop {
            let session = self.session.as_ref().ok_or(Fault::Lost)?;
            let page = rows(&session.client, &self.account, contents.tip.seq.max(1));
            let read = session.wait(LIMIT.min(remaining(deadline)), page);
            if take(contents, read.map_err(|fault| self.lost(fault))?, clock)? {
                return Ok(());
            }
        }
    }

    /// Appends an event, which is durable then, and lets others append again.
    pub(super) fn append(
        &mut self,
        contents: &mut Contents,
        at: DateTime<Utc>,
        event: Event,
    ) -> Result<u64, Unavailable> {
        let doing = |error: serde_json::Error| Unavailable::Disk { doing: "writing an event", error: error.into() };
        let (mut line, tip) = contents.tip.line(at, &event).map_err(doing)?;
        line.pop(); // The end of a line in a file.
        let line = String::from_utf8(line).map_err(|_| Fault::Lost)?;
        let session = self.session.as_ref().ok_or(Fault::Lost)?;
        let (client, seq) = (&session.client, number(tip.seq));
        // The second event of a use has a transaction of its own.
        let begin = if self.is_holding { String::new() } else { begin(&self.account, LIMIT) };
        let insert = async {
            let values = [(&self.account as _, Type::TEXT), (&seq as _, Type::INT8), (&line as _, Type::TEXT)];
            let (begun, inserted, committed) = tokio::join!(
                biased;
                client.batch_execute(&begin),
                client.execute_typed(APPEND, &values),
                client.batch_execute("COMMIT"),
            );
            begun?;
            committed.and(inserted)
        };
        let appended = session.wait(LIMIT + GRACE, insert);
        self.is_holding = false;
        match appended {
            Ok(1) => {}
            Ok(_) => return Err(self.lost(Fault::Unfit("its table takes no rows"))),
            Err(fault) if fault.is_lost() && self.has(tip.seq, &line) => {}
            Err(fault) => return Err(self.lost(fault)),
        }
        contents.take(Checked { tip, at, event }, at);
        Ok(tip.seq)
    }

    /// Whether a row is there, after the connection ended before the server's answer. With the lock it is certain: a
    /// transaction that could still append it has ended. False also means that nobody knows: then the row counts,
    /// should it be there, because the next use reads it.
    fn has(&mut self, seq: u64, line: &str) -> bool {
        self.give_up();
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lock(seq, deadline) {
                Ok((_, rows)) => {
                    self.release();
                    return rows.first().is_some_and(|(_, found)| found == line);
                }
                Err(fault) if fault.is_passing() && !remaining(deadline).is_zero() => {
                    std::thread::sleep(PAUSE.min(remaining(deadline)));
                }
                Err(_) => return false,
            }
        }
    }

    /// Ends the transaction, if one is open.
    pub(super) fn release(&mut self) {
        if !std::mem::take(&mut self.is_holding) {
            return;
        }
        let ended = self.session.as_ref().map(|session| session.wait(LIMIT, session.client.batch_execute("ROLLBACK")));
        if !matches!(ended, Some(Ok(()))) {
            self.give_up();
        }
    }

    /// Ends the connection after a fault that leaves its state unknown.
    fn lost(&mut self, fault: Fault) -> Unavailable {
        self.give_up();
        fault.into()
    }

    /// Ends the connection. The server ends its transaction then.
    fn give_up(&mut self) {
        (self.session, self.is_holding) = (None, false);
    }
}

/// Reads all rows of an account, without a lock and without any right to write.
pub(super) struct Reader {
    session: Session,
    account: String,
    /// The number of the next row; nothing after the last page.
    next: Option<u64>,
}

impl Reader {
    /// Connects.
    pub(super) fn open(address: &Address, account: &str) -> Result<Self, Unavailable> {
        Ok(Self {
            session: Session::with_ledger(address, Instant::now() + LIMIT)?,
            account: account.into(),
            next: Some(1),
        })
    }

    /// The next rows, oldest first; nothing after the last.
    pub(super) fn page(&mut self) -> Result<Option<Vec<Line>>, Unavailable> {
        let Some(from) = self.next else { return Ok(None) };
        let page = self.session.wait(LIMIT, rows(&self.session.client, &self.account, from))?;
        self.next = page.last().filter(|_| page.len() == PAGE as usize).map(|(seq, _)| seq + 1);
        Ok(Some(page))
    }
}

/// The accounts that have events, sorted.
///
/// # Errors
/// The database cannot be read.
pub fn accounts_in(address: &Address) -> Result<Vec<String>, Unavailable> {
    let session = Session::with_ledger(address, Instant::now() + LIMIT)?;
    let names = async {
        let rows = session.client.query_typed(ACCOUNTS, &[]).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    };
    Ok(session.wait(LIMIT, names)?)
}

/// The rows of an account from this number on: one page.
async fn rows(client: &Client, account: &str, from: u64) -> Result<Vec<Line>, Error> {
    let values = [(&account as _, Type::TEXT), (&number(from) as _, Type::INT8), (&i64::from(PAGE) as _, Type::INT8)];
    let rows = client.query_typed(ROWS, &values).await?;
    let line = |row: &Row| Ok((u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default(), row.try_get(1)?));
    rows.iter().map(line).collect()
}

/// Takes a page of rows: first the newest one that is known, which must still be there, then those after it. Returns
/// whether there are no more.
fn take(contents: &mut Contents, page: Vec<Line>, clock: DateTime<Utc>) -> Result<bool, Unavailable> {
    let is_last = page.len() < PAGE as usize;
    let mut rows = page.into_iter().peekable();
    let known = contents.tip;
    if known.seq > 0 {
        match rows.next_if(|(seq, _)| *seq == known.seq) {
            Some((_, line)) if known.is_head_of(line.as_bytes()) => {}
            Some(_) => return Err(broken(known.seq, Damage::Rewritten)),
            None => return Err(broken(known.seq, Damage::Missing)),
        }
    }
    for (seq, line) in rows {
        let checked = contents.tip.check(line.as_bytes()).map_err(|damage| broken(seq, damage))?;
        contents.take(checked, clock);
    }
    if contents.lacks_beginning() {
        return Err(broken(contents.begins, Damage::Beginning));
    }
    Ok(is_last)
}

/// Begins a transaction in which each wait is bounded, and which is durable when it ends; takes the account's lock.
fn begin(account: &str, limit: Duration) -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED;
         SET LOCAL search_path = pg_catalog, pg_temp;
         SET LOCAL lock_timeout = {lock};
         SET LOCAL statement_timeout = {statement};
         SET LOCAL idle_in_transaction_session_timeout = {idle};
         SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
         SELECT pg_advisory_xact_lock({key}::bigint)",
        lock = limit.as_millis().max(1),
        statement = (limit + LOCK_FIRST).as_millis(),
        idle = IDLE_LIMIT.as_millis(),
        key = key(account),
    )
}

/// The number of a row, as the database has it.
fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// The number of the account's advisory lock: the same 64 bits as its name.
fn key(account: &str) -> i64 {
    u64::from_str_radix(account, 16).unwrap_or_default().cast_signed()
}

fn broken(event: u64, fault: Damage) -> Unavailable {
    Broken { file: None, line: event, fault }.into()
}
