//! Request ids that must be remembered: those of sends, and those of cancelled requests. A client chooses its ids, so
//! each costs the same few bytes, whatever its length.

use rmcp::model::RequestId;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::mem;

/// Length of a hashed id, in bytes. Two ids with the same hash would take 2⁶⁴ attempts to find, and all that they could
/// do is to have a request refused.
const HASH_BYTES: usize = 16;

/// A request id in a fixed number of bytes: the beginning of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct IdHash([u8; HASH_BYTES]);

impl From<&RequestId> for IdHash {
    fn from(id: &RequestId) -> Self {
        // The number 1 and the text "1" are two ids.
        let digest = match id {
            RequestId::Number(number) => Sha256::new_with_prefix(b"n").chain_update(number.to_le_bytes()).finalize(),
            RequestId::String(text) => Sha256::new_with_prefix(b"s").chain_update(text.as_bytes()).finalize(),
        };
        let mut hash = [0; HASH_BYTES];
        hash.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(hash)
    }
}

/// The newest ids: at least `max` of them, and at most twice as many. A set that is full becomes the older one, and the
/// one before it is forgotten. So nothing is ever taken out of a set, and neither grows beyond `max`.
pub(super) struct RecentIds {
    newer: HashSet<IdHash>,
    older: HashSet<IdHash>,
    max: usize,
}

impl RecentIds {
    /// An empty set that remembers at least `max` ids.
    pub(super) fn new(max: usize) -> Self {
        Self { newer: HashSet::new(), older: HashSet::new(), max }
    }

    /// Whether the set holds an id.
    pub(super) fn contains(&self, id: IdHash) -> bool {
        self.newer.contains(&id) || self.older.contains(&id)
    }

    /// Adds an id.
    pub(super) fn insert(&mut self, id: IdHash) {
        if self.contains(id) {
            return;
        }
        if self.newer.len() >= self.max {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(id);
    }

    /// How many bytes the sets occupy, at most: each place has a hash and a byte of the table, and of eight places
    /// seven are used.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        (self.newer.capacity() + self.older.capacity()) * 8 / 7 * (HASH_BYTES + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(id: i64) -> IdHash {
        IdHash::from(&RequestId::Number(id))
    }

    #[test]
    fn the_newest_ids_are_known_and_the_oldest_forgotten() {
        let mut ids = RecentIds::new(2);
        for id in 1..=5 {
            ids.insert(number(id));
            ids.insert(number(id));
            assert!(ids.contains(number(id)) && (id < 2 || ids.contains(number(id - 1))), "{id}");
        }
        assert!(!ids.contains(number(1)) && !ids.contains(number(2)) && !ids.contains(number(6)));
    }

    #[test]
    fn each_id_has_its_own_hash_and_the_same_id_the_same() {
        let text = |id: &str| IdHash::from(&RequestId::String(id.into()));
        let ids =
            [number(1), number(-1), text("1"), text(""), text("n"), text(&"x".repeat(250)), text(&"x".repeat(251))];
        assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), ids.len());
        assert_eq!(text("once"), text("once"));
    }

    #[test]
    fn a_full_set_never_grows() {
        let mut ids = RecentIds::new(1000);
        let mut most = 0;
        for id in 0..10_000 {
            ids.insert(number(id));
            most = most.max(ids.bytes());
        }
        assert!(most <= 2 * 2048 * (HASH_BYTES + 1), "{most} bytes");
    }
}
