//! Commands as people can paste them: a word with a blank or a special character in it stands in quotes.

use crate::config::System;

/// A word as the usual shell of a system takes it: in single quotes for POSIX shells, in double quotes for Windows.
pub(crate) fn quoted(word: &str, system: System) -> String {
    let is_windows = system == System::Windows;
    // A POSIX shell takes a backslash away, and Windows has it in every path.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@=+-".contains(c) || (c == '\\' && is_windows);
    match word {
        plain if !plain.is_empty() && plain.chars().all(is_plain) => plain.to_string(),
        special if is_windows => format!("\"{}\"", escaped(special)),
        special => format!("'{}'", special.replace('\'', r"'\''")),
    }
}

/// The words of a command with blanks between them.
pub(crate) fn command_line<'a>(words: impl IntoIterator<Item = &'a str>, system: System) -> String {
    words.into_iter().map(|word| quoted(word, system)).collect::<Vec<_>>().join(" ")
}

/// A word between double quotes, as programs for Windows split their command line: backslashes count only before a
/// quote, and there each is written twice.
fn escaped(word: &str) -> String {
    let (mut out, mut backslashes) = (String::new(), 0);
    for c in word.chars() {
        if c == '"' {
            out.push_str(&"\\".repeat(backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        out.push(c);
    }
    out + &"\\".repeat(backslashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_in_quotes_only_where_a_shell_would_change_it() {
        for (word, posix, windows) in [
            ("/opt/elks-mcp", "/opt/elks-mcp", "/opt/elks-mcp"),
            ("--settings=/a_b/c.env", "--settings=/a_b/c.env", "--settings=/a_b/c.env"),
            ("elks-mcp@0.1.0", "elks-mcp@0.1.0", "elks-mcp@0.1.0"),
            (r"C:\a\elks-mcp.exe", r"'C:\a\elks-mcp.exe'", r"C:\a\elks-mcp.exe"),
            ("/a b", "'/a b'", "\"/a b\""),
            ("/it's", r"'/it'\''s'", "\"/it's\""),
            ("", "''", "\"\""),
            ("${HOME}/x", "'${HOME}/x'", "\"${HOME}/x\""),
            ("~/x", "'~/x'", "\"~/x\""),
            ("/å", "'/å'", "\"/å\""),
            ("{\"a\":\"b c\"}", "'{\"a\":\"b c\"}'", "\"{\\\"a\\\":\\\"b c\\\"}\""),
            (r"C:\a b\", r"'C:\a b\'", "\"C:\\a b\\\\\""),
            ("\\\"", "'\\\"'", "\"\\\\\\\"\""),
        ] {
            assert_eq!(quoted(word, System::Unix), posix);
            assert_eq!(quoted(word, System::Mac), posix);
            assert_eq!(quoted(word, System::Windows), windows);
        }
        assert_eq!(command_line(["/a b/elks-mcp", "doctor"], System::Mac), "'/a b/elks-mcp' doctor");
    }

    /// A POSIX shell itself reads each word back as it was.
    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_word_back() {
        for word in ["/a b/it's \"x\"", "$HOME `id` $(id) \\", "a\nb", "*", "-n"] {
            let script = format!("printf %s {}", quoted(word, System::Unix));
            let read = std::process::Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
            assert_eq!(String::from_utf8(read.stdout).expect("is text"), word);
        }
    }
}
