//! The command `keyring`: the password of an account in the system's keyring.

use crate::cli::KeyringCommand;
use crate::config::{self, Variables, keyring};
use anyhow::{Context, Error, Result, ensure};
use std::io::{self, IsTerminal as _, Write};

/// Stores the password of `ELKS_API_USERNAME`, or removes it.
///
/// # Errors
/// No account is named, the keyring cannot be used, or the password cannot be read.
pub fn keyring(variables: &Variables, command: KeyringCommand, out: &mut dyn Write) -> Result<()> {
    let username = config::username_of(variables)?.context("ELKS_API_USERNAME is not set: it names the account")?;
    match command {
        KeyringCommand::Set => {
            keyring::store(&username, password()?).map_err(Error::msg)?;
            writeln!(out, "✓ the password is in the keyring: set ELKS_KEYRING=true to use it")?;
        }
        KeyringCommand::Remove => {
            keyring::remove(&username).map_err(Error::msg)?;
            writeln!(out, "✓ the password is no longer in the keyring")?;
        }
    }
    Ok(())
}

/// The password that the person types, or a line of stdin.
fn password() -> Result<String> {
    let password = if io::stdin().is_terminal() {
        rpassword::prompt_password("API password: ")?
    } else {
        io::read_to_string(io::stdin())?
    };
    let password = password.trim();
    ensure!(!password.is_empty() && !password.contains(char::is_control), "the API password is one line of text");
    Ok(password.to_string())
}
