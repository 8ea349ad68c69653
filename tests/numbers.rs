//! Phone numbers and sender names: which are refused, which lead to a note, and that the settings have the same rules.
//! The tables of all cases are in `guest/rules/`.

use crate::support::answers;
use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::{Launch, Program};
use serde_json::{Value, json};

/// A program that may send, and the 46elks that it asks.
fn accepting() -> (FakeElks, Program) {
    let elks = FakeElks::answering(answers::accepting);
    let program = unlimited(Launch::account(&elks)).serve();
    (elks, program)
}

fn unlimited(launch: Launch) -> Launch {
    launch.env("RATE_LIMIT_SMS_PER_MINUTE", "1000").env("RATE_LIMIT_QUERIES_PER_MINUTE", "1000")
}

/// What the program says when a setting ends it. The sentence does not repeat the number.
fn ended_by(name: &str, value: &str) -> String {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let finished = Launch::account(&elks).env(name, value).run();
    assert_eq!(finished.code(), 1, "{name}={value:?}");
    let error = finished.errors();
    assert!(error.contains(name) && !error.contains("7700") && !error.contains("6861004"), "{error}");
    error
}

/// Every call that takes a recipient or a sender.
fn calls_with(number: &str) -> [(&'static str, Value); 6] {
    [
        ("send_sms", json!({"to": number, "message": "Hej"})),
        ("send_sms", json!({"to": "+46701740605", "from": number, "message": "Hej"})),
        ("estimate_sms_cost", json!({"to": number, "message": "Hej"})),
        ("get_sms_messages", json!({"to": number})),
        ("check_account_balance", json!({"to": number})),
        ("get_sending_limits", json!({"to": number})),
    ]
}

#[test]
fn a_parenthesised_zero_is_refused_for_every_country() {
    let (elks, mut program) = accepting();
    for number in ["+44 (0)7700 900456", "+46(0)70-174 06 05", "+39 (0)347 174 0605", "(+44)( 0 )20 7946 0123"] {
        for (tool, arguments) in calls_with(number) {
            let error = program.call(tool, arguments).failed("VALIDATION_ERROR");
            assert!(error.contains("leave out the (0)") && !error.contains(number), "{tool}: {error}");
        }
    }
    for (number, advice) in [
        ("+7 (8) 912 174-06-05", "leave out the (8)"),
        ("+36 (06) 30 174 0605", "leave out the (06)"),
        ("+440770090045", "leave out the 0 after +44"),
        ("+46 (70 174 06 05", "parentheses do not match"),
    ] {
        let error = program.send(json!({"to": number})).failed("VALIDATION_ERROR");
        assert!(error.contains(advice), "{error}");
    }
    assert!(elks.requests().is_empty(), "nothing was asked about any of them");
    for (number, sent) in [
        ("+46-(70)-174 06 05", "+46701740605"),
        ("+44 7700 900456", "+447700900456"),
        ("+39 06 698 17406", "+390669817406"),
        ("+225 07 17 40 60 51", "+2250717406051"),
    ] {
        assert_eq!(program.send(json!({"to": number})).facts()["to"], sent);
    }
}

#[test]
fn a_number_in_a_setting_has_the_same_rules_at_the_start() {
    for (name, value, reason) in [
        ("ELKS_PHONE_NUMBER", "+46 (0)76-686 10 04", "leave out the (0)"),
        ("ELKS_PHONE_NUMBER", "+44 (0)7700 900456", "leave out the (0)"),
        ("ELKS_PHONE_NUMBER", "+0766861004", "no country code begins with 0"),
        ("ELKS_PHONE_NUMBER", "+460766861004", "leave out the 0 after +46"),
        ("ELKS_PHONE_NUMBER", "+467668610", "a Swedish mobile number has 9 digits"),
        ("ELKS_PHONE_NUMBER", "\u{202a}+46766861004\u{202c}", "U+202A"),
        ("ELKS_PHONE_NUMBER", "+46\u{a0}766861004", "U+00A0"),
        ("ELKS_ALLOWED_SENDERS", "Elks, +46 (0)76-686 10 04", "entry 2"),
        ("ELKS_ALLOWED_RECIPIENTS", "+44 (0)7700 900456", "leave out the (0)"),
        ("ELKS_ALLOWED_RECIPIENTS", "+44 (0)*", "leave out the (0)"),
        ("ELKS_BLOCKED_RECIPIENTS", "+440*", "leave out the 0 after +44"),
        ("ELKS_BLOCKED_RECIPIENTS", "+46\u{2011}766861004", "U+2011"),
        ("ELKS_CONTACTS", "anna=+44 (0)7700 900456", "leave out the (0)"),
        ("ELKS_CONTACTS", "anna=+46\u{200b}766861004", "U+200B"),
    ] {
        let error = ended_by(name, value);
        assert!(error.contains(reason), "{name}: {error}");
    }
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("ELKS_PHONE_NUMBER", "+46 76-686 10 04").serve();
    assert_eq!(program.send(json!({})).facts()["from"], "+46766861004");
}

#[test]
fn a_character_that_nobody_sees_in_a_number_is_named_with_what_to_do() {
    let (elks, mut program) = accepting();
    for (number, named, advice) in [
        ("\u{202a}+46701740605\u{202c}", "its character 1 is a control of the writing direction (U+202A)", "remove it"),
        ("+46701740605\u{200e}", "its character 13 is an invisible mark (U+200E)", "remove it"),
        ("\u{feff}+46701740605", "a zero-width character (U+FEFF)", "remove it"),
        ("+46\u{a0}701740605", "its character 4 is an unusual space (U+00A0)", "write an ordinary space"),
        ("+46\u{202f}701740605", "an unusual space (U+202F)", "write an ordinary space"),
        ("+46\u{2011}701740605", "an unusual hyphen (U+2011)", "write an ordinary hyphen"),
        ("\u{ff0b}46701740605", "an unusual plus (U+FF0B)", "write an ordinary +"),
        ("+46\u{667}01740605", "an unusual digit (U+0667)", "write only the digits 0 to 9"),
        ("tel:+46701740605", "leave out the tel:", "leave out"),
    ] {
        for (tool, arguments) in calls_with(number) {
            let error = program.call(tool, arguments).failed("VALIDATION_ERROR");
            assert!(error.contains(named) && error.contains(advice), "{tool}: {error}");
            assert!(!error.contains("701740605") && !error.contains("01740605"), "{tool}: {error}");
        }
    }
    let error = program.send(json!({"from": "Elks\u{200b}"})).failed("VALIDATION_ERROR");
    assert!(error.contains("its character 5 is a zero-width character (U+200B)"), "{error}");
    assert!(elks.requests().is_empty(), "nothing was asked about any of them");
}

#[test]
fn swedish_numbers_of_machines_have_thirteen_digits() {
    let (elks, mut program) = accepting();
    for (number, sent) in [("+46 710 174 060 51 23", "+467101740605123"), ("+46 719 174 060 51 23", "+467191740605123")]
    {
        assert_eq!(program.send(json!({"to": number})).facts()["to"], sent);
    }
    for number in ["+46 710 174 060", "+46 719 174 060", "+46 701 740 605 12"] {
        program.send(json!({"to": number})).failed("VALIDATION_ERROR");
    }
    assert_eq!(elks.sends(), 2);
}

#[test]
fn a_name_with_a_bank_or_a_brand_in_it_is_refused_unless_the_operator_chose_it() {
    let (elks, mut program) = accepting();
    let brands =
        ["Swedbank", "MyBank", "SparBank", "Nordea", "Bank24", "SEBInfo", "klarnainfo", "DHLPaket", "ApplePay"];
    for from in brands {
        for tool in ["send_sms", "estimate_sms_cost"] {
            let arguments = json!({"to": "+46701740605", "from": from, "message": "Hej"});
            let error = program.call(tool, arguments).failed("VALIDATION_ERROR");
            assert!(error.contains("impersonates"), "{from}: {error}");
        }
    }
    assert!(elks.requests().is_empty());
    for from in ["Butiken", "Banksy", "Politiken", "Groups", "AppleTree"] {
        assert_eq!(program.send(json!({"from": from})).facts()["from"], from);
    }
    // The operator's own list wins, and so does the configured sender.
    let launch = unlimited(Launch::account(&elks)).env("ELKS_ALLOWED_SENDERS", &brands.join(", "));
    let mut program = launch.env("ELKS_PHONE_NUMBER", "Skandia").serve();
    for from in brands {
        assert_eq!(program.send(json!({"from": from})).facts()["from"], from);
    }
    assert_eq!(program.send(json!({})).facts()["from"], "Skandia");
}

#[test]
fn a_number_that_only_looks_invented_is_sent_to_with_a_note() {
    let (elks, mut program) = accepting();
    for number in ["+4791234567", "+4681234567", "+358401234567", "+46 70 777 77 77", "+7 777 777 12 34"] {
        for tool in ["send_sms", "estimate_sms_cost"] {
            let called = program.call(tool, json!({"to": number, "message": "Hej"}));
            let note = called.facts()["checker_notes"][0].as_str().unwrap().to_string();
            assert!(note.contains("check with the user") && !note.contains(number), "{tool}: {note}");
        }
    }
    assert_eq!(elks.sends(), 5);
    let plain = program.call("estimate_sms_cost", json!({"to": "+46701740605", "message": "Hej"}));
    assert!(plain.facts()["checker_notes"].is_null());
    for number in ["+46 73 123 45 67", "+46987654321", "+15551234567", "+1 (212) 555-0123", "+447400123456"] {
        let error = program.send(json!({"to": number})).failed("VALIDATION_ERROR");
        assert!(error.contains("it is a placeholder"), "{error}");
    }
    assert_eq!(elks.sends(), 5);
}

#[test]
fn the_simulator_closes_the_usa_and_not_all_of_plus_one() {
    let mut program = Launch::simulator().serve();
    let error = program.send(json!({"to": "+1 415 555 2671"})).failed("ELKS_API_ERROR");
    assert!(error.contains("disallowed by default"), "{error}");
    for open in ["+14165552671", "+18765552671"] {
        assert_eq!(program.send(json!({"to": open})).facts()["to"], open);
    }
}
