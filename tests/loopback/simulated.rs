//! The simulator as what a server on loopback answers. The account is that of `elks-mcp --simulate`.

use anyhow::{Result, bail};
use bytes::Bytes;
use elks_mcp::config::Settings;
use elks_mcp::simulator::{Answer, Simulator};
use http::{Request, Response};
use std::sync::{Arc, Mutex};

/// One simulator, behind any number of connections.
#[derive(Clone)]
pub(crate) struct Simulated(Arc<Mutex<Simulator>>);

impl Simulated {
    pub(crate) fn new() -> Result<Self> {
        let settings = Settings::read(|_| None, true)?;
        Ok(Self(Arc::new(Mutex::new(Simulator::new(&settings.credentials, &settings.sender)))))
    }

    /// Its answer to a request. An error ends the connection without one.
    pub(crate) async fn answer(self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = self.0.lock().expect("is not poisoned").answer(&request);
        match answer {
            Answer::Response(response) => Ok(response),
            Answer::Silent => std::future::pending().await,
            Answer::Lost | Answer::Unreachable => bail!("the connection ends"),
        }
    }
}
