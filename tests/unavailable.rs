//! A ledger that cannot be used: nothing is sent, the error is its own, the program lives and queries go on, and after
//! the cause is mended a message is sent.

use crate::support::journal;
use crate::support::program::{Called, Program};
use crate::support::scene::{Scene, assert_duplicate, assert_sent, message, send};
use chrono::{NaiveDateTime, TimeDelta};
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};

/// Asserts that a send is refused for the ledger and nothing else, that nothing left, and that queries go on.
fn assert_unavailable(scene: &Scene, program: &mut Program) -> String {
    let sends = scene.sends();
    let error = send(program, "Medan det är trasigt").failed("LEDGER_UNAVAILABLE");
    assert!(error.contains("nothing was sent"), "{error}");
    assert!(!error.contains(scene.state.path().to_str().unwrap()), "no path: {error}");
    program.call("check_account_balance", json!({})).facts();
    program.ping();
    assert_eq!(scene.sends(), sends);
    error
}

/// Asserts that a send is possible.
fn assert_mended(scene: &Scene, program: &mut Program) {
    let sends = scene.sends();
    assert_sent(&send(program, "Efter lagningen"));
    assert_eq!(scene.sends(), sends + 1);
    journal::assert_whole(&scene.state);
}

#[test]
fn a_state_folder_that_is_a_file_refuses_sends_until_it_is_mended() {
    let scene = Scene::new();
    fs::write(scene.state.path(), "").unwrap();
    let mut program = scene.launch().serve();
    assert!(program.stderr_line("sends are refused until this is mended").contains("ELKS_STATE_DIR"));
    assert_unavailable(&scene, &mut program);
    fs::remove_file(scene.state.path()).unwrap();
    assert_mended(&scene, &mut program);
}

#[cfg(unix)]
#[test]
fn links_and_folders_in_the_place_of_the_journals_files_refuse_sends() {
    let scene = Scene::new();
    let mut program = scene.program();
    assert_sent(&send(&mut program, "Före"));
    let month = journal::newest_month(&scene.state);
    for path in [month, journal::folder(&scene.state).join("lock"), journal::folder(&scene.state)] {
        let aside = scene.state.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &path).unwrap();
        let linked = assert_unavailable(&scene, &mut program);
        assert!(linked.contains("link"), "{linked}");
        fs::remove_file(&path).unwrap();
        if aside.is_file() {
            fs::create_dir(&path).unwrap();
            assert_unavailable(&scene, &mut program);
            fs::remove_dir(&path).unwrap();
        } else {
            fs::write(&path, "").unwrap();
            assert_unavailable(&scene, &mut program);
            fs::remove_file(&path).unwrap();
        }
        fs::rename(&aside, &path).unwrap();
        assert_duplicate(&send(&mut program, "Före"));
    }
    assert_mended(&scene, &mut program);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_refuses_sends() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let mut program = scene.program();
    assert_sent(&send(&mut program, "Före"));
    let folder = journal::folder(&scene.state);
    let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    // The administrator can write everywhere.
    if fs::write(folder.join("probe"), "").is_err() {
        let error = assert_unavailable(&scene, &mut program);
        assert!(error.contains("can write to"), "{error}");
    }
    mode(0o700);
    assert_mended(&scene, &mut program);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_refuses_sends_at_whatever_byte_it_is_full() {
    use crate::support::scene::ready;
    // An intent has some 400 bytes, an outcome 350: the disk is full in the middle of each.
    for room in [0, 1, 300, 500, 700, 900, 1700] {
        let scene = Scene::new();
        // The component needs files in memory, which the limit is for as well.
        let mut program = ready(scene.launch().with_largest_file(1024));
        journal::fill(&scene.state, program.largest_file() - room);
        let mut sent = 0;
        let failed = loop {
            let called = send(&mut program, &format!("Nummer {sent}"));
            if called.0["isError"] == true {
                break called.failed("LEDGER_UNAVAILABLE");
            }
            sent += 1;
        };
        assert!(failed.contains("writing to the send journal") && failed.contains("disk is not full"), "{failed}");
        assert_unavailable(&scene, &mut program);
        let intents = scene.state.events().iter().filter(|event| event["intent"].is_object()).count();
        assert_eq!((scene.sends(), intents), (sent, sent), "with {room} bytes: no message without an intent");
        journal::assert_whole(&scene.state);
        // Programs without the limit go on where this one ended, and none of its messages is sent again.
        let mut next = scene.program();
        for number in 0..sent {
            let repeated = send(&mut next, &format!("Nummer {number}"));
            if repeated.0["isError"] == true {
                // Its outcome could not be written.
                repeated.failed("IN_PROGRESS");
            } else {
                assert_duplicate(&repeated);
            }
        }
        assert_eq!(scene.sends(), sent);
        assert_mended(&scene, &mut next);
    }
}

