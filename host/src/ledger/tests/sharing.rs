//! Several processes and threads with one journal.

use super::*;
use std::process::{Command, Stdio};

/// How many processes there are.
const PROCESSES: usize = 4;

/// How many sends the limit admits.
const LIMIT: usize = 1000;

/// Sends as long as the limit admits it, and says how often that was.
fn send_until_full(ledger: &Ledger) -> usize {
    let mut sent = 0;
    loop {
        let admitted = ledger.with(|book| {
            let admitted = book.state().entries().count() < LIMIT;
            if admitted {
                book.append(intent(1)).unwrap();
            }
            admitted
        });
        if !admitted.unwrap() {
            return sent;
        }
        sent += 1;
    }
}

#[cfg(unix)]
#[test]
fn a_lock_whose_file_was_removed_is_none() {
    let (folder, clock) = (Folder::new(), Time::new());
    append(&folder.ledger(&clock), intent(1));
    let acquire = || lock::Lock::acquire(&folder.account(), Instant::now());
    let first = acquire().unwrap();
    assert!(first.is_that_of(&folder.account()).unwrap() && acquire().is_err());
    fs::remove_file(folder.file(lock::NAME)).unwrap();
    assert!(!first.is_that_of(&folder.account()).unwrap());
    let second = acquire().unwrap();
    assert!(!first.is_that_of(&folder.account()).unwrap() && second.is_that_of(&folder.account()).unwrap());
}

/// The setting that makes this test program a process that sends, with the folder or database.
const CHILD: &str = "LEDGER_TEST_JOURNAL";

/// Where another process finds this journal.
fn named(location: &Location) -> String {
    match location {
        Location::Folder(folder) => folder.to_str().unwrap().into(),
        #[cfg(feature = "postgres")]
        Location::Database(_, account) => database::address() + " " + account,
    }
}

/// The journal that another process has named.
fn found(name: &str) -> Location {
    match name.split_once(' ') {
        #[cfg(feature = "postgres")]
        Some((address, account)) => database::location_of(address, account),
        _ => Location::Folder(name.into()),
    }
}

/// Does nothing in a usual run; is run by the next test in processes of its own.
#[test]
fn one_of_several_processes() {
    #[expect(clippy::disallowed_methods, reason = "a process that a test starts learns its task in this way")]
    let Ok(name) = std::env::var(CHILD) else { return };
    let ledger = ledger_at(found(&name), 90, &Time::new()).waiting_at_most(Duration::from_secs(120));
    assert!(send_until_full(&ledger) <= LIMIT);
}

#[test]
fn four_processes_keep_to_one_limit() {
    for home in homes() {
        let clock = Time::new();
        let name = module_path!().split_once("::").unwrap().1.to_string() + "::one_of_several_processes";
        let children: Vec<_> = (0..PROCESSES)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", &name])
                    .env(CHILD, named(&home.location()))
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let ledger = home.ledger(&clock);
        assert_eq!(sends(&ledger).len(), LIMIT);
        assert_eq!(ledger.mark().unwrap().seq, LIMIT as u64);
    }
}

#[test]
fn threads_with_one_ledger_or_their_own_keep_to_one_limit() {
    for home in homes() {
        let clock = Time::new();
        let long = Duration::from_secs(120);
        let shared = home.ledger(&clock).waiting_at_most(long);
        let sent: usize = std::thread::scope(|scope| {
            let one = [0; 2].map(|_| scope.spawn(|| send_until_full(&shared)));
            let own = [0; 2].map(|_| scope.spawn(|| send_until_full(&home.ledger(&clock).waiting_at_most(long))));
            one.into_iter().chain(own).map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((sent, sends(&shared).len()), (LIMIT, LIMIT));
    }
}

#[test]
fn whoever_holds_the_lock_for_too_long_makes_the_others_refuse() {
    let (folder, clock) = (Folder::new(), Time::new());
    append(&folder.ledger(&clock), intent(1));
    let ledger = folder.ledger(&clock).waiting_at_most(Duration::from_millis(20));
    let held = lock::Lock::acquire(&folder.account(), Instant::now()).unwrap();
    let begun = Instant::now();
    assert!(matches!(ledger.with(|_| ()), Err(Unavailable::Busy)));
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert!(error(&ledger).contains("Try again in some seconds."));
    drop(held);
    assert_eq!(sends(&ledger), [1]);
    // A thread of the same process.
    ledger
        .with(|_| {
            std::thread::scope(|scope| {
                assert!(matches!(scope.spawn(|| ledger.with(|_| ())).join().unwrap(), Err(Unavailable::Busy)));
                assert_eq!(ledger.mark().unwrap().seq, 1, "the mark does not wait");
            });
        })
        .unwrap();
    assert_eq!(PATIENCE, Duration::from_secs(5));
}
