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

/// Checks that no other user of the machine but root can read or change a file, which `what` names. A file of root may
/// be readable for its group, as systemd and Kubernetes lay files down: the program could not read it otherwise.
///
/// # Errors
/// Others can read or change it, or its mode cannot be read.
#[cfg(unix)]
fn only_for_its_owner(path: &Path, what: &str) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|error| format!("{what} cannot be read: {}", error.kind()))?;
    let own = rustix::process::geteuid().as_raw();
    refusal(metadata.uid(), metadata.mode(), own).map_or(Ok(()), |why| Err(format!("{what} {why}")))
}

/// The user who may do everything anyway.
#[cfg(unix)]
const ROOT: u32 = 0;

/// Why a file of this owner and mode is not private for the user `own`; nothing if it is.
#[cfg(unix)]
fn refusal(owner: u32, mode: u32, own: u32) -> Option<String> {
    let (refused, advice) = match owner {
        _ if owner == own => (0o077, "`chmod 600` makes it yours alone"),
        ROOT => (0o037, "its mode may be 0640 at most"),
        _ => {
            return Some(format!(
                "belongs to another user (number {owner}), who can read and change it: give it to the user who runs \
                 this program (number {own}), or to root"
            ));
        }
    };
    let shown = mode & 0o777;
    (mode & refused != 0).then(|| format!("can be read or changed by others (mode {shown:04o}): {advice}"))
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
    fn the_group_may_read_what_root_laid_down() {
        const OWN: u32 = 1000;
        for (owner, mode, refused) in [
            (OWN, 0o600, false),
            (OWN, 0o400, false),
            (OWN, 0o640, true),
            (OWN, 0o604, true),
            (OWN, 0o620, true),
            (ROOT, 0o440, false),
            (ROOT, 0o640, false),
            (ROOT, 0o400, false),
            (ROOT, 0o444, true),
            (ROOT, 0o460, true),
            (1001, 0o640, true),
            (1001, 0o600, true),
        ] {
            assert_eq!(refusal(owner, mode, OWN).is_some(), refused, "{owner} {mode:o}");
        }
        // Whoever runs as root does not own the files of others.
        assert!(refusal(1001, 0o600, ROOT).is_some_and(|why| why.starts_with("belongs to another user (number 1001)")));
        assert_eq!(refusal(ROOT, 0o600, ROOT), None);
    }
}
