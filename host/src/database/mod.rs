//! The PostgreSQL server of the operator, for the ledger of several computers (feature `postgres`): how it is reached,
//! and the tables. What stands in a row is the ledger's business.
//!
//! - `address`: the value of `ELKS_LEDGER`; `session`: a connection whose uses are bounded; `fault`: what is wrong
//! - `schema`: the tables, which their owner makes
//!
//! Invariant: over a network, the server has proved its name; every use ends in time; and no text has the address, a
//! role or a password.

mod address;
mod fault;
mod schema;
mod session;

pub use address::Address;
pub use fault::Fault;
pub use schema::{Made, init};
pub(crate) use session::Session;

use std::time::{Duration, Instant};

/// The time until a deadline.
pub(crate) fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Makes sure that the tables are there and have this program's version.
pub(crate) fn ensure_version(found: Option<i32>) -> Result<(), Fault> {
    match found {
        Some(schema::VERSION) => Ok(()),
        Some(other) => Err(Fault::OtherVersion(other)),
        None => Err(Fault::NotMade),
    }
}

impl Session {
    /// Connects to a database that has a ledger of this program's version.
    pub(crate) fn with_ledger(address: &Address, deadline: Instant) -> Result<Self, Fault> {
        let session = Self::open(address, remaining(deadline))?;
        ensure_version(schema::version(&session, deadline)?)?;
        Ok(session)
    }

    /// Makes sure that the role can append, and can neither change nor delete.
    pub(crate) fn ensure_it_appends_only(&self, deadline: Instant) -> Result<(), Fault> {
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";
        if self.value(remaining(deadline), sql)? {
            return Err(Fault::ReadOnly);
        }
        if self.wait(remaining(deadline), schema::may_change(&self.client, None))? {
            Err(Fault::MayChange)
        } else {
            Ok(())
        }
    }
}
