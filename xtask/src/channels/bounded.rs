//! Programs that run for a bounded time, and end together with what they have started.

use anyhow::{Context, Result, bail};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two looks at whether a program has ended: the standard library has no wait with a timeout.
pub(super) const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How many characters of what a program has printed an error shows.
const MAX_SHOWN_CHARS: usize = 2_000;

/// Makes a program that is to be started the first of a group.
#[cfg(unix)]
pub(super) fn lead_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

/// Windows knows what a program has started without a group.
#[cfg(not(unix))]
pub(super) fn lead_group(_: &mut Command) {}

/// Kills a program and what it has started: `npx` starts a shell, which starts the program.
pub(super) fn kill_group(child: &mut Child) {
    // The number of a program that has been waited for may be another one's by now.
    if matches!(child.try_wait(), Ok(None)) {
        let mut kill = if cfg!(unix) { Command::new("kill") } else { Command::new("taskkill") };
        if cfg!(unix) {
            kill.args(["-KILL", "--", &format!("-{}", child.id())]);
        } else {
            kill.args(["/T", "/F", "/PID", &child.id().to_string()]);
        }
        // Where it fails, at least the program itself ends.
        let _ = kill.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// The lines of a pipe. A thread of its own reads them, so that the program never waits.
pub(super) fn lines(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in pipe.into_iter().flat_map(|pipe| BufReader::new(pipe).split(b'\n')).map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).trim_end().to_string()).is_err() {
                return;
            }
        }
    });
    lines
}

/// What a program printed, and how long it took.
pub(super) struct Printed {
    /// stdout and stderr in the order in which they came. Some clients print their lists to stderr.
    pub(super) text: String,
    /// From the start to the end.
    pub(super) took: Duration,
    /// Whether the exit code was 0.
    pub(super) succeeded: bool,
}

impl Printed {
    /// The same, when the exit code was 0.
    pub(super) fn success(self, what: &str) -> Result<Self> {
        if !self.succeeded {
            bail!("{what} failed and printed:\n{}", self.shown());
        }
        Ok(self)
    }

    /// The end of the text.
    pub(super) fn shown(&self) -> String {
        let chars: Vec<char> = self.text.chars().collect();
        chars.iter().skip(chars.len().saturating_sub(MAX_SHOWN_CHARS)).collect()
    }
}

/// Runs a program to its end. After the given time it is killed, which is an error. What it prints goes into a file,
/// because something that it leaves running would keep a pipe open.
pub(super) fn run(command: &mut Command, most: Duration, log: &Path) -> Result<Printed> {
    let program = command.get_program().to_string_lossy().into_owned();
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    lead_group(command);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > most {
            kill_group(&mut child);
            break None;
        }
        thread::sleep(EXIT_POLL_INTERVAL);
    };
    let took = begun.elapsed();
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let printed = Printed { text, took, succeeded: status.is_some_and(|status| status.success()) };
    if status.is_none() {
        bail!("{program} did not end within {} seconds and printed:\n{}", most.as_secs(), printed.shown());
    }
    Ok(printed)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_ends_with_what_it_has_started() {
        let log = std::env::temp_dir().join(format!("elks-xtask-bounded-{}", std::process::id()));
        let mut shell = Command::new("sh");
        let error = run(shell.args(["-c", "echo begun; sleep 60 & wait"]), Duration::from_millis(300), &log);
        let error = format!("{:#}", error.err().expect("it hangs"));
        assert!(error.starts_with("sh did not end within") && error.ends_with("begun\n"), "{error}");
        fs::remove_file(log).expect("a log");
    }
}
