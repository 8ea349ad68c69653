//! A server under measurement: how it is launched and called. Shared by the benchmarks of the whole program.

use anyhow::{Context, Result, ensure};
use elks_mcp::config::{self, Settings, Variables};
use elks_mcp::mcp_client::{McpClient, Output};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Far more than a benchmark needs, so that no limit is measured.
const NO_LIMIT: &str = "1000000";

/// A server to launch, with a complete account and nothing else of ours. It keeps its journal, if it keeps one, in the
/// folder `state`.
pub(crate) fn command(program: &Path, arguments: &[&str], state: &Path) -> Result<Command> {
    let settings = Settings::read(&Variables::default(), true)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("ELKS_API_USERNAME", config::SIMULATED_USERNAME)
        .env("ELKS_API_PASSWORD", config::SIMULATED_PASSWORD)
        .env("ELKS_PHONE_NUMBER", &settings.sender)
        .env("ELKS_STATE_DIR", state)
        .env("DRY_RUN", "true")
        .env("RATE_LIMIT_SMS_PER_MINUTE", NO_LIMIT)
        .env("RATE_LIMIT_QUERIES_PER_MINUTE", NO_LIMIT)
        .env("ELKS_MAX_SMS_PER_DAY", "*")
        .env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*")
        .env("ELKS_DUPLICATE_MINUTES", "0");
    Ok(command)
}

/// A server under measurement.
pub(crate) struct Server(pub(crate) McpClient);

impl Server {
    /// Launches it and shakes hands. How long it took to the answer comes with it.
    pub(crate) fn launch(command: Command) -> Result<(Self, Duration)> {
        let begun = Instant::now();
        let mut client = McpClient::launch_with(command, Output::Read, Output::Discarded)?;
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        client.post("initialize", &hello)?;
        let took = client.message()?.read_at - begun;
        client.write_line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string())?;
        Ok((Self(client), took))
    }

    /// Makes calls, so many at a time, and gives how long each took, sorted, and how long all of them. `params` makes
    /// the parameters of a call from its number.
    pub(crate) fn calls(
        &mut self,
        count: usize,
        in_flight: usize,
        params: &dyn Fn(usize) -> Value,
    ) -> Result<(Vec<Duration>, Duration)> {
        let (mut begun, mut took, mut number) = (HashMap::new(), Vec::with_capacity(count), 0);
        let start = Instant::now();
        while took.len() < count {
            while begun.len() < in_flight && number < count {
                let params = params(number);
                number += 1;
                let now = Instant::now();
                begun.insert(self.0.post("tools/call", &params)?, now);
            }
            let answer = self.0.message()?;
            ensure!(succeeded(&answer.value), "a call failed: {}", answer.value);
            let id = answer.value["id"].as_u64().context("has an id")?;
            took.push(answer.read_at - begun.remove(&id).context("was asked")?);
        }
        took.sort_unstable();
        Ok((took, start.elapsed()))
    }

    /// What it holds, in megabytes.
    pub(crate) fn resident(&self) -> Result<f64> {
        let printed = Command::new("ps").args(["-o", "rss=", "-p", &self.0.process_id().to_string()]).output()?;
        Ok(String::from_utf8(printed.stdout)?.trim().parse::<f64>()? * 1024.0 / 1e6)
    }
}

/// Whether an answer is that of a call that did what it should. The Node server says only in words that one failed.
fn succeeded(answer: &Value) -> bool {
    let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
    answer["result"].is_object() && answer["result"]["isError"] != true && !text.starts_with("Error")
}

/// For each server the median of many starts, in milliseconds. They start in turns.
pub(crate) fn starts(count: usize, commands: &[&dyn Fn() -> Result<Command>]) -> Result<Vec<f64>> {
    let mut took = vec![Vec::new(); commands.len()];
    for _ in 0..count {
        for (command, took) in commands.iter().zip(&mut took) {
            took.push(Server::launch(command()?)?.1);
        }
    }
    took.iter_mut().for_each(|took| took.sort_unstable());
    Ok(took.iter().map(|took| milliseconds(took[count / 2])).collect())
}

/// A duration in milliseconds, to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
