//! The operator's policy: who may be sent what, from whom, how often, for how much, and when. It is data and pure
//! functions: no clock, and no I/O but for [`InForce`], which reads the policy file.
//!
//! Policies have one operation, [`Policy::meet`]: the minimum of limits, the intersection of allowed lists, the union
//! of blocked ones, the stronger demand for approval. What it gives is never looser than either of the two. Environment
//! and file meet at the start, and a changed file meets what is in force.
//!
//! # Layout
//! - `rule`: the rules by name, and the sentences about a message that breaks them
//! - `recipients`, `countries`, `contacts`, `quiet_hours`, `zones`: one kind of rule each
//! - `windows`: counts, amounts and waits
//! - `stated`: what one source states, and what becomes of it
//! - [`settings`]: from `NAME=value` to what is stated; `in_force`: the file
//! - [`mod@print`]: the table of `elks-mcp policy`

mod contacts;
pub(crate) mod countries;
pub(crate) mod file;
mod in_force;
mod meet;
pub mod print;
mod quiet_hours;
mod recipients;
mod rule;
pub mod settings;
mod stated;
#[cfg(test)]
mod tests;
mod windows;
mod zones;

pub use in_force::{Broken, InForce};
pub use rule::{Confirm, Denial, NotNow, Rule};
pub use stated::Stated;
pub use windows::{Counted, DAY, Left, MINUTE, MONTH, QuietNow, Remaining, Usage};

use chrono::TimeDelta;
use contacts::Contacts;
use countries::Countries;
use meet::{Allowed, AtLeast, AtMost, Meet};
use quiet_hours::QuietHours;
use recipients::Numbers;
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// What a message may be. Outside of tests there is no Debug form, because it would show the lists.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Policy {
    recipients: Allowed<Numbers>,
    blocked: Numbers,
    countries: Allowed<Countries>,
    /// Present when `contacts_only` is set.
    contacts: Allowed<Contacts>,
    contacts_only: bool,
    senders: Allowed<BTreeSet<String>>,
    per_minute: AtMost<NonZeroU32>,
    per_day: AtMost<u64>,
    per_recipient: AtMost<u64>,
    spend_day: AtMost<u64>,
    spend_month: AtMost<u64>,
    max_price: AtMost<u64>,
    max_parts: AtMost<u64>,
    quiet: QuietHours,
    /// Zero when duplicates are not looked for.
    duplicate_minutes: AtLeast<u32>,
    confirm: Confirm,
}

/// A message, as far as the policy looks at it.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug))]
pub struct Message<'a> {
    /// The recipient's number in E.164 form.
    pub to: &'a str,
    /// The sender as it is sent.
    pub from: &'a str,
    /// Whether the sender is the configured one, which is always allowed.
    pub default_sender: bool,
    /// How many parts it makes.
    pub parts: u64,
    /// What it may cost, in ten-thousandths of the account's currency, if that is known.
    pub price: Option<u64>,
}

impl Policy {
    /// No rule at all. With it, [`Policy::meet`] gives the other policy.
    pub fn open() -> Self {
        Self {
            recipients: Allowed(None),
            blocked: Numbers::default(),
            countries: Allowed(None),
            contacts: Allowed(None),
            contacts_only: false,
            senders: Allowed(None),
            per_minute: AtMost(None),
            per_day: AtMost(None),
            per_recipient: AtMost(None),
            spend_day: AtMost(None),
            spend_month: AtMost(None),
            max_price: AtMost(None),
            max_parts: AtMost(None),
            quiet: QuietHours::default(),
            duplicate_minutes: AtLeast(0),
            confirm: Confirm::Never,
        }
    }

    /// The policy of settings that are all unset.
    pub fn defaults() -> Self {
        Self {
            per_minute: AtMost(Some(settings::DEFAULT_SMS_PER_MINUTE)),
            per_day: AtMost(Some(settings::DEFAULT_SMS_PER_DAY)),
            per_recipient: AtMost(Some(settings::DEFAULT_SMS_PER_RECIPIENT_PER_DAY)),
            duplicate_minutes: AtLeast(settings::DEFAULT_DUPLICATE_MINUTES),
            ..Self::open()
        }
    }

    /// Whether it leaves open who is sent to and for how much: anyone, in any country, without an approval and without
    /// a limit on amounts.
    pub(crate) fn is_wide_open(&self) -> bool {
        self.recipients.0.is_none()
            && self.countries.0.is_none()
            && !self.contacts_only
            && self.confirm == Confirm::Never
            && !self.needs_price()
    }

