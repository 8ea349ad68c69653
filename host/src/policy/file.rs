//! The policy file: lines of `NAME=value`, whose names are settings of the policy.

use super::settings::{self, Given, NAMES};
use super::stated::Stated;
use crate::assignments::{self, Place};
use crate::nearest::nearest;
use std::path::Path;

/// What problems call the file.
pub(crate) const WHAT: &str = "the policy file";

/// The bytes of a policy file.
///
/// # Errors
/// It cannot be read, is no file, is too large, or everybody can change it. The sentence has no path.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = assignments::bytes(path, WHAT)?;
    not_for_everybody(path)?;
    Ok(bytes)
}

/// Checks that not every user of the computer can change the policy. A group may, as its members own the file together.
///
/// # Errors
/// Everybody can, or its mode cannot be read.
#[cfg(unix)]
fn not_for_everybody(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|error| format!("{WHAT} cannot be read: {}", error.kind()))?;
    match metadata.mode() & 0o002 {
        0 => Ok(()),
        _ => Err(format!(
            "{WHAT} can be changed by every user of this computer (mode {:04o}): `chmod o-w` takes that away",
            metadata.mode() & 0o777
        )),
    }
}

/// On Windows a new file in a folder of the user is for the user alone. Access lists are not looked at.
///
/// # Errors
/// None.
#[cfg(not(unix))]
fn not_for_everybody(_: &Path) -> Result<(), String> {
    Ok(())
}

/// What a policy file states.
///
/// # Errors
/// All problems, each with its line.
pub(crate) fn read(bytes: &[u8]) -> Result<Stated, Vec<String>> {
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for (line, assignment) in assignments::lines(bytes, WHAT).map_err(|problem| vec![problem])? {
        let place = Place::PolicyFile(line);
        match assignment.and_then(|(name, value)| Ok((known(name)?, value))) {
            Ok((name, value)) => given.push(Given { name, value, place }),
            Err(problem) => problems.push(format!("{place}{problem}")),
        }
    }
    let stated = settings::read(&given, &mut problems);
    if problems.is_empty() {
        return Ok(stated);
    }
    problems.sort_by_key(|problem| line_of(problem));
    Err(problems)
}

/// The line of a policy file that a problem names.
pub(crate) fn line_of(problem: &str) -> Option<usize> {
    problem.strip_prefix("policy file, line ")?.split(':').next()?.parse().ok()
}

/// The setting of the policy with this name.
fn known(name: &str) -> Result<&'static str, String> {
    if let Some(known) = NAMES.into_iter().find(|known| *known == name) {
        return Ok(known);
    }
    if let Some(known) = NOT_OF_THE_POLICY.into_iter().find(|known| *known == name) {
        return Err(format!("{known} may be set in the environment or the settings file only"));
    }
    // The name is not repeated: it may be a part of a secret that has a =.
    Err(format!("its name is no setting of the policy; the nearest is {}", nearest(name, NAMES)))
}

/// The settings that a policy file may not hold.
pub(crate) const NOT_OF_THE_POLICY: [&str; 14] = [
    "ELKS_API_USERNAME",
    "ELKS_API_USERNAME_FILE",
    "ELKS_API_PASSWORD",
    "ELKS_API_PASSWORD_FILE",
    "ELKS_KEYRING",
    "ELKS_PHONE_NUMBER",
    "DRY_RUN",
    "RATE_LIMIT_QUERIES_PER_MINUTE",
    "ELKS_POLICY_FILE",
    "ELKS_STATE_DIR",
    "ELKS_STATE",
    "ELKS_KEEP_DAYS",
    "ELKS_LEDGER",
    "ELKS_LEDGER_FILE",
];
