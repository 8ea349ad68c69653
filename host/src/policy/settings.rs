//! From `NAME=value` to what is stated, the same for the environment and the policy file. Unset, empty and `*` are
//! three different things: a setting that is set but empty is an error, and `*` states that there is no limit. A
//! problem never repeats a value, not even in part.

use super::Confirm;
use super::contacts::Contacts;
use super::countries::Countries;
use super::meet::{Allowed, AtLeast, AtMost};
use super::quiet_hours::QuietHours;
use super::recipients::Numbers;
use super::stated::Stated;
use crate::assignments::{Place, QUOTED};
use crate::unfilled::Unfilled;
use sms_rules::sender;
use sms_rules::settings::{SWITCH, is_quoted, switch};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// Who may be sent to.
pub const ALLOWED_RECIPIENTS: &str = "ELKS_ALLOWED_RECIPIENTS";
/// Who may not be sent to, whatever else allows it.
pub const BLOCKED_RECIPIENTS: &str = "ELKS_BLOCKED_RECIPIENTS";
/// To which countries messages may be sent.
pub const ALLOWED_COUNTRIES: &str = "ELKS_ALLOWED_COUNTRIES";
/// Names that stand for numbers.
pub const CONTACTS: &str = "ELKS_CONTACTS";
/// Whether only contacts may be sent to.
pub const CONTACTS_ONLY: &str = "ELKS_CONTACTS_ONLY";
/// Which senders are allowed beside the configured one.
pub const ALLOWED_SENDERS: &str = "ELKS_ALLOWED_SENDERS";
/// How many calls of `send_sms` any minute admits.
pub const SMS_PER_MINUTE: &str = "RATE_LIMIT_SMS_PER_MINUTE";
/// How many messages any 24 hours admit.
pub const SMS_PER_DAY: &str = "ELKS_MAX_SMS_PER_DAY";
/// How many messages to one recipient any 24 hours admit.
pub const SMS_PER_RECIPIENT_PER_DAY: &str = "ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY";
/// How much may be spent in any 24 hours.
pub const SPEND_PER_DAY: &str = "ELKS_SPEND_PER_DAY";
/// How much may be spent in any 30 days.
pub const SPEND_PER_MONTH: &str = "ELKS_SPEND_PER_MONTH";
/// What one message may cost.
pub const MAX_PRICE: &str = "ELKS_MAX_PRICE";
/// How many parts one message may have.
pub const MAX_PARTS: &str = "ELKS_MAX_PARTS";
/// When nothing is sent.
pub const QUIET_HOURS: &str = "ELKS_QUIET_HOURS";
/// How long the same message is a duplicate.
pub const DUPLICATE_MINUTES: &str = "ELKS_DUPLICATE_MINUTES";
/// When a person must approve a real send in their client.
pub const CONFIRM_SENDS: &str = "CONFIRM_SENDS";

/// The settings of the policy, in the order of the tables. Each may stand in the environment and in the policy file.
pub const NAMES: [&str; 16] = [
    ALLOWED_RECIPIENTS,
    BLOCKED_RECIPIENTS,
    ALLOWED_COUNTRIES,
    CONTACTS,
    CONTACTS_ONLY,
    ALLOWED_SENDERS,
    SMS_PER_MINUTE,
    SMS_PER_DAY,
    SMS_PER_RECIPIENT_PER_DAY,
    SPEND_PER_DAY,
    SPEND_PER_MONTH,
    MAX_PRICE,
    MAX_PARTS,
    QUIET_HOURS,
    DUPLICATE_MINUTES,
    CONFIRM_SENDS,
];

