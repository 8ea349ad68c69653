//! The known name that a person most likely meant.

/// How many letters of a name are compared. A longer name is no typing error, and a comparison takes the product of the
/// lengths.
const MAX_COMPARED: usize = 64;

/// The known name that begins so, or else the one with the fewest changed, added and removed letters. Case makes no
/// difference.
pub(crate) fn nearest(name: &str, known: impl IntoIterator<Item = &'static str>) -> &'static str {
    let name: Vec<char> = name.chars().take(MAX_COMPARED).flat_map(char::to_uppercase).collect();
    let beginning: String = name.iter().collect();
    let order = |known: &&str| {
        let known = known.to_uppercase();
        (!known.starts_with(&beginning), distance(&name, &known))
    };
    known.into_iter().min_by_key(order).unwrap_or_default()
}

/// How many letters two names differ by.
pub(crate) fn differs_by(name: &str, known: &str) -> usize {
    distance(&name.chars().take(MAX_COMPARED).collect::<Vec<char>>(), known)
}

/// The edit distance of Levenshtein.
fn distance(one: &[char], two: &str) -> usize {
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (above, b) in two.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (a, cell) in one.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(*a != b);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}
