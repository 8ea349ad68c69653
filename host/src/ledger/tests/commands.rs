//! The commands of `elks-mcp audit`: their words and exit codes.

use super::*;
use sha2::{Digest, Sha256};

/// A journal of two months with every kind of event.
fn journal(folder: &Folder) -> (Ledger, Arc<Time>) {
    let clock = Time::new();
    (fill(folder.ledger(&clock), &clock), clock)
}

/// Appends every kind of event, over two months.
fn fill(ledger: Ledger, clock: &Arc<Time>) -> Ledger {
    let first = append(&ledger, intent(1));
    clock.add(TimeDelta::seconds(1));
    ledger.settle(first, accepted("s0231d6d7d6bc14a7e7734e466785c4ce"), By::Answer).unwrap();
    ledger.pause().unwrap();
    clock.add(TimeDelta::seconds(9));
    ledger.resume().unwrap();
    let named = match intent(2) {
        Event::Intent(intent) => Event::Intent(Intent { contact: Some("anna".into()), ..intent }),
        other => other,
    };
    let second = append(&ledger, named);
    ledger.settle(second, Outcome::Rejected { status: 403 }, By::Answer).unwrap();
    clock.add(TimeDelta::days(1));
    let third = append(&ledger, intent(3));
    ledger.settle(third, Outcome::Unknown, By::Answer).unwrap();
    append(&ledger, intent(4));
    clock.add(TimeDelta::days(2));
    append(&ledger, intent(5));
    ledger.settle(third, Outcome::NotLeft, By::Operator).unwrap();
    ledger
}

