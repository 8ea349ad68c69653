//! For any text, number or sender: the rules do not panic, and what they accept has the form that they promise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sms_rules::{gsm, invisible, links, phone, sender, surrogates, text};

fuzz_target!(|input: &str| {
    let escaped = invisible::escape(input);
    assert!(invisible::find(&escaped).next().is_none());
    assert_eq!(surrogates::replace_lone(input.as_bytes()).len(), input.len());
    if let Ok(clean) = text::clean(input) {
        assert!(clean.text.chars().count() + clean.removed == input.chars().count());
        assert!(gsm::segment(&clean.text).parts >= 1);
        assert_eq!(gsm::non_gsm(&clean.text).is_empty(), gsm::segment(&clean.text).gsm7);
    }
    for link in links::links(input) {
        let (links::Target::Host(name) | links::Target::App(name)) = link.target;
        assert!(name.contains(char::is_alphanumeric));
    }
    if let Ok(number) = phone::recipient(input) {
        assert!(phone::is_e164(&number));
    }
    if let Ok(sender) = sender::requested(input) {
        assert!(phone::is_e164(&sender) || sender::is_name(&sender));
    }
});
