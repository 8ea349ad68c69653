//! The command line.

use crate::component::{ORIGIN, SHA256};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::sync::LazyLock;

/// The version of the program, and which component it contains.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{}\ncomponent SHA-256 {SHA256} ({ORIGIN})", env!("CARGO_PKG_VERSION")));

/// The settings, for `--help`. README.md has the same table with more words.
const SETTINGS_HELP: &str = "\
Settings (environment):
  ELKS_API_USERNAME              API username of the 46elks account (required)
  ELKS_API_PASSWORD              API password (required)
  ELKS_PHONE_NUMBER              default sender: a number like +46701740605, or a name of
                                 3 to 11 letters and digits (required)
  DRY_RUN                        true (default): nothing is ever sent; false: messages are sent
  CONFIRM_SENDS                  true: your client asks you before every real send
                                 (default false)
  RATE_LIMIT_SMS_PER_MINUTE      send_sms calls in any minute, 1 to 1000000 (default 10)
  RATE_LIMIT_QUERIES_PER_MINUTE  other calls in any minute, 1 to 1000000 (default 60)
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE are honoured.

Try it without an account: elks-mcp demo";

/// An MCP server that lets AI assistants send and read SMS through 46elks.
///
/// Without a command it serves MCP on stdin and stdout, for an MCP client that launches it.
#[derive(Parser)]
#[command(name = "elks-mcp", version = VERSION.as_str(), after_help = SETTINGS_HELP)]
pub struct Arguments {
    /// Answer from a built-in simulator instead of 46elks: no account needed, nothing is sent
    #[arg(long)]
    pub simulate: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A command for people.
#[derive(Subcommand)]
pub enum Command {
    /// Play an MCP session against the simulator and print each step
    Demo,
    /// Print the served tool list as JSON
    Tools,
    /// Print what the component can reach, its SHA-256, and what each tool's permit allows
    Capabilities {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Write the component to a file, for other WASI hosts
    Component {
        /// Where to write it
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
}
