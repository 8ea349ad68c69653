//! Request ids that must be remembered: those of sends, and those of cancelled requests.

use rmcp::model::RequestId;
use std::collections::{HashSet, VecDeque};

/// A bounded set of ids. When it is full, a new id replaces the oldest one.
pub(super) struct RecentIds {
    known: HashSet<RequestId>,
    order: VecDeque<RequestId>,
    max: usize,
}

impl RecentIds {
    /// An empty set that holds at most `max` ids.
    pub(super) fn new(max: usize) -> Self {
        Self { known: HashSet::new(), order: VecDeque::new(), max }
    }

    /// Whether the set holds an id.
    pub(super) fn contains(&self, id: &RequestId) -> bool {
        self.known.contains(id)
    }

    /// Adds an id. Returns whether it is new.
    pub(super) fn insert(&mut self, id: &RequestId) -> bool {
        if !self.known.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_ids_are_known_and_the_oldest_forgotten() {
        let mut ids = RecentIds::new(2);
        let id = RequestId::Number;
        assert!(ids.insert(&id(1)) && ids.insert(&id(2)) && !ids.insert(&id(1)));
        assert!(ids.insert(&id(3)) && ids.contains(&id(3)) && ids.contains(&id(2)));
        assert!(!ids.contains(&id(1)));
    }
}
