//! The operator's rules about who may be sent what, and from whom: a message that breaks one is refused with the name
//! of the rule and of its setting, nothing leaves, and nothing that a list holds is shown.
//!
//! Not here: limits that time cures (`spending.rs`, `limits.rs`), contacts, and the policy file.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::{Called, Launch};
use crate::support::{RECIPIENT, SENDER, answers, merged};
use elks_mcp::policy::Rule;
use serde_json::{Value, json};

/// A rule: the value of its setting, a message that breaks it, and what nobody may read.
struct Broken {
    rule: Rule,
    value: &'static str,
    message: Value,
    hidden: &'static [&'static str],
}

fn broken() -> Vec<Broken> {
    vec![
        Broken {
            rule: Rule::AllowedRecipients,
            value: "+46701740606, +4673*",
            message: json!({}),
            hidden: &["1740606", "4673"],
        },
        Broken { rule: Rule::BlockedRecipients, value: "+46701740605", message: json!({}), hidden: &["1740605"] },
        Broken {
            rule: Rule::BlockedRecipients,
            value: "+46740*,+4670*",
            message: json!({"to": "+46 70 174 06 05"}),
            hidden: &["46740", "4670*"],
        },
        Broken { rule: Rule::AllowedCountries, value: "DK, +47", message: json!({}), hidden: &["DK", "+47"] },
        Broken {
            rule: Rule::AllowedSenders,
            value: "Elks,Tandlakarna",
            message: json!({"from": "Frisor"}),
            hidden: &["Tandlakarna"],
        },
        Broken { rule: Rule::MaxParts, value: "2", message: json!({"message": "a".repeat(307)}), hidden: &[] },
    ]
}

/// That a call was refused by this rule, in the words of every refusal.
fn refused(called: &Called, rule: Rule) {
    let expected = format!(
        "{} ({}). Nothing was sent. Only the operator can change it; get_sending_limits shows what is allowed.",
        rule.sentence(),
        rule.setting()
    );
    assert_eq!(called.failed("NOT_ALLOWED"), expected);
}

#[test]
fn each_rule_refuses_with_its_name_and_its_setting_and_nothing_leaves() {
    for Broken { rule, value, message, hidden } in broken() {
        let elks = FakeElks::answering(answers::accepting);
        let mut program = Launch::account(&elks).env(rule.setting(), value).serve();
        refused(&program.send(message.clone()), rule);
        assert_eq!(program.audit()["error"], "NOT_ALLOWED");
        let limits = program.call("get_sending_limits", json!({})).text();
        // A model may know where it can send, and not to whom.
        let shown = if rule == Rule::AllowedCountries { String::new() } else { limits };
        let seen = format!("{shown}\n{}", program.finish().errors());
        for hidden in hidden {
            assert!(!seen.contains(hidden), "{}: {hidden} is in {seen}", rule.setting());
        }
        assert!(elks.requests().is_empty(), "{}: not even a price was asked", rule.setting());
    }
}

#[test]
fn a_dry_run_meets_the_same_rules() {
    for Broken { rule, value, message, .. } in broken() {
        let elks = FakeElks::answering(answers::accepting);
        let mut program = Launch::account(&elks).env(rule.setting(), value).serve();
        refused(&program.send(merged(message.clone(), &json!({"dry_run": true}))), rule);
        let mut locked = Launch::account(&elks).without("DRY_RUN").env(rule.setting(), value).serve();
        refused(&locked.send(message.clone()), rule);
        assert!(elks.requests().is_empty(), "{}", rule.setting());
    }
}

#[test]
fn a_message_that_breaks_several_rules_hears_of_all_of_them() {
    let elks = FakeElks::answering(answers::accepting);
    let launch = Launch::account(&elks).env("ELKS_ALLOWED_RECIPIENTS", "+47*").env("ELKS_ALLOWED_COUNTRIES", "NO");
    let mut program = launch.env("ELKS_BLOCKED_RECIPIENTS", RECIPIENT).env("ELKS_MAX_PARTS", "1").serve();
    let error = program.send(json!({"message": "a".repeat(161)})).failed("NOT_ALLOWED");
    for setting in ["ELKS_ALLOWED_RECIPIENTS", "ELKS_ALLOWED_COUNTRIES", "ELKS_BLOCKED_RECIPIENTS", "ELKS_MAX_PARTS"] {
        assert!(error.contains(&format!("({setting})")), "{error}");
    }
    assert!(elks.requests().is_empty());
}

