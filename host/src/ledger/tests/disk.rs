//! The folder: what is written, what is private, and what happens when the disk fails.

use super::*;
use journal::Disk;
use std::io::{self, Write};

#[test]
fn events_are_there_after_a_restart() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    assert_eq!(ledger.mark(), None);
    assert!(!folder.0.exists(), "nothing is written before the first use");
    let first = append(&ledger, intent(1));
    ledger.settle(first, accepted("s1"), By::Answer).unwrap();
    let second = append(&ledger, intent(2));
    ledger.pause().unwrap();
    assert_eq!((first, second, ledger.mark().unwrap().seq), (1, 3, 4));

    let again = folder.ledger(&clock);
    assert_eq!(again.mark(), None, "nothing was read yet");
    let now = clock.now();
    again
        .with(|book| {
            let state = book.state();
            assert_eq!(book.now(), now);
            assert!(
                matches!(state.entry(1).unwrap().standing(now), Standing::Accepted(accepted) if accepted.id == "s1")
            );
            assert_eq!(state.entry(3).unwrap().standing(now), Standing::InFlight);
            assert_eq!(state.entry(3).unwrap().standing(now + TimeDelta::seconds(60)), Standing::Unknown);
            assert_eq!(state.entry(2), None);
            assert_eq!((state.owner_of("s1"), state.owner_of("s2")), (Some(1), None));
            assert!(state.knows_recipient(&Hash([1; 16])) && !state.knows_recipient(&Hash([2; 16])));
            assert_eq!(state.paused_since(), Some(now));
        })
        .unwrap();
    assert_eq!(again.mark(), ledger.mark());
    again.resume().unwrap();
    assert_eq!(ledger.with(|book| book.state().paused_since()).unwrap(), None);
    assert_eq!(again.mark(), ledger.mark());
    assert_eq!(ledger.mark().unwrap().head.len(), 16);
}

#[test]
fn an_outcome_of_nothing_is_not_recorded() {
    let (folder, clock) = (Folder::new(), Time::new());
    for ledger in [folder.ledger(&clock), Ledger::in_memory(clock)] {
        append(&ledger, intent(1));
        for of in [0, 2, 3] {
            assert!(ledger.settle(of, Outcome::NotLeft, By::Answer).is_err(), "{of}");
        }
        assert_eq!(sends(&ledger), [1]);
    }
}

#[test]
fn a_late_outcome_is_recorded_unless_it_was_recorded_all_the_same() {
    for home in homes() {
        let ledger = home.ledger(&Time::new());
        append(&ledger, intent(1));
        let newest = || ledger.mark().unwrap().seq;
        ledger.settle_late(1, &Outcome::Unknown, By::Answer).unwrap();
        assert_eq!(newest(), 2);
        for _ in 0..2 {
            ledger.settle_late(1, &accepted("s1"), By::Answer).unwrap();
            assert_eq!(newest(), 3, "what says more is recorded, and once");
        }
        ledger.settle_late(1, &Outcome::NotLeft, By::Answer).unwrap();
        assert_eq!(newest(), 3);
        assert!(ledger.settle_late(9, &Outcome::NotLeft, By::Answer).is_err(), "there is no such send");
    }
}

