//! The command line.

use crate::origin::DESCRIPTION;
use clap::{Parser, Subcommand};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The settings, for `--help`. README.md has the same table with more words.
const SETTINGS_HELP: &str = "\
Settings (environment, or NAME=value lines of the file that --settings names):
  ELKS_API_USERNAME              API username of the 46elks account (required)
  ELKS_API_PASSWORD              API password (required)
  ELKS_API_USERNAME_FILE         absolute path of a file that holds the username instead
  ELKS_API_PASSWORD_FILE         absolute path of a file that holds the password instead
  ELKS_KEYRING                   true: the password is in the system's keyring (default false;
                                 only in a program that is built with the feature keyring)
  ELKS_PHONE_NUMBER              default sender: a number like +46701740605, or a name of
                                 3 to 11 letters and digits (required)
  DRY_RUN                        true (default): nothing is ever sent; false: messages are sent
  RATE_LIMIT_QUERIES_PER_MINUTE  calls of the other tools in any minute (default 60)
  ELKS_POLICY_FILE               absolute path of a file with more of the settings below
  ELKS_STATE_DIR                 folder of the journal of sends (default: the system's)
  ELKS_STATE                     disk (default); memory: no journal, limits of this process alone
  ELKS_KEEP_DAYS                 how long the journal is kept, 31 to 3650 days (default 90)
  ELKS_LEDGER                    postgres://ROLE:PASSWORD@HOST/DATABASE: the journal of all computers
                                 that share the account (default none; only in a program that is
                                 built with the feature postgres)
  ELKS_LEDGER_FILE               absolute path of a file that holds ELKS_LEDGER instead

Settings of the policy (the same places, or NAME=value lines of the policy file; if both, the
stricter holds). Lists have commas between their entries; * is anyone, any or no limit:
  ELKS_ALLOWED_RECIPIENTS        numbers, and beginnings like +4670* (default *)
  ELKS_BLOCKED_RECIPIENTS        the same, and stronger (default: nobody)
  ELKS_ALLOWED_COUNTRIES         like SE or +46 (default *)
  ELKS_CONTACTS                  names for numbers, like anna=+46701740605
  ELKS_CONTACTS_ONLY             true: only contacts can be sent to (default false)
  ELKS_ALLOWED_SENDERS           allowed beside ELKS_PHONE_NUMBER (default *)
  RATE_LIMIT_SMS_PER_MINUTE      send_sms calls in any minute, 1 to 1000000 (default 10)
  ELKS_MAX_SMS_PER_DAY           messages in any 24 hours (default 100)
  ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY  the same, to one recipient (default 20)
  ELKS_SPEND_PER_DAY             amount in any 24 hours, like 25.50 (default *)
  ELKS_SPEND_PER_MONTH           amount in any 30 days (default *)
  ELKS_MAX_PRICE                 amount for one message (default *)
  ELKS_MAX_PARTS                 parts of one message, 1 to 10 (default *)
  ELKS_QUIET_HOURS               when nothing is sent, like 21:00-08:00 Europe/Stockholm
  ELKS_DUPLICATE_MINUTES         how long the same message is not sent again, 0 to 1440
                                 (default 15, 0 is off)
  CONFIRM_SENDS                  true: your client asks you before every real send;
                                 first-contact: before the first to a recipient (default false)

  HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR are honoured.

Try it without an account: elks-mcp demo";

/// What is wrong with the options `--settings` of a command line. Of two that stand on both sides of a command, clap
/// takes the last. That one names no file, it tells a person alone.
pub fn settings_fault(words: &[OsString]) -> Option<&'static str> {
    let given = settings_options(words);
    if given.iter().any(|file| file.as_encoded_bytes().is_empty()) {
        return Some("--settings names no file: write its absolute path behind it, or leave --settings out");
    }
    (given.len() > 1).then_some("--settings is given twice: name one file")
}

/// Whether a command line has no command, so that the program serves MCP.
pub fn serves(words: &[OsString]) -> bool {
    let files = settings_options(words);
    words.iter().all(|word| word.as_encoded_bytes().starts_with(b"-") || files.contains(&word.as_os_str()))
}

/// What stands behind each `--settings`; nothing for another option or the end.
fn settings_options(words: &[OsString]) -> Vec<&OsStr> {
    let mut files = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if word == "--settings" {
            let file = words.get(at + 1).filter(|file| !file.as_encoded_bytes().starts_with(b"-"));
            files.push(file.map_or(OsStr::new(""), OsString::as_os_str));
        } else if let Some(file) = word.to_str().and_then(|word| word.strip_prefix("--settings=")) {
            files.push(OsStr::new(file));
        }
    }
    files
}

