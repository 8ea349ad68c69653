//! Small changes to a text: everything outside of them stays as it is, to the byte.

use std::ops::Range;

/// Text that takes the place of a range. An empty range is a place between two characters.
pub(super) struct Splice {
    /// What is replaced, in bytes.
    pub(super) range: Range<usize>,
    /// What stands there then.
    pub(super) with: String,
}

impl Splice {
    /// Adds text at a place.
    pub(super) fn insert(at: usize, with: String) -> Self {
        Self { range: at..at, with }
    }

    /// Takes a range out.
    pub(super) fn cut(range: Range<usize>) -> Self {
        Self { range, with: String::new() }
    }
}

/// The text with these changes, which are in order and do not overlap.
pub(super) fn spliced(text: &str, splices: &[Splice]) -> String {
    let (mut changed, mut at) = (String::with_capacity(text.len()), 0);
    for splice in splices {
        changed.push_str(text.get(at..splice.range.start).unwrap_or_default());
        changed.push_str(&splice.with);
        at = splice.range.end;
    }
    changed.push_str(text.get(at..).unwrap_or_default());
    changed
}

/// The end of a line as the text has it.
pub(super) fn line_end(text: &str) -> &'static str {
    let first = text.find('\n').map(|at| text[..at].ends_with('\r'));
    if first == Some(true) { "\r\n" } else { "\n" }
}

/// Where the line of a place begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// The blanks at the beginning of the line of a place.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Whether only blanks stand before a place in its line.
pub(super) fn is_first_in_line(text: &str, at: usize) -> bool {
    text[line_start(text, at)..at].trim_matches([' ', '\t']).is_empty()
}

/// The line and column of a place, from 1, in characters.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    (before.matches('\n').count() + 1, text[line_start(text, before.len())..before.len()].chars().count() + 1)
}
