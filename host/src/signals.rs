//! Signals that ask the process to end. All of them end it in the same way: no further call begins, and those that run
//! get their time and their record.

use std::io;

/// Listens from now on for SIGTERM, SIGINT and SIGHUP (the terminal is gone), on Windows for Ctrl-C, Ctrl-Break, a
/// closed console and the system's shutdown. The future resolves when one arrives. A SIGHUP that was ignored when the
/// program started, as `nohup` has it, stays ignored (on Linux). Must be called within the runtime.
pub fn signals() -> impl Future<Output = ()> + Send {
    let listening = listen();
    async move {
        match listening {
            Ok(arrival) => arrival.await,
            // Without signals there is nothing to wait for.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
fn listen() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Listening to an ignored signal would end that it is ignored.
    let mut hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    Ok(async move {
        let hangup = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup => {}
        }
    })
}

#[cfg(windows)]
fn listen() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut interrupt, mut stop, mut close, mut shutdown) =
        (ctrl_c()?, ctrl_break()?, ctrl_close()?, ctrl_shutdown()?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = stop.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}

/// Whether this process ignores SIGHUP. Only Linux says so without unsafe code; elsewhere the answer is `false`.
#[cfg(unix)]
pub fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores_hangup(&status)
}

/// Whether a process with this `/proc/PID/status` ignores SIGHUP, which is the lowest bit of the mask in hexadecimal.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::ignores_hangup;

    #[test]
    fn the_lowest_bit_is_that_of_sighup() {
        let status = |mask: &str| format!("Name:\telks-mcp\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t1\n");
        assert!(ignores_hangup(&status("0000000000000001")));
        assert!(ignores_hangup(&status("fffffffffffffff1")));
        assert!(!ignores_hangup(&status("0000000000001000")));
        assert!(!ignores_hangup(&status("no number")));
        assert!(!ignores_hangup(""), "another system");
    }
}
