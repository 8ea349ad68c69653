//! Files with secrets: they are read only if they are for their owner alone.

use crate::assignments;
use std::path::Path;

/// The bytes of a file, which `what` names in problems.
///
/// # Errors
/// It cannot be read, is no regular file, is too large, or others can read or change it.
pub(super) fn bytes(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    let bytes = assignments::bytes(path, what)?;
    only_for_its_owner(path, what)?;
    Ok(bytes)
}

/// Checks that no other user of the machine can read or change a file, which `what` names. A file of another owner may
/// be readable for its group, as systemd and Kubernetes lay files down: the program could not read it otherwise.
///
/// # Errors
/// Others can read or change it, or its mode cannot be read.
#[cfg(unix)]
fn only_for_its_owner(path: &Path, what: &str) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|error| format!("{what} cannot be read: {}", error.kind()))?;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    if metadata.mode() & refused_bits(is_own) == 0 {
        return Ok(());
    }
    let advice = if is_own { "`chmod 600` makes it yours alone" } else { "its mode may be 0440 at most" };
    Err(format!("{what} can be read or changed by others (mode {:04o}): {advice}", metadata.mode() & 0o777))
}

/// The bits of a mode that must not be set.
#[cfg(unix)]
fn refused_bits(is_own: bool) -> u32 {
    if is_own { 0o077 } else { 0o037 }
}

/// On Windows a new file in a folder of the user is for the user alone. Access lists are not looked at.
///
/// # Errors
/// None.
#[cfg(not(unix))]
fn only_for_its_owner(_: &Path, _: &str) -> Result<(), String> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_group_may_read_what_another_owner_laid_down() {
        for (mode, is_own, refused) in [
            (0o600, true, false),
            (0o400, true, false),
            (0o640, true, true),
            (0o604, true, true),
            (0o620, true, true),
            (0o440, false, false),
            (0o400, false, false),
            (0o444, false, true),
            (0o460, false, true),
        ] {
            assert_eq!(mode & refused_bits(is_own) != 0, refused, "{mode:o}");
        }
    }
}