/// What [`SMS_PER_MINUTE`] is when it is not set, in calls a minute.
pub const DEFAULT_SMS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// What [`SMS_PER_DAY`] is when it is not set, in messages in 24 hours.
pub const DEFAULT_SMS_PER_DAY: u64 = 100;
/// What [`SMS_PER_RECIPIENT_PER_DAY`] is when it is not set, in messages in 24 hours.
pub const DEFAULT_SMS_PER_RECIPIENT_PER_DAY: u64 = 20;
/// What [`DUPLICATE_MINUTES`] is when it is not set, in minutes.
pub const DEFAULT_DUPLICATE_MINUTES: u32 = 15;
/// The largest rate that can be set, in calls a minute. It is more than the program can serve, so that users of the
/// Node server, which has no bound, keep their settings. A larger number is a typing error.
pub const MAX_RATE: u32 = 1_000_000;
/// The largest number of messages a day that can be set.
pub const MAX_SMS: u64 = 1_000_000;
/// The largest amount that can be set, in ten-thousandths of the account's currency.
pub const MAX_AMOUNT: u64 = 1_000_000 * 10_000;
/// The largest number of parts that can be set. Longer messages are refused whatever is set.
pub const MAX_MAX_PARTS: u64 = 10;
/// The longest time for duplicates that can be set, in minutes: a day.
pub const MAX_DUPLICATE_MINUTES: u32 = 1440;

/// A value and where it was given.
pub(crate) struct Given<'a> {
    /// One of [`NAMES`].
    pub(crate) name: &'a str,
    /// Without white space at its ends.
    pub(crate) value: &'a str,
    /// Where it was given.
    pub(crate) place: Place,
}

/// What values state. A list may be given more than once: its entries add up.
pub(crate) fn read(given: &[Given<'_>], problems: &mut Vec<String>) -> Stated {
    let mut reader = Reader { given, problems };
    Stated {
        recipients: reader
            .list(ALLOWED_RECIPIENTS, true, Numbers::add_entry)
            .map(|list| allowed(list, Numbers::in_one_form)),
        blocked: reader.list(BLOCKED_RECIPIENTS, false, Numbers::add_entry).flatten().map(Numbers::in_one_form),
        countries: reader.list(ALLOWED_COUNTRIES, true, Countries::add_entry).map(Allowed),
        contacts: reader.list(CONTACTS, false, Contacts::add).map(Allowed),
        contacts_only: reader.one(CONTACTS_ONLY, SWITCH, switch),
        senders: reader.list(ALLOWED_SENDERS, true, add_sender).map(Allowed),
        per_minute: reader.one(SMS_PER_MINUTE, &format!("a whole number from 1 to {MAX_RATE}"), |value| {
            rate(value).map(|rate| AtMost(Some(rate)))
        }),
        per_day: reader.most(SMS_PER_DAY, &number_text(MAX_SMS), |value| number(value, MAX_SMS)),
        per_recipient: reader.most(SMS_PER_RECIPIENT_PER_DAY, &number_text(MAX_SMS), |value| number(value, MAX_SMS)),
        spend_day: reader.most(SPEND_PER_DAY, AMOUNT, amount),
        spend_month: reader.most(SPEND_PER_MONTH, AMOUNT, amount),
        max_price: reader.most(MAX_PRICE, AMOUNT, amount),
        max_parts: reader.most(MAX_PARTS, &number_text(MAX_MAX_PARTS), |value| number(value, MAX_MAX_PARTS)),
        quiet: reader.list(QUIET_HOURS, false, QuietHours::add_entry).flatten(),
        duplicate_minutes: reader.one(
            DUPLICATE_MINUTES,
            &format!("a whole number of minutes from 0 (off) to {MAX_DUPLICATE_MINUTES}"),
            |value| digits(value).filter(|minutes| *minutes <= MAX_DUPLICATE_MINUTES.into()).map(minutes),
        ),
        confirm: reader.one(CONFIRM_SENDS, &format!("{SWITCH}, or first-contact"), confirm),
    }
}

/// What may be written for an amount.
const AMOUNT: &str = "an amount in the account's currency like 25 or 0.52, above 0, with at most four decimals, or * \
                      for no limit";

/// What a setting does when it is not set.
fn unset(name: &str) -> String {
    match name {
        ALLOWED_RECIPIENTS => "anyone".into(),
        BLOCKED_RECIPIENTS => "nobody".into(),
        ALLOWED_COUNTRIES => "any country".into(),
        CONTACTS => "no contacts".into(),
        ALLOWED_SENDERS => "any valid sender".into(),
        SMS_PER_MINUTE => format!("the default of {DEFAULT_SMS_PER_MINUTE}"),
        SMS_PER_DAY => format!("the default of {DEFAULT_SMS_PER_DAY}"),
        SMS_PER_RECIPIENT_PER_DAY => format!("the default of {DEFAULT_SMS_PER_RECIPIENT_PER_DAY}"),
        DUPLICATE_MINUTES => format!("the default of {DEFAULT_DUPLICATE_MINUTES}"),
        QUIET_HOURS => "no quiet hours".into(),
        CONTACTS_ONLY | CONFIRM_SENDS => "false".into(),
        _ => "no limit".into(),
    }
}

/// Whether `*` is a value of a setting, and in words what it means.
fn star(name: &str) -> Option<&'static str> {
    match name {
        ALLOWED_RECIPIENTS => Some("anyone"),
        ALLOWED_COUNTRIES => Some("any country"),
        ALLOWED_SENDERS => Some("any valid sender"),
        SMS_PER_DAY | SMS_PER_RECIPIENT_PER_DAY | SPEND_PER_DAY | SPEND_PER_MONTH | MAX_PRICE | MAX_PARTS => {
            Some("no limit")
        }
        _ => None,
    }
}