#[test]
fn what_is_on_a_list_is_sent_and_blocked_is_stronger_than_allowed() {
    let elks = FakeElks::answering(answers::accepting);
    let launch = Launch::account(&elks).env("ELKS_ALLOWED_RECIPIENTS", "+46 70 174 06 05,+4673*,+4746*");
    let launch = launch.env("ELKS_ALLOWED_COUNTRIES", "SE").env("ELKS_MAX_PARTS", "2");
    let mut program = launch.env("ELKS_BLOCKED_RECIPIENTS", "+46733*").serve();
    program.send(json!({"message": "a".repeat(306)})).facts();
    program.send(json!({"to": "+46731740605"})).facts();
    let blocked = program.send(json!({"to": "+46733740605"})).failed("NOT_ALLOWED");
    assert!(blocked.contains("(ELKS_BLOCKED_RECIPIENTS)") && !blocked.contains("ALLOWED"), "{blocked}");
    let abroad = program.send(json!({"to": "+4746123456"})).failed("NOT_ALLOWED");
    assert!(abroad.contains("(ELKS_ALLOWED_COUNTRIES)") && !abroad.contains("_RECIPIENTS"), "{abroad}");
    assert_eq!(elks.sends(), 2);
}

#[test]
fn a_rule_holds_for_messages_and_not_for_prices_and_queries() {
    let elks = FakeElks::answering(|request| match request.method.as_str() {
        "GET" => Reaction::json(&answers::page(&[])),
        _ => answers::accepting(request),
    });
    let mut program = Launch::account(&elks).env("ELKS_BLOCKED_RECIPIENTS", "+46*").serve();
    program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej"})).facts();
    program.call("get_sms_messages", json!({"to": RECIPIENT})).facts();
    program.send(json!({})).failed("NOT_ALLOWED");
    assert_eq!(elks.sends(), 0);
}

#[test]
fn a_sender_that_the_operator_lists_may_be_one_that_is_refused_otherwise() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    program.send(json!({"from": "BankID"})).failed("VALIDATION_ERROR");
    program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej", "from": "BankID"})).error();
    assert!(elks.requests().is_empty());

    let mut program = Launch::account(&elks).env("ELKS_ALLOWED_SENDERS", "BankID, +46701740606").serve();
    let sent = program.send(json!({"from": " BankID "}));
    assert_eq!((&sent.facts()["from"], &sent.facts()["sent"]), (&json!("BankID"), &json!(true)));
    program.send(json!({"from": "BankID", "dry_run": true})).facts();
    program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej", "from": "BankID"})).facts();
    program.send(json!({"from": "+46 70 174 06 06"})).facts();
    let senders: Vec<Option<String>> = elks.requests().iter().map(|request| request.field("from")).collect();
    let expected = ["BankID", "BankID", "BankID", "+46701740606"].map(|sender| Some(sender.to_string()));
    assert_eq!(senders, expected);
    // Another spelling, another imitation and another name are not on the list.
    for from in ["BANKID", "B4nkID", "Elks", "+46701740607"] {
        let error = program.send(json!({"from": from})).failed("NOT_ALLOWED");
        assert!(error.contains("(ELKS_ALLOWED_SENDERS)") && !error.contains(from), "{error}");
    }
    assert_eq!(elks.requests().len(), 4);
}

#[test]
fn the_configured_sender_is_always_allowed() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("ELKS_ALLOWED_SENDERS", "Elks").serve();
    assert_eq!(program.send(json!({})).facts()["from"], SENDER);
    assert_eq!(program.send(json!({"from": "+46 766 86 10 04", "message": "en till"})).facts()["from"], SENDER);
    let launch = Launch::account(&elks).env("ELKS_PHONE_NUMBER", "Polisen").env("ELKS_ALLOWED_SENDERS", "Elks");
    let mut named = launch.serve();
    assert_eq!(named.send(json!({})).facts()["from"], "Polisen", "the operator's own choice");
    named.send(json!({"from": SENDER})).failed("NOT_ALLOWED");
    assert_eq!(elks.sends(), 3);
}

#[test]
fn a_message_that_is_not_valid_is_called_so_whatever_the_rules_say() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("ELKS_ALLOWED_RECIPIENTS", "+4673*").serve();
    for wrong in [json!({"to": "070-174 06 05"}), json!({"surprise": 1}), json!({"message": 5})] {
        program.send(wrong).failed("VALIDATION_ERROR");
    }
    assert!(elks.requests().is_empty());
}
