//! What the program promises, tried from outside: the real executable, over real pipes, against the
//! simulator or against a fake 46elks behind real TLS on loopback. Each test is a promise of README.md
//! or SECURITY.md; each file has one subject, and `support/` what they share.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]
#![expect(unreachable_pub, reason = "one program; nothing is exported")]

mod support;

mod attacks;
mod audit;
mod bounds;
mod commands;
mod component;
mod confirm;
mod connections;
mod ending;
mod hostile_session;
mod inbound;
mod limits;
#[cfg(target_os = "linux")]
mod memory;
mod misreports;
mod node_server;
mod protocol;
mod queries;
mod sending;
mod session;
mod settings;

mod tidy;
