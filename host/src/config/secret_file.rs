//! A username or password in a file of its own, as Docker, Kubernetes and systemd hand over secrets: the variable with
//! `_FILE` at its end names the file.

use super::private;
use super::reader::Reader;
use super::state::absolute;

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
        let value = self.filled(secret.name)?;
        let path = self.optional(secret.file, None, "the absolute path of a file", |path| absolute(path).map(Some))?;
        // The environment wins over the settings file, whichever variable it has.
        let both_of_one_place = value.is_some()
            && path.is_some()
            && self.variables.is_of_file(secret.name) == self.variables.is_of_file(secret.file);
        if both_of_one_place {
            self.problem(secret.file, &format!("is set beside {}: unset one of the two", secret.name));
            return None;
        }
        let use_file = path.filter(|_| value.is_none() || self.variables.is_of_file(secret.name));
        let Some(path) = use_file else { return Some(value.map(|value| (value, secret.name))) };
        match private::bytes(&path, WHAT).and_then(one_line) {
            Ok(text) => Some(Some((text, secret.file))),
            Err(problem) => {
                self.problem(secret.file, &format!("cannot be used: {problem}"));
                None
            }
        }
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
}
