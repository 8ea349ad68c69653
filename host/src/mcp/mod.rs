//! MCP on stdio. This folder is the only one that knows rmcp. It translates between MCP and [`crate::call`]; it decides
//! nothing about a call but whether a person approved it.

mod approvals;
mod elicitation;
mod progress;
mod question;
mod recent_ids;
mod requests;
mod sent_ids;
mod server;
mod session_ids;
mod stdio;
mod strict_json;

pub use server::{Ended, serve, serve_on};
