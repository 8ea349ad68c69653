//! The clients that this program knows: their names, files, shapes and commands.

use super::own_command::Own;
use super::places::{Base, Location, Places};
use super::shape::Shape;
use crate::config::System;
use crate::nearest::nearest;
use anyhow::{Result, bail};

/// An MCP client.
pub(super) struct Client {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// Its files.
    pub(super) files: Files,
    /// What an entry in them looks like.
    pub(super) shape: Shape,
    /// Its own command for changing them.
    pub(super) own: Option<Own>,
    /// Its own link for adding a server.
    pub(super) link: Option<Link>,
    /// What its users must know.
    pub(super) note: Option<&'static str>,
}

/// The files of a client on each system.
pub(super) struct Files {
    unix: &'static [Location],
    mac: &'static [Location],
    windows: &'static [Location],
}

impl Files {
    /// The same places on all systems.
    const fn everywhere(all: &'static [Location]) -> Self {
        Self { unix: all, mac: all, windows: all }
    }

    /// The places on the system of `places`.
    pub(super) fn locations(&self, places: &Places) -> &'static [Location] {
        match places.system() {
            System::Unix => self.unix,
            System::Mac => self.mac,
            System::Windows => self.windows,
        }
    }
}

/// A link that a client opens to add a server.
#[derive(Clone, Copy)]
pub(super) enum Link {
    /// `vscode:mcp/install?` and the JSON of the entry with its name.
    VsCode,
    /// This beginning, then `name` and the entry in base64.
    Config(&'static str),
}

const fn at(base: Base, folder: &'static str, file: &'static str) -> Location {
    Location { base, folder, file }
}

/// All clients, in the order in which they are listed.
pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "claude-desktop",
        title: "Claude Desktop",
        files: Files {
            unix: &[CLAUDE_DESKTOP],
            mac: &[CLAUDE_DESKTOP],
            // Installed from the Microsoft Store or by the newer installer, it reads the second place alone.
            windows: &[
                CLAUDE_DESKTOP,
                at(
                    Base::Local,
                    "Packages/Claude_*",
                    "Packages/Claude_*/LocalCache/Roaming/Claude/claude_desktop_config.json",
                ),
            ],
        },
        shape: Shape::Plain,
        own: None,
        link: None,
        note: Some("Quit Claude Desktop completely before you start it again: closing its window is not enough."),
    },
    Client {
        name: "claude-code",
        title: "Claude Code",
        files: Files::everywhere(&[
            at(Base::Named("CLAUDE_CONFIG_DIR"), "", ".claude.json"),
            at(Base::Home, ".claude", ".claude.json"),
        ]),
        shape: Shape::ClaudeCode,
        own: Some(Own::Claude),
        link: None,
        note: None,
    },
    Client {
        name: "vscode",
        title: "VS Code",
        files: Files::everywhere(&[at(Base::Config, "Code", "Code/User/mcp.json")]),
        shape: Shape::VsCode,
        own: Some(Own::Code),
        link: Some(Link::VsCode),
        note: Some("Do not set sandboxEnabled for elks: VS Code then no longer asks before each call."),
    },
    Client {
        name: "cursor",
        title: "Cursor",
        files: Files::everywhere(&[at(Base::Home, ".cursor", ".cursor/mcp.json")]),
        shape: Shape::Plain,
        own: None,
        link: Some(Link::Config("cursor://anysphere.cursor-deeplink/mcp/install")),
        note: None,
    },
    Client {
        name: "codex",
        title: "Codex",
        files: Files::everywhere(&[
            at(Base::Named("CODEX_HOME"), "", "config.toml"),
            at(Base::Home, ".codex", ".codex/config.toml"),
        ]),
        shape: Shape::Codex,
        own: Some(Own::Codex),
        link: None,
        note: Some("Codex passes on almost no variables: write HTTPS_PROXY and the like into the settings file."),
    },
    Client {
        name: "gemini",
        title: "Gemini CLI",
        files: Files::everywhere(&[
            at(Base::Named("GEMINI_CLI_HOME"), ".gemini", ".gemini/settings.json"),
            at(Base::Home, ".gemini", ".gemini/settings.json"),
        ]),
        shape: Shape::Plain,
        own: Some(Own::Gemini),
        link: None,
        note: Some("Gemini CLI starts servers only in folders that you trust."),
    },
    Client {
        name: "copilot",
        title: "GitHub Copilot CLI",
        files: Files::everywhere(&[
            at(Base::Named("COPILOT_HOME"), "", "mcp-config.json"),
            at(Base::Home, ".copilot", ".copilot/mcp-config.json"),
        ]),
        shape: Shape::Copilot,
        own: Some(Own::Copilot),
        link: None,
        note: None,
    },
    Client {
        name: "windsurf",
        title: "Windsurf",
        files: Files::everywhere(&[at(Base::Home, ".codeium/windsurf", ".codeium/windsurf/mcp_config.json")]),
        shape: Shape::Plain,
        own: None,
        link: None,
        note: None,
    },
    Client {
        name: "zed",
        title: "Zed",
        files: Files {
            unix: &[at(Base::Config, "zed", "zed/settings.json")],
            mac: &[at(Base::Home, ".config/zed", ".config/zed/settings.json")],
            windows: &[at(Base::Config, "Zed", "Zed/settings.json")],
        },
        shape: Shape::Zed,
        own: None,
        link: None,
        note: None,
    },
    Client {
        name: "lm-studio",
        title: "LM Studio",
        files: Files::everywhere(&[at(Base::Home, ".lmstudio", ".lmstudio/mcp.json")]),
        shape: Shape::Plain,
        own: None,
        link: Some(Link::Config("lmstudio://add_mcp")),
        note: None,
    },
    Client {
        name: "opencode",
        title: "opencode",
        files: Files {
            unix: &[
                at(Base::Config, "opencode", "opencode/opencode.jsonc"),
                at(Base::Config, "opencode", "opencode/opencode.json"),
            ],
            mac: OPENCODE_IN_HOME,
            windows: OPENCODE_IN_HOME,
        },
        shape: Shape::Opencode,
        own: None,
        link: None,
        note: None,
    },
    Client {
        name: "goose",
        title: "Goose",
        files: Files {
            unix: &[at(Base::Config, "goose", "goose/config.yaml")],
            mac: &[at(Base::Home, ".config/goose", ".config/goose/config.yaml")],
            windows: &[at(Base::Config, "Block/goose", "Block/goose/config/config.yaml")],
        },
        shape: Shape::Goose,
        own: None,
        link: None,
        note: None,
    },
    Client {
        name: "kiro",
        title: "Kiro",
        files: Files::everywhere(&[at(Base::Home, ".kiro", ".kiro/settings/mcp.json")]),
        shape: Shape::Plain,
        own: None,
        link: None,
        note: None,
    },
    Client {
        name: "cline",
        title: "Cline in VS Code",
        files: Files::everywhere(&[at(
            Base::Config,
            "Code/User/globalStorage/saoudrizwan.claude-dev",
            "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
        )]),
        shape: Shape::Plain,
        own: None,
        link: None,
        note: None,
    },
    Client {
        name: "cline-cli",
        title: "Cline CLI",
        files: Files::everywhere(&[at(Base::Home, ".cline", ".cline/data/settings/cline_mcp_settings.json")]),
        shape: Shape::Plain,
        own: None,
        link: None,
        note: None,
    },
    Client {
        name: "antigravity",
        title: "Antigravity",
        files: Files::everywhere(&[at(Base::Home, ".gemini/config", ".gemini/config/mcp_config.json")]),
        shape: Shape::Plain,
        own: None,
        link: None,
        note: None,
    },
];

const CLAUDE_DESKTOP: Location = at(Base::Config, "Claude", "Claude/claude_desktop_config.json");
const OPENCODE_IN_HOME: &[Location] = &[
    at(Base::Home, ".config/opencode", ".config/opencode/opencode.jsonc"),
    at(Base::Home, ".config/opencode", ".config/opencode/opencode.json"),
];

/// The client of this name.
///
/// # Errors
/// There is none. The error names the nearest, and all.
pub(super) fn find(name: &str) -> Result<&'static Client> {
    let wanted = name.to_lowercase();
    if let Some(client) = CLIENTS.iter().find(|client| client.name == wanted) {
        return Ok(client);
    }
    let all = || CLIENTS.iter().map(|client| client.name);
    let (nearest, all) = (nearest(name, all()), all().collect::<Vec<_>>().join(", "));
    bail!("this program knows no client of that name; the nearest is {nearest}. It knows {all}")
}
