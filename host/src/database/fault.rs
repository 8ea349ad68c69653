//! What is wrong with a database. Then nothing is sent. No text has the server's name, a role or a password: a model
//! may read it.

use std::error::Error as _;
use std::fmt;
use std::io;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why a database cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection comes about, for this reason.
    Unreachable(&'static str),
    /// There is no certificate to verify the server with.
    NoCertificates,
    /// The server's certificate was not accepted, or TLS failed otherwise.
    Tls,
    /// The server refused the role or its password.
    SignIn,
    /// The server has no such database.
    NoDatabase,
    /// The server, or this database, is not what the ledger needs.
    Unfit(&'static str),
    /// The database has no ledger.
    NotMade,
    /// The ledger has this version, and not the one that this program knows.
    OtherVersion(i32),
    /// The role can change or delete events.
    MayChange,
    /// The role lacks a right.
    MayNot,
    /// The server accepts no writes.
    ReadOnly,
    /// Another process held the lock for too long, or was faster.
    Busy,
    /// The server took too long.
    Slow,
    /// The connection ended.
    Lost,
    /// The server refused, with this SQLSTATE.
    Refused([u8; 5]),
    /// The system gives no thread or runtime.
    System,
}

impl Fault {
    /// Why a connection did not come about.
    pub(super) fn of_connecting(error: &Error) -> Self {
        if error.code().is_some() {
            return Self::of(error);
        }
        let Some(io) = cause::<io::Error>(error) else {
            // The library has no other way to tell these apart; a test holds its words.
            return match error.to_string().as_str() {
                "error performing TLS handshake" => Self::Tls,
                "authentication error" | "invalid configuration" => Self::SignIn,
                _ => Self::Lost,
            };
        };
        if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
            return Self::Tls;
        }
        if io.kind() == io::ErrorKind::PermissionDenied && io.get_ref().is_some() {
            // The library's own word for `target_session_attrs=read-write` without such a server.
            return Self::ReadOnly;
        }
        Self::Unreachable(match io.kind() {
            io::ErrorKind::PermissionDenied => "this user may not use its socket",
            io::ErrorKind::ConnectionRefused => "it does not accept connections",
            io::ErrorKind::TimedOut => "it does not answer",
            io::ErrorKind::NotFound => "there is no such socket",
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => "it ended the connection",
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it",
            _ => "its name may be wrong",
        })
    }

    /// Why the server did not do what it was asked for.
    pub(super) fn of(error: &Error) -> Self {
        let Some(code) = error.code() else { return Self::Lost };
        match code {
            &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Self::SignIn,
            &SqlState::INVALID_CATALOG_NAME => Self::NoDatabase,
            &SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME => Self::NotMade,
            &SqlState::INSUFFICIENT_PRIVILEGE => Self::MayNot,
            &SqlState::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly,
            &SqlState::LOCK_NOT_AVAILABLE | &SqlState::UNIQUE_VIOLATION => Self::Busy,
            &SqlState::QUERY_CANCELED => Self::Slow,
            &SqlState::TOO_MANY_CONNECTIONS => Self::Unreachable("it has too many connections"),
            &SqlState::CANNOT_CONNECT_NOW => Self::Unreachable("it is starting or stopping"),
            &SqlState::ADMIN_SHUTDOWN
            | &SqlState::CRASH_SHUTDOWN
            | &SqlState::DATABASE_DROPPED
            | &SqlState::IDLE_SESSION_TIMEOUT
            | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Lost,
            // A pooler has lost the server, or the server has ended a transaction that took too long.
            other if other.code().starts_with("08") || other.code() == "25P04" => Self::Lost,
            other => {
                let mut digits = *b"XXXXX";
                let text = other.code().as_bytes();
                if text.len() == digits.len() && text.iter().all(u8::is_ascii_alphanumeric) {
                    digits.copy_from_slice(text);
                }
                Self::Refused(digits)
            }
        }
    }

    /// Whether nobody knows what the server did.
    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::Lost | Self::Slow)
    }

    /// Whether another connection may do better in a moment.
    pub(crate) fn is_passing(self) -> bool {
        self.is_lost() || matches!(self, Self::Unreachable(_))
    }
}

/// The first cause of this type.
fn cause<E: std::error::Error + 'static>(error: &Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(found) = found.downcast_ref::<E>() {
            return Some(found);
        }
        cause = found.source();
    }
    None
}

/// What prepares a database.
const INIT: &str = "`elks-mcp ledger init`";

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(
                f,
                "the database server of the send journal cannot be reached: {why}. Check ELKS_LEDGER, and that the \
                 server runs."
            ),
            Self::NoCertificates => f.write_str(
                "there is no certificate to verify the database server with. Name its authority's with sslrootcert in \
                 ELKS_LEDGER, or mend SSL_CERT_FILE.",
            ),
            Self::Tls => f.write_str(
                "there is no verified TLS connection to the database server: it offers no TLS, or its certificate is \
                 not of an authority that this computer trusts, or has another name. Name its authority's certificate \
                 with sslrootcert in ELKS_LEDGER.",
            ),
            Self::SignIn => f.write_str("the database server refused the role or the password of ELKS_LEDGER."),
            Self::NoDatabase => f.write_str("the database of ELKS_LEDGER does not exist."),
            Self::Unfit(why) => write!(f, "the database of ELKS_LEDGER cannot hold a ledger: {why}."),
            Self::NotMade => {
                write!(f, "the database of ELKS_LEDGER has no ledger yet. Let its owner run {INIT}.")
            }
            Self::OtherVersion(found) if *found < super::schema::VERSION => write!(
                f,
                "the ledger in the database has the older version {found}. Let its owner run {INIT} of this program."
            ),
            Self::OtherVersion(found) => write!(
                f,
                "the ledger in the database has the newer version {found}. Use the version of elks-mcp that made it."
            ),
            Self::MayChange => write!(
                f,
                "the role of ELKS_LEDGER can change or delete events, so that the ledger would prove nothing. Use a \
                 role that owns nothing and that {INIT} --grant ROLE has prepared."
            ),
            Self::MayNot => write!(
                f,
                "the role of ELKS_LEDGER may not use the ledger. Let the database's owner run {INIT} --grant ROLE."
            ),
            Self::ReadOnly => f.write_str(
                "the database accepts no writes: it is a standby, or read-only. Let ELKS_LEDGER name the primary server.",
            ),
            Self::Busy => f.write_str(
                "another process has used the send journal for too long, or was faster. Try again in some seconds. If \
                 that does not help, look in pg_locks for a session that hangs.",
            ),
            Self::Slow => f.write_str("the database server did not answer in time. Try again in some seconds."),
            Self::Lost => f.write_str("the connection to the database server ended. Try again in some seconds."),
            Self::Refused(code) => write!(
                f,
                "the database server refused, with SQLSTATE {}. Its log says why.",
                String::from_utf8_lossy(code)
            ),
            Self::System => f.write_str("the system gives no thread for the connection to the database."),
        }
    }
}
