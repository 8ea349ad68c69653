//! What one source states, and what becomes of two sources. A setting that neither states has its default; one that
//! both state has the stricter value. So a default never limits what the operator wrote, and no source loosens the
//! other.

use super::contacts::Contacts;
use super::countries::Countries;
use super::meet::{Allowed, AtLeast, AtMost, Meet};
use super::quiet_hours::QuietHours;
use super::recipients::Numbers;
use super::settings;
use super::{Confirm, Policy};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// The settings that a source states; nothing for those that it leaves out. `*` is a statement, too.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Stated {
    pub(crate) recipients: Option<Allowed<Numbers>>,
    pub(crate) blocked: Option<Numbers>,
    pub(crate) countries: Option<Allowed<Countries>>,
    pub(crate) contacts: Option<Allowed<Contacts>>,
    pub(crate) contacts_only: Option<bool>,
    pub(crate) senders: Option<Allowed<BTreeSet<String>>>,
    pub(crate) per_minute: Option<AtMost<NonZeroU32>>,
    pub(crate) per_day: Option<AtMost<u64>>,
    pub(crate) per_recipient: Option<AtMost<u64>>,
    pub(crate) spend_day: Option<AtMost<u64>>,
    pub(crate) spend_month: Option<AtMost<u64>>,
    pub(crate) max_price: Option<AtMost<u64>>,
    pub(crate) max_parts: Option<AtMost<u64>>,
    pub(crate) quiet: Option<QuietHours>,
    pub(crate) duplicate_minutes: Option<AtLeast<u32>>,
    pub(crate) confirm: Option<Confirm>,
}

impl Stated {
    /// The policy of two sources.
    ///
    /// # Errors
    /// Settings that do not fit each other: contacts only without a contact, quiet hours that never end. Each sentence
    /// is without values.
    pub fn policy(&self, other: &Self) -> Result<Policy, Vec<String>> {
        let defaults = Policy::defaults();
        let policy = Policy {
            recipients: of_both(&self.recipients, &other.recipients, defaults.recipients),
            blocked: of_both(&self.blocked, &other.blocked, defaults.blocked),
            countries: of_both(&self.countries, &other.countries, defaults.countries),
            contacts: of_both(&self.contacts, &other.contacts, defaults.contacts),
            contacts_only: of_both(&self.contacts_only, &other.contacts_only, defaults.contacts_only),
            senders: of_both(&self.senders, &other.senders, defaults.senders),
            per_minute: of_both(&self.per_minute, &other.per_minute, defaults.per_minute),
            per_day: of_both(&self.per_day, &other.per_day, defaults.per_day),
            per_recipient: of_both(&self.per_recipient, &other.per_recipient, defaults.per_recipient),
            spend_day: of_both(&self.spend_day, &other.spend_day, defaults.spend_day),
            spend_month: of_both(&self.spend_month, &other.spend_month, defaults.spend_month),
            max_price: of_both(&self.max_price, &other.max_price, defaults.max_price),
            max_parts: of_both(&self.max_parts, &other.max_parts, defaults.max_parts),
            quiet: of_both(&self.quiet, &other.quiet, defaults.quiet),
            duplicate_minutes: of_both(&self.duplicate_minutes, &other.duplicate_minutes, defaults.duplicate_minutes),
            confirm: of_both(&self.confirm, &other.confirm, defaults.confirm),
        };
        let problems = policy.contradictions();
        if problems.is_empty() { Ok(policy) } else { Err(problems) }
    }
}

impl Policy {
    /// The settings that make no sense together.
    fn contradictions(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.contacts_only && self.contact_names().is_empty() {
            let (only, contacts) = (settings::CONTACTS_ONLY, settings::CONTACTS);
            problems.push(if self.contacts.0.is_none() {
                format!(
                    "{only} is true, but {contacts} is not set: nobody could be sent to; add contacts, or unset {only}"
                )
            } else {
                format!("{only} is true, but no contact is in both the environment's and the policy file's {contacts}")
            });
        }
        if !self.quiet.can_open() {
            let name = settings::QUIET_HOURS;
            problems.push(format!("{name} leaves no time of day at which messages may be sent: shorten the hours"));
        }
        problems
    }
}

/// The value of a setting that either source, both or none states.
fn of_both<T: Meet + Clone>(one: &Option<T>, two: &Option<T>, default: T) -> T {
    match (one, two) {
        (Some(one), Some(two)) => one.meet(two),
        (Some(stated), None) | (None, Some(stated)) => stated.clone(),
        (None, None) => default,
    }
}