/// Reads values and collects their problems.
struct Reader<'a, 'b> {
    given: &'a [Given<'a>],
    problems: &'b mut Vec<String>,
}

impl<'a> Reader<'a, '_> {
    /// A value that can be given once.
    fn one<T>(&mut self, name: &str, allowed: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut all = self.given.iter().filter(|given| given.name == name);
        let first = all.next()?;
        for again in all {
            let before = first.place.line().unwrap_or_default();
            self.problem(again, &format!("is set again (before in line {before}): write it once"));
        }
        if !self.usable(first) {
            return None;
        }
        let value = read(first.value);
        if value.is_none() {
            self.problem(first, &format!("holds something else (not shown here); allowed is {allowed}"));
        }
        value
    }

    /// A limit, or `*` for none.
    fn most(&mut self, name: &str, allowed: &str, read: impl Fn(&str) -> Option<u64>) -> Option<AtMost<u64>> {
        self.one(
            name,
            allowed,
            |value| if value == "*" { Some(AtMost(None)) } else { read(value).map(|n| AtMost(Some(n))) },
        )
    }

    /// A list whose entries are separated by commas; inner nothing for `*`.
    fn list<L: Default>(
        &mut self,
        name: &str,
        star: bool,
        add: impl Fn(&mut L, &str) -> Result<(), String>,
    ) -> Option<Option<L>> {
        let all: Vec<&Given<'_>> = self.given.iter().filter(|given| given.name == name).collect();
        let (mut list, mut starred, before) = (L::default(), false, self.problems.len());
        for given in &all {
            if !self.usable(given) {
                continue;
            }
            let entries: Vec<&str> = given.value.split(',').map(str::trim).collect();
            for (at, entry) in entries.iter().enumerate() {
                if star && *entry == "*" {
                    starred = true;
                    if entries.len() > 1 || all.len() > 1 {
                        self.problem(given, "has * beside other entries: write * alone, or leave it out");
                    }
                } else if let Err(reason) = add(&mut list, entry) {
                    let empty = "is empty: take the comma away, or write an entry";
                    let reason = if entry.is_empty() { empty } else { &reason };
                    self.problem(given, &format!("entry {} {reason}", at + 1));
                }
            }
        }
        if all.is_empty() || self.problems.len() > before {
            return None;
        }
        Some((!starred).then_some(list))
    }

    /// Whether a value may be looked at: it is not empty, no placeholder, and not in quotes.
    fn usable(&mut self, given: &Given<'a>) -> bool {
        let problem = if given.value.is_empty() {
            let star = star(given.name).map(|meaning| format!(", or write * for {meaning}")).unwrap_or_default();
            format!("is set but empty: unset it for {}{star}", unset(given.name))
        } else if let Some(unfilled) = Unfilled::of(given.value) {
            unfilled.problem(given.place)
        } else if is_quoted(given.value) {
            QUOTED.into()
        } else if given.place.line().is_some() && given.value.contains('#') {
            "has a # in its value: a comment needs a line of its own".into()
        } else {
            return true;
        };
        self.problem(given, &problem);
        false
    }

    fn problem(&mut self, given: &Given<'_>, problem: &str) {
        let separator = if problem.starts_with("entry ") { "," } else { "" };
        self.problems.push(format!("{}{}{separator} {problem}", given.place, given.name));
    }
}

