//! Commands for the operator: the policy in force, pausing and resuming, and the journal. They need no credentials, but
//! for the comparison with 46elks's history.

#[cfg(feature = "keyring")]
mod keyring;
mod provider;

#[cfg(feature = "keyring")]
pub use keyring::keyring;

use crate::clock::SystemClock;
use crate::config::{self, Settings, State, Variables};
#[cfg(feature = "postgres")]
use crate::database;
#[cfg(feature = "postgres")]
use crate::ledger::Unavailable;
use crate::ledger::{self, Exit, Ledger, Location};
use crate::policy::print;
#[cfg(feature = "postgres")]
use crate::sanitise::visible;
use anyhow::{Context, Result, bail, ensure};
use std::io::Write;
use std::path::Path;
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
    for location in selected(variables, account)? {
        let name = location.account();
        if location.is_missing() {
            written = written.and(writeln!(
                out,
                "⚠ no program has used {location} yet: if your MCP client sets ELKS_STATE_DIR, set it here, too"
            ));
        }
        let ledger = Ledger::at(location, config::MAX_KEEP_DAYS, Arc::new(SystemClock));
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

/// Makes the ledger in the database that `ELKS_LEDGER` names, as its owner, and lets roles use it.
///
/// # Errors
/// `ELKS_LEDGER` names no database that can be used, a role could change events, or the output cannot be written.
#[cfg(feature = "postgres")]
pub fn init(variables: &Variables, roles: &[String], out: &mut dyn Write) -> Result<()> {
    let State::Database(address) = config::state_of(variables)? else {
        bail!("{} is not set: it names the database, with the role that owns it", config::LEDGER);
    };
    let made = database::init(&address, roles).map_err(Unavailable::from)?;
    let what = if made.is_new { "now has a ledger" } else { "has a ledger already" };
    writeln!(out, "✓ {address} {what} (version {})", made.version)?;
    for role in roles {
        writeln!(out, "✓ {} can read and append, and cannot change or delete", visible(role))?;
    }
    if roles.is_empty() {
        writeln!(out, "  Let the roles that elks-mcp runs with use it: elks-mcp ledger init --grant ROLE")?;
    }
    Ok(())
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
    /// Write them as the files of a journal, into a folder of this one.
    Export {
        /// Where the account's folder is made.
        folder: &'a Path,
    },
}

/// Reads the journals of the selected accounts. The result is the worst of theirs.
///
/// # Errors
/// No account is selected, or the output cannot be written.
pub fn audit(variables: &Variables, account: Option<&str>, audit: &Audit<'_>, out: &mut dyn Write) -> Result<Exit> {
    let mut worst = Exit::Whole;
    for (number, location) in selected(variables, account)?.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let exit = match audit {
            Audit::Verify { against, provider } => verify(variables, location, *against, *provider, out)?,
            Audit::Head => ledger::head(location, out)?,
            Audit::Show { json } => ledger::show(location, *json, out)?,
            Audit::Export { folder } => ledger::export(location, folder, out)?,
        };
        worst = worse(worst, exit);
    }
    Ok(worst)
}

fn verify(
    variables: &Variables,
    location: &Location,
    against: Option<&Path>,
    provider: bool,
    out: &mut dyn Write,
) -> Result<Exit> {
    let exit = ledger::verify(location, against, out)?;
    if !provider || matches!(exit, Exit::Unreadable | Exit::Broken) {
        return Ok(exit);
    }
    let settings = Settings::read(variables, false)?;
    let own = ledger::folder(settings.credentials.username());
    let account = location.account();
    ensure!(
        account == own,
        "--provider needs the credentials of account {account}; ELKS_API_USERNAME is that of {own}"
    );
    Ok(worse(exit, provider::compare(location, &settings, out)?))
}

/// The worse of two results: broken, then shorter, then unreadable.
fn worse(one: Exit, other: Exit) -> Exit {
    [Exit::Broken, Exit::Shorter, Exit::Unreadable]
        .into_iter()
        .find(|exit| *exit == one || *exit == other)
        .unwrap_or(one)
}

/// The journals of the selected accounts: that of the one that is named, or of `ELKS_API_USERNAME`, or all.
fn selected(variables: &Variables, account: Option<&str>) -> Result<Vec<Location>> {
    let state = config::state_of(variables)?;
    let place = state.to_string();
    let of = |account: &str| state.location(account).context("no journal is kept");
    if let Some(account) = account {
        let valid = account.len() == ACCOUNT_DIGITS && account.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        ensure!(valid, "--account takes the {ACCOUNT_DIGITS} digits of an account's journal in {place}");
        ensure!(accounts(&state)?.iter().any(|known| known == account), "there is no account {account} in {place}");
        return Ok(vec![of(account)?]);
    }
    if let Some(username) = config::username_of(variables)? {
        return Ok(vec![of(&ledger::folder(&username))?]);
    }
    let all = accounts(&state)?;
    if all.is_empty() {
        bail!(
            "no account has a journal in {place}. It is made at the first start with DRY_RUN=false; set \
             ELKS_API_USERNAME to name an account that has none yet, or ELKS_STATE_DIR or ELKS_LEDGER if the journals \
             are elsewhere"
        );
    }
    all.iter().map(|account| of(account)).collect()
}

/// The accounts that have a journal, sorted.
fn accounts(state: &State) -> Result<Vec<String>> {
    match state {
        State::Memory => Ok(Vec::new()),
        State::Disk(folder) => ledger::accounts(folder).with_context(|| format!("cannot read {}", folder.display())),
        #[cfg(feature = "postgres")]
        State::Database(address) => Ok(ledger::accounts_in(address)?),
    }
}
