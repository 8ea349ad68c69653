//! What a model has to read: the bytes of the list of the tools, and of results. A token is about four bytes, which is
//! an estimate: ids and times have more tokens.

use crate::driver::Server;
use crate::prepared::{self, PERSON, TEXT};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::process::Command;

/// The bytes of everything that a model reads of a server. The server sends for real, to a stand-in.
pub(crate) fn bytes(mut command: Command) -> Result<Value> {
    command.env("DRY_RUN", "false").env("ELKS_STATE", "memory");
    let (mut server, _) = Server::launch(command)?;
    let listed = server.0.request("tools/list", &json!({}))?;
    let tools = listed["tools"].as_array().context("there is a list of tools")?;
    let mut all = vec![
        json!({"what": "list of the tools: names, descriptions, input schemas", "bytes": of_tools(tools, &[])}),
        json!({"what": "list of the tools with output schemas", "bytes": of_tools(tools, &["outputSchema"])}),
    ];
    for (what, tool, arguments) in [
        ("`send_sms`, dry run", "send_sms", json!({"to": PERSON, "message": TEXT, "dry_run": true})),
        ("`send_sms`", "send_sms", json!({"to": PERSON, "message": TEXT, "dry_run": false})),
        ("`check_sms_status`", "check_sms_status", json!({"message_id": prepared::newest_id()})),
        ("`estimate_sms_cost`", "estimate_sms_cost", json!({"to": PERSON, "message": TEXT})),
        ("`check_account_balance`", "check_account_balance", json!({})),
        ("`get_delivery_statistics`", "get_delivery_statistics", json!({})),
        ("`get_sms_messages`, 10 messages", "get_sms_messages", json!({"limit": 10})),
        ("`get_sms_messages`, 100 messages", "get_sms_messages", json!({"limit": 100})),
    ] {
        let result = server.0.request("tools/call", &json!({"name": tool, "arguments": arguments}))?;
        let blocks = result["content"].as_array().context("the result has content")?;
        let texts = blocks.iter().map(|block| block["text"].as_str().unwrap_or_default());
        let bytes: usize = texts.map(str::len).sum();
        ensure!(bytes > 0 && result["isError"] != true, "{what} failed: {result}");
        all.push(json!({"what": what, "bytes": bytes}));
    }
    Ok(all.into())
}

/// The bytes of what a client shows a model of each tool, as JSON.
fn of_tools(tools: &[Value], more: &[&str]) -> usize {
    let fields = ["name", "description", "inputSchema"].iter().chain(more);
    let shown = |tool: &Value| {
        let known = fields.clone().filter(|field| !tool[**field].is_null());
        known.map(|field| ((*field).to_string(), tool[*field].clone())).collect::<Value>()
    };
    Value::from_iter(tools.iter().map(shown)).to_string().len()
}