/// Runs a command. The folder and heads are replaced in what it writes.
fn run(folder: &Folder, command: impl FnOnce(&mut Vec<u8>) -> std::io::Result<Exit>) -> (u8, String) {
    let mut out = Vec::new();
    let exit = command(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap().replace(folder.account().to_str().unwrap(), "FOLDER");
    (exit.code(), text)
}

fn verified(folder: &Folder) -> (u8, String) {
    run(folder, |out| verify(&folder.location(), None, out))
}

/// Verifies against a log with this text, and gives the part between the head and what it cannot show.
fn against(folder: &Folder, log: &str) -> (u8, String) {
    let path = folder.0.join("client.log");
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(&path, log).unwrap();
    let (exit, text) = run(folder, |out| verify(&folder.location(), Some(&path), out));
    let from = text.find("\nlog  ").or(text.find("\n\n")).unwrap() + 1;
    (exit, text[from..].replace(&format!("\n{LIMITS}"), "").trim().to_string())
}

const LIMITS: &str = "\
What this shows: a line that was changed, moved, or left out between others.
What it cannot show by itself: that the end was cut off, or that somebody with this user's rights wrote the whole
journal anew. For that, compare it with what is kept elsewhere: the client's log (--against FILE), 46elks's history
(--provider), or a head that you wrote down earlier (elks-mcp audit head).
";

#[test]
fn a_whole_journal_is_described() {
    let folder = Folder::new();
    journal(&folder);
    let head = head_of(&folder);
    let expected = format!(
        "\
journal   FOLDER
files     2: journal-2026-01.jsonl to journal-2026-02.jsonl
events    11: 1 (2026-01-31 12:00:00 UTC) to 11 (2026-02-03 12:00:10 UTC)
head      {head}
sends     5, 2 without a known outcome
          event 9 (2026-02-01 12:00:10 UTC)
          event 10 (2026-02-03 12:00:10 UTC)

WHOLE: every line is as it was written, and none is missing between the first and the last.

{LIMITS}"
    );
    assert_eq!(verified(&folder), (0, expected));
    // A line that another process is writing is no fault.
    let mut newest = fs::read(folder.file(FEBRUARY)).unwrap();
    newest.extend(b"{\"v\":1,");
    fs::write(folder.file(FEBRUARY), &newest).unwrap();
    let (exit, text) = verified(&folder);
    assert!(exit == 0 && text.contains("\nend       the last line is unfinished: "), "{text}");
    assert_eq!(fs::read(folder.file(FEBRUARY)).unwrap(), newest, "nothing is changed");
}

/// The head of the newest event.
fn head_of(folder: &Folder) -> String {
    let (exit, text) = run(folder, |out| head(&folder.location(), out));
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!((exit, words.len(), words[0], words[2]), (0, 3, "11", "2026-02-03T12:00:10.000Z"));
    words[1].to_string()
}

#[test]
fn a_broken_journal_is_named_and_nothing_after_it_is_believed() {
    let folder = Folder::new();
    journal(&folder);
    let whole = fs::read_to_string(folder.file(JANUARY)).unwrap();
    fs::write(folder.file(JANUARY), whole.replacen("\"approved\":false", "\"approved\":true", 1)).unwrap();
    let broken = "BROKEN: journal-2026-01.jsonl, line 1: it was changed after it was written.";
    let (exit, text) = verified(&folder);
    assert!(exit == 1 && text.contains(&format!("\n{broken} All before it is whole; nothing after it")), "{text}");
    assert_eq!(run(&folder, |out| head(&folder.location(), out)), (1, format!("{broken}\n")));
    assert_eq!(run(&folder, |out| show(&folder.location(), false, out)), (1, format!("{broken}\n")));
    assert_eq!(run(&folder, |out| show(&folder.location(), true, out)), (1, String::new()));
    assert!(matches!(super::super::sends(&folder.location()), Err(Unavailable::Broken(_))));
    fs::remove_file(folder.file(JANUARY)).unwrap();
    let (exit, text) = verified(&folder);
    let missing = "\nBROKEN: journal-2026-02.jsonl, line 1: the events before it are missing.\n";
    assert!(exit == 1 && text.contains(missing), "{text}");
}

#[test]
fn a_journal_whose_end_was_cut_off_is_whole_alone_and_shorter_than_the_log() {
    let folder = Folder::new();
    let (ledger, _) = journal(&folder);
    let mark = ledger.mark().unwrap();
    let line = |seq: u64, head: &str| format!("{{\"journal\":{{\"seq\":{seq},\"head\":\"{head}\"}}}}\n");
    let log = ["started\n", &line(mark.seq, &mark.head)].concat();
    let (exit, text) = against(&folder, &log);
    let agrees = "\
log       heads named: 1; the same here: 1; before the first event here: 0

WHOLE: every line is as it was written, none is missing between the first and the last, and the client's log agrees.";
    assert_eq!((exit, text.as_str()), (0, agrees));

    let forged = log.clone() + &line(3, "0123456789abcdef");
    let (exit, text) = against(&folder, &forged);
    assert!(
        exit == 1 && text.contains("BROKEN: line 3 of the client's log names event 3 with another head."),
        "{text}"
    );

    let whole = fs::read_to_string(folder.file(FEBRUARY)).unwrap();
    let cut: String = whole.split_inclusive('\n').take(2).collect();
    fs::write(folder.file(FEBRUARY), cut).unwrap();
    assert_eq!(verified(&folder).0, 0);
    let (exit, text) = against(&folder, &log);
    let shorter = "SHORTER: line 2 of the client's log names event 11, but the journal ends with event 8. The end was";
    assert!(exit == 2 && text.contains(shorter), "{text}");

    fs::remove_dir_all(folder.account()).unwrap();
    let (exit, text) = against(&folder, &log);
    assert!(exit == 2 && text.contains("names event 11, but there is no event here."), "{text}");

    let (exit, text) = against(&folder, "nothing about a journal");
    assert!(exit == 3 && text.contains("UNREADABLE: the client's log names no event of this journal"), "{text}");
    let (exit, text) = run(&folder, |out| verify(&folder.location(), Some(&folder.0.join("none")), out));
    assert!(exit == 3 && text.contains("UNREADABLE: the client's log cannot be read: "), "{text}");
}

#[test]
fn without_an_event_there_is_nothing_to_verify() {
    let folder = Folder::new();
    for made in [false, true] {
        if made {
            folder.ledger(&Time::new()).with(|_| ()).unwrap();
        }
        let (exit, text) = verified(&folder);
        assert!(exit == 3 && text.contains("UNREADABLE: there is no event here."), "{text}");
        assert!(text.contains("(ELKS_STATE_DIR)"), "{text}");
        assert_eq!(run(&folder, |out| head(&folder.location(), out)).0, 3);
        assert_eq!(run(&folder, |out| show(&folder.location(), true, out)), (3, String::new()));
        assert_eq!(super::super::sends(&folder.location()).is_ok(), made);
    }
    fs::remove_dir_all(folder.account()).unwrap();
    fs::write(folder.account(), "no folder").unwrap();
    let (exit, text) = verified(&folder);
    assert!(exit == 3 && text.contains("UNREADABLE: reading the folder of the send journal failed: "), "{text}");
}

#[test]
fn removed_months_are_explained() {
    let folder = Folder::new();
    let (ledger, clock) = journal(&folder);
    let mark = ledger.mark().unwrap();
    clock.add(TimeDelta::days(100));
    send(&ledger, &clock, 6);
    let (exit, text) = verified(&folder);
    assert!(exit == 0 && text.contains("events    2: 12 (2026-05-14 12:00:10 UTC) to 13 (2026-05-14"), "{text}");
    assert!(text.contains("events 1 to 11 were removed by elks-mcp (ELKS_KEEP_DAYS)\n"), "{text}");
    let log = format!("\"journal\":{{\"seq\":{},\"head\":\"{}\"}}", mark.seq, mark.head);
    let (exit, text) = against(&folder, &log);
    assert!(exit == 3 && text.contains("heads named: 1; the same here: 0; before the first event here: 1\n"), "{text}");
}

#[test]
fn a_table_shows_every_event_once_and_masked() {
    let expected = "\
time (UTC)           event    to                from            parts  cost       outcome        id
2026-01-31 12:00:00  1        +467****605       Elks            1      0.52       accepted       \
s0231d6d7d6bc14a7e7734e466785c4ce
2026-01-31 12:00:01  3        all sends paused
2026-01-31 12:00:10  4        sends resumed
2026-01-31 12:00:10  5        anna              Elks            1      (~0.52)    refused (403)
2026-02-01 12:00:10  7        +467****605       Elks            1      (~0.52)    unknown
2026-02-01 12:00:10  9        +467****605       Elks            1      (~0.52)    none known
2026-02-03 12:00:10  10       +467****605       Elks            1      (~0.52)    none known
2026-02-03 12:00:10  11       event 7: not sent
";
    for home in homes() {
        let clock = Time::new();
        fill(home.ledger(&clock), &clock);
        let shown = |json| {
            let mut out = Vec::new();
            let exit = show(&home.location(), json, &mut out).unwrap();
            (exit.code(), String::from_utf8(out).unwrap())
        };
        assert_eq!(shown(false), (0, expected.into()));
        // The lines are those of files, wherever they are kept.
        let files = Folder::new();
        journal(&files);
        let text = |name| fs::read_to_string(files.file(name)).unwrap();
        assert_eq!(shown(true), (0, text(JANUARY) + &text(FEBRUARY)));
    }
}

#[test]
fn an_export_is_a_journal_with_the_same_heads() {
    for home in homes() {
        let (clock, into) = (Time::new(), Folder::new());
        let ledger = fill(home.ledger(&clock), &clock);
        let location = home.location();
        let mut out = Vec::new();
        assert_eq!(export(&location, &into.0, &mut out).unwrap(), Exit::Whole);
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("11 events in 2 files\n"), "{text}");
        let exported = Location::Folder(into.0.join(location.account()));
        let mut heads = [Vec::new(), Vec::new()];
        head(&location, &mut heads[0]).unwrap();
        assert_eq!(head(&exported, &mut heads[1]).unwrap(), Exit::Whole);
        assert_eq!(heads[0], heads[1]);
        // The program itself can go on with it.
        let again = ledger_at(exported, 90, &clock);
        assert_eq!((sends(&again), again.mark()), (sends(&ledger), ledger.mark()));
        let error = export(&location, &into.0, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("is there already"), "{error}");
    }
}

