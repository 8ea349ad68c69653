//! What an entry looks like in each client's file.

use super::format::Format;
use super::launch::Launch;
use super::node::Node;

/// The name of the entry.
pub(super) const NAME: &str = "elks";

/// The kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `mcpServers` with `command`, `args` and `env`, which most clients read.
    Plain,
    /// The same with a `type`.
    ClaudeCode,
    /// `servers`. There are no `inputs`: VS Code does not pass servers that ask for input on to Copilot sessions.
    VsCode,
    /// `mcpServers` with a `type` and the `tools` that are allowed.
    Copilot,
    /// `context_servers` with a `source`.
    Zed,
    /// `mcp`, where the command is a list with the arguments.
    Opencode,
    /// The tables `[mcp_servers.NAME]` of TOML.
    Codex,
    /// `extensions` of YAML.
    Goose,
}

impl Shape {
    /// The language of the file.
    pub(super) fn format(self) -> Format {
        match self {
            Self::Codex => Format::Toml,
            Self::Goose => Format::Yaml,
            _ => Format::Json,
        }
    }

    /// The member of the document that has the entries.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Plain | Self::ClaudeCode | Self::Copilot => "mcpServers",
            Self::VsCode => "servers",
            Self::Zed => "context_servers",
            Self::Opencode => "mcp",
            Self::Codex => "mcp_servers",
            Self::Goose => "extensions",
        }
    }

    /// A new entry.
    pub(super) fn body(self, launch: &Launch) -> Vec<(&'static str, Node)> {
        let mut body = match self {
            Self::ClaudeCode | Self::VsCode => vec![("type", Node::text("stdio"))],
            Self::Copilot => vec![("type", Node::text("local"))],
            Self::Zed => vec![("source", Node::text("custom"))],
            Self::Opencode => vec![("type", Node::text("local"))],
            Self::Goose => vec![
                ("name", Node::text(NAME)),
                ("description", Node::text("Send and read SMS through 46elks")),
                ("type", Node::text("stdio")),
            ],
            Self::Plain | Self::Codex => Vec::new(),
        };
        body.extend(self.launch(launch));
        match self {
            Self::Copilot => body.push(("tools", Node::List(vec![Node::text("*")]))),
            Self::Opencode => body.push(("enabled", Node::Flag(true))),
            Self::Goose => body.extend([("enabled", Node::Flag(true)), ("timeout", Node::Other("300".into()))]),
            _ => {}
        }
        body
    }

    /// The members of an entry that start the program. The others belong to the user once the entry is there.
    pub(super) fn launch(self, launch: &Launch) -> Vec<(&'static str, Node)> {
        let command = Node::text(&launch.command);
        let mut members = match self {
            Self::Opencode => {
                let words: Vec<String> = std::iter::once(&launch.command).chain(&launch.args).cloned().collect();
                vec![("command", Node::texts(&words))]
            }
            Self::Goose => vec![("cmd", command), ("args", Node::texts(&launch.args))],
            _ => vec![("command", command), ("args", Node::texts(&launch.args))],
        };
        if !launch.env.is_empty() {
            let env = launch.env.iter().map(|(name, value)| (name.clone(), Node::text(value))).collect();
            members.push((self.env(), Node::Map(env)));
        }
        members
    }

    /// The member with the variables.
    pub(super) fn env(self) -> &'static str {
        match self {
            Self::Opencode => "environment",
            Self::Goose => "envs",
            _ => "env",
        }
    }

    /// What an entry starts; nothing if it starts no program.
    pub(super) fn launched(self, entry: &Node) -> Option<(String, Vec<String>)> {
        let args = || entry.get("args").and_then(Node::as_texts).unwrap_or_default();
        match self {
            Self::Opencode => {
                let mut words = entry.get("command")?.as_texts()?.into_iter();
                Some((words.next()?, words.collect()))
            }
            Self::Goose => Some((entry.get("cmd")?.as_text()?.to_string(), args())),
            _ => Some((entry.get("command")?.as_text()?.to_string(), args())),
        }
    }
}
