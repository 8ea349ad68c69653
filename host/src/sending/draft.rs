//! A message that is about to be sent, as the egress will let it out. It is made from the call's permit, so it is what
//! leaves, whatever the component makes of the call.

use crate::config::Settings;
use crate::ledger::{Content, Hash, Intent, Keys};
use crate::mask;
use crate::policy::Message;
use elks_sandbox::{Allowed, Permit, RequestPattern};
use sms_rules::gsm;
use sms_rules::phone;

/// What a call says to the host alone.
#[derive(Default)]
pub(crate) struct Additions {
    /// The recipient's name, where the recipient is a contact.
    pub(crate) contact: Option<String>,
    /// The caller's own key for the message.
    pub(crate) key: Option<String>,
    /// Whether a person has approved the message.
    pub(crate) approved: bool,
}

/// A message and its place in the ledger. It has no Debug form, because it holds numbers and a text.
#[derive(Clone)]
pub(crate) struct Draft {
    /// The recipient, in E.164 form.
    pub(crate) to: String,
    /// The sender, as it is sent.
    pub(crate) from: String,
    /// The text, as it is sent.
    pub(crate) text: String,
    /// Whether the caller wrote another text, such as one with control characters.
    pub(crate) is_changed: bool,
    /// Whether the sender is the one that the operator configured.
    default_sender: bool,
    /// The contact's name, where the recipient is one.
    pub(crate) contact: Option<String>,
    /// How many parts are billed.
    parts: u64,
    /// The price of all parts, once 46elks has said it.
    pub(crate) price: Option<u64>,
    /// Whether a person has approved the message.
    pub(crate) approved: bool,
    /// What makes two messages the same.
    pub(crate) content: Hash,
    /// The recipient in the ledger.
    pub(crate) recipient: Hash,
    /// The caller's own key for this message.
    pub(crate) key: Option<Hash>,
}

impl Draft {
    /// The message that a permit lets out; `None` when it lets none out, or to no valid number: the component then says
    /// what is wrong.
    pub(crate) fn of(permit: &Permit, additions: &Additions, settings: &Settings) -> Option<Self> {
        let [Allowed { request: RequestPattern::PostSms { to, from, message, flash, dry_run: _ }, .. }] =
            permit.allowed()
        else {
            return None;
        };
        // The component has the same rule, and nobody need believe it: another spelling of a number would pass lists
        // and limits.
        if phone::recipient(to).as_deref() != Ok(to) {
            return None;
        }
        let keys: &Keys = &settings.keys;
        Some(Self {
            to: to.clone(),
            from: from.clone(),
            text: message.clone(),
            is_changed: false,
            default_sender: *from == settings.sender,
            contact: additions.contact.clone(),
            parts: gsm::segment(message).parts.into(),
            price: None,
            approved: additions.approved,
            content: keys.content(&Content { to, from, flash: *flash, text: message }),
            recipient: keys.recipient(to),
            key: additions.key.as_deref().map(|key| keys.idempotency(key)),
        })
    }

    /// The message as the policy sees it.
    pub(crate) fn message(&self) -> Message<'_> {
        Message {
            to: &self.to,
            from: &self.from,
            default_sender: self.default_sender,
            parts: self.parts,
            price: self.price,
        }
    }

    /// The intent to send it, without its text and its whole number.
    pub(crate) fn intent(&self) -> Intent {
        Intent {
            content: self.content,
            recipient: self.recipient,
            key: self.key,
            to: mask::party(&self.to),
            from: mask::party(&self.from),
            contact: self.contact.clone(),
            parts: self.parts,
            price: self.price,
            approved: self.approved,
            pid: std::process::id(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Variables;
    use crate::contract::SendSmsRequest;
    use crate::tools::Call;

    /// A message from the simulated account.
    pub(in crate::sending) fn draft(to: &str, text: &str, key: Option<&str>) -> Draft {
        of(to, None, text, key).expect("is a message")
    }

    fn of(to: &str, from: Option<&str>, text: &str, key: Option<&str>) -> Option<Draft> {
        let settings = Settings::read(&Variables::from([("DRY_RUN", "false")]), true).expect("are valid");
        let from = from.map(Into::into);
        let request = SendSmsRequest { to: to.into(), message: text.into(), from, flashsms: None, dry_run: None };
        let additions = Additions { key: key.map(Into::into), ..Additions::default() };
        Draft::of(&Call::SendSms(request).permit(&settings), &additions, &settings)
    }

    #[test]
    fn the_same_message_in_another_spelling_has_the_same_hashes() {
        let hej = draft("+46701740605", "Hej\nAnna", None);
        for (to, text) in
            [("+46 70-174 06.05", "Hej\nAnna"), ("+46701740605", "  Hej\r\nAnna\n"), ("+46701740605", "Hej\u{7}\nAnna")]
        {
            let other = draft(to, text, None);
            assert!(other.content == hej.content && other.recipient == hej.recipient, "{text:?}");
        }
        for (to, from, text) in [
            ("+46701740606", None, "Hej\nAnna"),
            ("+46701740605", Some("Elks"), "Hej\nAnna"),
            ("+46701740605", None, "hej\nAnna"),
            ("+46701740605", None, "Hej Anna"),
        ] {
            assert!(of(to, from, text, None).expect("is a message").content != hej.content, "{to} {text:?}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_no_draft() {
        for (to, text) in [
            ("0701740605", "Hej"),
            ("+46701740605,+46701740606", "Hej"),
            ("+460701740605", "Hej"),
            ("+0046701740605", "Hej"),
            ("+99912345678", "Hej"),
            ("+46701740605", "\u{7}"),
        ] {
            assert!(of(to, None, text, None).is_none(), "{to} {text:?}");
        }
    }

    #[test]
    fn an_intent_has_no_text_and_no_whole_number() {
        let intent = draft("+46701740605", "hemligt", Some("key 7")).intent();
        let json = serde_json::to_string(&intent).expect("serialises");
        for hidden in ["46701740605", "hemligt", "key 7", "46766861004"] {
            assert!(!json.contains(hidden), "{json}");
        }
        assert!(json.contains("+467****605"), "{json}");
    }
}
