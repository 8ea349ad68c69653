//! The lists that are data files of this crate. `#` begins a comment, which goes to the end of its line.

/// The lines of a list without comments and without spaces at their ends. None is empty.
pub(crate) fn lines(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter_map(|line| line.split('#').next()).map(str::trim).filter(|line| !line.is_empty())
}

/// The words of a list: a line may hold several.
pub(crate) fn words(list: &str) -> impl Iterator<Item = &str> {
    lines(list).flat_map(str::split_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_no_comments_and_no_empty_lines() {
        let list = "# a comment\n\none\n  two three # why\n#\n";
        assert_eq!(lines(list).collect::<Vec<_>>(), ["one", "two three"]);
        assert_eq!(words(list).collect::<Vec<_>>(), ["one", "two", "three"]);
    }
}
