//! Commands for the operator: the policy in force, pausing and resuming, and the journal. They need no credentials, but
//! for the comparison with 46elks's history.

#[cfg(feature = "keyring")]
mod keyring;
mod provider;

#[cfg(feature = "keyring")]
pub use keyring::keyring;

use crate::clock::SystemClock;
use crate::config::{self, Settings, Variables};
use crate::ledger::{self, Exit, Ledger};
use crate::policy::print;
use anyhow::{Context, Result, bail, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The number of digits in the name of an account's folder.
const ACCOUNT_DIGITS: usize = 16;

/// Writes the policy in force, with the source of each value.
///
/// # Errors
/// The settings have problems, or the output cannot be written.
pub fn policy(variables: &Variables, show_contacts: bool, out: &mut dyn Write) -> Result<()> {
    let sources = config::policy_sources(variables)?;
    print::write(&sources, show_contacts, out)?;
    Ok(())
}

/// Pauses all sending of the selected accounts, in every process, or resumes it. An account that fails does not keep
/// the others from it, nor does an output that cannot be written.
///
/// # Errors
/// No account is selected, the journals of the accounts that the error names cannot be written, or the output cannot.
pub fn pause(variables: &Variables, account: Option<&str>, pauses: bool, out: &mut dyn Write) -> Result<()> {
    let (what, stays) = if pauses {
        (
            "sending is paused: every process that uses this journal refuses to send until `elks-mcp resume`",
            "sending is not paused",
        )
    } else {
        ("sending is resumed", "sending is not resumed")
    };
    let mut failed = Vec::new();
    let mut written = Ok(());
    for folder in selected(variables, account)? {
        let name = name_of(&folder);
        if !folder.is_dir() {
            written = written.and(writeln!(
                out,
                "⚠ no program has used {} yet: if your MCP client sets ELKS_STATE_DIR, set it here, too",
                folder.display()
            ));
        }
        let ledger = Ledger::on_disk(folder, config::MAX_KEEP_DAYS, Arc::new(SystemClock));
        let recorded = if pauses { ledger.pause() } else { ledger.resume() };
        let line = match recorded {
            Ok(seq) => writeln!(out, "✓ account {name}: {what} (event {seq} of its journal)"),
            Err(unavailable) => {
                failed.push(name.clone());
                writeln!(out, "✗ account {name}: {stays}: {unavailable}")
            }
        };
        written = written.and(line);
    }
    ensure!(failed.is_empty(), "{stays} for account {}; the lines above say why", failed.join(" and account "));
    Ok(written?)
}

/// What to do with the journals.
pub enum Audit<'a> {
    /// Check that they are as they were written, and compare them with what is kept elsewhere.
    Verify {
        /// A log of the client.
        against: Option<&'a Path>,
        /// Whether to compare with 46elks's history, too.
        provider: bool,
    },
    /// Write the newest event's number, head and time.
    Head,
    /// Write all events.
    Show {
        /// As JSON, one event a line.
        json: bool,
    },
}

/// Reads the journals of the selected accounts. The result is the worst of theirs.
///
/// # Errors
/// No account is selected, or the output cannot be written.
pub fn audit(variables: &Variables, account: Option<&str>, audit: &Audit<'_>, out: &mut dyn Write) -> Result<Exit> {
    let mut worst = Exit::Whole;
    for (number, folder) in selected(variables, account)?.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let exit = match audit {
            Audit::Verify { against, provider } => verify(variables, folder, *against, *provider, out)?,
            Audit::Head => ledger::head(folder, out)?,
            Audit::Show { json } => ledger::show(folder, *json, out)?,
        };
        worst = worse(worst, exit);
    }
    Ok(worst)
}

fn verify(
    variables: &Variables,
    folder: &Path,
    against: Option<&Path>,
    provider: bool,
    out: &mut dyn Write,
) -> Result<Exit> {
    let exit = ledger::verify(folder, against, out)?;
    if !provider || matches!(exit, Exit::Unreadable | Exit::Broken) {
        return Ok(exit);
    }
    let settings = Settings::read(variables, false)?;
    let own = ledger::folder(settings.credentials.username());
    ensure!(
        folder.ends_with(&own),
        "--provider needs the credentials of account {}; ELKS_API_USERNAME is that of {own}",
        name_of(folder)
    );
    Ok(worse(exit, provider::compare(folder, &settings, out)?))
}

/// The worse of two results: broken, then shorter, then unreadable.
fn worse(one: Exit, other: Exit) -> Exit {
    [Exit::Broken, Exit::Shorter, Exit::Unreadable]
        .into_iter()
        .find(|exit| *exit == one || *exit == other)
        .unwrap_or(one)
}

/// The folders of the selected accounts: the one that is named, or that of `ELKS_API_USERNAME`, or all.
fn selected(variables: &Variables, account: Option<&str>) -> Result<Vec<PathBuf>> {
    let state = config::state_dir_of(variables)?;
    if let Some(account) = account {
        let valid = account.len() == ACCOUNT_DIGITS && account.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        ensure!(valid, "--account takes the {ACCOUNT_DIGITS} digits of an account's folder in {}", state.display());
        let folder = state.join(account);
        ensure!(folder.is_dir(), "there is no account {account} in {}", state.display());
        return Ok(vec![folder]);
    }
    if let Some(username) = config::username_of(variables)? {
        return Ok(vec![state.join(ledger::folder(&username))]);
    }
    let all = ledger::accounts(&state).with_context(|| format!("cannot read {}", state.display()))?;
    if all.is_empty() {
        bail!(
            "no account has a journal in {}. Its folder is made at the first start with DRY_RUN=false; set \
             ELKS_API_USERNAME to name an account that has none yet, or ELKS_STATE_DIR if the journals are elsewhere",
            state.display()
        );
    }
    Ok(all)
}

/// The name of an account's folder.
fn name_of(folder: &Path) -> String {
    folder.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
}
