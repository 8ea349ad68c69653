//! A client without a handshake: each call carries what the client can do, and a question comes as the call's result.
//! The client then calls again, with the person's answer.
//!
//! Not here: what is expected. That stands in the tests.

use super::merged;
use super::program::Program;
use serde_json::{Value, json};

/// The parameters of a call of `send_sms` by a client that can ask a person, with more of them or others.
pub fn params(arguments: &Value, more: &Value) -> Value {
    params_with(&json!({"elicitation": {}}), arguments, more)
}

/// The same of a client with these capabilities.
fn params_with(capabilities: &Value, arguments: &Value, more: &Value) -> Value {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
                      "io.modelcontextprotocol/clientCapabilities": capabilities});
    merged(json!({"name": "send_sms", "arguments": arguments, "_meta": meta}), more)
}

/// Calls `send_sms` and gives the result, which may be a question.
pub fn call(program: &mut Program, arguments: &Value, more: &Value) -> Value {
    program.request("tools/call", &params(arguments, more))["result"].clone()
}

/// The same by a client with these capabilities.
pub fn call_with(program: &mut Program, capabilities: &Value, arguments: &Value, more: &Value) -> Value {
    program.request("tools/call", &params_with(capabilities, arguments, more))["result"].clone()
}

/// Whether a result is a question.
pub fn is_question(result: &Value) -> bool {
    result["resultType"] == "input_required"
}

/// What a call has that comes again with the person's choice.
pub fn answered(question: &Value, send: bool) -> Value {
    answered_with(question, &json!({"action": "accept", "content": {"send": send}}))
}

/// What a call has that comes again with this response of the client.
pub fn answered_with(question: &Value, response: &Value) -> Value {
    let name = question["inputRequests"].as_object().unwrap().keys().next().unwrap();
    json!({"requestState": question["requestState"], "inputResponses": {name: response}})
}
