//! `send_sms`: which requests leave, which do not, and what the result says.

use crate::support::fake_elks::{FakeElks, Reaction, Received};
use crate::support::program::Launch;
use crate::support::{RECIPIENT, SENDER, answers, merged};
use serde_json::{Value, json};

#[test]
fn one_call_sends_one_message_to_that_number_with_those_words() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    let called = program.send(json!({"to": "+46 (70) 174-06.05", "message": "Hej & hå: 100 % = åäö 😀 +"}));
    let facts = called.facts();
    assert_eq!((&facts["sent"], &facts["dry_run"], &facts["simulated"]), (&json!(true), &Value::Null, &Value::Null));
    assert_eq!(facts["id"], answers::ID);
    assert_eq!((&facts["status"], &facts["parts"], &facts["cost"]), (&json!("created"), &json!(1), &json!(5200)));
    assert_eq!((&facts["currency"], &facts["created"]), (&json!("SEK"), &json!("2026-11-21T20:35:32Z")));
    assert!(called.text().contains("0.52 SEK"));

    let requests = elks.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a1/sms"));
    assert_eq!(request.field("to").as_deref(), Some(RECIPIENT), "what was validated is what is sent");
    assert_eq!(request.field("from").as_deref(), Some(SENDER));
    assert_eq!(request.field("message").as_deref(), Some("Hej & hå: 100 % = åäö 😀 +"));
    assert_eq!(request.body.matches('=').count(), 3, "and nothing else");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert!(request.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(request.header("host"), Some("api.46elks.com"));
}

#[test]
fn only_the_operator_turns_dry_run_off() {
    let elks = FakeElks::answering(answers::accepting);
    let mut locked = Launch::account(&elks).without("DRY_RUN").serve();
    for more in [json!({}), json!({"dry_run": true}), json!({"dry_run": false})] {
        let called = locked.send(more.clone());
        let facts = called.facts();
        assert_eq!((&facts["sent"], &facts["dry_run"]), (&json!(false), &json!(true)), "{more}");
        assert_eq!(
            (&facts["id"], &facts["cost"], &facts["estimated_cost"]),
            (&json!(null), &json!(null), &json!(5200))
        );
        assert!(called.text().contains("DRY RUN: nothing was sent"), "{}", called.text());
        let explained = called.text().contains("dry_run: false was not followed");
        assert_eq!(explained, more == json!({"dry_run": false}), "{}", called.text());
    }
    let mut open = Launch::account(&elks).serve();
    assert_eq!(open.send(json!({"dry_run": true})).facts()["sent"], false, "an argument tightens the lock");
    assert!(elks.requests().iter().all(|request| request.field("dryrun").as_deref() == Some("yes")));
    assert_eq!(open.send(json!({"dry_run": false})).facts()["sent"], true);
}

#[test]
fn an_argument_of_the_wrong_kind_never_sends() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    for wrong in [json!(null), json!(0), json!(""), json!("false"), json!("true"), json!([]), json!({})] {
        program.send(json!({"dry_run": wrong})).failed("VALIDATION_ERROR");
    }
    let error = program.send(json!({"dryRun": true})).failed("VALIDATION_ERROR");
    assert!(error.contains("unknown argument `dryRun`"), "unknown arguments are refused by name: {error}");
    program.send(json!({"flashsms": "yes"})).failed("VALIDATION_ERROR");
    assert!(elks.requests().is_empty());
}

#[test]
fn placeholders_are_refused_but_the_test_number_is_not() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    for number in ["+46701234567", "+1234567890", "+46000000000", "+46 70 123 45 67", "+46111111111"] {
        let error = program.send(json!({"to": number})).failed("VALIDATION_ERROR");
        assert!(error.contains("placeholder") && !error.contains(number), "{error}");
    }
    for number in ["070-174 06 05", "+46XXXXXXXXX", "+4670174060", "+46701740605,+46701740606", "+46881"] {
        program.send(json!({"to": number})).failed("VALIDATION_ERROR");
    }
    assert!(elks.requests().is_empty(), "nothing was asked about any of them");
    program.send(json!({"to": "+46700000000"})).facts();
    assert_eq!(elks.requests()[0].field("to").as_deref(), Some("+46700000000"));
}

