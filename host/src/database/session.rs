//! A connection to PostgreSQL whose every use is bounded in time. The ledger is used from threads that may wait; the
//! library is asynchronous, so each session has a runtime of its own.

use super::address::Address;
use super::fault::Fault;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Client, Error};

/// A connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    runtime: Own,
}

impl Session {
    /// Connects, with TLS as the address demands it, and signs in.
    pub(super) fn open(address: &Address, limit: Duration) -> Result<Self, Fault> {
        let (config, tls) = (address.config(limit), address.tls()?);
        let runtime = Own::new()?;
        let connected = match tls {
            None => runtime.wait(limit, async {
                let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            }),
            Some(tls) => runtime.wait(limit, async {
                let (client, connection) = config.connect(tls).await?;
                tokio::spawn(connection);
                Ok(client)
            }),
        };
        match connected {
            Ok(client) => Ok(Self { client, runtime }),
            Err(Unfinished::Error(error)) => Err(Fault::of_connecting(&error)),
            Err(Unfinished::Late) => Err(Fault::Unreachable("it does not answer")),
            Err(Unfinished::NoThread) => Err(Fault::System),
        }
    }

    /// The value that a query has as its only one.
    pub(super) fn value<T: FromSqlOwned + Send>(&self, limit: Duration, sql: &str) -> Result<T, Fault> {
        self.wait(limit, async { self.client.query_typed_one(sql, &[]).await?.try_get(0) })
    }

    /// Waits for a use of the client, at most so long.
    pub(crate) fn wait<T: Send>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Fault> {
        self.runtime.wait(limit, work).map_err(|unfinished| match unfinished {
            Unfinished::Error(error) => Fault::of(&error),
            Unfinished::Late => Fault::Slow,
            Unfinished::NoThread => Fault::System,
        })
    }
}

/// Why there is no result.
enum Unfinished {
    Error(Error),
    /// The time is over.
    Late,
    NoThread,
}

/// A runtime. It ends without waiting for what runs in it: nobody waits for a server, or for a name server, that does
/// not answer. It can end on a thread of another runtime.
struct Own(Option<Runtime>);

impl Own {
    fn new() -> Result<Self, Fault> {
        Builder::new_current_thread().enable_all().build().map(|runtime| Self(Some(runtime))).map_err(|_| Fault::System)
    }

    /// Waits on a thread of its own: the caller's thread may be one of another runtime, which must not wait.
    fn wait<T: Send>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Unfinished> {
        let runtime = self.0.as_ref().ok_or(Unfinished::NoThread)?;
        let bounded = async {
            let done = tokio::time::timeout(limit, work).await;
            done.map_err(|_| Unfinished::Late)?.map_err(Unfinished::Error)
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || runtime.block_on(bounded));
            let done = thread.map_err(|_| Unfinished::NoThread)?.join();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
