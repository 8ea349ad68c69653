//! Journals that were cut, changed, mixed up or replaced.

use super::*;
use proptest::prelude::*;

/// A journal of two months with every kind of event.
fn small(folder: &Folder, clock: &Arc<Time>) -> Ledger {
    let ledger = folder.ledger(clock);
    let first = append(&ledger, intent(1));
    ledger.settle(first, accepted("s1"), By::Answer).unwrap();
    ledger.pause().unwrap();
    ledger.resume().unwrap();
    clock.add(TimeDelta::days(1));
    let second = append(&ledger, intent(2));
    ledger.settle(second, Outcome::Unknown, By::Answer).unwrap();
    ledger
}

/// What a process says that reads it for the first time: the number of events, or the fault.
fn read(folder: &Folder, clock: &Arc<Time>) -> Result<u64, Broken> {
    let ledger = folder.ledger(clock);
    match ledger.with(|_| ()) {
        Ok(()) => Ok(ledger.mark().map_or(0, |mark| mark.seq)),
        Err(Unavailable::Broken(broken)) => Err(broken),
        Err(other) => panic!("{other}"),
    }
}

fn broken(file: &str, line: u64, fault: Damage) -> Result<u64, Broken> {
    Err(Broken { file: Some(file.into()), line, fault })
}

#[test]
fn every_beginning_of_a_journal_is_whole_and_shorter() {
    let (folder, clock) = (Folder::new(), Time::new());
    small(&folder, &clock);
    for name in [FEBRUARY, JANUARY] {
        let whole = fs::read(folder.file(name)).unwrap();
        let before = if name == FEBRUARY { 4 } else { 0 };
        for length in 0..whole.len() {
            fs::write(folder.file(name), &whole[..length]).unwrap();
            let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(read(&folder, &clock), Ok(before + lines as u64), "{name} {length}");
            let end = whole[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            assert_eq!(fs::read(folder.file(name)).unwrap(), whole[..end], "what is torn is cut");
        }
        // Only the newest file may be short.
        fs::remove_file(folder.file(name)).unwrap();
    }
}

#[test]
fn an_older_month_must_be_whole() {
    let (folder, clock) = (Folder::new(), Time::new());
    small(&folder, &clock);
    let whole = fs::read(folder.file(JANUARY)).unwrap();
    for length in 0..whole.len() {
        fs::write(folder.file(JANUARY), &whole[..length]).unwrap();
        let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        let cut_in_line = length > 0 && whole[length - 1] != b'\n';
        let expected = match (cut_in_line, lines) {
            (true, _) => broken(JANUARY, lines + 1, Damage::NoEnd),
            (false, 0) => broken(FEBRUARY, 1, Damage::Beginning),
            (false, _) => broken(FEBRUARY, 1, Damage::Order { expected: lines + 1, found: 5 }),
        };
        assert_eq!(verify(&folder.location(), None, &mut Vec::new()).unwrap(), Exit::Broken, "{length}");
        assert_eq!(read(&folder, &clock), expected, "{length}");
        assert_eq!(fs::metadata(folder.file(JANUARY)).unwrap().len(), length as u64, "nothing is cut");
    }
}

#[test]
fn every_changed_bit_is_named() {
    let (folder, clock) = (Folder::new(), Time::new());
    small(&folder, &clock);
    for (name, first, last) in [(JANUARY, 1, 4), (FEBRUARY, 5, 6)] {
        let whole = fs::read(folder.file(name)).unwrap();
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[place] ^= 1 << bit;
                fs::write(folder.file(name), &changed).unwrap();
                let line = whole[..place].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
                match read(&folder, &clock) {
                    // Without its end the last line of all is one that was being written.
                    Ok(read) => assert_eq!((name, place, read), (FEBRUARY, whole.len() - 1, 5)),
                    Err(broken) => assert!(broken.file.as_deref() == Some(name) && broken.line == line, "{broken}"),
                }
            }
        }
        fs::write(folder.file(name), &whole).unwrap();
        assert_eq!(read(&folder, &clock), Ok(6), "{first} {last}");
    }
}

#[test]
fn lines_in_another_order_are_named() {
    let (folder, clock) = (Folder::new(), Time::new());
    small(&folder, &clock);
    let whole = fs::read_to_string(folder.file(JANUARY)).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let order = |expected, found| Damage::Order { expected, found };
    for (mixed, line, fault) in [
        ([0, 2, 1, 3].as_slice(), 2, order(2, 3)),
        (&[0, 0, 1, 2, 3], 2, order(2, 1)),
        (&[0, 1, 3], 3, order(3, 4)),
        (&[1, 0, 2, 3], 2, order(3, 1)),
    ] {
        fs::write(folder.file(JANUARY), mixed.iter().map(|line| lines[*line]).collect::<String>()).unwrap();
        assert_eq!(read(&folder, &clock), broken(JANUARY, line, fault), "{mixed:?}");
    }
    fs::write(folder.file(JANUARY), lines[1..].concat()).unwrap();
    assert_eq!(read(&folder, &clock), broken(JANUARY, 1, Damage::Beginning));
    fs::remove_file(folder.file(JANUARY)).unwrap();
    assert_eq!(read(&folder, &clock), broken(FEBRUARY, 1, Damage::Beginning));
}