#[test]
fn a_process_that_holds_the_lock_stops_sends_for_five_seconds_each_and_no_query() {
    let scene = Scene::new();
    let mut program = scene.program();
    assert_sent(&send(&mut program, "Före"));
    let lock = journal::locked(&scene.state);
    let begun = Instant::now();
    let id = program.post_call("send_sms", &message("Medan låset hålls"));
    // A query is answered meanwhile.
    program.call("check_account_balance", json!({})).facts();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let mut response = program.message();
    assert_eq!(response["id"], id);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(20), "{waited:?}");
    let error = Called(response["result"].take()).failed("LEDGER_UNAVAILABLE");
    assert!(error.contains("another process") && error.contains("hangs"), "{error}");
    assert_eq!(scene.sends(), 1);
    drop(lock);
    assert_mended(&scene, &mut program);
}

#[test]
fn an_outcome_that_cannot_be_recorded_is_said_and_recorded_at_the_next_use() {
    let scene = Scene::new();
    let mut program = scene.program();
    scene.account.answers_to_sends.hold();
    program.post_call("send_sms", &message("Hej"));
    scene.account.answers_to_sends.await_waiting(1);
    let lock = journal::locked(&scene.state);
    scene.account.answers_to_sends.release();
    let sent = Called(program.message()["result"].take());
    assert!(sent.text().contains("could not record this outcome"), "{}", sent.text());
    program.stderr_line("the outcome of a send could not be recorded");
    drop(lock);
    // Another process does not know it yet.
    send(&mut scene.program(), "Hej").failed("IN_PROGRESS");
    assert_duplicate(&send(&mut program, "Hej"));
    assert_duplicate(&send(&mut scene.program(), "Hej"));
    assert_eq!(scene.sends(), 1);
}

#[test]
fn a_process_that_holds_the_lock_for_a_moment_only_delays_a_send() {
    let scene = Scene::new();
    let mut program = scene.program();
    assert_sent(&send(&mut program, "Före"));
    let lock = journal::locked(&scene.state);
    program.post_call("send_sms", &message("Hej"));
    program.ping();
    assert_eq!(scene.sends(), 1);
    drop(lock);
    assert_sent(&Called(program.message()["result"].take()));
    assert_eq!(scene.sends(), 2);
}

#[test]
fn a_changed_byte_refuses_sends_until_it_is_restored() {
    let scene = Scene::new();
    let mut running = scene.program();
    for text in ["Ett", "Två", "Fyra"] {
        assert_sent(&send(&mut running, text));
    }
    let month = journal::newest_month(&scene.state);
    let whole = fs::read(&month).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let in_line = |line: usize| lines[..line].iter().map(|line| line.len()).sum::<usize>() + lines[line].len() / 2;
    for line in 0..lines.len() {
        let mut changed = whole.clone();
        changed[in_line(line)] ^= 1;
        fs::write(&month, &changed).unwrap();
        let error = assert_unavailable(&scene, &mut scene.program());
        assert!(error.contains(&format!("line {}", line + 1)), "{error}");
        assert!(error.contains("elks-mcp audit verify"), "{error}");
        if line + 1 == lines.len() {
            // Whoever has read the others knows the last.
            assert_unavailable(&scene, &mut running);
        }
        fs::write(&month, &whole).unwrap();
    }
    assert_mended(&scene, &mut running);
}

