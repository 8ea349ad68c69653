//! What was found, as data: the writers for people and for programs make their output of it.

use serde_json::{Map, Value};
use std::time::Duration;

/// How it is with what was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, and somebody should know of it.
    Warning,
    /// It needs to be fixed.
    Problem,
    /// It was not looked at.
    Skipped,
}

impl Status {
    /// The word for people and programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Program,
    Settings,
    Policy,
    Journal,
    Clients,
    Connection,
    Account,
}

impl Group {
    /// The word for programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Settings => "settings",
            Self::Policy => "policy",
            Self::Journal => "journal",
            Self::Clients => "clients",
            Self::Connection => "connection",
            Self::Account => "account",
        }
    }

    /// The title for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Program => "Program",
            Self::Settings => "Settings (of this terminal, and of the settings file)",
            Self::Policy => "Policy",
            Self::Journal => "Journal of sends",
            Self::Clients => "MCP clients on this computer that start elks-mcp",
            Self::Connection => "Connection to 46elks",
            Self::Account => "Account",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) group: Group,
    /// What was looked at: a word that stays the same in later versions, or the name of a setting.
    pub(super) check: String,
    pub(super) status: Status,
    /// What was found, one sentence or less, without a full stop.
    pub(super) text: String,
    /// What to do, with a full stop.
    pub(super) next: Option<String>,
    /// How long it took.
    pub(super) took: Option<Duration>,
    /// The same for programs.
    pub(super) facts: Map<String, Value>,
}

impl Finding {
    fn new(group: Group, check: &str, status: Status, text: String) -> Self {
        Self { group, check: check.into(), status, text, next: None, took: None, facts: Map::new() }
    }

    /// It is as it should be.
    pub(super) fn ok(group: Group, check: &str, text: impl Into<String>) -> Self {
        Self::new(group, check, Status::Ok, text.into())
    }

    /// It works, and somebody should know of it.
    pub(super) fn warning(group: Group, check: &str, text: impl Into<String>) -> Self {
        Self::new(group, check, Status::Warning, text.into())
    }

    /// It needs to be fixed.
    pub(super) fn problem(group: Group, check: &str, text: impl Into<String>) -> Self {
        Self::new(group, check, Status::Problem, text.into())
    }

    /// It was not looked at, for this reason.
    pub(super) fn skipped(group: Group, check: &str, reason: impl Into<String>) -> Self {
        Self::new(group, check, Status::Skipped, reason.into())
    }

    /// With what to do.
    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// With the time that it took.
    pub(super) fn took(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }

    /// With a fact for programs.
    pub(super) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }
}

/// Whether nothing needs to be fixed.
pub(super) fn is_well(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.status != Status::Problem)
}