    /// The policy that admits what both admit.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            recipients: self.recipients.meet(&other.recipients),
            blocked: self.blocked.meet(&other.blocked),
            countries: self.countries.meet(&other.countries),
            contacts: self.contacts.meet(&other.contacts),
            contacts_only: self.contacts_only.meet(&other.contacts_only),
            senders: self.senders.meet(&other.senders),
            per_minute: self.per_minute.meet(&other.per_minute),
            per_day: self.per_day.meet(&other.per_day),
            per_recipient: self.per_recipient.meet(&other.per_recipient),
            spend_day: self.spend_day.meet(&other.spend_day),
            spend_month: self.spend_month.meet(&other.spend_month),
            max_price: self.max_price.meet(&other.max_price),
            max_parts: self.max_parts.meet(&other.max_parts),
            quiet: self.quiet.meet(&other.quiet),
            duplicate_minutes: self.duplicate_minutes.meet(&other.duplicate_minutes),
            confirm: self.confirm.meet(&other.confirm),
        }
    }

    /// Whether a message is allowed by the rules that time does not change. [`Policy::admit`] has the others.
    ///
    /// # Errors
    /// All rules that the message breaks.
    pub fn check(&self, message: &Message<'_>) -> Result<(), Denial> {
        let broken = [
            (Rule::AllowedRecipients, self.recipients.0.as_ref().is_some_and(|list| !list.has(message.to))),
            (Rule::BlockedRecipients, self.blocked.has(message.to)),
            (Rule::AllowedCountries, self.countries.0.as_ref().is_some_and(|list| !list.has(message.to))),
            (Rule::ContactsOnly, self.contacts_only && self.contact_of(message.to).is_none()),
            (Rule::AllowedSenders, !message.default_sender && !self.allows_sender(message.from)),
            (Rule::MaxParts, self.max_parts.0.is_some_and(|most| message.parts > most)),
        ];
        Denial::of(broken.into_iter().filter(|(_, broken)| *broken).map(|(rule, _)| rule).collect())
    }

    /// When a person must approve a real send.
    pub fn confirm(&self) -> Confirm {
        self.confirm
    }

    /// The number of a contact, in E.164 form. Case makes no difference.
    pub fn contact(&self, name: &str) -> Option<&str> {
        self.contacts.0.as_ref()?.number(name)
    }

    /// The contact that has a number in E.164 form.
    pub fn contact_of(&self, number: &str) -> Option<&str> {
        self.contacts.0.as_ref()?.name(number)
    }

    /// The names of all contacts, sorted.
    pub fn contact_names(&self) -> Vec<&str> {
        self.contacts.0.iter().flat_map(|contacts| contacts.all().map(|(name, _)| name)).collect()
    }

    /// Whether only contacts may be sent to.
    pub fn contacts_only(&self) -> bool {
        self.contacts_only
    }

    /// The two letters of each allowed country, sorted; nothing when all are allowed.
    pub fn countries(&self) -> Option<Vec<&'static str>> {
        self.countries.0.as_ref().map(Countries::codes)
    }

    /// Whether a list of allowed senders is set and has this one.
    pub fn sender_is_listed(&self, from: &str) -> bool {
        self.senders.0.as_ref().is_some_and(|list| list.contains(from))
    }

    fn allows_sender(&self, from: &str) -> bool {
        self.senders.0.is_none() || self.sender_is_listed(from)
    }

    /// How long the same message is a duplicate; nothing when duplicates are not looked for.
    pub fn duplicate_window(&self) -> Option<TimeDelta> {
        Some(self.duplicate_minutes.0).filter(|minutes| *minutes > 0).map(|minutes| TimeDelta::minutes(minutes.into()))
    }

    /// Whether the price of a message must be known before it is sent.
    pub fn needs_price(&self) -> bool {
        [self.spend_day, self.spend_month, self.max_price].iter().any(|limit| limit.0.is_some())
    }

    /// How many messages any 60 seconds admit; nothing without a limit.
    pub fn per_minute(&self) -> Option<NonZeroU32> {
        self.per_minute.0
    }

    /// What one message may cost, in ten-thousandths of the account's currency; nothing without a limit.
    pub fn max_price(&self) -> Option<u64> {
        self.max_price.0
    }

    /// Whether a list of allowed recipients is set.
    pub fn lists_recipients(&self) -> bool {
        self.recipients.0.is_some()
    }

    /// Whether a list of allowed senders is set.
    pub fn lists_senders(&self) -> bool {
        self.senders.0.is_some()
    }

    /// How many parts one message may have; nothing without a limit.
    pub fn max_parts(&self) -> Option<u64> {
        self.max_parts.0
    }
}
