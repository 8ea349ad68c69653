//! A message that has passed every rule. Nothing here sends it or prices it.

use crate::api::Outgoing;
use crate::bindings::types::{Account, Encoding, Error};
use crate::error::invalid;
use crate::notes;
use sms_rules::gsm::Segmentation;
use sms_rules::text::{Clean, MAX_PARTS};
use sms_rules::{gsm, phone, sender, text};

/// A message that has passed every rule: its fields are sent as they are.
pub(crate) struct Draft {
    /// The recipient in E.164 form.
    pub(crate) to: String,
    /// The sender: a number in E.164 form, or a name.
    pub(crate) from: String,
    /// The text, without control characters.
    pub(crate) clean: Clean,
    /// The encoding and the number of parts by the published rule.
    pub(crate) segmentation: Segmentation,
}

impl Draft {
    /// Applies the rules to what the caller wants to send.
    ///
    /// # Errors
    /// The rule that the recipient, the sender or the text breaks.
    pub(crate) fn check(account: &Account, to: &str, from: Option<&str>, message: &str) -> Result<Self, Error> {
        let to = phone::recipient(to).map_err(|error| invalid("to", error))?;
        let from = match (from, account.default_sender.as_deref()) {
            (Some(from), _) => sender::requested(from).map_err(|error| invalid("from", error))?,
            (None, Some(from)) => sender::form(from).map_err(|error| invalid("the configured sender", error))?,
            (None, None) => return Err(invalid("from", "no sender is configured, so the request must name one")),
        };
        let clean = text::clean(message).map_err(|error| Error::Invalid(error.into()))?;
        let segmentation = gsm::segment(&clean.text);
        if segmentation.parts > MAX_PARTS {
            let reason = format!("it makes {} parts, at most {MAX_PARTS} are allowed: shorten it", segmentation.parts);
            return Err(invalid("message", reason));
        }
        Ok(Self { to, from, clean, segmentation })
    }

    /// The message as the API takes it.
    pub(crate) fn outgoing(&self, flash: bool, dry_run: bool) -> Outgoing<'_> {
        Outgoing { to: &self.to, from: &self.from, text: &self.clean.text, flash, dry_run }
    }

    /// The encoding in the form of the contract.
    pub(crate) fn encoding(&self) -> Encoding {
        if self.segmentation.gsm7 { Encoding::Gsm7 } else { Encoding::Utf16 }
    }

    /// The number of parts: the number that 46elks reported, where it reported one.
    pub(crate) fn parts(&self, reported: Option<u32>) -> u32 {
        reported.unwrap_or(self.segmentation.parts)
    }

    /// The notes about the recipient and the text, and about a number of parts that differs from the published rule.
    pub(crate) fn notes(&self, reported: Option<u32>) -> Vec<String> {
        let mut notes: Vec<String> = notes::recipient(&self.to).into_iter().collect();
        notes.extend(notes::about(&self.clean, self.parts(reported)));
        notes.extend(reported.and_then(|reported| notes::parts_differ(self.segmentation.parts, reported)));
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: &str = "+46701740605";

    fn account(default_sender: Option<&str>) -> Account {
        Account {
            credentials: None,
            default_sender: default_sender.map(Into::into),
            dry_run: false,
            currency: None,
            endpoint: None,
        }
    }

    fn error(checked: Result<Draft, Error>) -> String {
        match checked.err().expect("must be refused") {
            Error::Invalid(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_draft_holds_exactly_what_is_sent() {
        let draft = Draft::check(&account(Some("Elks")), "+46 70 174 06 05", None, "He\u{7}j €").expect("is valid");
        let sent = draft.outgoing(true, false);
        assert_eq!((sent.to, sent.from, sent.text, sent.flash, sent.dry_run), (TO, "Elks", "Hej €", true, false));
        assert_eq!((draft.encoding(), draft.segmentation.parts), (Encoding::Utf16, 1));
    }

    #[test]
    fn a_recipient_that_looks_invented_is_noted_first() {
        let notes = |to| Draft::check(&account(Some("Elks")), to, None, "Hej\u{7}").expect("is valid").notes(None);
        assert!(notes("+47 912 34 567")[0].contains("check with the user"), "{:?}", notes("+4791234567"));
        assert!(notes("+44 7700 900456")[0].contains("films and books"));
        assert_eq!(notes(TO), ["1 control character removed from the text."]);
    }

    #[test]
    fn the_sender_of_the_request_goes_before_the_configured_one() {
        let from = |configured, requested| Draft::check(&account(configured), TO, requested, "Hej").map(|it| it.from);
        assert_eq!(from(Some("Elks"), Some("Butiken")).expect("is valid"), "Butiken");
        assert_eq!(from(Some("+46 766 86 10 04"), None).expect("is valid"), "+46766861004");
        // Only a sender of the request is checked for impersonation.
        assert_eq!(from(Some("Police"), None).expect("is valid"), "Police");
        assert!(error(Draft::check(&account(None), TO, Some("Police"), "Hej")).starts_with("from: this name"));
    }

    #[test]
    fn a_broken_rule_names_its_argument() {
        for (account, to, message, expected) in [
            (account(Some("Elks")), "0701740605", "Hej", "to: it must begin with +"),
            (account(Some("El")), TO, "Hej", "the configured sender: a sender name"),
            (account(None), TO, "Hej", "from: no sender is configured"),
            (account(Some("Elks")), TO, " ", "message is empty"),
        ] {
            let error = error(Draft::check(&account, to, None, message));
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_text_of_too_many_parts_is_refused() {
        let check = |chars| Draft::check(&account(Some("Elks")), TO, None, &"a".repeat(chars));
        assert_eq!(check(1530).expect("makes ten parts").segmentation.parts, MAX_PARTS);
        assert_eq!(error(check(1531)), "message: it makes 11 parts, at most 10 are allowed: shorten it");
    }

    #[test]
    fn the_parts_of_46elks_count_and_a_difference_is_noted() {
        let draft = Draft::check(&account(Some("Elks")), TO, None, "Hej").expect("is valid");
        assert_eq!((draft.parts(None), draft.parts(Some(2))), (1, 2));
        assert!(draft.notes(None).is_empty() && draft.notes(Some(1)).is_empty());
        assert_eq!(draft.notes(Some(2)), ["By the published rule the message has 1 parts; 46elks bills 2."]);
    }
}