#[test]
fn a_panic_gives_the_ledger_back() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = ledger.with(|book| {
            book.append(intent(1)).unwrap();
            panic!("in a test");
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(sends(&ledger), [1]);
    assert_eq!(sends(&folder.ledger(&clock)), [1]);
}

/// A disk that is full after `N` bytes of a line.
fn full_after<const N: usize>(file: &mut fs::File, line: &[u8]) -> io::Result<()> {
    file.write_all(&line[..N.min(line.len())])?;
    Err(io::ErrorKind::StorageFull.into())
}

/// A disk on which nothing can be cut.
fn no_cut(_: &Path, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

/// Gives a ledger another disk.
fn set_disk(ledger: &Ledger, disk: Disk) {
    let mut turn = ledger.turn().unwrap();
    let Store::Folder(journal) = &mut turn.account.as_mut().unwrap().store else { panic!("is on the disk") };
    journal.disk = disk;
}

#[test]
fn a_write_that_fails_leaves_nothing_and_the_ledger_works_again_when_the_disk_does() {
    let writes = [full_after::<0>, full_after::<1>, full_after::<100>, full_after::<300>];
    for (place, write) in writes.into_iter().enumerate() {
        for cut in [files::cut, no_cut] {
            for first in [true, false] {
                let (folder, clock) = (Folder::new(), Time::new());
                let ledger = folder.ledger(&clock);
                let mut expected = Vec::new();
                if !first {
                    expected.push(append(&ledger, intent(1)));
                }
                set_disk(&ledger, Disk { write, cut, ..Disk::default() });
                let failed = ledger.with(|book| {
                    let error = book.append(intent(2)).unwrap_err().to_string();
                    // With a broken line at the end of the file nothing more is written.
                    (error, book.append(intent(3)).is_err())
                });
                let (error, refused) = failed.unwrap();
                assert!(error.starts_with("writing to the send journal"), "{error}");
                assert!(error.contains("disk is not full") && refused, "{error}");
                set_disk(&ledger, Disk::default());
                assert_eq!(sends(&ledger), expected, "{place} {first}");
                expected.push(append(&ledger, intent(4)));
                assert_eq!(sends(&ledger), expected);
                assert_eq!(sends(&folder.ledger(&clock)), expected);
            }
        }
    }
}

#[test]
fn what_is_not_durable_is_not_appended() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    set_disk(&ledger, Disk { sync: |_| Err(io::ErrorKind::StorageFull.into()), ..Disk::default() });
    assert!(ledger.with(|book| book.append(intent(2))).unwrap().is_err());
    let others = [ledger.settle(1, Outcome::Unknown, By::Answer), ledger.pause(), ledger.resume()];
    assert!(others.iter().all(Result::is_err));
    assert_eq!((sends(&ledger), sends(&folder.ledger(&clock))), (vec![1], vec![1]));
    set_disk(&ledger, Disk::default());
    assert_eq!(append(&ledger, intent(3)), 2);
}

#[test]
fn a_torn_line_that_cannot_be_cut_stops_everything_until_it_can() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    set_disk(&ledger, Disk { write: full_after::<9>, cut: no_cut, ..Disk::default() });
    assert!(ledger.with(|book| book.append(intent(2))).unwrap().is_err());
    let text = error(&ledger);
    assert!(text.starts_with("mending the end of the send journal failed: "), "{text}");
    assert!(ledger.settle(1, Outcome::NotLeft, By::Answer).is_err());
    set_disk(&ledger, Disk::default());
    assert_eq!(append(&ledger, intent(3)), 2);
}

#[test]
fn a_line_that_was_written_but_could_not_be_confirmed_counts() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    // The whole line is there, but neither its confirmation nor its removal worked.
    set_disk(&ledger, Disk { sync: |_| Err(io::ErrorKind::StorageFull.into()), cut: no_cut, ..Disk::default() });
    let text = ledger.with(|book| book.append(intent(2)).unwrap_err().to_string()).unwrap();
    assert!(text.contains("and then removing what was written of it, failed"), "{text}");
    assert_eq!(sends(&folder.ledger(&clock)), [1, 2]);
    assert_eq!(sends(&ledger), [1, 2]);
    set_disk(&ledger, Disk::default());
    assert_eq!(append(&ledger, intent(3)), 3);
}

