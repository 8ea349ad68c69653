//! elks-mcp: an MCP server with which AI assistants send and read SMS through 46elks.
//!
//! Everything that understands SMS is a WebAssembly component (`guest/`, contract in `wit/`). This
//! program runs it, assumes that it has been replaced by an attacker, and keeps its promises all
//! the same.
//!
//! ```text
//! MCP client ─stdio─ wire ─ server ─ runner, audit ─ sandbox ═╗  guest: lib → rules → elks → http
//!                                                             ║                         │ wasi:http
//!               46elks or simulator ─ outside ─ gate ─ door ══╩─────────────────────────┘
//! ```
//!
//! # Layout
//! - [`config`]: the settings, and the only place that reads the environment
//! - [`server`]: MCP; with `wire` and `confirm` the only files that know rmcp
//! - `confirm`: approval of a send by the person
//! - `wire`, `ids`: lines in, lines out, each request once
//! - [`runner`]: a call from beginning to end
//! - [`call`]: the tools as an enum: parse, name, what a call may cause
//! - `arguments`: a call's arguments, held against the served schema
//! - [`gate`]: may this call go now?
//! - [`audit`]: what happened, with masked types only
//! - [`sandbox`]: a fresh instance a call, with bounds
//! - [`permit`]: what one call may cause, and whether a request fits
//! - [`door`]: the only way out
//! - [`outside`]: what is behind it: 46elks over TLS, or the simulator
//! - [`capabilities`]: what a reviewer wants to see
//! - [`simulator`]: a pretend 46elks
//! - [`demo`]: a session for people to follow
//! - [`mcp_client`]: the MCP client of the demo, the tests and the benchmarks
//! - `steps`: the steps of a call one by one, for `benches/`

mod arguments;
pub mod audit;
pub mod call;
pub mod capabilities;
pub mod config;
mod confirm;
mod contract;
pub mod demo;
pub mod door;
mod engine;
pub mod gate;
mod hygiene;
mod ids;
pub mod mcp_client;
pub mod outside;
pub mod permit;
pub mod runner;
pub mod sandbox;
pub mod server;
pub mod simulator;
#[doc(hidden)]
pub mod steps;
mod wire;
