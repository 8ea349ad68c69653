//! How much memory one call of the attacker's component can make the host hold, measured. Each attack runs in a process
//! of its own, because the peak is that of a process.

use crate::attacks::{self, Scene};
use bytes::Bytes;
use elks_mcp::config::SIMULATED_SENDER;
use elks_mcp::simulator::Simulator;
use elks_mcp::tools::Tool;
use elks_sandbox::Upstream;
use elks_sandbox::upstream::Pending;
use http::{Method, Request, Response};
use sms_rules::limits::MAX_RESPONSE_BYTES;
use std::process::Command;
use std::sync::Arc;

/// Attacks on the memory of the host, and by how many MiB the process may grow while each runs. Without their limits
/// the first three take 31 MiB and more. docs/performance.md states the figures.
const HOARDS: [(Tool, &str, u64); 9] = [
    (Tool::SendSms, "keep 15 authority 1900000", 16),
    (Tool::SendSms, "keep 15 method 1900000", 16),
    (Tool::GetSmsMessages, "keep 20000 dropped 0", 16),
    (Tool::GetSmsMessages, "keep 10 response 0", 16),
    (Tool::SendSms, "a result that grows when it is escaped", 16),
    (Tool::GetSmsMessages, "as many messages as the host copies", 16),
    (Tool::GetSmsMessages, "the most of everything", 48),
    // Pages of 46elks that cost the host more than their length when it reads them.
    (Tool::GetSmsMessages, "deletes on four pages", 32),
    (Tool::GetSmsMessages, "rows in rows", 16),
];

/// Names the attack that a process of its own runs.
const HOARD: &str = "ELKS_TEST_HOARD";

/// An account whose pages of the history are as long as a response may be.
struct LongPages(Simulator, Bytes);

impl Upstream for LongPages {
    fn send(&self, request: Request<Bytes>) -> Pending<'_> {
        if request.method() == Method::GET && request.uri().path() == "/a1/sms" {
            let mut page = self.1.to_vec();
            // Each page leads to the next one.
            for (day, next) in [("30", b"29"), ("29", b"28"), ("28", b"27")] {
                if request.uri().query().is_some_and(|query| query.contains(&format!("2026-01-{day}T"))) {
                    let at = page.len() - r#"30T00:00:00"}"#.len();
                    page[at..at + 2].copy_from_slice(next);
                    let id = r#"{"data":[{"id":"s"#.len();
                    page[id..id + 2].copy_from_slice(next);
                }
            }
            let page = Bytes::from(page);
            return Box::pin(async { Ok(Response::new(page)) });
        }
        self.0.send(request)
    }
}

/// A page of 2 MiB.
fn page(attack: &str) -> Bytes {
    let page = match attack {
        "rows in rows" => {
            let row = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(999));
            format!(r#"{{"data":[{}]}}"#, vec![row; 1000].join(","))
        }
        "deletes on four pages" => {
            let text = "\u{7f}".repeat(MAX_RESPONSE_BYTES - 200);
            let row =
                format!(r#"{{"id":"s31","direction":"incoming","created":"2026-01-31T12:00:00","message":"{text}"}}"#);
            format!(r#"{{"data":[{row}],"next":"2026-01-30T00:00:00"}}"#)
        }
        _ => "x".repeat(MAX_RESPONSE_BYTES),
    };
    assert!(page.len() <= MAX_RESPONSE_BYTES);
    page.into()
}

/// A size that Linux reports of this process, in KiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    value.trim_matches([':', '\t', ' ', 'k', 'B']).parse().unwrap()
}

/// Runs one attack after a valid call, and says by how many KiB the peak of the resident memory is above what was
/// resident before.
async fn growth(tool: Tool, attack: &str) -> u64 {
    let simulator = Simulator::new(&attacks::credentials(), SIMULATED_SENDER);
    let scene = Scene::with_upstream(Arc::new(LongPages(simulator, page(attack))), false);
    scene.still_works(0).await;
    let before = memory("VmRSS");
    let _ = if tool == Tool::SendSms { scene.send(attack).await } else { scene.query(attack).await };
    memory("VmHWM") - before
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test starts itself, and the environment names the attack to run")]
#[expect(clippy::print_stdout, reason = "the started process prints what it measured")]
async fn the_host_holds_little_whatever_a_component_gives_it() {
    if let Ok(attack) = std::env::var(HOARD) {
        let (tool, attack, _) = HOARDS.into_iter().find(|(_, known, _)| *known == attack).unwrap();
        println!("grew by {} KiB", growth(tool, attack).await);
        return;
    }
    for (_, attack, most) in HOARDS {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "memory::the_host_holds_little_whatever_a_component_gives_it", "--nocapture"])
            .env(HOARD, attack)
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let grown = output.split_once("grew by ").and_then(|(_, rest)| rest.split_once(" KiB")).unwrap().0;
        assert!(grown.parse::<u64>().unwrap() < most << 10, "{attack}: {grown} KiB");
    }
}