#[test]
fn an_export_that_is_not_whole_is_no_journal() {
    for home in homes() {
        let (clock, into) = (Time::new(), Folder::new());
        let location = home.location();
        let exported = || {
            let mut out = Vec::new();
            let exit = export(&location, &into.0, &mut out).unwrap();
            (exit, String::from_utf8(out).unwrap())
        };
        let names = || fs::read_dir(&into.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let (exit, text) = exported();
        assert!(exit == Exit::Unreadable && text.starts_with("UNREADABLE"), "{text}");
        assert_eq!(names().count(), 0, "nothing is left of nothing");
        fs::create_dir(into.0.join(format!("{}.part", location.account()))).unwrap();
        append(&home.ledger(&clock), intent(1));
        let (exit, text) = exported();
        assert!(exit == Exit::Whole && text.ends_with("1 event in 1 file\n"), "{text}");
        assert_eq!(names().collect::<Vec<_>>(), [location.account()], "the next one writes it anew");
    }
}

#[test]
fn what_a_journal_contains_cannot_move_the_cursor_or_hide() {
    let folder = Folder::new();
    let ledger = folder.ledger(&Time::new());
    let hostile = match intent(1) {
        Event::Intent(intent) => Event::Intent(Intent { contact: Some("a\u{202e}b\u{200b}".into()), ..intent }),
        other => other,
    };
    let seq = append(&ledger, hostile);
    ledger.settle(seq, accepted("s1\u{1b}[2J\n\t\r\n\u{9b}\u{7f}x"), By::Answer).unwrap();
    let (_, text) = run(&folder, |out| show(&folder.location(), false, out));
    assert!(text.ends_with("  s1\\u{1b}[2J\\u{a}\\u{9}\\u{d}\\u{a}\\u{9b}\\u{7f}x\n"), "{text}");
    assert!(text.contains("  a\\u{202e}b\\u{200b}  ") && text.lines().count() == 2, "{text}");
    let whole = fs::read_to_string(folder.file(JANUARY)).unwrap();
    assert!(whole.contains(['\u{9b}', '\u{7f}']), "the journal has them as they are");
    let (exit, text) = run(&folder, |out| show(&folder.location(), true, out));
    assert_eq!((exit, text), (0, whole.replace('\u{9b}', "\\u009b").replace('\u{7f}', "\\u007f")));
}

#[test]
fn a_line_that_something_else_wrote_is_shown_as_json_of_the_same_meaning() {
    let folder = Folder::new();
    append(&folder.ledger(&Time::new()), intent(1));
    let written = fs::read(folder.file(JANUARY)).unwrap();
    let spaced = String::from_utf8(written).unwrap().replacen("\"seq\":1", "\"seq\":\t\r1", 1);
    let (body, _) = spaced.rsplit_once(",\"head\":").unwrap();
    let head = Sha256::new().chain_update("elks-mcp journal 1\n").chain_update([0; 32]).chain_update(body).finalize();
    let line = format!("{body},\"head\":\"{}\"}}\n", super::super::keys::hex(&head));
    fs::write(folder.file(JANUARY), &line).unwrap();
    let (exit, text) = run(&folder, |out| show(&folder.location(), true, out));
    assert_eq!((exit, &text), (0, &line.replace("\t\r", "  ")));
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
}

#[test]
fn a_send_is_open_until_it_is_certain_and_an_accepted_one_is_ours_without_its_intent() {
    let folder = Folder::new();
    let (ledger, clock) = journal(&folder);
    let open = || {
        let sends = super::super::sends(&folder.location()).unwrap();
        sends.open.iter().map(|open| open.seq).collect::<Vec<u64>>()
    };
    assert_eq!(open(), [9, 10], "event 7 was not sent, as the operator said");
    ledger.settle(7, Outcome::Unknown, By::History).unwrap();
    assert_eq!(open(), [9, 10]);
    ledger.settle(7, Outcome::Unknown, By::Operator).unwrap();
    assert_eq!(open(), [7, 9, 10]);
    clock.add(TimeDelta::days(60));
    // With a confirmed clock an outcome begins a month of its own.
    ledger.server_time(clock.now());
    ledger.settle(9, accepted("sffffffffffffffffffffffffffffffff"), By::Operator).unwrap();
    clock.add(TimeDelta::days(60));
    send(&ledger, &clock, 6);
    let sends = super::super::sends(&folder.location()).unwrap();
    assert_eq!(sends.accepted, [], "all intents but the newest are removed");
    assert!(sends.ids.contains("sffffffffffffffffffffffffffffffff") && sends.ids.len() == 1, "{sends:?}");
}

#[test]
fn accepted_messages_and_accounts_are_listed() {
    let folder = Folder::new();
    assert_eq!(accounts(&folder.0).unwrap(), Vec::<String>::new());
    let (_, clock) = journal(&folder);
    let sent = Sent {
        seq: 1,
        at: clock.now() - TimeDelta::days(3) - TimeDelta::seconds(10),
        id: "s0231d6d7d6bc14a7e7734e466785c4ce".into(),
        parts: 1,
        cost: Some(5200),
    };
    let found = super::super::sends(&folder.location()).unwrap();
    assert_eq!((found.accepted, found.ids), (vec![sent.clone()], [sent.id].into()));
    let open: Vec<(u64, Hash)> = found.open.iter().map(|open| (open.seq, open.content)).collect();
    assert_eq!(open, [(9, Hash([4; 16])), (10, Hash([5; 16]))]);
    fs::create_dir(folder.0.join("other")).unwrap();
    fs::write(folder.0.join("fedcba9876543210"), "no folder").unwrap();
    assert_eq!(accounts(&folder.0).unwrap(), ["0123456789abcdef"]);
}

#[test]
fn a_reader_that_goes_away_is_an_error_of_the_output() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = Folder::new();
    journal(&folder);
    for result in [show(&folder.location(), true, &mut Closed), verify(&folder.location(), None, &mut Closed)] {
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    }
}