#[test]
fn each_new_folder_is_made_durable() {
    let folder = Folder::new();
    for (path, expected) in [("", vec![""]), ("b/c", vec!["b", ""]), ("b/c/d", vec!["b/c"]), ("b/c", vec![])] {
        let mut synced = Vec::new();
        let sync = |path: &Path| {
            synced.push(path.to_path_buf());
            Ok(())
        };
        files::make(&folder.0.join(path), sync).unwrap();
        synced.reverse();
        let parent =
            |inner: &str| if path.is_empty() { folder.0.parent().unwrap().into() } else { folder.0.join(inner) };
        assert_eq!(synced, expected.into_iter().map(parent).collect::<Vec<_>>(), "{path}");
    }
    let failing = |_: &Path| Err(io::ErrorKind::StorageFull.into());
    assert!(files::make(&folder.0.join("e"), failing).is_err());
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_until_it_can() {
    let (folder, clock) = (Folder::new(), Time::new());
    fs::write(&folder.0, "a file where the folder should be").unwrap();
    let ledger = folder.ledger(&clock);
    let text = error(&ledger);
    assert!(text.contains("the folder of the send journal failed: "), "{text}");
    assert!(text.contains("Check that ELKS_STATE_DIR is a folder"), "{text}");
    fs::remove_file(&folder.0).unwrap();
    append(&ledger, intent(1));
    // The journal's own file is in the way.
    clock.add(TimeDelta::days(1));
    fs::create_dir(folder.file(FEBRUARY)).unwrap();
    let text = error(&ledger);
    assert!(text.starts_with("journal-2026-02.jsonl is a link or no plain file"), "{text}");
    fs::remove_dir(folder.file(FEBRUARY)).unwrap();
    assert_eq!(append(&ledger, intent(2)), 2);
    assert_eq!(folder.names(), [JANUARY, FEBRUARY]);
    fs::remove_file(folder.file("lock")).unwrap();
    assert_eq!(append(&ledger, intent(3)), 3, "a lock that was removed is made again");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_private_and_are_made_private_again() {
        let (folder, clock) = (Folder::new(), Time::new());
        let ledger = folder.ledger(&clock);
        append(&ledger, intent(1));
        let (account, journal, lock) = (folder.account(), folder.file(JANUARY), folder.file("lock"));
        for _ in 0..2 {
            assert_eq!((mode(&folder.0), mode(&account)), (0o700, 0o700));
            assert_eq!((mode(&journal), mode(&lock)), (0o600, 0o600));
            for (path, wide) in [(&account, 0o755), (&journal, 0o644), (&lock, 0o666)] {
                fs::set_permissions(path, fs::Permissions::from_mode(wide)).unwrap();
            }
            append(&ledger, intent(2));
        }
    }

    #[test]
    fn the_state_folder_cannot_be_changed_by_others() {
        let (folder, clock) = (Folder::new(), Time::new());
        let ledger = folder.ledger(&clock);
        append(&ledger, intent(1));
        for (wide, expected) in [(0o777, 0o755), (0o770, 0o750), (0o702, 0o700), (0o755, 0o755)] {
            fs::set_permissions(&folder.0, fs::Permissions::from_mode(wide)).unwrap();
            append(&ledger, intent(2));
            assert_eq!(mode(&folder.0), expected);
        }
        // In such a folder nobody can remove what is another's.
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o1777)).unwrap();
        append(&ledger, intent(2));
        assert_eq!(mode(&folder.0), 0o777);
        assert_eq!((files::without_others(0o40_755), files::without_others(0o42_775)), (None, Some(0o2755)));
    }

    #[test]
    fn links_are_refused() {
        let (folder, clock) = (Folder::new(), Time::new());
        let ledger = folder.ledger(&clock);
        append(&ledger, intent(1));
        for name in [JANUARY, "lock"] {
            let (path, moved) = (folder.file(name), folder.0.join("moved"));
            fs::rename(&path, &moved).unwrap();
            symlink(&moved, &path).unwrap();
            for ledger in [&ledger, &folder.ledger(&clock)] {
                let text = error(ledger);
                assert!(text.starts_with(&format!("{name} is a link or no plain file")), "{text}");
            }
            fs::remove_file(&path).unwrap();
            fs::rename(&moved, &path).unwrap();
        }
        let moved = folder.0.join("moved");
        fs::rename(folder.account(), &moved).unwrap();
        symlink(&moved, folder.account()).unwrap();
        let text = error(&ledger);
        assert!(text.starts_with("the journal's folder is a link or no folder"), "{text}");
        fs::remove_file(folder.account()).unwrap();
        fs::rename(&moved, folder.account()).unwrap();
        assert_eq!(append(&ledger, intent(2)), 2);
    }
}

#[test]
fn a_new_month_has_a_new_file_and_the_chain_goes_on() {
    let (folder, clock) = (Folder::new(), Time::new());
    let (ledger, other) = (folder.ledger(&clock), folder.ledger(&clock));
    append(&ledger, intent(1));
    clock.add(TimeDelta::milliseconds(12 * 3_600_000 - 1));
    append(&other, intent(2));
    assert_eq!(folder.names(), [JANUARY]);
    clock.add(TimeDelta::milliseconds(1));
    append(&other, intent(3));
    assert_eq!(folder.names(), [JANUARY, FEBRUARY]);
    append(&ledger, intent(4));
    assert_eq!(sends(&other), [1, 2, 3, 4]);
    assert_eq!(sends(&folder.ledger(&clock)), [1, 2, 3, 4]);
    // An empty file is left when the computer stops at the wrong moment.
    clock.add(TimeDelta::days(40));
    fs::write(folder.file("journal-2026-03.jsonl"), "").unwrap();
    append(&ledger, intent(5));
    append(&other, intent(6));
    assert_eq!(folder.names().len(), 3);
    assert!(folder.ledger(&clock).with(|book| book.state().entry(6).is_some()).unwrap());
}

