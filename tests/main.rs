//! What the program promises, tried from outside: the real executable, over real pipes, against the
//! simulator or against a pretend 46elks behind real TLS on loopback. Each test is a promise of
//! README.md or SECURITY.md.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]
#![expect(unreachable_pub, reason = "one program; nothing is exported")]

mod harness;
#[path = "loopback/server.rs"]
mod server;

mod attacks;
mod audit;
mod bounds;
mod commands;
mod component;
mod confirm;
mod connections;
mod defects;
mod ending;
mod limits;
mod queries;
mod sending;
mod session;
mod settings;
mod strangers;
mod tidy;
mod wire;
