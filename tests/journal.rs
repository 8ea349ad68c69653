//! The journal as evidence: what stands on each line of the client's log, what the commands of `elks-mcp audit` find,
//! and what is never on the disk.

use crate::support::answers;
use crate::support::fake_account::Sends;
use crate::support::program::{Finished, Launch};
use crate::support::scene::{Scene, assert_sent, message, ready, send, send_with};
use crate::support::state_dir::StateDir;
use crate::support::{PASSWORD, RECIPIENT, SENDER, USERNAME, journal, merged};
use chrono::TimeDelta;
use elks_mcp::ledger;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A command of `audit` about all accounts of a scene.
fn audit(scene: &Scene, arguments: &[&str]) -> Finished {
    scene.command(&[&["audit"], arguments].concat()).run()
}

/// All that a command wrote to stdout.
fn output(finished: &Finished) -> String {
    finished.stdout.join("\n")
}

/// An account that has sent three messages, and the log of its client.
fn with_a_log() -> (Scene, PathBuf) {
    let scene = Scene::new();
    let mut program = scene.program();
    for text in ["Ett", "Två", "Fyra"] {
        assert_sent(&send(&mut program, text));
    }
    program.call("check_account_balance", json!({})).facts();
    let log = scene.state.path().join("client.log");
    fs::write(&log, program.finish().errors()).unwrap();
    (scene, log)
}

#[test]
fn every_audit_line_names_the_newest_event_of_the_journal() {
    let scene = Scene::new();
    let mut program = scene.program();
    assert_sent(&send(&mut program, "Hej"));
    assert_sent(&send(&mut program, "Hej igen"));
    send(&mut program, "Hej");
    send_with(&mut program, "Hej", &json!({"surprise": 1})).failed("VALIDATION_ERROR");
    send_with(&mut program, "Hej", &json!({"dry_run": true})).facts();
    program.call("check_account_balance", json!({})).facts();
    program.call("get_sending_limits", json!({})).facts();
    program.call("get_sms_messages", json!({})).facts();
    let finished = program.finish();
    let journal = scene.state.journal();
    let mut seen = Vec::new();
    for line in finished.stderr.iter().filter(|line| line.starts_with("{\"audit\"")) {
        let audit = serde_json::from_str::<Value>(line).unwrap()["audit"].take();
        let seq = audit["journal"]["seq"].as_u64().unwrap_or_else(|| panic!("no event: {line}"));
        let event = &journal[usize::try_from(seq).unwrap() - 1];
        assert_eq!(
            (&event["seq"], event["head"].as_str().unwrap()[..16].into()),
            (&json!(seq), audit["journal"]["head"].clone())
        );
        seen.push(seq);
    }
    // The line of a send has its outcome behind it: an intent and an outcome each.
    assert_eq!(seen, [2, 4, 4, 4, 4, 4, 4, 4]);
}

#[test]
fn a_whole_journal_is_whole_alone_and_against_the_clients_log() {
    let (scene, log) = with_a_log();
    for arguments in [vec!["verify"], vec!["verify", "--against", log.to_str().unwrap()]] {
        let found = audit(&scene, &arguments);
        let text = output(&found);
        assert_eq!(found.code(), 0, "{text}");
        assert!(text.contains("WHOLE") && text.contains("sends     3, 0 without a known outcome"), "{text}");
        assert!(text.contains("What it cannot show by itself: that the end was cut off"), "{text}");
    }
}

#[test]
fn an_end_that_was_cut_off_is_seen_by_the_clients_log_and_by_46elks_but_not_alone() {
    let (scene, log) = with_a_log();
    let provider = || {
        let launch = Launch::account_with(&scene.elks, &["audit", "verify", "--provider"]);
        launch.state(&scene.state).run()
    };
    let whole = provider();
    assert_eq!(whole.code(), 0, "{}", output(&whole));
    let month = journal::newest_month(&scene.state);
    let text = fs::read_to_string(&month).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    fs::write(&month, lines[..4].concat()).unwrap();
    let alone = audit(&scene, &["verify"]);
    assert_eq!(alone.code(), 0, "{}", output(&alone));
    let against = audit(&scene, &["verify", "--against", log.to_str().unwrap()]);
    assert_eq!(against.code(), 2, "{}", output(&against));
    assert!(output(&against).contains("SHORTER") && output(&against).contains("ends with event 4"));
    let compared = provider();
    assert_eq!(compared.code(), 2, "{}", output(&compared));
    let third = scene.account.messages()[2]["id"].as_str().unwrap().to_string();
    assert!(output(&compared).contains(&third), "{}", output(&compared));
    // All of it.
    fs::remove_file(&month).unwrap();
    let gone = audit(&scene, &["verify", "--against", log.to_str().unwrap()]);
    assert_eq!(gone.code(), 2, "{}", output(&gone));
}

