//! The journal as rows of a PostgreSQL database, for the computers that share an account. A row is a line of a journal,
//! with the same head.
//!
//! A use of the ledger is one transaction: it takes the account's advisory lock, reads the rows of others and the
//! server's clock, and ends with the row that it appends. Only the next event of an account can be appended: the number
//! of a row is its key, and a trigger compares heads. So a process that lost the lock without knowing it cannot append.

use super::chain::Checked;
use super::event::Event;
use super::journal::Contents;
use super::unavailable::{Broken, Fault as Damage, Unavailable};
use crate::database::{Address, Fault, Session, left};
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

/// How much longer than the server this process waits: the server's answer says why.
const GRACE: Duration = Duration::from_millis(500);

/// The pause between two attempts to connect to a server that has just been lost.
const PAUSE: Duration = Duration::from_millis(50);

/// The newest rows of an account, from one on.
const ROWS: &str = "SELECT seq, line FROM elks_mcp.events WHERE account = $1 AND seq >= $2 ORDER BY seq LIMIT $3";

/// Appends a row.
const APPEND: &str = "INSERT INTO elks_mcp.events (account, seq, line) VALUES ($1, $2, $3)";

/// A row: its number and its line.
type Line = (u64, String);

/// The journal of an account in a database, and the connection to it.
pub(super) struct Rows {
    address: Arc<Address>,
    account: String,
    session: Option<Session>,
    /// Whether a transaction is open, with the account's lock.
    is_holding: bool,
    /// Rows that came with the lock.
    fetched: Option<Vec<Line>>,
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
            fetched: None,
            #[cfg(test)]
            clock: None,
        }
    }

    /// Takes the account's lock, and returns the server's time.
    pub(super) fn hold(&mut self, contents: &Contents, deadline: Instant) -> Result<DateTime<Utc>, Unavailable> {
        if self.is_holding {
            // The last use ended in the middle.
            self.give_up();
        }
        let begun = match self.session.take() {
            Some(session) => match self.begin(session, contents, deadline) {
                // A server that was restarted since, or a connection that was idle for too long. Nothing was done yet.
                Err(Fault::Lost) => self.begin(self.connect(deadline)?, contents, deadline)?,
                begun => begun?,
            },
            None => self.begin(self.connect(deadline)?, contents, deadline)?,
        };
        let (session, now, rows) = begun;
        (self.session, self.is_holding, self.fetched) = (Some(session), true, Some(rows));
        #[cfg(test)]
        if let Some(clock) = &self.clock {
            return Ok(clock.now());
        }
        Ok(now)
    }

    /// Connects, and makes sure that the ledger is there and that this role cannot change it.
    fn connect(&self, deadline: Instant) -> Result<Session, Fault> {
        let session = Session::with_ledger(&self.address, deadline)?;
        session.ensure_it_appends_only(deadline)?;
        Ok(session)
    }

    /// Begins a transaction with the account's lock.
    fn begin(
        &self,
        session: Session,
        contents: &Contents,
        deadline: Instant,
    ) -> Result<(Session, DateTime<Utc>, Vec<Line>), Fault> {
        let limit = left(deadline);
        let milliseconds = limit.as_millis().max(1);
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED;
             SET LOCAL lock_timeout = {milliseconds};
             SET LOCAL statement_timeout = {statement};
             SET LOCAL idle_in_transaction_session_timeout = {idle};
             SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
             SELECT pg_advisory_xact_lock({key})",
            // A little later, so that it is the lock that is named.
            statement = milliseconds + GRACE.as_millis() / 2,
            idle = IDLE_LIMIT.as_millis(),
            key = key(&self.account),
        );
        let client = &session.client;
        let (account, from) = (self.account.as_str(), number(contents.tip.seq.max(1)));
        // The three are on their way at once, and the server does them in this order.
        let all = async {
            let (begun, time, rows) = tokio::join!(
                biased;
                client.batch_execute(&begin),
                client.query_typed_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", &[]),
                rows(client, account, from),
            );
            begun?;
            Ok((time?, rows?))
        };
        let (time, rows) = session.wait(limit + GRACE, all)?;
        let time = DateTime::from_timestamp_millis(time.get(0)).ok_or(Fault::Lost)?;
        Ok((session, time, rows))
    }

    /// Reads the rows that were appended since the last time.
    pub(super) fn read_on(&mut self, contents: &mut Contents, clock: DateTime<Utc>) -> Result<(), Unavailable> {
        let known = contents.tip;
        let mut page = match self.fetched.take() {
            Some(rows) => rows,
            None => self.page(known.seq.max(1))?,
        };
        if known.seq > 0 {
            // The row that was read last must still be there.
            let again = page.first().filter(|(seq, _)| *seq == known.seq).map(|(_, line)| line.as_bytes());
            let is_same = again.map(|line| known.is_head_of(line));
            match is_same {
                Some(true) => drop(page.remove(0)),
                Some(false) => return Err(broken(known.seq, Damage::Rewritten)),
                None => return Err(broken(known.seq, Damage::Missing)),
            }
        }
        loop {
            let is_full = page.len() + 1 >= PAGE as usize;
            for (seq, line) in page {
                let checked = contents.tip.check(line.as_bytes()).map_err(|damage| broken(seq, damage))?;
                contents.take(checked, clock);
            }
            if !is_full {
                break;
            }
            page = self.page(contents.tip.seq + 1)?;
        }
        if contents.lacks_beginning() {
            return Err(broken(contents.begins, Damage::Beginning));
        }
        Ok(())
    }

    fn page(&mut self, from: u64) -> Result<Vec<Line>, Unavailable> {
        let session = self.session.as_ref().ok_or(Fault::Lost)?;
        let read = session.wait(LIMIT, rows(&session.client, &self.account, number(from)));
        read.map_err(|fault| self.lost(fault))
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
        let insert = async {
            let values = [(&self.account as _, Type::TEXT), (&seq as _, Type::INT8), (&line as _, Type::TEXT)];
            let insert = client.execute_typed(APPEND, &values);
            if !self.is_holding {
                // A second event of the same use: its number is its lock.
                return insert.await;
            }
            let (inserted, committed) = tokio::join!(biased; insert, client.batch_execute("COMMIT"));
            committed.and(inserted)
        };
        let appended = session.wait(LIMIT, insert);
        self.is_holding = false;
        match appended {
            Ok(_) => {}
            Err(fault) if fault.is_lost() && self.has(tip.seq, &line) => {}
            Err(fault) => return Err(self.lost(fault)),
        }
        contents.take(Checked { tip, at, event }, at);
        Ok(tip.seq)
    }

    /// Whether a row is there, after the connection ended before the server's answer. False also means that nobody
    /// knows: then the row counts, should it be there, because the next use reads it.
    fn has(&mut self, seq: u64, line: &str) -> bool {
        self.give_up();
        let deadline = Instant::now() + LIMIT;
        while !left(deadline).is_zero() {
            if let Ok(session) = self.connect(deadline) {
                let read = session.wait(left(deadline), rows(&session.client, &self.account, number(seq)));
                self.session = Some(session);
                return read.is_ok_and(|rows| rows.first().is_some_and(|(_, found)| found == line));
            }
            std::thread::sleep(PAUSE.min(left(deadline)));
        }
        false
    }

    /// Ends the transaction, if one is open.
    pub(super) fn release(&mut self) {
        self.fetched = None;
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
        (self.session, self.is_holding, self.fetched) = (None, false, None);
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
        let page = self.session.wait(LIMIT, rows(&self.session.client, &self.account, number(from)))?;
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
    let sql = "SELECT DISTINCT account FROM elks_mcp.events ORDER BY account";
    let rows = session.wait(LIMIT, session.client.query_typed(sql, &[]))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The rows of an account from this number on.
async fn rows(client: &Client, account: &str, from: i64) -> Result<Vec<Line>, Error> {
    let rows = client
        .query_typed(ROWS, &[(&account, Type::TEXT), (&from, Type::INT8), (&i64::from(PAGE), Type::INT8)])
        .await?;
    Ok(rows.iter().map(|row: &Row| (u64::try_from(row.get::<_, i64>(0)).unwrap_or_default(), row.get(1))).collect())
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
