//! What `get_sending_limits` shows: the policy in force, and what the ledger has counted.

use super::decision::Sends;
use super::{Sending, Withheld};
use crate::contract::{Confirmation, SendingLimit, SendingLimits};
use crate::ledger::{Hash, State};
use crate::policy::{Confirm, DAY, MINUTE, MONTH, Policy, Remaining, Rule};
use chrono::{DateTime, SecondsFormat, Utc};
use elks_sandbox::{Class, RateLimiter};
use sms_rules::text::MAX_PARTS;
use std::sync::Arc;
use tokio::time::Instant;

/// The limits now. With a recipient, the limit for this one is among them. For the minute, dry runs of this process
/// count, too.
///
/// # Errors
/// The policy file or the ledger cannot be used.
pub(crate) async fn limits(
    sending: &Arc<Sending>,
    limiter: &RateLimiter,
    recipient: Option<Hash>,
) -> Result<SendingLimits, Withheld> {
    let policy = sending.policy().map_err(Withheld::Policy)?;
    let dry_run = sending.settings.dry_run;
    let (calls, wait) = limiter.left(Class::Sending, Instant::now());
    sending
        .with_state(move |book| {
            let now = book.now();
            let mut remaining = policy.remaining(&Sends { state: book.state(), recipient, draft: None, now }, now);
            for minute in remaining.limits.iter_mut().filter(|left| left.rule == Rule::SmsPerMinute) {
                minute.left = minute.left.min(calls as u64);
                minute.used = minute.limit.saturating_sub(minute.left);
                minute.returns = minute.returns.max((calls == 0).then(|| now + wait));
            }
            record(&policy, book.state(), remaining, recipient.is_some(), dry_run)
        })
        .await
        .map_err(Withheld::Ledger)
}

fn record(policy: &Policy, state: &State, remaining: Remaining, has_recipient: bool, dry_run: bool) -> SendingLimits {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let shown = remaining.limits.iter().filter(|left| left.rule != Rule::SmsPerRecipientPerDay || has_recipient);
    SendingLimits {
        dry_run,
        paused: state.paused_since().is_some(),
        limits: shown
            .map(|left| SendingLimit {
                rule: left.rule.name().into(),
                setting: left.rule.setting().into(),
                limit: left.limit,
                window_seconds: window_seconds(left.rule),
                used: left.used,
                left: left.left,
                returns: left.returns.map(time),
            })
            .collect(),
        quiet_hours: remaining.quiet.as_ref().map(|quiet| quiet.text.clone()),
        quiet_until: remaining.quiet.filter(|quiet| !quiet.open_now).and_then(|quiet| quiet.opens).map(time),
        duplicate_minutes: policy.duplicate_window().map_or(0, |window| window.num_minutes().try_into().unwrap_or(0)),
        max_parts: policy.max_parts().and_then(|parts| parts.try_into().ok()).unwrap_or(MAX_PARTS),
        max_price: policy.max_price(),
        confirmation: match policy.confirm() {
            Confirm::Never => Confirmation::Never,
            Confirm::FirstContact => Confirmation::FirstContact,
            Confirm::Always => Confirmation::Always,
        },
        contacts: policy.contact_names().into_iter().map(Into::into).collect(),
        contacts_only: policy.contacts_only(),
        countries: policy.countries().map(|codes| codes.into_iter().map(Into::into).collect()),
        recipients_listed: policy.lists_recipients(),
        senders_listed: policy.lists_senders(),
    }
}

/// The window of a rule that counts.
fn window_seconds(rule: Rule) -> u64 {
    let window = match rule {
        Rule::SmsPerMinute => MINUTE,
        Rule::SpendPerMonth => MONTH,
        _ => DAY,
    };
    window.num_seconds().unsigned_abs()
}
