//! The request ids of sends. An id that comes again is a repetition, not a second message.

use super::recent_ids::{IdHash, RecentIds};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many ids of sends are remembered, at least. Only calls that may have sent a message count, so nothing that is
/// refused makes one forgotten. They take under 5 MiB, whatever their length was.
const MAX_REMEMBERED_SENDS: usize = 65_536;

/// The ids of calls that may have sent a message, and those of calls that are running.
pub(super) struct SentIds {
    ids: Mutex<Ids>,
}

struct Ids {
    sent: RecentIds,
    /// As many as there are calls, which the requests in progress bound.
    running: HashSet<IdHash>,
}

/// The id of a call that is running: no other call can have it. When the reservation ends, the id is kept if a message
/// may have been sent, and free otherwise. A reservation that is dropped keeps its id.
pub(super) struct Reservation {
    ids: Arc<SentIds>,
    id: IdHash,
    may_have_sent: bool,
}

impl SentIds {
    /// No id is known.
    pub(super) fn new() -> Self {
        Self::remembering(MAX_REMEMBERED_SENDS)
    }

    fn remembering(max: usize) -> Self {
        Self { ids: Mutex::new(Ids { sent: RecentIds::new(max), running: HashSet::new() }) }
    }

    /// Reserves an id for a call. `None` if a message may have been sent with it, or if another call has it now.
    pub(super) fn reserve(self: &Arc<Self>, id: IdHash) -> Option<Reservation> {
        let mut ids = self.lock();
        let free = !ids.sent.contains(id) && ids.running.insert(id);
        free.then(|| Reservation { ids: Arc::clone(self), id, may_have_sent: true })
    }

    fn lock(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Ends the reservation of a call that has ended.
    pub(super) fn end(mut self, may_have_sent: bool) {
        self.may_have_sent = may_have_sent;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut ids = self.ids.lock();
        ids.running.remove(&self.id);
        if self.may_have_sent {
            ids.sent.insert(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp::model::RequestId;

    fn id(number: i64) -> IdHash {
        IdHash::from(&RequestId::Number(number))
    }

    #[test]
    fn an_id_is_kept_only_if_a_message_may_have_been_sent() {
        let ids = Arc::new(SentIds::new());
        let reserve = |number| ids.reserve(id(number));
        let running = reserve(1).expect("is new");
        assert!(reserve(1).is_none(), "while the call runs");
        running.end(false);
        reserve(1).expect("nothing was sent").end(true);
        assert!(reserve(1).is_none(), "after a send");
        drop(reserve(2).expect("is new"));
        assert!(reserve(2).is_none(), "after a call of which nothing is known");
        assert!(ids.lock().running.is_empty());
    }

    #[test]
    fn of_many_calls_with_one_id_at_once_one_runs() {
        let ids = Arc::new(SentIds::new());
        let reserved: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| ids.reserve(id(1)).map(|reservation| reservation.end(true)).is_some()))
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|reserved| *reserved).count()
        });
        assert_eq!(reserved, 1);
    }

    #[test]
    fn what_is_refused_makes_no_send_forgotten() {
        let ids = Arc::new(SentIds::remembering(2));
        ids.reserve(id(0)).expect("is new").end(true);
        for number in 1..100 {
            ids.reserve(id(number)).expect("is new").end(false);
        }
        assert!(ids.reserve(id(0)).is_none());
    }

    #[test]
    fn remembered_ids_take_under_five_mebibytes() {
        let ids = Arc::new(SentIds::new());
        let text = |number: usize| IdHash::from(&RequestId::String(format!("{number:0250}").into()));
        let mut most = 0;
        for number in 0..=2 * MAX_REMEMBERED_SENDS {
            ids.reserve(text(number)).expect("is new").end(true);
            most = most.max(ids.lock().sent.bytes());
        }
        assert!(most < 5 << 20, "{most} bytes");
        let newest = (1..=2 * MAX_REMEMBERED_SENDS).rev().take(MAX_REMEMBERED_SENDS).step_by(97);
        assert!(newest.into_iter().all(|number| ids.lock().sent.contains(text(number))));
    }
}
