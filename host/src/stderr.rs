//! Standard error: audit records and messages for the operator, one line each. A thread of its own writes them, so that
//! a client that does not read stderr delays nobody.
//!
//! The queue has a largest length. When it is full, lines are dropped and counted, and a record of a send is dropped
//! only when nothing but such records is queued.

use std::collections::VecDeque;
use std::io::Write;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Takes lines: stderr in the program, a buffer in tests.
pub trait Sink: Send + Sync {
    /// Takes one line, without its line end.
    fn line(&self, line: &str);

    /// Takes the record of a call that sent a message or may have sent one, without its line end. A sink that must drop
    /// lines drops all others first.
    fn send_record(&self, line: &str) {
        self.line(line);
    }
}

/// Capacity of the queue, in lines (a few megabytes). When it is full, lines are dropped and counted: a client that
/// never reads stderr must not stop the session.
const MAX_QUEUED_LINES: usize = 10_000;

/// How long the end of the program waits for queued lines to be written.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The program's stderr, behind a queue.
pub struct Stderr {
    shared: Arc<Shared>,
}

impl Stderr {
    /// Starts the thread.
    pub fn start() -> Self {
        Self::with(std::io::stderr(), MAX_QUEUED_LINES)
    }

    /// Starts a thread that writes to `out`, behind a queue of so many lines.
    fn with(out: impl Write + Send + 'static, capacity: usize) -> Self {
        let queue = Mutex::new(Queue::new(capacity));
        let shared = Arc::new(Shared { queue, changed: Condvar::new(), idle: Condvar::new() });
        let writer = Arc::clone(&shared);
        std::thread::spawn(move || writer.write_to(out));
        Self { shared }
    }

    /// Waits until all queued lines are written, at most one second.
    pub fn finish(&self) {
        let queue = self.shared.queue();
        // After the second the lines that are left are lost.
        let _ = self.shared.idle.wait_timeout_while(queue, DRAIN_TIMEOUT, |queue| !queue.is_idle());
    }

    fn push(&self, kind: Kind, text: &str) {
        self.shared.queue().push(kind, text);
        self.shared.changed.notify_one();
    }
}

impl Sink for Stderr {
    fn line(&self, line: &str) {
        self.push(Kind::Ordinary, line);
    }

    fn send_record(&self, line: &str) {
        self.push(Kind::SendRecord, line);
    }
}

impl Drop for Stderr {
    /// Lets the thread end once it has written what is queued.
    fn drop(&mut self) {
        self.shared.queue().ended = true;
        self.shared.changed.notify_one();
    }
}