#[test]
fn senders_are_names_or_numbers_and_impersonations_are_refused() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "100").serve();
    for listed in [
        "BANK",
        "POLICE",
        "GOVERNMENT",
        "OFFICIAL",
        "URGENT",
        "WINNER",
        "PRIZE",
        "SECURITY",
        "VERIFY",
        "CONFIRM",
        "ALERT",
        "WARNING",
    ] {
        let digits = listed.replace('E', "3").replace('I', "1").replace('O', "0");
        for spelled in [listed.to_string(), listed.to_lowercase(), listed.replace('A', "4"), digits] {
            program.send(json!({"from": spelled})).failed("VALIDATION_ERROR");
        }
    }
    for malformed in ["AB", "Abcdefghijkl", "1Elks", "El ks", "Elks!", "Åkeri", ""] {
        program.send(json!({"from": malformed})).failed("VALIDATION_ERROR");
    }
    assert!(elks.requests().is_empty());
    for (from, sent) in [("Butiken", "Butiken"), ("Banksy", "Banksy"), ("+46 766 86 10 04", SENDER)] {
        assert_eq!(program.send(json!({"from": from})).facts()["from"], sent);
    }
    assert_eq!(elks.requests()[2].field("from").as_deref(), Some(SENDER));
}

#[test]
fn a_text_sender_may_be_the_default() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("ELKS_PHONE_NUMBER", "Elks").serve();
    assert_eq!(program.send(json!({})).facts()["from"], "Elks");
    assert_eq!(elks.requests()[0].field("from").as_deref(), Some("Elks"));
}

#[test]
fn control_characters_are_stripped_from_what_is_sent() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    let called = program.send(json!({"message": "He\u{0}j\u{1b}[31m\tdu\r\nigen\u{9b}!"}));
    assert_eq!(called.facts()["message"], "Hej[31m\tdu\r\nigen!");
    assert!(called.facts()["checker_notes"][0].as_str().unwrap().starts_with("3 control characters removed"));
    assert_eq!(elks.requests()[0].field("message").as_deref(), Some("Hej[31m\tdu\r\nigen!"));
}

#[test]
fn invisible_characters_are_refused() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    for invisible in [
        "Hej\u{202e}!",
        "Hej\u{e0041}!",
        "Hej\u{200b}!",
        "Hej\u{fe0f}!",
        "Hej\u{2066}!",
        "Hej\u{2800}!",
        "Hej\u{1d159}!",
        "Hej\u{f8ff}!",
        "Hej\u{fdd0}!",
        "Hej\u{fffc}!",
    ] {
        let error = program.send(json!({"message": invisible})).failed("VALIDATION_ERROR");
        assert!(error.contains("at character 4"), "{error}");
    }
    assert!(elks.requests().is_empty());
    program.send(json!({"message": "👩‍👩‍👧 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿"})).facts();
}

#[test]
fn messages_over_ten_parts_are_refused_and_links_are_reported() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    let error = program.send(json!({"message": "a".repeat(1531)})).failed("VALIDATION_ERROR");
    assert!(error.contains("11 parts, at most 10"), "{error}");
    program.send(json!({"message": "ж".repeat(671)})).failed("VALIDATION_ERROR");
    for blank in ["", " \n ", "\u{0}"] {
        program.send(json!({"message": blank})).failed("VALIDATION_ERROR");
    }
    assert!(elks.requests().is_empty());
    program.send(json!({"message": "a".repeat(1530)})).facts();
    let called = program.send(json!({"message": "Läs på https://example.com/x eller bit.ly/y"}));
    let notes = called.facts()["checker_notes"].to_string();
    assert!(notes.contains("link to example.com") && notes.contains("link to bit.ly, which hides"), "{notes}");
}

