//! The settings, and the only place that reads the environment. Each setting has its unit, default and bounds here or
//! in [`crate::policy::settings`]. README.md has the same table, and a test compares the two.

mod connection;
pub mod keyring;
pub(crate) mod parts;
mod private;
mod reader;
mod secret_file;
pub(crate) mod settings_file;
mod state;
#[cfg(test)]
mod tests;
mod variables;

pub use crate::policy::settings::{CONFIRM_SENDS, DEFAULT_SMS_PER_MINUTE, MAX_RATE, SMS_PER_MINUTE};
pub use connection::{CERTIFICATE_FILE, CERTIFICATE_FOLDERS, NO_PROXIES, PROXIES};
pub(crate) use connection::{ProxyChoice, proxy_choice};
pub use reader::POLICY_FILE;
pub use state::{
    DEFAULT_KEEP_DAYS, KEEP_DAYS, LEDGER, LEDGER_FILE, MAX_KEEP_DAYS, MIN_KEEP_DAYS, STATE, STATE_DIR, State, System,
};
pub use variables::Variables;

use crate::count::count;
use crate::failure::{Code, Failure};
use crate::ledger::{self, Keys, Location};
use crate::policy::print::Sources;
use crate::policy::settings::rate;
use crate::policy::{InForce, Policy, file};
use elks_sandbox::{Connection, Credentials};
use reader::Reader;
use secret_file::Secret;
use sms_rules::sender;
use sms_rules::settings::{self, SWITCH, switch};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The API username.
pub const USERNAME: &str = "ELKS_API_USERNAME";
/// The absolute path of a file with the API username.
pub const USERNAME_FILE: &str = "ELKS_API_USERNAME_FILE";
/// The API password.
pub const PASSWORD: &str = "ELKS_API_PASSWORD";
/// The absolute path of a file with the API password.
pub const PASSWORD_FILE: &str = "ELKS_API_PASSWORD_FILE";
/// Whether the API password is in the system's keyring.
pub const KEYRING: &str = "ELKS_KEYRING";
/// The sender of messages that name none: a number of the account, or a text sender.
pub const SENDER: &str = "ELKS_PHONE_NUMBER";
/// Whether messages are only checked and priced.
pub const DRY_RUN: &str = "DRY_RUN";
/// How many calls of the other tools any minute admits.
pub const QUERIES_PER_MINUTE: &str = "RATE_LIMIT_QUERIES_PER_MINUTE";

/// What [`QUERIES_PER_MINUTE`] is when it is not set, in calls a minute.
pub const DEFAULT_QUERIES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// The number that the simulated account owns. It is the sender when none is set.
pub const SIMULATED_SENDER: &str = "+46766861004";
/// The username of the simulated account when none is set.
pub const SIMULATED_USERNAME: &str = "u00000000000000000000000000000000";
/// The password of the simulated account when none is set.
pub const SIMULATED_PASSWORD: &str = "simulator-password";

/// The API username, in a variable or in a file.
const API_USERNAME: Secret = Secret { name: USERNAME, file: USERNAME_FILE };
/// The API password, in a variable or in a file.
const API_PASSWORD: Secret = Secret { name: PASSWORD, file: PASSWORD_FILE };

/// The operator's decisions. Nothing that a model says changes them. There is no Debug form, because it would show the
/// sender's whole number.
#[derive(Clone)]
pub struct Settings {
    /// Username and password of the account.
    pub credentials: Arc<Credentials>,
    /// The keys of the ledger, derived from the password.
    pub keys: Arc<Keys>,
    /// Who a message is from when the call does not say: a number in E.164 form or a text sender.
    pub sender: String,
    /// When true, no message is ever sent.
    pub dry_run: bool,
    /// Who may be sent what, how often, for how much, and when.
    pub policy: Arc<InForce>,
    /// How many calls of the other tools any minute admits.
    pub queries_per_minute: NonZeroU32,
    /// Where the journal of sends is, if one is kept.
    pub state: State,
    /// How long the journal is kept, in days.
    pub keep_days: u32,
    /// How 46elks is reached. The simulator is reached by itself.
    pub connection: Connection,
    /// Whether the simulator stands in for 46elks. Only the command line sets it.
    pub simulate: bool,
    /// What the operator should know of settings that can be used all the same, one sentence each.
    pub warnings: Vec<String>,
}

