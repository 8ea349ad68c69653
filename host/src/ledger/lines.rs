//! Reads lines of a bounded length.

use super::chain::MAX_LINE;
use super::unavailable::{Doing, Unavailable};
use std::io::{BufRead, Read};

/// How a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a whole line, or without any.
    Whole,
    /// With a line that has no end: it was being written when the program or the computer stopped.
    Torn,
}

/// Calls `each` with every line, without its end. Of a line that is too long it is called with the first [`MAX_LINE`]
/// bytes, which no check lets pass.
pub(super) fn each_line<E: From<Unavailable>>(
    reader: &mut impl BufRead,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<End, E> {
    let mut line = Vec::with_capacity(MAX_LINE);
    loop {
        line.clear();
        let mut bounded = reader.by_ref().take(MAX_LINE as u64);
        bounded.read_until(b'\n', &mut line).doing("reading the send journal")?;
        match line.split_last() {
            None => return Ok(End::Whole),
            Some((b'\n', line)) => each(line)?,
            Some(_) if line.len() == MAX_LINE => each(&line)?,
            Some(_) => return Ok(End::Torn),
        }
    }
}