#[test]
fn a_text_that_was_cleaned_is_shown_also_when_it_is_sent_again() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    for duplicate in [Value::Null, json!(true)] {
        let called = program.send(json!({"message": "He\u{1}j"}));
        assert_eq!((&called.facts()["message"], &called.facts()["duplicate"]), (&json!("Hej"), &duplicate));
    }
    assert_eq!(program.send(json!({"message": "Hej"})).facts()["message"], Value::Null, "it is as requested");
    assert_eq!(elks.sends(), 1);
}

#[test]
fn joiners_that_spelling_needs_are_sent_and_others_are_refused() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    for text in ["می‌خواهم بیایم", "ශ්‍රී ලංකාව", "র‍্যাব", "क्‍ष"]
    {
        assert!(program.send(json!({"message": text})).facts()["message"].is_null(), "it was sent as it is");
        assert_eq!(elks.requests().last().unwrap().field("message").as_deref(), Some(text));
    }
    assert_eq!(elks.requests().len(), 4);
    for text in ["pay\u{200C}pal", "می\u{200C}\u{200C}خواهم", "می\u{200C} خواهم", "a\u{200D}b"] {
        program.send(json!({"message": text})).failed("VALIDATION_ERROR");
    }
    assert_eq!(elks.requests().len(), 4);
}

#[test]
fn links_are_reported_as_a_phone_makes_them_and_abbreviations_are_not() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "100").serve();
    for (text, note) in [
        ("👉bit.ly/abc", "link to bit.ly, which hides"),
        ("”bit.ly/abc”", "link to bit.ly, which hides"),
        ("请看bit.ly/abc谢谢", "link to bit.ly, which hides"),
        ("Se räksmörgås.se", "link to räksmörgås.se"),
        ("bankid:///?autostarttoken=1", "an app link (bankid:), which opens an app"),
    ] {
        let notes = program.send(json!({"message": text})).facts()["checker_notes"].to_string();
        assert!(notes.contains(note), "{notes}");
    }
    for text in ["Ta med t.ex. fika", "Ses imorgon.Svara JA", "Betala till org.nr 556677-8899"] {
        let notes = program.send(json!({"message": text})).facts()["checker_notes"].to_string();
        assert!(!notes.contains("link"), "{notes}");
    }
}

#[test]
fn a_flash_message_is_sent_as_one() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    program.send(json!({"flashsms": true})).facts();
    program.send(json!({"flashsms": false})).facts();
    let flash: Vec<Option<String>> = elks.requests().iter().map(|request| request.field("flashsms")).collect();
    assert_eq!(flash, [Some("yes".into()), None]);
}

#[test]
fn a_lost_response_is_an_unknown_outcome_and_nothing_is_sent_twice() {
    let broken: [fn(&Received) -> Reaction; 7] = [
        |_| Reaction::HangUp,
        |_| Reaction::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":".to_vec()),
        |_| Reaction::text(500, ""),
        |_| Reaction::text(200, "OK"),
        |_| Reaction::answer(200, "text/html", b"<html>OK</html>".to_vec()),
        |_| Reaction::answer(200, "application/json", b"{\"status\":\"created\"}".to_vec()),
        |_| Reaction::answer(200, "application/json", b"\xff\xfe".to_vec()),
    ];
    for (number, reaction) in broken.into_iter().enumerate() {
        let elks = FakeElks::answering(reaction);
        let mut program = Launch::account(&elks).serve();
        let error = program.send(json!({})).failed("OUTCOME_UNKNOWN");
        assert!(error.contains("It is not known whether the message was sent"), "{number}: {error}");
        assert!(error.contains("call again with the same recipient and text"), "{number}: {error}");
        assert_eq!(elks.requests().len(), 1, "{number}: no send is tried twice");
        assert_eq!(program.audit()["error"], "OUTCOME_UNKNOWN");
    }
}