/// All problems of the settings, one line each. None repeats a value, not even in part: a secret that was pasted into
/// the wrong variable would be on a screen and in a log.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems {
    lines: Vec<String>,
    warnings: Vec<String>,
}

/// How many problems are named. With more of them, something else than settings was given.
const MAX_PROBLEMS: usize = 40;

impl Problems {
    /// These problems, each with its setting, and no warnings.
    pub fn new(mut lines: Vec<String>) -> Self {
        if let Some(more @ 1..) = lines.len().checked_sub(MAX_PROBLEMS) {
            lines.truncate(MAX_PROBLEMS);
            lines.push(format!("and {}", count(more as u64, "more problem")));
        }
        Self { lines, warnings: Vec::new() }
    }

    /// One line each.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What the operator should know besides, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The answer to each call of a server that has these problems.
    pub fn failure(&self) -> Failure {
        let text = format!("the settings of this server cannot be used, so no tool works. Nothing was sent. {self}");
        Failure::new(Code::Configuration, text)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Configuration error:")?;
        for problem in &self.lines {
            writeln!(f, "  - {problem}")?;
        }
        if self.lines.iter().any(|line| file::line_of(line).is_some()) {
            writeln!(f, "Correct the lines of the policy file there.")?;
        }
        write!(
            f,
            "Set these in the env section of your MCP client's configuration, or in the file that --settings names \
             (see README.md, Settings). `elks-mcp doctor` checks them."
        )
    }
}

impl std::error::Error for Problems {}

impl Settings {
    /// Reads settings from variables, and the policy file if they name one. The simulator has values of its own for
    /// missing ones.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(variables: &Variables, simulate: bool) -> Result<Self, Problems> {
        let mut reader = Reader::new(variables);
        let simulated = |value: &str| simulate.then(|| value.to_string());
        let username = reader.username(simulated(SIMULATED_USERNAME));
        let password = reader.password(username.as_deref(), simulated(SIMULATED_PASSWORD));
        let sender = reader.sender(simulated(SIMULATED_SENDER));
        let dry_run = reader.dry_run();
        let rates = format!("a whole number from 1 to {MAX_RATE}");
        let queries = reader.optional(QUERIES_PER_MINUTE, DEFAULT_QUERIES_PER_MINUTE, &rates, rate);
        let policy = reader.policy();
        let state = reader.state(dry_run == Some(false) && !simulate);
        let keep_days = reader.keep_days();
        let connection = if simulate { Some(Connection::default()) } else { reader.connection() };
        reader.unknown_names();
        let all =
            (username.zip(password).zip(sender), dry_run.zip(queries), policy.zip(connection), state.zip(keep_days));
        match all {
            (
                Some(((username, password), sender)),
                Some((dry_run, queries)),
                Some((policy, connection)),
                Some((state, keep_days)),
            ) if reader.problems.is_empty() => Ok(Self {
                credentials: Arc::new(Credentials::new(&username, &password)),
                keys: Arc::new(Keys::of_password(&password)),
                sender,
                dry_run,
                policy: Arc::new(policy),
                queries_per_minute: queries,
                state,
                keep_days,
                connection,
                simulate,
                warnings: reader.warnings,
            }),
            _ => Err(reader.into_problems()),
        }
    }

    /// What a server has whose settings have problems: the defaults, and no account. It refuses each call. `DRY_RUN` is
    /// what the variables say, if that can be read, because audit lines state it.
    pub fn unusable(variables: &Variables, simulate: bool) -> Self {
        Self {
            credentials: Arc::new(Credentials::new("", "")),
            keys: Arc::new(Keys::of_password("")),
            sender: String::new(),
            dry_run: Reader::new(variables).dry_run().unwrap_or(true),
            policy: Arc::new(InForce::fixed(Policy::defaults())),
            queries_per_minute: DEFAULT_QUERIES_PER_MINUTE,
            state: State::Memory,
            keep_days: DEFAULT_KEEP_DAYS,
            connection: Connection::default(),
            simulate,
            warnings: Vec::new(),
        }
    }

    /// Where the journal of sends is, if one is kept.
    pub fn journal(&self) -> Option<Location> {
        let account = || ledger::folder(self.credentials.username());
        if self.dry_run || self.simulate { None } else { self.state.location(&account()) }
    }
}

