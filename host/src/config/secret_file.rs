//! A username or password in a file of its own, as Docker, Kubernetes and systemd hand over secrets: the variable with
//! `_FILE` at its end names the file.

use super::private;
use super::reader::Reader;
use super::state::absolute;
use crate::assignments::{Place, QUOTED};
use crate::unfilled::Unfilled;
use sms_rules::settings::is_quoted;

/// What problems call the file.
const WHAT: &str = "its file";

/// A setting that may stand in a file of its own.
#[derive(Clone, Copy)]
pub(super) struct Secret {
    /// The variable with the value.
    pub(super) name: &'static str,
    /// The variable with the path of the file.
    pub(super) file: &'static str,
}

impl Reader<'_> {
    /// The value of a secret and the name of the variable that gave it: inner nothing if neither variable is set, outer
    /// nothing if it cannot be read.
    pub(super) fn secret(&mut self, secret: Secret) -> Option<Option<(String, &'static str)>> {
        let winners = self.variables.winners(&[secret.name, secret.file]);
        let (wins_value, wins_file) = (winners.contains(&secret.name), winners.contains(&secret.file));
        let value = if wins_value || !wins_file { self.filled(secret.name)? } else { None };
        if !wins_file {
            self.blank_fields(&[secret.file])?;
            let Some(value) = value else { return Some(None) };
            return self.unquoted(secret.name, value).map(|value| Some((value, secret.name)));
        }
        let path = self.optional(secret.file, None, "the absolute path of a file", |path| absolute(path).map(Some))?;
        if wins_value {
            self.problem(secret.file, &format!("is set beside {}: unset one of the two", secret.name));
            return None;
        }
        let Some(path) = path else { return Some(None) };
        match private::bytes(&path, WHAT).and_then(one_line).and_then(|text| alone(secret, text)) {
            Ok(text) => Some(Some((text, secret.file))),
            Err(problem) => {
                self.problem(secret.file, &format!("cannot be used: {problem}"));
                None
            }
        }
    }
}

/// A value that is nothing else than the secret.
fn alone(secret: Secret, text: String) -> Result<String, String> {
    if text.split_once('=').is_some_and(|(name, _)| name.trim().ends_with(secret.name)) {
        return Err(format!("{WHAT} holds NAME=value: it must hold the value alone"));
    }
    if is_quoted(&text) {
        return Err(format!("{WHAT} {QUOTED}"));
    }
    match Unfilled::of(&text) {
        Some(unfilled) => Err(format!("{WHAT} {}", unfilled.problem(Place::SettingsFile(1)))),
        None => Ok(text),
    }
}

/// The only line of a file, without the line end that editors and `echo` add.
fn one_line(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|_| format!("{WHAT} is not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
    match text.lines().count() {
        0 => Err(format!("{WHAT} is empty")),
        1 => Ok(text.to_string()),
        _ => Err(format!("{WHAT} has more than one line: it must hold the value alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_value_alone() {
        for (bytes, expected) in [
            (&b"hunter2"[..], Ok("hunter2")),
            (b"hunter2\n", Ok("hunter2")),
            (b"hunter2\r\n\r\n", Ok("hunter2")),
            (b"\xef\xbb\xbfhunter2\n", Ok("hunter2")),
            (b"", Err("its file is empty")),
            (b" \n", Err("its file is empty")),
            (b"hunter2\nmore", Err("its file has more than one line: it must hold the value alone")),
            (b"\xff", Err("its file is not UTF-8 text")),
        ] {
            assert_eq!(one_line(bytes.to_vec()), expected.map(str::to_string).map_err(str::to_string));
        }
    }

    #[test]
    fn what_surrounds_a_value_elsewhere_is_no_part_of_it() {
        let secret = Secret { name: "ELKS_API_PASSWORD", file: "ELKS_API_PASSWORD_FILE" };
        assert_eq!(alone(secret, "a=b".into()).as_deref(), Ok("a=b"));
        for (text, expected) in [
            ("ELKS_API_PASSWORD=hunter2", "holds NAME=value"),
            ("export ELKS_API_PASSWORD = hunter2", "holds NAME=value"),
            ("\"hunter2\"", "is written in quotes"),
            ("op://Private/46elks/password", "holds a reference of a password manager"),
            ("${ELKS_API_PASSWORD}", "holds a literal ${…}: variables are not filled in here"),
        ] {
            let problem = alone(secret, text.into()).expect_err(text);
            assert!(problem.starts_with(&format!("its file {expected}")) && !problem.contains("hunter2"), "{problem}");
        }
    }
}
