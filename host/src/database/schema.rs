//! Makes the ledger in a database, as its owner: `elks-mcp ledger init`.

use super::address::Address;
use super::fault::Fault;
use super::remaining;
use super::session::Session;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// The version of the tables that this program knows.
pub(super) const VERSION: i32 = 1;

/// What makes them.
const TABLES: &str = include_str!("schema.sql");

/// The oldest server that has the functions which the tables use: `sha256` and `starts_with`. Source: the release notes
/// of PostgreSQL 11.
const OLDEST_SERVER: i32 = 110_000;

/// How long the server may take for each step.
const LIMIT: Duration = Duration::from_secs(30);

/// What `init` did.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    /// Whether the tables were made now; they were there before otherwise.
    pub is_new: bool,
    /// Their version.
    pub version: i32,
}

/// Makes the tables where there are none, and lets these roles read and append. Doing it again changes nothing.
///
/// # Errors
/// The database cannot be used, or one of the roles could change events all the same.
pub fn init(address: &Address, roles: &[String]) -> Result<Made, Fault> {
    let session = Session::open(address, LIMIT)?;
    let client = &session.client;
    // No function or operator that somebody has made in another schema runs as the owner.
    session.wait(LIMIT, client.batch_execute("SET search_path = pg_catalog, pg_temp"))?;
    if session.value::<i32>(LIMIT, "SELECT current_setting('server_version_num')::int")? < OLDEST_SERVER {
        return Err(Fault::Unfit("the server must be PostgreSQL 11 or newer"));
    }
    if session.value::<String>(LIMIT, "SELECT current_setting('server_encoding')")? != "UTF8" {
        return Err(Fault::Unfit("its encoding must be UTF8"));
    }
    // Two owners who do this at once wait for each other.
    let begin = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('elks-mcp ledger init', 0::bigint))";
    session.wait(LIMIT, client.batch_execute(begin))?;
    let is_new = version(&session, Instant::now() + LIMIT)?.is_none();
    if is_new {
        session.wait(LIMIT, client.batch_execute(TABLES))?;
    }
    let version = version(&session, Instant::now() + LIMIT)?.ok_or(Fault::NotMade)?;
    if version != VERSION {
        return Err(Fault::OtherVersion(version));
    }
    for role in roles {
        session.wait(LIMIT, client.batch_execute(&grants(role)))?;
        if session.wait(LIMIT, may_change(client, Some(role)))? {
            return Err(Fault::MayChange);
        }
    }
    session.wait(LIMIT, client.batch_execute("COMMIT"))?;
    Ok(Made { is_new, version })
}

/// The version of the tables; nothing where there are none.
pub(super) fn version(session: &Session, deadline: Instant) -> Result<Option<i32>, Fault> {
    if !session.value(remaining(deadline), "SELECT to_regclass('elks_mcp.schema_version') IS NOT NULL")? {
        return Ok(None);
    }
    session.value(remaining(deadline), "SELECT max(version) FROM elks_mcp.schema_version")
}

/// Whether a role can change or delete events, now or as a member of their owner, or write what only the server writes;
/// without a name, the role of the connection.
pub(super) async fn may_change(client: &Client, role: Option<&str>) -> Result<bool, tokio_postgres::Error> {
    let sql = "SELECT has_any_column_privilege(role, events.oid, 'UPDATE')
                   OR has_table_privilege(role, events.oid, 'DELETE, TRUNCATE, TRIGGER')
                   OR has_column_privilege(role, events.oid, 'recorded_at', 'INSERT')
                   OR has_column_privilege(role, events.oid, 'recorded_by', 'INSERT')
                   OR pg_has_role(role, events.relowner, 'MEMBER')
               FROM (SELECT coalesce($1, current_user::text)::name AS role) AS asked,
                   pg_catalog.pg_class AS events WHERE events.oid = 'elks_mcp.events'::regclass";
    client.query_typed_one(sql, &[(&role, Type::TEXT)]).await?.try_get(0)
}

/// The rights of a role that reads and appends: no more than three columns can be written.
fn grants(role: &str) -> String {
    let mut quoted = String::from("\"");
    for c in role.chars() {
        let _ = write!(quoted, "{}", if c == '"' { "\"\"".to_string() } else { c.to_string() });
    }
    quoted.push('"');
    format!(
        "GRANT USAGE ON SCHEMA elks_mcp TO {quoted};
         GRANT SELECT ON elks_mcp.events, elks_mcp.schema_version TO {quoted};
         GRANT INSERT (account, seq, line) ON elks_mcp.events TO {quoted}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_name_stays_a_name() {
        let sql = grants("a\"; DROP TABLE b; --");
        assert_eq!(sql.matches("TO \"a\"\"; DROP TABLE b; --\"").count(), 3, "{sql}");
    }
}
