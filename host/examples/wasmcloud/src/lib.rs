//! A trigger for wasmCloud: `POST /TOOL` with a request as JSON calls that tool of elks-sms, and the response has its
//! result as JSON.
//!
//! The account and the token of the callers come from the configuration of the workload, never from a request. The
//! arguments of a request are in its body, because hosts write addresses into their logs.

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "elks:trigger/trigger",
    generate_all,
    additional_derives: [serde::Deserialize, serde::Serialize],
    additional_derives_ignore: ["stream-error"], // it has a resource
});

use elks::sms::types::{Account, Credentials};
use elks::sms::{queries, sending};
use exports::wasi::http0_2_2::incoming_handler::Guest;
use serde::{Serialize, de::DeserializeOwned};
use wasi::http0_2_2::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasi::io::streams::InputStream;

/// The longest body that is read, in bytes. The longest request of a tool is 4,000 characters and some fields.
const MAX_BODY: usize = 64 * 1024;

/// What a stream of wasi:io takes at once, in bytes.
const MAX_WRITE: usize = 4096;

struct Trigger;

export!(Trigger);

impl Guest for Trigger {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, text) = answer(&request).unwrap_or_else(|(status, reason)| (status, reason.to_string()));
        let response = OutgoingResponse::new(Fields::new());
        let _ = response.set_status_code(status);
        let Ok(body) = response.body() else { return };
        ResponseOutparam::set(out, Ok(response));
        if let Ok(stream) = body.write() {
            for part in text.as_bytes().chunks(MAX_WRITE) {
                let _ = stream.blocking_write_and_flush(part);
            }
        }
        let _ = OutgoingBody::finish(body, None);
    }
}

/// Why a request is refused: a status of HTTP and a reason.
type Refusal = (u16, &'static str);

/// The response to a request: status and body.
fn answer(request: &IncomingRequest) -> Result<(u16, String), Refusal> {
    let expected = config("token").map(|token| format!("Bearer {token}").into_bytes());
    if expected.is_none() || request.headers().get("authorization").first() != expected.as_ref() {
        return Err((401, "the header Authorization must have the token of the configuration"));
    }
    let account = Account {
        credentials: config("username")
            .zip(config("password"))
            .map(|(username, password)| Credentials { username, password }),
        default_sender: config("sender"),
        dry_run: config("dry-run").is_none_or(|value| value != "false"),
        currency: config("currency"),
        endpoint: config("endpoint"),
    };
    let body = body(request).ok_or((413, "the body cannot be read or is too long"))?;
    match request.path_with_query().unwrap_or_default().as_str() {
        "/send-sms" => call(&body, |request| sending::send_sms(&account, &request)),
        "/get-sms-messages" => call(&body, |request| queries::get_sms_messages(&account, &request)),
        "/check-sms-status" => call(&body, |request| queries::check_sms_status(&account, &request)),
        "/estimate-sms-cost" => call(&body, |request| queries::estimate_sms_cost(&account, &request)),
        "/check-account-balance" => call(&body, |request| queries::check_account_balance(&account, &request)),
        "/get-delivery-statistics" => call(&body, |request| queries::get_delivery_statistics(&account, request)),
        _ => Err((404, "there is no such tool")),
    }
}

/// Calls a tool with the request of a body.
fn call<A: DeserializeOwned, R: Serialize>(body: &[u8], tool: impl FnOnce(A) -> R) -> Result<(u16, String), Refusal> {
    let request =
        serde_json::from_slice(body).map_err(|_| (400, "the body must be the request of the tool as JSON"))?;
    let result = serde_json::to_string(&tool(request)).map_err(|_| (500, "the result cannot be written as JSON"))?;
    Ok((200, result))
}

/// A value of the configuration.
fn config(key: &str) -> Option<String> {
    wasi::config::store::get(key).ok().flatten()
}

/// The bytes of a body.
fn body(request: &IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let stream: InputStream = body.stream().ok()?;
    let mut bytes = Vec::new();
    // A read fails when the body has ended.
    while let Ok(part) = stream.blocking_read(MAX_BODY as u64) {
        bytes.extend(part);
        if bytes.len() > MAX_BODY {
            return None;
        }
    }
    Some(bytes)
}