#[test]
fn a_dry_run_that_46elks_answers_as_a_send_is_an_unknown_outcome() {
    let elks = FakeElks::answering(|request| Reaction::json(&answers::accepted(request)));
    let mut program = Launch::account(&elks).env("DRY_RUN", "true").serve();
    program.send(json!({})).failed("OUTCOME_UNKNOWN");
}

#[test]
fn a_refused_message_is_reported_with_the_reason() {
    for (status, answered, advice) in [
        (403, "Invalid to number", "Check the recipient"),
        (403, "Not enough credits on your account to send this SMS", "topped up"),
        (403, "Alphanumeric numbers may not start with a digit", "Begin the sender name with a letter"),
        (401, "API access requires Basic HTTP authentication.", "password is wrong"),
        (403, "\u{1b}[31mNumber +46701740605 \u{202e} is odd", "+4670*******"),
        (429, "Slow down", "wait a minute"),
    ] {
        let elks = FakeElks::answering(move |_| Reaction::text(status, answered));
        let mut program = Launch::account(&elks).serve();
        let error = program.send(json!({})).failed("ELKS_API_ERROR");
        assert!(error.contains(advice) && error.contains(&status.to_string()), "{error}");
        assert!(!error.contains('\u{1b}') && !error.contains('\u{202e}') && !error.contains(RECIPIENT), "{error}");
        assert_eq!(program.audit()["error"], format!("ELKS_API_ERROR ({status})"));
        assert_eq!(elks.requests().len(), 1);
    }
}