#[test]
fn a_missing_month_is_named() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = small(&folder, &clock);
    clock.add(TimeDelta::days(40));
    append(&ledger, intent(3));
    fs::remove_file(folder.file(FEBRUARY)).unwrap();
    let missing = broken("journal-2026-03.jsonl", 1, Damage::Order { expected: 5, found: 7 });
    assert_eq!(read(&folder, &clock), missing);
}

#[test]
fn a_line_without_an_end_or_bound_is_named() {
    let (folder, clock) = (Folder::new(), Time::new());
    small(&folder, &clock);
    let mut long = fs::read(folder.file(FEBRUARY)).unwrap();
    long.extend([b' '; 5000]);
    fs::write(folder.file(FEBRUARY), &long).unwrap();
    assert_eq!(read(&folder, &clock), broken(FEBRUARY, 3, Damage::TooLong));
    long.truncate(long.len() - 1000);
    fs::write(folder.file(FEBRUARY), &long).unwrap();
    assert_eq!(read(&folder, &clock), Ok(6), "what is shorter was being written");
}

#[test]
fn what_happens_to_the_file_meanwhile_is_named_and_forgiven_when_it_is_undone() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = small(&folder, &clock);
    let path = folder.file(FEBRUARY);
    let whole = fs::read(&path).unwrap();
    let fault = |ledger: &Ledger| match ledger.with(|_| ()) {
        Err(Unavailable::Broken(broken)) => broken.fault,
        other => panic!("{other:?}"),
    };
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
        assert_eq!(fault(&ledger), Damage::Shorter);
        assert!(ledger.settle(1, Outcome::NotLeft, By::Operator).is_err());
        fs::write(&path, &whole).unwrap();
        assert_eq!(sends(&ledger), [1, 5]);
    }
    // Another file in its place, with the same bytes, and then with others of the same length.
    let moved = folder.file("moved");
    fs::rename(&path, &moved).unwrap();
    assert_eq!(fault(&ledger), Damage::Gone);
    #[cfg(unix)]
    {
        fs::write(&path, &whole).unwrap();
        assert_eq!(fault(&ledger), Damage::Replaced);
    }
    fs::rename(&moved, &path).unwrap();
    assert_eq!(sends(&ledger), [1, 5]);
    let mut changed = whole.clone();
    let place = changed.len() - 10;
    changed[place] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert_eq!(fault(&ledger), Damage::Replaced);
    fs::write(&path, &whole).unwrap();
    assert_eq!(append(&ledger, intent(3)), 7);
}

#[test]
fn whoever_writes_without_the_lock_is_noticed() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = small(&folder, &clock);
    let noticed = ledger.with(|book| {
        let mut whole = fs::read(folder.file(FEBRUARY)).unwrap();
        whole.push(b'x');
        fs::write(folder.file(FEBRUARY), whole).unwrap();
        book.append(intent(3)).unwrap_err().to_string()
    });
    assert!(noticed.unwrap().contains("locks may not work in this folder"));
    assert_eq!(append(&ledger, intent(3)), 7, "what was torn is cut");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_read_of_a_changed_journal_was_written_so(
        january: bool,
        from in 0usize..2000,
        length in 0usize..600,
        other in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..20),
            Just(b"\n".to_vec()),
            Just(b"\n\n".to_vec()),
            (0usize..5).prop_map(|line| vec![b'#'; line]),
        ],
        again: bool,
    ) {
        let (folder, clock) = (Folder::new(), Time::new());
        small(&folder, &clock);
        let name = if january { JANUARY } else { FEBRUARY };
        let whole = fs::read(folder.file(name)).unwrap();
        let from = from.min(whole.len());
        let until = (from + length).min(whole.len());
        // A part is replaced, and perhaps put at the end once more.
        let mut changed = [&whole[..from], &other, &whole[until..]].concat();
        if again {
            changed.extend_from_slice(&whole[from..until]);
        }
        fs::write(folder.file(name), &changed).unwrap();
        let verified = verify(&folder.location(), None, &mut Vec::new()).unwrap();
        let read = read(&folder, &clock);
        let expected = match read {
            Err(_) => Exit::Broken,
            Ok(0) => Exit::Unreadable,
            Ok(_) => Exit::Whole,
        };
        prop_assert_eq!(verified, expected, "the command and the ledger say the same");
        if let Ok(events) = read {
            let kept = fs::read(folder.file(name)).unwrap();
            prop_assert!(whole.starts_with(&kept));
            let lines = kept.iter().filter(|byte| **byte == b'\n').count() as u64;
            prop_assert_eq!(events, if january { 6 } else { 4 + lines });
            prop_assert!(!january || kept == whole, "a month before another is whole");
        }
    }
}