/// A list in its one form, or everything.
fn allowed<L>(list: Option<L>, in_one_form: impl Fn(L) -> L) -> Allowed<L> {
    Allowed(list.map(in_one_form))
}

impl Numbers {
    fn add_entry(&mut self, entry: &str) -> Result<(), String> {
        let reason = "is neither a phone number that takes SMS, like +46701740605, nor a beginning like +4670*";
        self.add(entry).map_err(|error| format!("{reason} ({error})"))
    }
}

impl Countries {
    fn add_entry(&mut self, entry: &str) -> Result<(), String> {
        let reason = "is neither a country like SE nor a country code like +46";
        self.add(entry).then_some(()).ok_or_else(|| reason.into())
    }
}

impl QuietHours {
    fn add_entry(&mut self, entry: &str) -> Result<(), String> {
        let reason = "is no span of the day with its time zone, like 21:00-08:00 Europe/Stockholm or 21:00-08:00 UTC";
        self.add(entry).then_some(()).ok_or_else(|| reason.into())
    }
}

fn add_sender(list: &mut BTreeSet<String>, entry: &str) -> Result<(), String> {
    let reason = "is neither a phone number like +46701740605 nor a sender name of 3 to 11 letters and digits";
    list.insert(sender::form(entry).map_err(|error| format!("{reason} ({error})"))?);
    Ok(())
}

fn confirm(value: &str) -> Option<Confirm> {
    if value.eq_ignore_ascii_case(Confirm::FirstContact.setting()) {
        return Some(Confirm::FirstContact);
    }
    switch(value).map(|on| if on { Confirm::Always } else { Confirm::Never })
}

/// A rate in calls a minute.
pub(crate) fn rate(value: &str) -> Option<NonZeroU32> {
    value.parse().ok().filter(|rate: &NonZeroU32| rate.get() <= MAX_RATE)
}

fn number_text(most: u64) -> String {
    format!("a whole number from 1 to {most}, or * for no limit")
}

/// A whole number from 1 on.
fn number(value: &str, most: u64) -> Option<u64> {
    digits(value).filter(|number| (1..=most).contains(number))
}

fn minutes(minutes: u64) -> AtLeast<u32> {
    AtLeast(u32::try_from(minutes).unwrap_or(MAX_DUPLICATE_MINUTES))
}

/// A whole number in digits alone.
pub(crate) fn digits(value: &str) -> Option<u64> {
    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

/// An amount in ten-thousandths.
fn amount(value: &str) -> Option<u64> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, "0"));
    if !(1..=4).contains(&decimals.len()) {
        return None;
    }
    let decimals = digits(&format!("{decimals:0<4}"))?;
    let amount = digits(whole)?.checked_mul(10_000)?.checked_add(decimals)?;
    (1..=MAX_AMOUNT).contains(&amount).then_some(amount)
}

#[cfg(test)]
mod tests;
