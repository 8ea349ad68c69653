//! Standard error: audit records and messages for the operator, one line each. A thread of its own writes them, so that
//! a client that does not read stderr delays nobody.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Takes lines: stderr in the program, a buffer in tests.
pub trait Sink: Send + Sync {
    /// Takes one line, without its line end.
    fn line(&self, line: &str);
}

/// Capacity of the queue, in lines (a few megabytes). When it is full, lines are dropped and counted: a client that
/// never reads stderr must not stop the session.
const MAX_QUEUED_LINES: usize = 10_000;

/// How long the end of the program waits for queued lines to be written.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the end of the program looks for room in a full queue.
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// The program's stderr, behind a queue.
pub struct Stderr {
    lines: SyncSender<Line>,
    /// How many lines were dropped since the last one that was queued.
    lost: AtomicU64,
}

enum Line {
    Text(String),
    /// Asks for a message on this channel when all lines before it are written.
    Flush(SyncSender<()>),
}

impl Stderr {
    /// Starts the thread.
    pub fn start() -> Self {
        let (lines, waiting) = sync_channel(MAX_QUEUED_LINES);
        std::thread::spawn(move || {
            for line in waiting {
                match line {
                    Line::Text(mut text) => {
                        text.push('\n');
                        // With stderr closed the lines are lost, but the program goes on.
                        let _ = std::io::stderr().lock().write_all(text.as_bytes());
                    }
                    Line::Flush(done) => {
                        let _ = done.try_send(());
                    }
                }
            }
        });
        Self { lines, lost: AtomicU64::new(0) }
    }

    /// Waits until all queued lines are written, at most one second.
    pub fn finish(&self) {
        let until = Instant::now() + DRAIN_TIMEOUT;
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let (done, written) = sync_channel(1);
        let last = (lost > 0).then(|| Line::Text(lost_lines(lost)));
        for mut line in last.into_iter().chain([Line::Flush(done)]) {
            while let Err(TrySendError::Full(again)) = self.lines.try_send(line) {
                if Instant::now() >= until {
                    return;
                }
                line = again;
                std::thread::sleep(DRAIN_POLL);
            }
        }
        let _ = written.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// The line that reports dropped lines.
fn lost_lines(lost: u64) -> String {
    format!("⚠ {lost} lines were lost: stderr was not read")
}

impl Sink for Stderr {
    fn line(&self, line: &str) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 && self.lines.try_send(Line::Text(lost_lines(lost))).is_err() {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
        if self.lines.try_send(Line::Text(line.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
