//! A connection to PostgreSQL whose every use is bounded in time. The ledger is used from threads that may wait; the
//! library is asynchronous, so each session has a runtime of its own.

use super::address::Address;
use super::fault::Fault;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Error};

/// A connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Taken when the session ends.
    runtime: Option<Runtime>,
}

impl Session {
    /// Connects, with TLS as the address demands it, and signs in.
    pub(super) fn open(address: &Address, limit: Duration) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|_| Fault::System)?;
        let config = address.config(limit);
        let connected = match address.tls()? {
            None => wait(&runtime, limit, async {
                let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            }),
            Some(tls) => wait(&runtime, limit, async {
                let (client, connection) = config.connect(tls).await?;
                tokio::spawn(connection);
                Ok(client)
            }),
        };
        match connected {
            Ok(Ok(client)) => Ok(Self { client, runtime: Some(runtime) }),
            Ok(Err(error)) => Err(Fault::of_connecting(&error)),
            Err(Late) => Err(Fault::Unreachable("it does not answer")),
        }
    }

    /// Waits for a use of the client, at most so long.
    pub(crate) fn wait<T: Send>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Fault> {
        let runtime = self.runtime.as_ref().ok_or(Fault::Lost)?;
        match wait(runtime, limit, work) {
            Ok(done) => done.map_err(|error| Fault::of(&error)),
            Err(Late) => Err(Fault::Slow),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The connection ends with it. Nobody waits for a server that does not answer.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The time is over.
struct Late;

/// Waits on a thread of its own: the caller's thread may be one of another runtime, which must not wait.
fn wait<T: Send>(
    runtime: &Runtime,
    limit: Duration,
    work: impl Future<Output = Result<T, Error>> + Send,
) -> Result<Result<T, Error>, Late> {
    let bounded = async { tokio::time::timeout(limit, work).await.map_err(|_| Late) };
    let done = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(bounded)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