#[test]
fn months_are_removed_whole_when_they_are_old_enough() {
    let (folder, clock) = (Folder::new(), Time::new());
    let (ledger, idle) = (folder.ledger(&clock), folder.ledger(&clock));
    append(&ledger, intent(1));
    append(&idle, intent(1));
    clock.add(TimeDelta::days(20));
    append(&ledger, intent(2));
    clock.add(TimeDelta::days(89));
    send(&ledger, &clock, 3);
    assert_eq!(folder.names(), [FEBRUARY, "journal-2026-05.jsonl"], "January is older than 90 days, February is not");
    assert_eq!(sends(&folder.ledger(&clock)), [3, 5]);
    clock.add(TimeDelta::days(400));
    send(&ledger, &clock, 4);
    assert_eq!(folder.names(), ["journal-2027-06.jsonl"]);
    let again = folder.ledger(&clock);
    assert_eq!(again.with(|book| book.state().removed_through()).unwrap(), 5);
    assert!(sends(&again) == [7] && again.mark() == ledger.mark());
    assert_eq!(sends(&idle), [7], "a process that slept meanwhile reads everything again");
}

#[test]
fn the_month_of_a_send_is_never_removed() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = Ledger::on_disk(folder.account(), 0, Arc::clone(&clock) as Arc<dyn Clock>);
    for days in [0, 0, 1, 5, 20] {
        clock.add(TimeDelta::days(days));
        send(&ledger, &clock, 1);
    }
    assert_eq!(folder.names(), [FEBRUARY]);
    assert_eq!(sends(&ledger), [1, 2, 4, 5, 6], "what is removed from the disk stays in this process");
    assert_eq!(sends(&folder.ledger(&clock)), [4, 5, 6]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_month_that_cannot_be_removed_is_removed_later() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    let first = append(&ledger, intent(1));
    ledger.settle(first, accepted("s1"), By::Answer).unwrap();
    clock.add(TimeDelta::days(100));
    // The file is away while the ledger wants to remove it, and comes back.
    ledger.server_time(clock.now());
    let moved = folder.file("moved");
    ledger
        .with(|book| {
            fs::rename(folder.file(JANUARY), &moved).unwrap();
            assert_eq!(book.append(intent(2)).unwrap(), 4);
            fs::rename(&moved, folder.file(JANUARY)).unwrap();
        })
        .unwrap();
    assert_eq!(folder.names(), [JANUARY, "journal-2026-05.jsonl"]);
    assert_eq!((sends(&ledger), sends(&folder.ledger(&clock))), (vec![4], vec![4]));
    assert_eq!(append(&ledger, intent(3)), 5, "the record that it is removed is there already");
    assert_eq!(folder.names(), ["journal-2026-05.jsonl"]);
    assert_eq!(sends(&folder.ledger(&clock)), [4, 5]);
}

#[test]
fn a_month_that_is_missing_without_a_record_is_an_error() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    clock.add(TimeDelta::days(10));
    append(&ledger, intent(2));
    let january = fs::read(folder.file(JANUARY)).unwrap();
    fs::remove_file(folder.file(JANUARY)).unwrap();
    let text = error(&folder.ledger(&clock));
    assert!(text.contains("journal-2026-02.jsonl, line 1: the events before it are missing"), "{text}");
    fs::write(folder.file(JANUARY), january).unwrap();
    assert_eq!(sends(&folder.ledger(&clock)), [1, 2]);
}

#[test]
fn a_pause_is_kept_as_long_as_it_lasts() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    clock.add(TimeDelta::days(10));
    ledger.server_time(clock.now());
    ledger.pause().unwrap();
    for _ in 0..3 {
        clock.add(TimeDelta::days(200));
        send(&ledger, &clock, 2);
    }
    assert!(folder.ledger(&clock).with(|book| book.state().paused_since().is_some()).unwrap());
    assert_eq!(folder.names()[0], FEBRUARY);
    ledger.resume().unwrap();
    clock.add(TimeDelta::days(200));
    send(&ledger, &clock, 3);
    assert_eq!(folder.names().len(), 1);
    assert!(folder.ledger(&clock).with(|book| book.state().paused_since().is_none()).unwrap());
}

#[test]
fn other_files_of_the_folder_are_left_alone() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    for name in ["journal-2026-1.jsonl", "journal-2026-13.jsonl", "journal-2026-01 (copy).jsonl", "notes.txt"] {
        fs::write(folder.file(name), "something else").unwrap();
    }
    append(&ledger, intent(2));
    assert_eq!(sends(&folder.ledger(&clock)), [1, 2]);
}
