//! Whatever text, number or sender comes, the rules do not panic and keep their promises.
#![no_main]

use elks_sms::rules::{encoding, invisible, links, numbers, senders, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let visible = invisible::visible(input);
    assert!(invisible::unseen(&visible).next().is_none());
    if let Ok(clean) = text::clean(input) {
        assert!(clean.text.chars().count() + clean.removed == input.chars().count());
        assert!(encoding::shape(&clean.text).parts >= 1);
        assert_eq!(encoding::forcing(&clean.text).is_empty(), encoding::shape(&clean.text).gsm7);
    }
    for link in links::links(input) {
        assert!(link.host.len() <= input.len() * 3);
    }
    if let Ok(number) = numbers::recipient(input) {
        assert!(number.starts_with('+') && number[1..].bytes().all(|b| b.is_ascii_digit()) && number.len() <= 16);
    }
    if let Ok(sender) = senders::requested(input) {
        assert!(sender.starts_with('+') || (3..=11).contains(&sender.len()));
    }
});