/// What the sources of the policy state, for a command that needs no account.
///
/// # Errors
/// All problems of the policy's settings, and names that are no settings.
pub fn policy_sources(variables: &Variables) -> Result<Sources, Problems> {
    let mut reader = Reader::new(variables);
    let sources = reader.sources();
    reader.unknown_names();
    sources.filter(|_| reader.problems.is_empty()).ok_or_else(|| reader.into_problems())
}

/// Where the journals are, for a command that needs no account: below a folder or in a database. `ELKS_STATE` makes no
/// difference. Lines of the settings file about other settings may be faulty: stopping all sends must not wait until
/// they are corrected.
///
/// # Errors
/// Folder or database are not set as they must be, the system has no folder, or a faulty line may be about them.
pub fn state_of(variables: &Variables) -> Result<State, Problems> {
    let mut reader = Reader::of_settings(variables, &[STATE_DIR, LEDGER, LEDGER_FILE]);
    let state = match reader.database() {
        Some(None) => {
            let folder = reader.folder();
            if folder == Some(None) {
                reader.no_folder();
            }
            folder.flatten().map(State::Disk)
        }
        database => database.flatten(),
    };
    state.filter(|_| reader.problems.is_empty()).ok_or_else(|| reader.into_problems())
}

/// The API username, for a command that does not need the password; nothing if it is not set. It is the one that a
/// server with these variables has. Lines of the settings file about other settings may be faulty.
///
/// # Errors
/// It is set and cannot be a username, or a faulty line may be about it. Such a value must never mean that no account
/// is named.
pub fn username_of(variables: &Variables) -> Result<Option<String>, Problems> {
    let mut reader = Reader::of_settings(variables, &[USERNAME, USERNAME_FILE]);
    let read = match reader.secret(API_USERNAME) {
        None => None,
        Some(Some((value, name))) => {
            username(&value).map(Some).map_err(|allowed| reader.not_allowed(name, &allowed)).ok()
        }
        // Neither says anything. Set but empty, it must not mean all accounts.
        Some(None) => [USERNAME, USERNAME_FILE]
            .into_iter()
            .all(|name| reader.new_setting(name, "all accounts", USERNAME_FORM, |_| Some(())).is_some())
            .then_some(None),
    };
    read.filter(|_| reader.problems.is_empty()).ok_or_else(|| reader.into_problems())
}

impl Reader<'_> {
    /// The API username, or that of the simulator.
    fn username(&mut self, simulated: Option<String>) -> Option<String> {
        self.required_secret(API_USERNAME, simulated, username)
    }

    /// The API password, or that of the simulator, which never asks the keyring.
    fn password(&mut self, username: Option<&str>, simulated: Option<String>) -> Option<String> {
        if self.uses_keyring()? && simulated.is_none() {
            return self.password_in_keyring(username?);
        }
        self.required_secret(API_PASSWORD, simulated, password)
    }

    /// The sender. The component checks each sender by the same rule; here a mistake shows at the start.
    fn sender(&mut self, simulated: Option<String>) -> Option<String> {
        self.required(SENDER, simulated, |value| {
            sender::form(value).map_err(|error| format!("{} ({error})", settings::SENDER))
        })
    }

    /// Whether messages are only checked and priced.
    fn dry_run(&mut self) -> Option<bool> {
        self.optional(DRY_RUN, true, SWITCH, switch)
    }
}

/// What a username is.
const USERNAME_FORM: &str = "the API username, without spaces or colons";

/// A username. A colon would end it in HTTP Basic.
fn username(value: &str) -> Result<String, String> {
    let valid = value.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    valid.then(|| value.to_string()).ok_or_else(|| USERNAME_FORM.into())
}

/// A password.
fn password(value: &str) -> Result<String, String> {
    settings::is_password(value).then(|| value.to_string()).ok_or_else(|| settings::PASSWORD.into())
}
