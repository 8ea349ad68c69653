//! What the program promises, tried from outside: the real executable, over real pipes, against the
//! simulator or against a fake 46elks behind real TLS on loopback. Each test is a promise of README.md
//! or SECURITY.md; each file has one subject, and `support/` what they share.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]
#![expect(unreachable_pub, reason = "one program; nothing is exported")]

mod support;

mod attacks;
mod audit;
mod bounds;
mod certificates;
#[cfg(unix)]
mod chaos;
#[cfg(unix)]
mod clients;
mod commands;
mod component;
mod configured;
mod confirm;
mod connections;
mod contacts;
mod doctor;
mod documents;
mod duplicates;
mod ending;
mod first_contact;
#[cfg(all(unix, feature = "postgres"))]
mod fleet;
mod hostile_session;
mod http_2;
mod inbound;
mod journal;
mod ledger;
mod limits;
#[cfg(target_os = "linux")]
mod memory;
mod misconfigured;
mod misreports;
mod node_server;
mod numbers;
mod policy;
mod policy_file;
mod protocol;
mod proxies;
mod queries;
mod sending;
mod session;
mod settings;
mod settings_file;
mod spending;
mod tokens;
mod unavailable;

mod tidy;
