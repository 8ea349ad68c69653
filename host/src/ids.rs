//! Request ids that must be remembered: those of sends, and those of requests that were cancelled.

use rmcp::model::RequestId;
use std::collections::{HashSet, VecDeque};

/// Ids that have been seen, the oldest forgotten first.
pub(crate) struct SeenIds {
    known: HashSet<RequestId>,
    order: VecDeque<RequestId>,
    most: usize,
}

impl SeenIds {
    /// Remembers so many ids.
    pub(crate) fn new(most: usize) -> Self {
        Self { known: HashSet::new(), order: VecDeque::new(), most }
    }

    /// Whether an id has been seen.
    pub(crate) fn contains(&self, id: &RequestId) -> bool {
        self.known.contains(id)
    }

    /// Remembers an id; says whether it comes for the first time.
    pub(crate) fn is_new(&mut self, id: &RequestId) -> bool {
        if !self.known.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > self.most
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
        let mut seen = SeenIds::new(2);
        let id = RequestId::Number;
        assert!(seen.is_new(&id(1)) && seen.is_new(&id(2)) && !seen.is_new(&id(1)));
        assert!(seen.is_new(&id(3)) && seen.contains(&id(3)) && seen.contains(&id(2)));
        assert!(!seen.contains(&id(1)));
    }
}
