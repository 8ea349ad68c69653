//! Clocks that jump.

use super::*;

#[test]
fn a_clock_that_was_set_back_stops_sends_until_46elks_confirms_it() {
    let (homes, clock) = (homes(), Time::new());
    let memory = Ledger::in_memory(Arc::clone(&clock) as Arc<dyn Clock>);
    for ledger in homes.iter().map(|home| home.ledger(&clock)).chain([memory]) {
        let first = append(&ledger, intent(1));
        clock.add(TimeDelta::minutes(-5));
        assert_eq!(ledger.with(|book| book.now()).unwrap(), clock.now() + TimeDelta::minutes(5));
        append(&ledger, intent(2));
        clock.add(TimeDelta::minutes(-55));
        let text = error(&ledger);
        assert!(text.contains("clock (2026-01-31 11:00:00 UTC) is more than 5 minutes behind"), "{text}");
        let whose = ledger.slot().account.as_ref().unwrap().store.whose_clock();
        let mend = format!("of the send journal (2026-01-31 12:00:00 UTC). Set {whose}'s clock.");
        assert!(text.starts_with(&format!("{whose}'s clock")) && text.contains(&mend), "{text}");
        ledger.settle(first, accepted("s1"), By::Answer).expect("an outcome is recorded whatever the clock says");
        ledger.pause().expect("a pause, too");
        ledger.server_time(clock.now() + TimeDelta::minutes(6));
        let text = error(&ledger);
        assert!(text.contains("more than 5 minutes away from 46elks's clock (2026-01-31 11:06:0"), "{text}");
        ledger.server_time(clock.now() - TimeDelta::minutes(4));
        assert_eq!(ledger.with(|book| book.now()).unwrap(), clock.now());
        append(&ledger, intent(3));
        let times = |book: &mut Book<'_>| book.state().entries().map(|entry| entry.at).collect::<Vec<_>>();
        assert_eq!(ledger.with(times).unwrap(), [clock.now(); 3], "nothing happened later than now");
        clock.add(TimeDelta::minutes(60));
    }
    for home in homes {
        let again = home.ledger(&clock);
        assert_eq!(again.mark().map(|mark| mark.seq), None);
        assert_eq!(sends(&again), [1, 2, 6]);
    }
}

#[test]
fn a_clock_that_is_ahead_of_46elks_stops_sends_until_it_is_set() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    clock.add(TimeDelta::hours(1));
    ledger.server_time(clock.now() - TimeDelta::hours(1));
    let text = error(&ledger);
    assert!(text.contains("clock (2026-01-31 13:00:00 UTC) is more than 5 minutes away from 46elks's"), "{text}");
    assert!(text.contains("If it is right, an answer of 46elks is needed that confirms it"), "{text}");
    clock.add(TimeDelta::hours(-1));
    assert_eq!(append(&ledger, intent(2)), 2);
}

#[test]
fn a_clock_that_jumps_ahead_opens_no_window_until_46elks_confirms_it() {
    let (homes, clock) = (homes(), Time::new());
    let memory = Ledger::in_memory(Arc::clone(&clock) as Arc<dyn Clock>);
    for ledger in homes.iter().map(|home| home.ledger(&clock)).chain([memory]) {
        send(&ledger, &clock, 1);
        clock.add(TimeDelta::seconds(300));
        append(&ledger, intent(2));
        for jump in [TimeDelta::seconds(10), TimeDelta::days(1), TimeDelta::days(32)] {
            clock.add(jump);
            assert!(matches!(ledger.with(|_| ()), Err(Unavailable::Clock { server: Some(_), .. })), "{jump}");
        }
        ledger.settle(1, accepted("s1"), By::Answer).expect("an outcome is recorded whatever the clock says");
        // The computer slept: a new answer agrees with the clock.
        assert_eq!(send(&ledger, &clock, 3), 4);
    }
}

#[test]
fn a_date_that_no_clock_shows_is_ignored() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    for date in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH - TimeDelta::seconds(1)] {
        ledger.server_time(date);
        append(&ledger, intent(2));
    }
    ledger.server_time(clock.now() + TimeDelta::hours(1));
    ledger.server_time(DateTime::<Utc>::MAX_UTC);
    assert!(error(&ledger).contains("away from 46elks's clock (2026-01-31 13:00:0"), "what was known before still is");
    *clock.0.lock().unwrap() = DateTime::<Utc>::MAX_UTC;
    assert!(error(&ledger).contains("out of range"));
    ledger.pause().expect("is recorded by any clock");
}

#[test]
fn a_clock_that_nobody_confirmed_removes_no_month() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    let first = append(&ledger, intent(1));
    clock.add(TimeDelta::days(400));
    append(&ledger, intent(2));
    assert_eq!(folder.names(), [JANUARY, "journal-2027-03.jsonl"]);
    ledger.server_time(clock.now());
    ledger.settle(first, accepted("s1"), By::Answer).unwrap();
    ledger.pause().unwrap();
    ledger.resume().unwrap();
    assert_eq!(folder.names(), [JANUARY, "journal-2027-03.jsonl"], "only a send removes months");
    append(&ledger, intent(3));
    assert_eq!(folder.names(), ["journal-2027-03.jsonl"]);
    assert_eq!(verify(&folder.location(), None, &mut Vec::new()).unwrap(), Exit::Whole);
}

