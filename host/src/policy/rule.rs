//! The rules by name, and the sentences about a message that breaks them. No sentence shows what a list holds.

use chrono::{DateTime, Utc};
use std::fmt;

/// When a person must approve a real send in their client. A later one is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirm {
    /// Nobody is asked.
    Never,
    /// A person is asked before the first message to a recipient who is no contact.
    FirstContact,
    /// A person is asked before each message.
    Always,
}

impl Confirm {
    /// The value of `CONFIRM_SENDS`.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Never => "false",
            Self::FirstContact => "first-contact",
            Self::Always => "true",
        }
    }
}

/// A rule of the policy. Each has one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Only listed recipients.
    AllowedRecipients,
    /// No blocked recipient.
    BlockedRecipients,
    /// Only listed countries.
    AllowedCountries,
    /// Only contacts.
    ContactsOnly,
    /// Only listed senders, and the configured one.
    AllowedSenders,
    /// So many parts of one message.
    MaxParts,
    /// So much for one message.
    MaxPrice,
    /// So many messages in any 60 seconds.
    SmsPerMinute,
    /// So many messages in any 24 hours.
    SmsPerDay,
    /// So many messages to one recipient in any 24 hours.
    SmsPerRecipientPerDay,
    /// So much in any 24 hours.
    SpendPerDay,
    /// So much in any 30 days.
    SpendPerMonth,
    /// Nothing at these hours.
    QuietHours,
}

impl Rule {
    /// All rules, in the order in which they are reported.
    pub const ALL: [Self; 13] = [
        Self::AllowedRecipients,
        Self::BlockedRecipients,
        Self::AllowedCountries,
        Self::ContactsOnly,
        Self::AllowedSenders,
        Self::MaxParts,
        Self::MaxPrice,
        Self::SmsPerMinute,
        Self::SmsPerDay,
        Self::SmsPerRecipientPerDay,
        Self::SpendPerDay,
        Self::SpendPerMonth,
        Self::QuietHours,
    ];

    /// The setting that only the operator can change.
    pub fn setting(self) -> &'static str {
        self.words().0
    }

    /// The name for programs.
    pub fn name(self) -> &'static str {
        self.words().1
    }

    /// What is wrong with a message that breaks the rule.
    pub fn sentence(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::AllowedRecipients => (
                "ELKS_ALLOWED_RECIPIENTS",
                "allowed_recipients",
                "the recipient is not on the list of allowed recipients",
            ),
            Self::BlockedRecipients => ("ELKS_BLOCKED_RECIPIENTS", "blocked_recipients", "the recipient is blocked"),
            Self::AllowedCountries => {
                ("ELKS_ALLOWED_COUNTRIES", "allowed_countries", "the recipient's country is not allowed")
            }
            Self::ContactsOnly => ("ELKS_CONTACTS_ONLY", "contacts_only", "the recipient is not one of the contacts"),
            Self::AllowedSenders => {
                ("ELKS_ALLOWED_SENDERS", "allowed_senders", "the sender is not on the list of allowed senders")
            }
            Self::MaxParts => ("ELKS_MAX_PARTS", "max_parts", "the message has more parts than one message may have"),
            Self::MaxPrice => ("ELKS_MAX_PRICE", "max_price", "the message costs more than one message may cost"),
            Self::SmsPerMinute => (
                "RATE_LIMIT_SMS_PER_MINUTE",
                "sms_per_minute",
                "the largest number of messages in 60 seconds is reached",
            ),
            Self::SmsPerDay => {
                ("ELKS_MAX_SMS_PER_DAY", "sms_per_day", "the largest number of messages in 24 hours is reached")
            }
            Self::SmsPerRecipientPerDay => (
                "ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY",
                "sms_per_recipient_per_day",
                "the largest number of messages to this recipient in 24 hours is reached",
            ),
            Self::SpendPerDay => (
                "ELKS_SPEND_PER_DAY",
                "spend_per_day",
                "the message would cost more than is left of the amount for 24 hours",
            ),
            Self::SpendPerMonth => (
                "ELKS_SPEND_PER_MONTH",
                "spend_per_month",
                "the message would cost more than is left of the amount for 30 days",
            ),
            Self::QuietHours => ("ELKS_QUIET_HOURS", "quiet_hours", "these are quiet hours"),
        }
    }
}

/// A message is not allowed, and time does not change that: only the operator can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// All rules that the message breaks, in the order of [`Rule::ALL`]; never empty.
    pub rules: Vec<Rule>,
}

impl Denial {
    /// A denial, if there is a broken rule.
    pub(crate) fn of(mut rules: Vec<Rule>) -> Result<(), Self> {
        rules.sort();
        rules.dedup();
        if rules.is_empty() { Ok(()) } else { Err(Self { rules }) }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rule) in self.rules.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{} ({})", rule.sentence(), rule.setting())?;
        }
        Ok(())
    }
}

/// Why a message may not be sent at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Time cures it.
    Wait {
        /// The rules that forbid the message now or until it may be sent, in the order of [`Rule::ALL`]; never empty.
        rules: Vec<Rule>,
        /// How long until all rules admit it, in seconds, rounded up; at least 1. Other messages may come first.
        seconds: u64,
        /// The first moment at which all rules admit it.
        opens: DateTime<Utc>,
        /// When quiet hours are among the rules: when they end, on their own clocks (`08:00 Europe/Stockholm`).
        quiet: Option<String>,
    },
    /// Time does not cure it: the message costs more than a whole limit, its price is needed and not known, or the
    /// quiet hours never end. A spend limit whose price is not known is among the rules.
    Never(Denial),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_words_of_its_own_and_a_known_setting() {
        let mut names: Vec<&str> = Rule::ALL.into_iter().map(Rule::name).collect();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
        assert!(Rule::ALL.is_sorted());
        for rule in Rule::ALL {
            assert!(crate::policy::settings::NAMES.contains(&rule.setting()), "{}", rule.setting());
            assert!(!rule.sentence().is_empty() && rule.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
    }
}
