//! The password in the system's keyring: Keychain on macOS, the Credential Manager on Windows, the Secret Service
//! elsewhere. Only a build with the feature `keyring` can use it.

use super::reader::Reader;
use super::{KEYRING, PASSWORD, PASSWORD_FILE};
use sms_rules::settings::{SWITCH, switch};

impl Reader<'_> {
    /// Whether the password is in the keyring; nothing if that cannot be read.
    pub(super) fn uses_keyring(&mut self) -> Option<bool> {
        if !self.optional(KEYRING, false, SWITCH, switch)? {
            return Some(false);
        }
        let winners = self.variables.winners(&[KEYRING, PASSWORD, PASSWORD_FILE]);
        let uses_keyring = winners.contains(&KEYRING);
        if let Some(other) = winners.iter().find(|name| uses_keyring && **name != KEYRING) {
            self.problem(KEYRING, &format!("is true beside {other}: unset one of the two"));
            return None;
        }
        Some(uses_keyring)
    }

    /// The password of this account in the keyring.
    pub(super) fn password_in_keyring(&mut self, username: &str) -> Option<String> {
        password(username).map_err(|problem| self.problem(KEYRING, &format!("is true, but {problem}"))).ok()
    }
}

#[cfg(feature = "keyring")]
use with_feature::password;
#[cfg(feature = "keyring")]
pub use with_feature::{remove, store};

/// # Errors
/// Always: this build has no keyring.
#[cfg(not(feature = "keyring"))]
fn password(_: &str) -> Result<String, String> {
    Err("this program was built without a keyring: use ELKS_API_PASSWORD_FILE, or install with \
         `cargo install --locked elks-mcp --features keyring`"
        .into())
}

#[cfg(feature = "keyring")]
mod with_feature {
    use keyring::{Entry, Error};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    /// The name of the program's entries. The account of an entry is the API username.
    const SERVICE: &str = "elks-mcp";

    /// How long the keyring may take to answer. A locked one asks its owner first.
    const TIMEOUT: Duration = Duration::from_secs(20);

    /// The password of an account.
    pub(super) fn password(username: &str) -> Result<String, String> {
        within_time(username, |entry| entry.get_password())
    }

    /// Stores the password of an account, in place of an earlier one.
    ///
    /// # Errors
    /// The keyring cannot be used, or does not answer in time.
    pub fn store(username: &str, password: String) -> Result<(), String> {
        within_time(username, move |entry| entry.set_password(&password))
    }

    /// Removes the password of an account.
    ///
    /// # Errors
    /// There is none, or the keyring cannot be used, or does not answer in time.
    pub fn remove(username: &str) -> Result<(), String> {
        within_time(username, |entry| entry.delete_credential())
    }

    /// Does something with the entry of an account, in a thread that is given up when time is over.
    fn within_time<T: Send + 'static>(
        username: &str,
        what: impl FnOnce(Entry) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, String> {
        let (username, (done, result)) = (username.to_string(), channel());
        thread::spawn(move || done.send(Entry::new(SERVICE, &username).and_then(what)));
        match result.recv_timeout(TIMEOUT) {
            Ok(done) => done.map_err(|error| problem(&error).into()),
            Err(_) => Err(format!("the keyring did not answer within {} seconds", TIMEOUT.as_secs())),
        }
    }

    /// What is wrong. The library's own texts may have parts of a secret.
    fn problem(error: &Error) -> &'static str {
        match error {
            Error::NoEntry => "the keyring has no password of this account: store it with `elks-mcp keyring set`",
            Error::NoStorageAccess(_) => "the keyring is locked, or refuses this program",
            Error::NoDefaultStore | Error::PlatformFailure(_) => {
                "this system has no keyring that answers, as on servers, in containers and in clients \
                 that clear the environment. Use ELKS_API_PASSWORD_FILE"
            }
            Error::BadEncoding(_) => "the password in the keyring is not UTF-8 text",
            _ => "the keyring refused the request",
        }
    }
}