#[test]
fn a_send_without_a_known_outcome_is_not_called_somebody_elses() {
    let scene = Scene::new();
    let provider = || {
        let launch = Launch::account_with(&scene.elks, &["audit", "verify", "--provider"]);
        let finished = launch.state(&scene.state).run();
        (finished.code(), output(&finished))
    };
    let foreign = merged(answers::row("", "outgoing", ""), &json!({"message": "Inte vår"}));
    // Sent by something else before there was a journal.
    let old = scene.account.add(TimeDelta::minutes(2), &foreign)["id"].take();
    let mut program = scene.program();
    assert_sent(&send(&mut program, "Ett"));
    scene.account.set(|behaviour| behaviour.sends = Sends::Unanswered);
    send(&mut program, "Två").error();
    drop(program);
    let (code, text) = provider();
    assert!(code == 0 && text.contains("2 outbound messages since"), "{text}");
    assert!(text.contains("1 of them is a send whose outcome the journal does not know"), "{text}");
    assert!(!text.contains(old.as_str().unwrap()), "{text}");
    scene.account.add(TimeDelta::zero(), &answers::row("", "in a way of its own", ""));
    let (code, text) = provider();
    assert!(code == 3 && text.contains("UNREADABLE: 1 row of 46elks's history"), "{text}");
    let new = scene.account.add(TimeDelta::zero(), &foreign)["id"].take();
    let (code, text) = provider();
    assert!(code == 2 && text.contains("SHORTER: the journal does not have 1 message"), "{text}");
    assert!(text.contains(new.as_str().unwrap()) && text.contains("1 of them is a send"), "{text}");
}

#[test]
fn a_changed_byte_is_named_with_its_line() {
    let (scene, log) = with_a_log();
    let month = journal::newest_month(&scene.state);
    let whole = fs::read_to_string(&month).unwrap();
    for (from, to) in [("\"seq\":3,", "\"seq\":8,"), ("\"parts\":1", "\"parts\":2"), ("accepted", "rejected")] {
        let line = whole.lines().position(|line| line.contains(from)).unwrap() + 1;
        fs::write(&month, whole.replacen(from, to, 1)).unwrap();
        for arguments in
            [vec!["verify"], vec!["verify", "--against", log.to_str().unwrap()], vec!["head"], vec!["show"]]
        {
            let found = audit(&scene, &arguments);
            assert_eq!(found.code(), 1, "{arguments:?}: {}", output(&found));
            assert!(output(&found).contains(&format!("line {line}: ")), "{}", output(&found));
        }
    }
    // Lines that are left out, and that change places.
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for (lines, broken) in [
        ([&lines[..1], &lines[2..]].concat(), 2),
        ([&lines[..1], &[lines[2], lines[1]], &lines[3..]].concat(), 2),
        ([&lines[..], &lines[5..]].concat(), 7),
    ] {
        fs::write(&month, lines.concat()).unwrap();
        let found = audit(&scene, &["verify"]);
        assert_eq!(found.code(), 1, "{}", output(&found));
        assert!(output(&found).contains(&format!("line {broken}: ")), "{}", output(&found));
    }
}

#[test]
fn a_journal_that_was_written_anew_is_seen_by_the_clients_log_alone() {
    let (scene, log) = with_a_log();
    journal::pass(&scene.state, TimeDelta::seconds(1));
    let alone = audit(&scene, &["verify"]);
    assert_eq!(alone.code(), 0, "{}", output(&alone));
    let against = audit(&scene, &["verify", "--against", log.to_str().unwrap()]);
    assert_eq!(against.code(), 1, "{}", output(&against));
    assert!(output(&against).contains("another head"), "{}", output(&against));
}