#[test]
fn what_is_recorded_by_a_wrong_clock_does_not_stop_the_months() {
    let (folder, clock) = (Folder::new(), Time::new());
    let (ledger, idle) = (folder.ledger(&clock), folder.ledger(&clock));
    let first = append(&ledger, intent(1));
    clock.add(TimeDelta::days(700));
    ledger.settle(first, accepted("s1"), By::Answer).unwrap();
    ledger.pause().unwrap();
    ledger.resume().unwrap();
    assert_eq!(folder.names(), [JANUARY], "no file of a month that has not begun");
    clock.add(TimeDelta::days(-700));
    idle.server_time(clock.now());
    assert!(matches!(error(&ledger).as_str(), text if text.contains("behind the newest event")));
    send(&ledger, &clock, 2);
    assert_eq!(sends(&idle), [1, 6]);
    clock.add(TimeDelta::days(20));
    ledger.server_time(clock.now());
    ledger.pause().unwrap();
    assert_eq!(folder.names(), [JANUARY, FEBRUARY], "a confirmed clock begins a month");
    ledger.resume().unwrap();
    clock.add(TimeDelta::days(80));
    send(&ledger, &clock, 3);
    assert_eq!(folder.names(), [FEBRUARY, "journal-2026-05.jsonl"], "January is older than 90 days");
    idle.server_time(clock.now());
    assert_eq!(sends(&idle), sends(&folder.ledger(&clock)));
    assert_eq!(verify(&folder.location(), None, &mut Vec::new()).unwrap(), Exit::Whole);
}

#[test]
fn the_end_of_an_older_month_is_not_in_the_future_after_a_clock_event() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    clock.add(TimeDelta::days(700));
    ledger.pause().unwrap();
    clock.add(TimeDelta::days(-690));
    ledger.server_time(clock.now());
    ledger.resume().unwrap();
    assert_eq!(folder.names(), [JANUARY], "the clock is right, but not the time of this event");
    send(&ledger, &clock, 2);
    assert_eq!(folder.names(), [JANUARY, FEBRUARY]);
    let again = folder.ledger(&clock);
    clock.add(TimeDelta::days(100));
    send(&again, &clock, 3);
    assert_eq!(folder.names(), ["journal-2026-05.jsonl"]);
}

#[test]
fn a_clock_that_was_a_day_ahead_leaves_the_months_as_they_are() {
    let (folder, clock) = (Folder::new(), Time::new());
    let ledger = folder.ledger(&clock);
    append(&ledger, intent(1));
    clock.add(TimeDelta::days(1));
    append(&ledger, intent(2));
    clock.add(TimeDelta::days(-1));
    send(&ledger, &clock, 3);
    clock.add(TimeDelta::days(2));
    send(&ledger, &clock, 4);
    assert_eq!(folder.names(), [JANUARY, FEBRUARY]);
    clock.add(TimeDelta::days(30));
    send(&ledger, &clock, 5);
    assert_eq!(folder.names(), [JANUARY, FEBRUARY, "journal-2026-03.jsonl"]);
}

#[test]
fn a_month_that_a_wrong_clock_began_does_not_stop_the_months() {
    let (folder, clock) = (Folder::new(), Time::new());
    let (ledger, idle) = (folder.ledger(&clock), folder.ledger(&clock));
    let first = append(&ledger, intent(1));
    ledger.settle(first, accepted("s1"), By::Answer).unwrap();
    clock.add(TimeDelta::days(500));
    append(&ledger, intent(2));
    assert_eq!(sends(&idle), [3], "it believes the wrong clock, too");
    clock.add(TimeDelta::days(-500));
    let mut names = Vec::new();
    for _ in 0..12 {
        // At most one name a month, which a record by an unconfirmed clock does not begin.
        send(&ledger, &clock, 3);
        clock.add(TimeDelta::days(15));
        ledger.server_time(clock.now());
        append(&folder.ledger(&clock), intent(3));
        clock.add(TimeDelta::days(15));
        let before = folder.names().len();
        folder.ledger(&clock).pause().unwrap();
        assert_eq!(folder.names().len(), before);
        ledger.server_time(clock.now());
        ledger.resume().unwrap();
        assert_eq!(verify(&folder.location(), None, &mut Vec::new()).unwrap(), Exit::Whole);
        names.push(folder.names());
    }
    assert_eq!(names[0], [JANUARY, "journal-2027-06.jsonl", "journal-2027-07.jsonl", "journal-2027-08.jsonl"]);
    let last = &names[11];
    assert!(last.len() <= 6, "{last:?}");
    assert!(!last.contains(&JANUARY.to_string()) && last.contains(&"journal-2028-06.jsonl".into()), "{last:?}");
    idle.server_time(clock.now());
    assert_eq!(
        sends(&idle),
        sends(&folder.ledger(&clock)),
        "a process whose last event was in the future knows what was removed"
    );
}

#[test]
fn what_a_wrong_clock_forgot_is_remembered_again() {
    for home in homes() {
        let clock = Time::new();
        let (ledger, other) = (home.ledger(&clock), home.ledger(&clock));
        let first = append(&ledger, intent(1));
        ledger.settle(first, accepted("s1"), By::Answer).unwrap();
        assert_eq!(sends(&other), [1]);
        clock.add(TimeDelta::days(40));
        append(&ledger, intent(2));
        assert_eq!((sends(&ledger), sends(&other)), (vec![3], vec![3]));
        clock.add(TimeDelta::days(-40));
        ledger.server_time(clock.now());
        append(&ledger, intent(3));
        assert_eq!(sends(&ledger), [1, 3, 5]);
        assert_eq!(sends(&other), [1, 3, 5], "in every process");
        assert_eq!(sends(&home.ledger(&clock)), [1, 3, 5]);
        if let Some(folder) = home.folder() {
            assert_eq!(folder.names(), [JANUARY, "journal-2026-03.jsonl"], "files stay in the order of events");
        }
    }
}
