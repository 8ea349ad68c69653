//! The commands with which clients change their own files. They get no secret: others can read a
//! command line.

use super::command_line;
use super::launch::Launch;
use super::shape::NAME;
use crate::config::{PASSWORD, System};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How much of what a command says is repeated, in characters.
const MAX_SAID: usize = 400;

/// How long the work of a command that has ended is waited for, at most.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// How long the file is left alone in between.
const PAUSE: Duration = Duration::from_millis(100);

/// A client's own command. All but that of VS Code were tried with the real clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// `claude mcp` of Claude Code.
    Claude,
    /// `code --add-mcp` of VS Code, which has nothing to remove a server with.
    Code,
    /// `codex mcp`.
    Codex,
    /// `gemini mcp`.
    Gemini,
    /// `copilot mcp`.
    Copilot,
}

impl Own {
    /// Its name on `PATH`.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Code => "code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Copilot => "copilot",
        }
    }

    /// The arguments that add the entry.
    pub(super) fn add(self, launch: &Launch) -> Vec<String> {
        let before: &[&str] = match self {
            Self::Code => {
                let entry = json!({"name": NAME, "command": launch.command, "args": launch.args});
                return vec!["--add-mcp".into(), entry.to_string()];
            }
            Self::Claude => &["mcp", "add", "-s", "user", NAME, "--", &launch.command],
            Self::Codex | Self::Copilot => &["mcp", "add", NAME, "--", &launch.command],
            Self::Gemini => &["mcp", "add", "-s", "user", NAME, &launch.command, "--"],
        };
        before.iter().map(ToString::to_string).chain(launch.args.iter().cloned()).collect()
    }

    /// The arguments that remove the entry; nothing if the command cannot do that.
    pub(super) fn remove(self) -> Option<Vec<String>> {
        let words: &[&str] = match self {
            Self::Code => return None,
            Self::Claude => &["mcp", "remove", NAME, "-s", "user"],
            Self::Codex | Self::Copilot => &["mcp", "remove", NAME],
            Self::Gemini => &["mcp", "remove", "-s", "user", NAME],
        };
        Some(words.iter().map(ToString::to_string).collect())
    }
}

/// The command as a person can paste it.
pub(super) fn shown(program: &Path, arguments: &[String], system: System) -> String {
    let program = program.display().to_string();
    command_line(std::iter::once(program.as_str()).chain(arguments.iter().map(String::as_str)), system)
}

/// Waits until the command has done its work. VS Code hands it to a window that is open, and does not wait for that
/// one.
pub(super) fn wait(own: Own, is_done: impl Fn() -> bool) {
    let tries = if own == Own::Code { MAX_WAIT.as_millis() / PAUSE.as_millis() } else { 0 };
    for _ in 0..tries {
        if is_done() {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Runs a client's command to its end.
///
/// # Errors
/// It cannot be started, or its exit code is not 0. The error has what it said.
pub(super) fn run(program: &Path, arguments: &[String]) -> Result<()> {
    let done = Command::new(program)
        .args(arguments)
        .env_remove(PASSWORD)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(if done.stderr.is_empty() { &done.stdout } else { &done.stderr });
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_SAID).collect();
    ensure!(done.status.success(), "{} ended with {} and says: {said}", program.display(), done.status);
    Ok(())
}