#[test]
fn every_fault_of_the_simulator_does_what_its_table_says() {
    let mut program = Launch::simulator().env("RATE_LIMIT_SMS_PER_MINUTE", "100").serve();
    for (number, expected) in [
        ("+46701740689", Err("ELKS_API_ERROR")),
        ("+46701740690", Err("OUTCOME_UNKNOWN")),
        ("+46701740691", Err("OUTCOME_UNKNOWN")),
        ("+46701740692", Err("OUTCOME_UNKNOWN")),
        ("+46701740693", Err("ELKS_API_ERROR")),
        ("+46701740694", Err("ELKS_API_ERROR")),
        ("+46701740695", Err("OUTCOME_UNKNOWN")),
        ("+46701740696", Err("UNREACHABLE")),
        ("+46701740697", Ok("failed")),
        ("+46701740698", Ok("created")),
        ("+46701740699", Err("ELKS_API_ERROR")),
    ] {
        let sent = program.send(json!({"to": number}));
        match expected {
            Err(code) => {
                let _ = sent.failed(code);
            }
            Ok(status) => {
                let id = json!({"message_id": sent.facts()["id"]});
                let _ = program.call("check_sms_status", id.clone());
                assert_eq!(program.call("check_sms_status", id).facts()["message"]["status"], status);
            }
        }
    }
    assert_eq!(
        elks_mcp::simulator::FAULTS.len(),
        12,
        "every row is tried above but the silent one, which takes its time"
    );
    // The message whose response was lost did arrive, and the history shows it.
    let history = program.call("get_sms_messages", json!({"to": "+46701740695"}));
    assert_eq!(history.facts()["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn a_refusal_of_46elks_says_what_to_do_next() {
    let mut program = Launch::simulator().serve();
    for (more, advice) in [
        (json!({"to": "+1 415 555 2671"}), "ask 46elks to open it"),
        (json!({"from": "+46701740606"}), "Send from a number that the account owns"),
    ] {
        let error = program.send(more).failed("ELKS_API_ERROR");
        assert!(error.starts_with("46elks refused (403)") && error.contains(advice), "{error}");
    }
    let error = program.call("check_sms_status", json!({"message_id": "s0"})).failed("ELKS_API_ERROR");
    assert!(error.starts_with("46elks refused (404): \"Not found\". Nothing was sent."), "{error}");
    // The account runs dry after 48 messages of ten parts.
    let unlimited = Launch::simulator().env("RATE_LIMIT_SMS_PER_MINUTE", "100").env("ELKS_DUPLICATE_MINUTES", "0");
    let mut program = unlimited.env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*").serve();
    let expensive = json!({"message": "a".repeat(1530)});
    for _ in 0..48 {
        assert_eq!(program.send(expensive.clone()).facts()["cost"], 52_000);
    }
    let error = program.send(expensive).failed("ELKS_API_ERROR");
    assert!(error.contains("Not enough credits") && error.contains("topped up"), "{error}");
    assert_eq!(program.call("check_account_balance", json!({})).facts()["low_balance"], true);
}

#[test]
fn nothing_is_sent_to_a_server_that_cannot_prove_its_name() {
    let elks = FakeElks::certified("api.example.com", |_: &Received| -> Reaction { panic!("no request may arrive") });
    let mut program = Launch::account(&elks).serve();
    let error = program.send(json!({})).failed("UNREACHABLE");
    assert!(error.contains("Nothing was sent"), "{error}");
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).without("SSL_CERT_FILE").serve();
    program.send(json!({})).failed("UNREACHABLE");
    assert!(elks.requests().is_empty());
}

#[test]
fn a_redirect_is_not_followed() {
    let elks = FakeElks::answering(|_| {
        Reaction::Raw(
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: https://example.com/a1/sms\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        )
    });
    let mut program = Launch::account(&elks).serve();
    program.send(json!({})).failed("OUTCOME_UNKNOWN");
    assert_eq!(elks.requests().len(), 1);
}

#[test]
fn simulated_results_can_not_be_mistaken_for_real_ones() {
    let mut program = Launch::simulator().serve();
    let sent = program.send(json!({}));
    assert_eq!((&sent.facts()["simulated"], &sent.0["_meta"]["simulated"]), (&json!(true), &json!(true)));
    assert!(sent.facts()["summary"].as_str().unwrap().starts_with("[SIMULATED] "));
    assert_eq!(program.audit()["simulated"], true);
    let refused = program.send(json!({"to": "nonsense"}));
    assert_eq!(refused.0["_meta"]["simulated"], true);
    assert_eq!(program.audit()["simulated"], true);
    let stderr = program.finish().errors();
    assert!(!stderr.contains("audit"), "{stderr}");
}

#[test]
fn the_banner_of_the_simulator_is_the_first_line() {
    let finished = Launch::simulator().run();
    assert!(finished.stderr[0].contains("SIMULATOR"), "{}", finished.errors());
}

#[test]
fn a_message_that_failed_at_once_is_not_called_accepted() {
    let elks = FakeElks::answering(|request| {
        Reaction::json(&merged(answers::accepted(request), &json!({"status": "failed"})))
    });
    let mut program = Launch::account(&elks).serve();
    let called = program.send(json!({}));
    let facts = called.facts();
    assert_eq!((&facts["status"], &facts["id"]), (&json!("failed"), &json!(answers::ID)));
    let again = program.send(json!({}));
    assert_eq!(again.facts()["duplicate"], true);
    for text in [called.text(), again.text()] {
        assert!(text.contains("will not arrive") && !text.contains("accepted by 46elks"), "{text}");
        assert!(!text.contains("check_sms_status tells when"), "{text}");
    }
    assert_eq!(elks.requests().len(), 1);
}

#[test]
fn a_text_that_looks_unfinished_is_sent_with_a_note() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    for (text, note) in [
        ("Hej {{name}}!", "was not filled in"),
        (r"Rad1\nRad2", "was not decoded"),
        ("Fisk &amp; skaldjur", "no HTML"),
        ("MÃ¶te kl 10", "wrong encoding"),
    ] {
        let called = program.send(json!({"message": text}));
        let notes = called.facts()["checker_notes"].to_string();
        assert!(notes.contains(note) && !notes.contains("(or /)"), "{notes}");
        assert_eq!(elks.requests().last().unwrap().field("message").as_deref(), Some(text));
    }
}