/// An MCP server that lets AI assistants send and read SMS through 46elks.
///
/// Without a command it serves MCP on stdin and stdout, for an MCP client that launches it.
#[derive(Parser)]
#[command(name = "elks-mcp", version = DESCRIPTION.as_str(), after_help = SETTINGS_HELP)]
pub struct Arguments {
    /// Answer from a built-in simulator instead of 46elks: no account needed, nothing is sent
    #[arg(long)]
    pub simulate: bool,
    /// A file of NAME=value lines with settings; the environment wins
    #[arg(long, value_name = "FILE", global = true)]
    pub settings: Option<PathBuf>,
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
        /// The component that reads the account from wasi:config, for hosts that make a tool of each function
        #[arg(long)]
        configured: bool,
        /// Where to write it
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print what belongs in the configuration file of an MCP client
    PrintConfig {
        /// Which client; all are listed without it
        client: Option<String>,
    },
    /// Add this program to an MCP client, without a secret
    Install {
        /// Which client; `print-config` lists them
        client: String,
        /// Show the change and make none
        #[arg(long)]
        dry_run: bool,
        /// Copy the settings of this environment into the client's file, the password, too
        #[arg(long)]
        env: bool,
        /// Change the client's file, also if the client has a command for that
        #[arg(long)]
        edit: bool,
        /// Also if the client does not seem to be installed, or another server has the name
        #[arg(long)]
        force: bool,
    },
    /// Take this program out of an MCP client again
    Uninstall {
        /// Which client; `print-config` lists them
        client: String,
        /// Show the change and make none
        #[arg(long)]
        dry_run: bool,
        /// Change the client's file, also if the client has a command for that
        #[arg(long)]
        edit: bool,
    },
    /// Check settings, connection, account, journal and policy, and say what to do; sends nothing
    ///
    /// Without --settings, and without a variable ELKS_… in the environment, it reads the settings file that `install`
    /// writes. The server itself does not: the entry of a client names the file.
    ///
    /// Exit codes: 0 all is well (there may be warnings), 1 something needs to be fixed, 2 wrong command line.
    Doctor {
        /// Without the network: nothing is connected to, and 46elks is not asked
        #[arg(long)]
        offline: bool,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Print the policy in force, and where each value comes from
    Policy {
        /// Print the contacts with their numbers, too
        #[arg(long)]
        show_contacts: bool,
    },
    /// Stop every process of the account from sending, at once, until `resume`
    Pause {
        /// The account's folder, 16 digits; that of ELKS_API_USERNAME or all accounts without it
        #[arg(long, value_name = "DIGITS")]
        account: Option<String>,
    },
    /// Let the account send again
    Resume {
        /// The account's folder, 16 digits; that of ELKS_API_USERNAME or all accounts without it
        #[arg(long, value_name = "DIGITS")]
        account: Option<String>,
    },
    /// Store the password of ELKS_API_USERNAME in the system's keyring, or remove it
    #[cfg(feature = "keyring")]
    Keyring {
        /// What to do.
        #[command(subcommand)]
        command: KeyringCommand,
    },
    /// Prepare the database that ELKS_LEDGER names
    #[cfg(feature = "postgres")]
    Ledger {
        /// What to do.
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Read the journal of sends
    ///
    /// Exit codes: 0 whole, 1 broken, 2 shorter than what it was compared with, 3 unreadable.
    Audit {
        /// What to do with the journal.
        #[command(subcommand)]
        command: AuditCommand,
        /// The account's folder, 16 digits; that of ELKS_API_USERNAME or all accounts without it
        #[arg(long, value_name = "DIGITS", global = true)]
        account: Option<String>,
    },
}

/// What to do with the password in the keyring.
#[cfg(feature = "keyring")]
#[derive(Clone, Copy, Subcommand)]
pub enum KeyringCommand {
    /// Store it, in place of an earlier one; the program asks for it, or reads a line of stdin
    Set,
    /// Remove it
    Remove,
}

/// What to do with the journal of sends.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check that no line was changed, moved or left out
    Verify {
        /// Compare it with a log of the client, which has the program's audit lines in any form
        #[arg(long, value_name = "CLIENT_LOG")]
        against: Option<PathBuf>,
        /// Compare it with 46elks's history (needs the credentials)
        #[arg(long)]
        provider: bool,
    },
    /// Print number, head and time of the newest event, to keep elsewhere
    Head,
    /// Print all events as a table
    Show {
        /// As JSON, one event a line
        #[arg(long)]
        json: bool,
    },
    /// Write the journal as files, also that of a database: `audit verify` reads them with ELKS_STATE_DIR
    Export {
        /// The folder in which the account's folder is made
        #[arg(long, value_name = "FOLDER")]
        output: PathBuf,
    },
}

/// What to do with the ledger in a database.
#[cfg(feature = "postgres")]
#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Make the tables, as the owner of the database, and let roles read and append; doing it again changes nothing
    Init {
        /// A role that the program runs with; may be repeated
        #[arg(long, value_name = "ROLE")]
        grant: Vec<String>,
    },
}