#[test]
fn what_is_not_there_or_cannot_be_read_is_neither_whole_nor_broken() {
    let (scene, log) = with_a_log();
    let code = |launch: Launch| {
        let finished = launch.run();
        (finished.code(), format!("{}{}", output(&finished), finished.errors()))
    };
    let nobody = StateDir::new();
    for command in ["verify", "head", "show"] {
        let (none, text) = code(Launch::with(&["audit", command]).state(&nobody));
        assert_eq!(none, 3, "{text}");
        let empty = Launch::with(&["audit", command]).state(&nobody).env("ELKS_API_USERNAME", USERNAME);
        let (none, text) = code(empty);
        assert!(none == 3 && text.contains("there is no event here"), "{command} {none}: {text}");
    }
    let other = scene.state.path().join("other.log");
    fs::write(&other, "nothing of ours\n").unwrap();
    for log in [other.to_str().unwrap(), "/no/such/file"] {
        let (unreadable, text) = code(scene.command(&["audit", "verify", "--against", log]));
        assert_eq!(unreadable, 3, "{text}");
    }
    for wrong in [
        &["audit"][..],
        &["audit", "verify", "--agianst", log.to_str().unwrap()],
        &["audit", "verify", "more"],
        &["audit", "verify", "--account", "../.."],
        &["audit", "verify", "--account", "0123456789abcde"],
    ] {
        let (usage, text) = code(scene.command(wrong));
        assert_eq!(usage, 3, "{wrong:?}: {text}");
    }
    assert_eq!(code(scene.command(&["audit", "--help"])).0, 0);
}

#[test]
fn head_and_show_say_what_the_journal_has() {
    let (scene, _) = with_a_log();
    scene.command(&["pause"]).run();
    let month = fs::read_to_string(journal::newest_month(&scene.state)).unwrap();
    let newest: Value = serde_json::from_str(month.lines().last().unwrap()).unwrap();
    let head = audit(&scene, &["head"]);
    let expected = format!("7 {} {}", newest["head"].as_str().unwrap(), newest["at"].as_str().unwrap());
    assert_eq!((head.code(), output(&head)), (0, expected));
    let json = audit(&scene, &["show", "--json"]);
    assert_eq!((json.code(), output(&json)), (0, month.trim_end().to_string()));
    let table = audit(&scene, &["show"]);
    let text = output(&table);
    assert_eq!((table.code(), text.lines().count()), (0, 5), "{text}");
    assert_eq!(text.matches("accepted").count(), 3, "{text}");
    for message in scene.account.messages() {
        assert!(text.contains(message["id"].as_str().unwrap()), "{text}");
    }
    assert!(text.contains("all sends paused") && text.contains("0.52"), "{text}");
    assert!(!text.contains("1740605") && !text.contains("6861004"), "{text}");
}

#[test]
fn several_accounts_are_read_one_after_another_and_the_worst_is_the_result() {
    let scene = Scene::new();
    let other_user = "u00000000000000000000000000000002";
    assert_sent(&send(&mut scene.program(), "Ett"));
    assert_sent(&send(&mut ready(scene.launch().env("ELKS_API_USERNAME", other_user)), "Två"));
    let [own, other] = [USERNAME, other_user].map(ledger::folder);
    let both = audit(&scene, &["verify"]);
    let text = output(&both);
    assert!(both.code() == 0 && text.matches("WHOLE").count() == 2, "{text}");
    assert!(text.contains(&own) && text.contains(&other), "{text}");
    let mut files = fs::read_dir(scene.state.path().join(&other)).unwrap().map(|entry| entry.unwrap().path());
    let month = files.find(|path| path.extension().is_some()).unwrap();
    fs::write(&month, fs::read_to_string(&month).unwrap().replace("\"parts\":1", "\"parts\":2")).unwrap();
    assert_eq!(audit(&scene, &["verify"]).code(), 1);
    assert_eq!(audit(&scene, &["verify", "--account", &own]).code(), 0);
    assert_eq!(audit(&scene, &["verify", "--account", &other]).code(), 1);
    assert_eq!(scene.command(&["audit", "verify"]).env("ELKS_API_USERNAME", USERNAME).run().code(), 0);
}

