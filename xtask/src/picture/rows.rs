//! The rows of the picture: the chosen steps of the transcript, wrapped to the width of the terminal, each with the
//! time that passes before it appears.

use anyhow::{Context, Result};

/// How many characters a row has.
pub(crate) const COLUMNS: usize = 96;

/// How far a wrapped row is indented.
const INDENT: &str = "    ";

/// How long the picture waits for each character that was added, in milliseconds. A fast reader needs twice the time,
/// and has it: a row stays on the screen for several steps.
const READING_MS: u32 = 10;

/// How long the picture waits before a new step and before each row, in milliseconds.
const STEP_MS: u32 = 900;
const ROW_MS: u32 = 120;

/// What a row is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The command line, or the title of a step.
    Title,
    /// A call of a tool.
    Call,
    /// The answer to it.
    Answer,
    /// An answer that says what failed.
    Error,
    /// A line of the audit log.
    Audit,
    /// Anything else.
    Plain,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// How long after the row before it this one appears, in milliseconds.
    pub(crate) wait_ms: u32,
}

/// The rows of the steps with these titles.
pub(crate) fn of_transcript(snapshot: &str, titles: &[&str]) -> Result<Vec<Row>> {
    let paragraphs = || snapshot.split("\n\n");
    let mut lines = vec!["$ elks-mcp demo"];
    lines.extend(snapshot.lines().find(|line| line.starts_with("elks-mcp demo: ")));
    for title in titles {
        let is_step =
            |paragraph: &&str| paragraph.lines().next().is_some_and(|line| line.ends_with(&format!(". {title}")));
        let step = paragraphs().find(is_step).with_context(|| format!("the demo has no step {title:?}"))?;
        lines.push("");
        lines.extend(step.lines());
    }
    let mut rows = Vec::new();
    let mut unread = 0;
    for line in lines {
        let kind = kind(line);
        for (number, text) in wrapped(line).into_iter().enumerate() {
            let is_new = number == 0 && matches!(kind, Kind::Title | Kind::Answer | Kind::Error);
            // What stands on the screen is read before more comes.
            let wait_ms = if is_new { STEP_MS + std::mem::take(&mut unread) } else { ROW_MS };
            unread += READING_MS * u32::try_from(text.trim().chars().count())?;
            rows.push(Row { text, kind, wait_ms });
        }
    }
    Ok(rows)
}

fn kind(line: &str) -> Kind {
    let text = line.trim_start();
    match text.split(' ').next().unwrap_or_default() {
        "→" => Kind::Call,
        "←" if text.starts_with("← Error (") => Kind::Error,
        "←" => Kind::Answer,
        "audit" => Kind::Audit,
        "$" => Kind::Title,
        number if number.strip_suffix('.').is_some_and(|number| number.parse::<u32>().is_ok()) => Kind::Title,
        _ => Kind::Plain,
    }
}

/// A line in rows of at most `COLUMNS` characters, broken at spaces, or at commas where there is no space.
fn wrapped(line: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    for word in line.split_inclusive([' ', ',']) {
        let length = row.chars().count() + word.trim_end().chars().count();
        if length > COLUMNS && row.trim() != "" {
            rows.push(std::mem::take(&mut row).trim_end().to_string());
            row.push_str(INDENT);
        }
        row.push_str(word);
    }
    rows.push(row.trim_end().to_string());
    rows
}
