//! The simulator as the behaviour of the fake 46elks. The account is that of `elks-mcp --simulate`.

use crate::fake_elks::{Reaction, Received};
use anyhow::Result;
use bytes::Bytes;
use elks_mcp::config::{Settings, Variables};
use elks_mcp::simulator::{Outcome, Simulator};
use http::Request;

/// One simulator, behind any number of connections.
pub(crate) fn simulated() -> Result<impl Fn(&Received) -> Reaction + Send + Sync + 'static> {
    let settings = Settings::read(&Variables::default(), true)?;
    let simulator = Simulator::new(&settings.credentials, &settings.sender);
    Ok(move |received: &Received| {
        // What is no request to the `http` crate has no answer.
        let Ok(request) = request(received) else { return Reaction::HangUp };
        match simulator.answer(&request) {
            Outcome::Response(response) => Reaction::Answer(response),
            Outcome::Silent => Reaction::Silence,
            Outcome::Lost | Outcome::Unreachable => Reaction::HangUp,
        }
    })
}

fn request(received: &Received) -> http::Result<Request<Bytes>> {
    let mut request = Request::builder().method(received.method.as_str()).uri(&received.path);
    for (name, value) in &received.headers {
        request = request.header(name, value);
    }
    request.body(Bytes::from(received.body.clone()))
}