#[test]
fn a_killed_program_leaves_a_whole_journal_and_its_open_send_is_listed() {
    let scene = Scene::new();
    scene.account.answers_to_sends.hold();
    let mut program = scene.program();
    program.post_call("send_sms", &message("Hej"));
    scene.account.answers_to_sends.await_waiting(1);
    program.kill();
    scene.account.answers_to_sends.release();
    // The kill came in the middle of a line.
    let month = journal::newest_month(&scene.state);
    let whole = fs::read_to_string(&month).unwrap();
    fs::write(&month, format!("{whole}{{\"v\":1,\"seq\":2,\"at\":\"20")).unwrap();
    let found = audit(&scene, &["verify"]);
    let text = output(&found);
    assert!(found.code() == 0 && text.contains("sends     1, 1 without a known outcome"), "{text}");
    assert!(text.contains("the last line is unfinished"), "{text}");
    assert_sent(&send(&mut scene.program(), "Nästa"));
    assert_eq!(audit(&scene, &["verify"]).code(), 0);
}

/// A text as it could stand in a file: as it is, in JSON, and in a form or a URL.
fn forms(text: &str) -> Vec<String> {
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let ascii: String =
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect();
    vec![text.into(), form.clone(), form.replace('+', "%20"), form.to_lowercase(), ascii]
}

#[test]
fn no_text_number_or_secret_is_in_any_file() {
    let scene = Scene::new();
    let contacts = format!("anna={RECIPIENT}");
    let mut program = ready(scene.launch().env("ELKS_CONTACTS", &contacts).env("ELKS_MAX_PRICE", "*"));
    let text = "Koden är hemlig & 4711";
    let key = json!({"idempotency_key": "ärende 42/hemlig"});
    assert_sent(&send_with(&mut program, text, &key));
    assert_sent(&send_with(&mut program, text, &json!({"to": "anna", "from": "Tandklinik"})));
    assert_sent(&send_with(&mut program, text, &json!({"to": "+46 70 174 06 06"})));
    drop(program);
    let files = scene.state.files();
    assert_eq!(files.len(), 2, "the journal and its lock: {files:?}");
    let secrets = [text, "hemlig", "ärende", "Tandklinik", RECIPIENT, "1740605", "1740606", SENDER, USERNAME, PASSWORD];
    for secret in secrets.into_iter().flat_map(forms) {
        for (path, text) in &files {
            assert!(!text.contains(&secret), "{secret} is in {}", path.display());
            assert!(!path.to_str().unwrap().contains(&secret), "{secret} is in {}", path.display());
        }
    }
    let intents = scene.state.events();
    assert_eq!(intents[2]["intent"]["contact"], "anna", "the operator's own name for the recipient");
}

#[cfg(unix)]
#[test]
fn the_folder_and_its_files_are_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let assert_private = || {
        assert_eq!(mode(&journal::folder(&scene.state)), 0o700);
        for (file, _) in scene.state.files() {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    };
    assert_sent(&send(&mut scene.program(), "Ett"));
    assert_eq!(mode(scene.state.path()), 0o700);
    assert_private();
    // What somebody opened is closed again.
    for path in scene.state.files().into_iter().map(|(file, _)| file).chain([journal::folder(&scene.state)]) {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    assert_sent(&send(&mut scene.program(), "Två"));
    assert_private();
}

#[test]
fn nothing_is_on_the_disk_in_a_dry_run_in_the_simulator_and_without_a_journal() {
    let scene = Scene::new();
    let dry = || scene.launch().env("DRY_RUN", "true");
    let simulated = || Launch::simulator().state(&scene.state);
    let in_memory = || scene.launch().env("ELKS_STATE", "memory");
    for (name, launch) in [("dry run", dry()), ("simulator", simulated()), ("memory", in_memory())] {
        let mut program = ready(launch);
        send(&mut program, "Hej").facts();
        program.call("get_sending_limits", json!({})).facts();
        let finished = program.finish();
        let stderr = finished.errors();
        assert!(stderr.contains("\"audit\"") && !stderr.contains("\"journal\""), "{name}: {stderr}");
        assert!(!scene.state.path().exists(), "{name}");
    }
    // Without a journal the limits and duplicates are those of the process.
    let mut program = in_memory().env("ELKS_MAX_SMS_PER_DAY", "1").serve();
    assert!(program.stderr_line("ELKS_STATE=memory").contains("end with it"));
    assert_sent(&send(&mut program, "Hej"));
    assert_eq!(send(&mut program, "Hej").facts()["duplicate"], true);
    send(&mut program, "En annan").failed("RATE_LIMIT_EXCEEDED");
    assert_eq!(scene.sends(), 2, "one in each process");
}
