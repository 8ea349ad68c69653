//! The sentences about the operator's limits.

use crate::contract::{Confirmation, SendingLimit, SendingLimits};
use crate::count::count;
use crate::money::money;
use crate::policy::Rule;

/// What is allowed, what is left, and when it returns.
pub(crate) fn limits(limits: &SendingLimits, currency: Option<&str>) -> String {
    let mut sentences = Vec::new();
    if limits.dry_run {
        sentences.push("DRY RUN is on: nothing is ever sent.".into());
    }
    if limits.paused {
        sentences.push("The operator has paused all sending.".into());
    }
    sentences.extend(limits.limits.iter().map(|limit| line(limit, currency)));
    if let Some(quiet) = &limits.quiet_hours {
        let until = limits.quiet_until.as_ref().map_or(String::new(), |until| format!(", now until {until}"));
        sentences.push(format!("Nothing is sent in the quiet hours, {quiet}{until}."));
    }
    if let Some(price) = limits.max_price {
        sentences.push(format!("A message may cost at most {}.", money(price, currency)));
    }
    match limits.confirmation {
        Confirmation::Never => {}
        Confirmation::FirstContact => {
            sentences.push("A person is asked before the first message to a new recipient.".into());
        }
        Confirmation::Always => sentences.push("A person is asked before every message.".into()),
    }
    if limits.contacts_only {
        sentences.push(format!("Only contacts can be reached: {}.", limits.contacts.join(", ")));
    }
    if let Some(countries) = &limits.countries {
        sentences.push(format!("Only these countries can be reached: {}.", countries.join(", ")));
    }
    sentences.push("Only the operator can change this.".into());
    sentences.join(" ")
}

/// One limit.
fn line(limit: &SendingLimit, currency: Option<&str>) -> String {
    let is_money = [Rule::SpendPerDay, Rule::SpendPerMonth].iter().any(|rule| rule.name() == limit.rule);
    let (left, of) = if is_money {
        (money(limit.left, currency), money(limit.limit, currency))
    } else {
        (limit.left.to_string(), count(limit.limit, "message"))
    };
    let window = match limit.window_seconds {
        60 => "a minute".into(),
        86_400 => "24 hours".into(),
        seconds => count(seconds / 86_400, "day"),
    };
    let whom = if limit.rule == Rule::SmsPerRecipientPerDay.name() { " to this recipient" } else { "" };
    let returns = match &limit.returns {
        Some(returns) if limit.left == 0 => format!(", more from {returns}"),
        _ => String::new(),
    };
    format!("{left} of {of} left in {window}{whom}{returns}.")
}