#[test]
fn a_journal_that_got_shorter_or_is_gone_stops_those_who_know_it() {
    let scene = Scene::new();
    let mut running = scene.program();
    assert_sent(&send(&mut running, "Ett"));
    assert_sent(&send(&mut running, "Två"));
    let month = journal::newest_month(&scene.state);
    let whole = fs::read(&month).unwrap();
    let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    fs::write(&month, &whole[..ends[1]]).unwrap();
    let error = assert_unavailable(&scene, &mut running);
    assert!(error.contains("shorter than it was"), "{error}");
    fs::remove_dir_all(journal::folder(&scene.state)).unwrap();
    let error = assert_unavailable(&scene, &mut running);
    assert!(error.contains("not there any more"), "{error}");
    // A new process begins a new journal, as the error says; the running one keeps refusing.
    assert_mended(&scene, &mut scene.program());
    assert_unavailable(&scene, &mut running);
}

/// The times in a sentence, which stand in brackets.
fn times(text: &str) -> Vec<NaiveDateTime> {
    let words = text.split(['(', ')']);
    words.filter_map(|words| NaiveDateTime::parse_from_str(words, "%Y-%m-%d %H:%M:%S UTC").ok()).collect()
}

#[test]
fn a_clock_an_hour_off_46elks_refuses_sends_and_both_times_are_said() {
    for hours in [1, -1] {
        let scene = Scene::new();
        scene.account.set(|behaviour| behaviour.clock = TimeDelta::hours(hours));
        let mut program = scene.program();
        let error = assert_unavailable(&scene, &mut program);
        let [ours, theirs] = times(&error)[..] else { panic!("two times: {error}") };
        let apart = theirs - ours - TimeDelta::hours(hours);
        assert!(apart.abs() < TimeDelta::minutes(1), "{error}");
        // The clock is set, and the next answer shows it.
        scene.account.set(|behaviour| behaviour.clock = TimeDelta::zero());
        program.call("check_account_balance", json!({})).facts();
        assert_mended(&scene, &mut program);
        // It goes wrong while the program runs.
        scene.account.set(|behaviour| behaviour.clock = TimeDelta::hours(hours));
        program.call("check_account_balance", json!({})).facts();
        assert_unavailable(&scene, &mut program);
    }
}

#[test]
fn events_of_the_future_refuse_sends_until_46elks_confirms_the_clock() {
    let scene = Scene::new();
    assert_sent(&send(&mut scene.program(), "Före"));
    journal::pass(&scene.state, TimeDelta::hours(-1));
    scene.account.set(|behaviour| behaviour.dated = false);
    let mut program = scene.program();
    let error = assert_unavailable(&scene, &mut program);
    let [ours, newest] = times(&error)[..] else { panic!("two times: {error}") };
    assert!((newest - ours - TimeDelta::hours(1)).abs() < TimeDelta::minutes(1), "{error}");
    assert!(error.contains("behind the newest event"), "{error}");
    scene.account.set(|behaviour| behaviour.dated = true);
    program.call("check_account_balance", json!({})).facts();
    assert_mended(&scene, &mut program);
    assert_eq!(scene.state.events().iter().filter(|event| event["clock"].is_object()).count(), 1);
    // What was dated in the future counts from now on.
    assert_duplicate(&send(&mut program, "Före"));
    assert_duplicate(&send(&mut scene.program(), "Före"));
    assert_eq!(scene.sends(), 2);
}

#[test]
fn events_a_little_in_the_future_are_the_time() {
    let scene = Scene::new();
    assert_sent(&send(&mut scene.program(), "Före"));
    journal::pass(&scene.state, TimeDelta::minutes(-4));
    let mut program = scene.program();
    assert_mended(&scene, &mut program);
    assert!(!scene.state.events().iter().any(|event| event["clock"].is_object()));
}
