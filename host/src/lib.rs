//! elks-mcp: an MCP server with which AI assistants send and read SMS through 46elks.
//!
//! Everything that understands SMS is a WebAssembly component (`guest/`, contract in `wit/`). This program runs it,
//! assumes that an attacker has replaced it, and keeps its promises all the same. `docs/architecture.md` has the
//! invariants.
//!
//! This library exists for the program, its tests and its benchmarks. It is no stable API; [`elks_sandbox`] is the
//! library for other programs.
//!
//! ```text
//! client ─ mcp/stdio ─ mcp/server ─ Call::parse ─ call ─ sandbox ═╗  component: tools → draft, history → api → http
//!                                                                 ║                                        │ wasi:http
//!                  46elks or simulator ─ upstream ─ egress ═══════╩════════════════════════════════════════╝
//!                                                     └─ trace ─ verdict ─ audit ─ client
//! ```
//!
//! # Layout
//! - [`cli`], [`config`], [`signals`]: the command line, the environment, the end
//! - [`policy`]: who may be sent what, how often, for how much, and when (pure, but for the policy file)
//! - [`mcp`]: the only folder that knows rmcp
//! - [`tools`]: one file a tool; [`contract`]: their records, generated from `wit/`
//! - [`call`]: a call from beginning to end
//! - [`account`]: the check of the account; [`component`]: the embedded component
//! - [`ledger`]: what was sent, over crashes and processes; `database`: the PostgreSQL server that can hold it
//! - `sending`: both together, for a call that sends
//! - [`verdict`]: who is believed about a call (pure)
//! - `summary`, `money`, `count`: the sentences of the host; [`failure`]: the kinds of failure
//! - [`audit`], [`stderr`], [`mask`]: what is written about a call
//! - [`capabilities`], [`demo`], [`doctor`], [`operator`], [`clients`]: commands for people
//! - [`origin`]: version, commit, target
//! - [`mcp_client`]: a client for the demo, the tests and the benchmarks
//! - [`simulator`]: a simulated 46elks
//! - `money`: amounts in words; [`clock`]: the time

pub mod account;
mod assignments;
pub mod audit;
pub mod call;
pub mod capabilities;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod component;
pub mod config;
pub mod contract;
mod count;
#[cfg(feature = "postgres")]
pub mod database;
pub mod demo;
pub mod doctor;
pub mod failure;
pub mod ledger;
pub mod mask;
pub mod mcp;
pub mod mcp_client;
mod money;
mod nearest;
pub mod operator;
pub mod origin;
pub mod policy;
mod sanitise;
mod sending;
pub mod signals;
pub mod simulator;
pub mod stderr;
mod summary;
pub mod tools;
mod unfilled;
pub mod verdict;