/// What the thread and the program share.
struct Shared {
    queue: Mutex<Queue>,
    /// A line was queued, or no more will be.
    changed: Condvar,
    /// The thread has nothing more to write.
    idle: Condvar,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines until no more will be queued.
    fn write_to(&self, mut out: impl Write) {
        let mut queue = self.queue();
        loop {
            queue.writing = false;
            if let Some(mut text) = queue.take() {
                queue.writing = true;
                drop(queue);
                text.push('\n');
                // With stderr closed the lines are lost, but the program goes on.
                let _ = out.write_all(text.as_bytes());
                queue = self.queue();
            } else if queue.ended {
                return;
            } else {
                self.idle.notify_all();
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Which lines are dropped first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordinary,
    SendRecord,
}

/// Lines that wait to be written, oldest first.
struct Queue {
    capacity: usize,
    lines: VecDeque<(Kind, String)>,
    /// How many ordinary lines were dropped since that was last reported.
    lost_lines: u64,
    /// How many records of sends were dropped since that was last reported.
    lost_records: u64,
    /// Whether the thread is writing a line that it has taken.
    writing: bool,
    /// Whether no more lines will come.
    ended: bool,
}

impl Queue {
    fn new(capacity: usize) -> Self {
        Self { capacity, lines: VecDeque::new(), lost_lines: 0, lost_records: 0, writing: false, ended: false }
    }

    /// Queues a line. If the queue is full, a record of a send takes the place of the oldest ordinary line.
    fn push(&mut self, kind: Kind, text: &str) {
        if self.lines.len() >= self.capacity && !(kind == Kind::SendRecord && self.drop_ordinary()) {
            *self.lost(kind) += 1;
            return;
        }
        self.lines.push_back((kind, text.into()));
    }

    /// Drops the oldest ordinary line. Returns whether there was one.
    fn drop_ordinary(&mut self) -> bool {
        let oldest = self.lines.iter().position(|(kind, _)| *kind == Kind::Ordinary);
        let dropped = oldest.and_then(|oldest| self.lines.remove(oldest)).is_some();
        self.lost_lines += u64::from(dropped);
        dropped
    }

    fn lost(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Ordinary => &mut self.lost_lines,
            Kind::SendRecord => &mut self.lost_records,
        }
    }

    /// The next line to write. What was dropped is reported once half of the queue is free: with each free place, a
    /// slow reader would get little else than reports.
    fn take(&mut self) -> Option<String> {
        let has_room = self.lines.len() <= self.capacity / 2;
        if has_room && self.lost_records > 0 {
            let lost = mem::take(&mut self.lost_records);
            return Some(format!("⚠ {lost} records of sends were lost here; the journal, if there is one, has them"));
        }
        if has_room && self.lost_lines > 0 {
            let lost = mem::take(&mut self.lost_lines);
            return Some(format!("⚠ {lost} lines were lost: stderr was not read"));
        }
        self.lines.pop_front().map(|(_, text)| text)
    }

    fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.lost_lines == 0 && self.lost_records == 0 && !self.writing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    /// How long a test waits for a line. Far more than one takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A stderr that nobody reads until the test says so.
    struct Unread {
        begun: Sender<()>,
        read: Receiver<()>,
        lines: Sender<String>,
    }

    impl Write for Unread {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            // Blocks until the other end is dropped.
            let _ = self.read.recv();
            let line = String::from_utf8_lossy(bytes).trim_end_matches('\n').to_string();
            let _ = self.lines.send(line);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A stderr whose thread is blocked in its first line, `first`.
    struct Blocked {
        stderr: Stderr,
        reader: Sender<()>,
        lines: Receiver<String>,
    }

    impl Blocked {
        fn new(capacity: usize) -> Self {
            let ((begun, has_begun), (reader, read), (sender, lines)) = (channel(), channel(), channel());
            let stderr = Stderr::with(Unread { begun, read, lines: sender }, capacity);
            stderr.line("first");
            has_begun.recv_timeout(PATIENCE).expect("the thread writes");
            Self { stderr, reader, lines }
        }

        /// Reads everything.
        fn read(self) -> Vec<String> {
            drop((self.reader, self.stderr));
            let mut lines = Vec::new();
            // The thread ends when it has written what is queued.
            while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
                lines.push(line);
            }
            lines
        }
    }

    #[test]
    fn lines_and_records_keep_their_order() {
        let blocked = Blocked::new(10);
        blocked.stderr.line("a");
        blocked.stderr.send_record("b");
        blocked.stderr.line("c");
        assert_eq!(blocked.read(), ["first", "a", "b", "c"]);
    }

    #[test]
    fn a_full_queue_drops_ordinary_lines_first() {
        let blocked = Blocked::new(4);
        for line in ["a", "b", "c", "d", "e"] {
            blocked.stderr.line(line);
        }
        blocked.stderr.send_record("sent 1");
        blocked.stderr.line("f");
        blocked.stderr.send_record("sent 2");
        let report = "⚠ 4 lines were lost: stderr was not read";
        assert_eq!(blocked.read(), ["first", "c", "d", report, "sent 1", "sent 2"]);
    }

    #[test]
    fn records_of_sends_are_dropped_when_nothing_else_is_queued() {
        let blocked = Blocked::new(2);
        blocked.stderr.line("a");
        for number in 1..=5 {
            blocked.stderr.send_record(&format!("sent {number}"));
        }
        blocked.stderr.line("b");
        let (records, lines) = (
            "⚠ 3 records of sends were lost here; the journal, if there is one, has them",
            "⚠ 2 lines were lost: stderr was not read",
        );
        assert_eq!(blocked.read(), ["first", "sent 1", records, lines, "sent 2"]);
    }

    #[test]
    fn the_record_of_a_send_outlives_twenty_thousand_other_lines() {
        let blocked = Blocked::new(MAX_QUEUED_LINES);
        let others = || (0..20_000).for_each(|number| blocked.stderr.line(&format!("line {number}")));
        others();
        blocked.stderr.send_record("sent");
        others();
        let lines = blocked.read();
        assert_eq!(lines.iter().filter(|line| *line == "sent").count(), 1);
        let lost = 40_000 - (MAX_QUEUED_LINES - 1);
        assert!(lines.contains(&format!("⚠ {lost} lines were lost: stderr was not read")), "{lost}");
        assert_eq!(lines.len(), 1 + MAX_QUEUED_LINES + 1, "the first, the queue and the report");
    }

    #[test]
    fn the_end_waits_for_what_is_queued() {
        let ((begun, _begun), (reader, read), (sender, lines)) = (channel(), channel(), channel());
        let stderr = Stderr::with(Unread { begun, read, lines: sender }, 10);
        drop(reader);
        (0..10).for_each(|_| stderr.line("x"));
        stderr.finish();
        assert_eq!(lines.try_iter().count(), 10);
    }

    #[test]
    fn the_end_waits_no_longer_than_a_second_for_a_client_that_does_not_read() {
        let blocked = Blocked::new(10);
        let begun = Instant::now();
        blocked.stderr.finish();
        let waited = begun.elapsed();
        assert!(waited >= DRAIN_TIMEOUT && waited < DRAIN_TIMEOUT * 20, "{waited:?}");
    }

    #[test]
    fn a_closed_stderr_stops_nothing() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let stderr = Stderr::with(Closed, 1);
        (0..10).for_each(|_| stderr.line("x"));
        stderr.finish();
        assert!(stderr.shared.queue().is_idle());
    }

    /// How many the report of lost ones states.
    fn reported(line: &str) -> u64 {
        line.split(' ').nth(1).and_then(|count| count.parse().ok()).expect("is a report")
    }

    proptest! {
        /// Whatever comes in whatever order: the queue stays short, each line is written once or counted as lost, and
        /// a record is lost only when nothing but records is queued.
        #[test]
        fn each_line_is_written_once_or_counted(capacity in 1_usize..6, steps in prop::collection::vec(0_u8..3, 0..80)) {
            let mut queue = Queue::new(capacity);
            let mut written = Vec::new();
            let (mut pushed, mut lost_records) = (0, 0);
            for step in steps {
                let only_records = queue.lines.iter().all(|(kind, _)| *kind == Kind::SendRecord);
                let full_of_records = queue.lines.len() == capacity && only_records;
                match step {
                    0 => queue.push(Kind::Ordinary, &pushed.to_string()),
                    1 => {
                        queue.push(Kind::SendRecord, &pushed.to_string());
                        lost_records += u64::from(full_of_records);
                    }
                    _ => written.extend(queue.take()),
                }
                pushed += u64::from(step < 2);
                prop_assert!(queue.lines.len() <= capacity);
            }
            written.extend(std::iter::from_fn(|| queue.take()));
            prop_assert!(queue.is_idle());
            let (reports, lines): (Vec<String>, Vec<String>) = written.into_iter().partition(|line| line.starts_with('⚠'));
            let lost: u64 = reports.iter().map(|report| reported(report)).sum();
            prop_assert_eq!(lines.len() as u64 + lost, pushed);
            let records = reports.iter().filter(|report| report.contains("records"));
            prop_assert_eq!(records.map(|report| reported(report)).sum::<u64>(), lost_records);
            let numbers: Vec<u64> = lines.iter().filter_map(|line| line.parse().ok()).collect();
            prop_assert!(numbers.is_sorted() && numbers.len() == lines.len(), "{:?}", lines);
        }
    }
}
