//! The steps of a call one by one, for `benches/`. Nothing else uses them.

use crate::audit::{Params, Record, Sink, Timestamp};
use crate::call::{Call, Tool};
use crate::config::Settings;
use crate::contract::{CheckSmsStatusRequest, SendSmsRequest};
use crate::door::Door;
use crate::outside::Outside;
use crate::permit::FORM;
use crate::runner::Runner;
use crate::sandbox::{CALL_TIME, Sandbox};
use crate::simulator::Simulator;
use bytes::Bytes;
use chrono::Utc;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime_wasi_http::WasiHttpHooks;

/// A runner before the simulator, whose audit nobody reads.
pub struct Steps {
    runner: Runner,
    outside: Arc<Outside>,
}

struct Nowhere;

impl Sink for Nowhere {
    fn line(&self, line: &str) {
        std::hint::black_box(line);
    }
}

impl Steps {
    /// With these settings.
    ///
    /// # Errors
    /// When the component cannot be loaded.
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        let simulator = Simulator::new(&settings.credentials, &settings.sender);
        let outside = Arc::new(Outside::simulator(&settings.credentials, simulator));
        let runner = Runner::with_sandbox(settings, Sandbox::new()?, Arc::clone(&outside), Arc::new(Nowhere));
        Ok(Self { runner, outside })
    }

    /// A whole call: arguments in, gate, permit, sandbox, result out, audit. Whether it succeeded.
    pub async fn whole(&self, tool: Tool, arguments: &Map<String, Value>) -> bool {
        self.runner.call(tool, arguments.clone()).await.is_ok()
    }

    /// A call of the component with its permit, and its record as JSON. Whether it succeeded.
    pub async fn in_sandbox(&self, tool: Tool, arguments: &Map<String, Value>) -> bool {
        match Call::parse(tool, arguments.clone()) {
            Ok(call) => self.run(&call).await,
            Err(_) => false,
        }
    }

    /// A call that the component refuses at once: an instance, a call into it, and its end. Whether it
    /// succeeded, which it does not.
    pub async fn instance(&self) -> bool {
        self.run(&Call::CheckSmsStatus(CheckSmsStatusRequest { message_id: String::new() })).await
    }

    async fn run(&self, call: &Call) -> bool {
        let settings = self.runner.settings();
        let door = Door::new(call.permit(settings), None, Arc::clone(&self.outside));
        let account = call.account(settings, None);
        matches!(self.runner.run(call, &account, &door, Instant::now() + CALL_TIME).await, Ok(Ok(_)))
    }

    /// What happens behind the component when it sends: the door, the credentials, the simulator, and the
    /// answer. Whether 46elks took the message.
    pub async fn behind(&self, to: &str, message: &str) -> bool {
        let settings = self.runner.settings();
        let request =
            SendSmsRequest { to: to.into(), message: message.into(), from: None, flashsms: None, dry_run: None };
        let permit = Call::SendSms(request).permit(settings);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("from", &settings.sender).append_pair("to", to).append_pair("message", message);
        let body = Full::new(Bytes::from(form.finish())).map_err(|never| match never {}).boxed_unsync();
        let request = Request::post("https://api.46elks.com/a1/sms").header(CONTENT_TYPE, FORM).body(body);
        let Ok(request) = request else { return false };
        let mut door = Door::new(permit, None, Arc::clone(&self.outside));
        let answered = Box::into_pin(door.send_request(request, None, Box::new(std::future::ready(Ok(()))))).await;
        answered.is_ok_and(|(response, _)| response.status().is_success()) && door.close().accepted_send
    }

    /// Arguments held against the schema and made a call. Whether they are one.
    pub fn json_in(tool: Tool, arguments: &Map<String, Value>) -> bool {
        Call::parse(tool, arguments.clone()).is_ok()
    }

    /// The audit line of a call.
    pub fn audit(&self, tool: Tool, arguments: &Map<String, Value>) -> String {
        let params = Params::masked(arguments, |value| self.outside.leaks(value.as_bytes()));
        let record = Record {
            timestamp: Timestamp(Utc::now()),
            tool,
            params: &params,
            success: true,
            dry_run: tool.is_dry(self.runner.settings(), arguments),
            duration_ms: 0,
            error: None,
            simulated: true,
        };
        record.line()
    }
}
