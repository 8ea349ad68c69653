//! `elks-mcp doctor`: looks at the program, its settings, policy, journal and connection, and says what to do about
//! what is wrong. It sends nothing: of 46elks it asks `GET /a1/me`, through the egress.
//!
//! - `finding`: what was found, as data; `text` and `json` write it
//! - one file for each group of findings: `program`, `settings`, `policy`, `journal`, `clients`, `connection`,
//!   `account`
//! - `certificate`: what is shown of the server's certificate
//!
//! A run ends within about 30 seconds, whatever does not answer: a connection has 10 seconds, the answer 12, the lock
//! of the journal 2. A database that does not answer adds 12, and a keyring 40: it is read twice, and has 20 seconds
//! each time.

mod account;
mod certificate;
mod clients;
mod connection;
mod finding;
mod journal;
mod json;
mod policy;
mod program;
mod settings;
mod text;

pub use settings::SettingsFile;

use crate::clients::Entry;
use crate::config::parts::{Parts, to_redact};
use crate::config::{Settings, System, Variables};
use finding::Finding;
use std::io::Write;
use text::Marks;

/// What is wanted of a run.
pub struct Options<'a> {
    /// Whether nothing is connected to.
    pub offline: bool,
    /// Whether the output is for programs.
    pub json: bool,
    /// Whether the output goes to a terminal.
    pub is_terminal: bool,
    /// The settings file, which `variables` have in them.
    pub settings_file: Option<SettingsFile<'a>>,
    /// The entries of MCP clients on this machine.
    pub clients: &'a [Entry],
}

/// Looks at everything, and writes what was found. Returns whether nothing needs to be fixed.
///
/// # Errors
/// The system gives no runtime, or the output cannot be written.
pub fn run(variables: &Variables, options: &Options<'_>, out: &mut dyn Write) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(findings(variables, options));
    // Nobody waits for a name that is still being looked up.
    runtime.shutdown_background();
    let output = if options.json {
        format!("{:#}\n", json::json(&findings))
    } else {
        let variable = |name: &str| variables.get(name).and_then(|value| value.to_str());
        text::text(&findings, Marks::of(options.is_terminal, System::THIS, variable))
    };
    // No finding has a secret in it. Should one have it all the same, it ends here.
    out.write_all(&to_redact(variables).redact(output.into_bytes()))?;
    Ok(finding::is_well(&findings))
}

async fn findings(variables: &Variables, options: &Options<'_>) -> Vec<Finding> {
    let parts = Parts::read(variables);
    let settings = Settings::read(variables, false);
    let mut found = program::findings();
    found.extend(settings::findings(variables, options.settings_file, &settings, &parts));
    found.extend(policy::findings(&parts));
    found.extend(journal::findings(&parts, options.offline));
    found.extend(clients::findings(options.clients));
    let connected = connection::findings(variables, &parts, options.offline).await;
    found.extend(connected.findings);
    let reason = match (options.offline, connected.is_open) {
        (true, _) => Some("of --offline"),
        (false, false) => Some("there is no connection"),
        (false, true) => None,
    };
    found.extend(account::findings(&parts, reason).await);
    found
}
