//! `ELKS_CONTACTS`: a name stands for a number wherever a message is sent or shown, and with `ELKS_CONTACTS_ONLY` the
//! model chooses what is said and never to whom.

use crate::support::fake_account::FakeAccount;
use crate::support::fake_elks::FakeElks;
use crate::support::program::{Launch, Program};
use crate::support::{RECIPIENT, answers};
use chrono::TimeDelta;
use serde_json::{Value, json};

const CONTACTS: &str = "Anna=+46 70 174 06 05, dr-berg=+46701740606";

/// The tools that take a recipient and leave the choice to the model, unless only contacts are allowed.
const TO_SOMEBODY: [&str; 2] = ["send_sms", "estimate_sms_cost"];

fn with_contacts(elks: &FakeElks) -> Launch {
    Launch::account(elks).env("ELKS_CONTACTS", CONTACTS)
}

/// The schema of `to` of a tool.
fn schema_of_to(program: &mut Program, tool: &str) -> Value {
    let tools = program.request("tools/list", &json!({}))["result"]["tools"].clone();
    let tool = tools.as_array().unwrap().iter().find(|known| known["name"] == tool).unwrap().clone();
    tool["inputSchema"]["properties"]["to"].clone()
}

#[test]
fn a_contacts_name_sends_to_their_number_and_the_result_and_the_audit_name_them() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = with_contacts(&elks).serve();
    for (number, name) in ["Anna", "anna", " ANNA "].into_iter().enumerate() {
        let called = program.send(json!({"to": name, "message": format!("Hej {number}")}));
        let facts = called.facts();
        assert_eq!((&facts["to"], &facts["contact"]), (&json!(RECIPIENT), &json!("Anna")), "as the operator wrote it");
        assert!(called.text().contains(&format!("to Anna ({RECIPIENT}) was accepted")), "{}", called.text());
        let audit = program.audit();
        assert_eq!(audit["params"], json!({"contact": "Anna", "to": "+467****605", "message_length": 5}));
    }
    // A call with the number gets the name in its result, too.
    let called = program.send(json!({"message": "till ett nummer"}));
    assert_eq!(called.facts()["contact"], "Anna");
    let dry = program.send(json!({"to": "dr-berg", "dry_run": true}));
    assert_eq!((&dry.facts()["to"], &dry.facts()["contact"]), (&json!("+46701740606"), &json!("dr-berg")));
    let requests = elks.requests();
    let recipients: Vec<String> = requests.iter().filter_map(|request| request.field("to")).collect();
    assert_eq!(recipients, [RECIPIENT, RECIPIENT, RECIPIENT, RECIPIENT, "+46701740606"]);
    assert!(requests.iter().all(|request| !request.body.to_lowercase().contains("anna")), "46elks hears no name");
}

#[test]
fn with_contacts_only_the_recipient_is_a_choice_of_names() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = with_contacts(&elks).env("ELKS_CONTACTS_ONLY", "true").serve();
    for tool in TO_SOMEBODY {
        let schema = schema_of_to(&mut program, tool);
        assert_eq!((&schema["type"], &schema["enum"]), (&json!("string"), &json!(["Anna", "dr-berg"])), "{tool}");
        assert!(!schema.to_string().contains("1740"), "the numbers are the operator's: {schema}");
    }
    program.call("estimate_sms_cost", json!({"to": "Anna", "message": "Hej"})).facts();
    assert_eq!(program.send(json!({"to": "anna"})).facts()["to"], RECIPIENT);
    assert_eq!((elks.dry_runs(), elks.sends()), (1, 1));
}

#[test]
fn with_contacts_only_a_number_is_refused_even_that_of_a_contact() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = with_contacts(&elks).env("ELKS_CONTACTS_ONLY", "true").serve();
    for to in [RECIPIENT, "+46701740609", "bertil", "", "Anna,dr-berg"] {
        for (tool, more) in
            [("send_sms", json!({})), ("send_sms", json!({"dry_run": true})), ("estimate_sms_cost", json!({}))]
        {
            let mut arguments = json!({"to": to, "message": "Hej"});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let error = program.call(tool, arguments).failed("NOT_ALLOWED");
            assert_eq!(
                error,
                "`to` must be one of the operator's contacts, by name: Anna, dr-berg (ELKS_CONTACTS_ONLY). Nothing was \
                 sent. Only the operator can change it."
            );
            assert_eq!(program.audit()["error"], "NOT_ALLOWED");
        }
    }
    let stderr = program.finish().errors();
    assert!(!stderr.contains("1740605") && !stderr.contains("bertil"), "{stderr}");
    assert!(elks.requests().is_empty());
}

#[test]
fn without_contacts_only_the_names_are_in_the_description_and_numbers_stay_allowed() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = with_contacts(&elks).serve();
    for tool in ["send_sms", "estimate_sms_cost", "get_sms_messages", "check_account_balance", "get_sending_limits"] {
        let schema = schema_of_to(&mut program, tool);
        assert!(schema["enum"].is_null(), "{tool}: {schema}");
        let described = schema["description"].as_str().unwrap();
        assert!(described.starts_with("A number, or a contact's name: Anna, dr-berg."), "{tool}: {described}");
        assert!(!described.contains("174060"), "the numbers are the operator's: {described}");
    }
    assert_eq!(program.send(json!({"to": "+46701740609"})).facts()["contact"], Value::Null);
    let mut without = Launch::account(&elks).serve();
    assert!(!schema_of_to(&mut without, "send_sms").to_string().contains("contact's name"));
    without.send(json!({"to": "Anna"})).failed("VALIDATION_ERROR");
}

#[test]
fn the_limits_and_the_instructions_name_contacts_without_their_numbers() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = with_contacts(&elks).env("ELKS_CONTACTS_ONLY", "true").start();
    let instructions = program.handshake()["instructions"].as_str().unwrap().to_string();
    assert!(instructions.contains("Only the operator's contacts can be reached, by name."), "{instructions}");
    let called = program.call("get_sending_limits", json!({"to": "anna"}));
    let facts = called.facts();
    assert_eq!((&facts["contacts"], &facts["contacts_only"]), (&json!(["Anna", "dr-berg"]), &json!(true)));
    assert!(called.text().contains("Only contacts can be reached: Anna, dr-berg."), "{}", called.text());
    assert!(!called.text().contains("1740"), "{}", called.text());
}

#[test]
fn the_history_names_contacts_and_is_asked_for_them_by_name() {
    let account = FakeAccount::new();
    let elks = account.server();
    account.add(TimeDelta::minutes(5), &answers::row("", "incoming", ""));
    let mut program = with_contacts(&elks).serve();
    let id = program.send(json!({"to": "anna"})).facts()["id"].clone();
    let page = program.call("get_sms_messages", json!({"to": "Anna"}));
    let names: Vec<&Value> =
        page.facts()["messages"].as_array().unwrap().iter().map(|message| &message["contact"]).collect();
    assert!(!names.is_empty() && names.iter().all(|name| **name == json!("Anna")), "{}", page.text());
    assert_eq!(elks.requests().last().unwrap().parameter("to").as_deref(), Some(RECIPIENT));
    let all = program.call("get_sms_messages", json!({}));
    let incoming =
        all.facts()["messages"].as_array().unwrap().iter().find(|sms| sms["direction"] == "inbound").cloned();
    assert_eq!(incoming.unwrap()["contact"], "Anna", "who wrote it");
    let status = program.call("check_sms_status", json!({"message_id": id}));
    assert_eq!(status.facts()["message"]["contact"], "Anna");
}
