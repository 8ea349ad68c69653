//! Counts and amounts in rolling windows, and how long a message must wait. An entry at time t counts while now is
//! before t + window: a wait is never shorter than that.

use super::quiet_hours::Quiet;
use super::{Denial, Message, NotNow, Policy, Rule};
use chrono::{DateTime, TimeDelta, Utc};

/// The window of [`Rule::SmsPerMinute`].
pub const MINUTE: TimeDelta = TimeDelta::seconds(60);

/// The window of the rules of a day.
pub const DAY: TimeDelta = TimeDelta::hours(24);

/// The window of the rules of a month.
pub const MONTH: TimeDelta = TimeDelta::days(30);

/// The attempts that count.
pub trait Usage {
    /// All attempts of the last 30 days, in any order. Older ones make no difference.
    fn counted<'a>(&'a self) -> Box<dyn Iterator<Item = Counted> + 'a>;
}

/// An attempt to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Whether it was to the recipient of the message in question.
    pub to_recipient: bool,
    /// What it cost or may cost, in ten-thousandths of the account's currency, if that is known.
    pub price: Option<u64>,
    /// Whether 46elks refused it: then it counts for the minute only.
    pub rejected: bool,
}

/// What is left of each limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// The limits that are set, in the order of [`Rule::ALL`].
    pub limits: Vec<Left>,
    /// The quiet hours, if there are some.
    pub quiet: Option<QuietNow>,
}

/// What is left of a limit. Amounts are in ten-thousandths of the account's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Which limit.
    pub rule: Rule,
    /// Messages or an amount in any window.
    pub limit: u64,
    /// How much of it is used.
    pub used: u64,
    /// How much of it is left.
    pub left: u64,
    /// When some of it returns. For messages: when one more may be sent, only if none is left. For an amount: when the
    /// oldest attempt that counts leaves the window.
    pub returns: Option<DateTime<Utc>>,
}

/// The quiet hours at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietNow {
    /// The spans: `21:00-08:00 Europe/Stockholm`.
    pub text: String,
    /// Whether messages may be sent at this moment.
    pub open_now: bool,
    /// When they may be sent again, if not now; nothing when the spans leave no moment open.
    pub opens: Option<DateTime<Utc>>,
}

/// Which entries count for a limit.
type Counts = fn(&Counted) -> bool;

/// A limit of a window.
struct Limit {
    rule: Rule,
    most: u64,
    window: TimeDelta,
    counts: Counts,
}

impl Limit {
    /// The entries that count at a moment: for each the moment at which it leaves the window, and its weight. Sorted by
    /// that moment.
    fn counting(
        &self,
        entries: &[Counted],
        now: DateTime<Utc>,
        weight: impl Fn(&Counted) -> u64,
    ) -> Vec<(DateTime<Utc>, u64)> {
        let relevant = entries.iter().filter(|entry| (self.counts)(entry));
        let mut leaving: Vec<_> = relevant
            .map(|entry| (entry.at.checked_add_signed(self.window).unwrap_or(DateTime::<Utc>::MAX_UTC), weight(entry)))
            .filter(|(leaves, _)| *leaves > now)
            .collect();
        leaving.sort_unstable();
        leaving
    }

    /// What is left of it.
    fn left(&self, used: u64, returns: Option<DateTime<Utc>>) -> Left {
        let (rule, limit) = (self.rule, self.most);
        Left { rule, limit, used, left: limit.saturating_sub(used), returns }
    }

    /// The first moment from now on at which so much more fits.
    fn fits(&self, leaving: &[(DateTime<Utc>, u64)], more: u64) -> Fits {
        let mut used: u128 = leaving.iter().map(|(_, weight)| u128::from(*weight)).sum();
        let room = u128::from(self.most);
        let fits = |used: u128| used + u128::from(more) <= room;
        if fits(used) {
            return Fits::Now;
        }
        for (leaves, weight) in leaving {
            used -= u128::from(*weight);
            if fits(used) {
                return Fits::At(*leaves);
            }
        }
        Fits::Never
    }
}

/// When something fits into a limit.
enum Fits {
    Now,
    At(DateTime<Utc>),
    Never,
}

impl Policy {
    /// The limits on the number of messages.
    fn counts(&self) -> impl Iterator<Item = Limit> {
        let counts: [(Rule, Option<u64>, TimeDelta, Counts); 3] = [
            (Rule::SmsPerMinute, self.per_minute.0.map(|most| most.get().into()), MINUTE, |_| true),
            (Rule::SmsPerDay, self.per_day.0, DAY, |entry| !entry.rejected),
            (Rule::SmsPerRecipientPerDay, self.per_recipient.0, DAY, |entry| !entry.rejected && entry.to_recipient),
        ];
        set(counts)
    }

    /// The limits on amounts.
    fn amounts(&self) -> impl Iterator<Item = Limit> {
        set::<2>([
            (Rule::SpendPerDay, self.spend_day.0, DAY, |entry| !entry.rejected),
            (Rule::SpendPerMonth, self.spend_month.0, MONTH, |entry| !entry.rejected),
        ])
    }

    /// Whether a message may be sent now, by all rules on counts, amounts and hours. [`Policy::check`] has the others.
    ///
    /// # Errors
    /// It may not be sent now, or never. The wait is true if no other message is sent before.
    pub fn admit(&self, message: &Message<'_>, usage: &dyn Usage, now: DateTime<Utc>) -> Result<(), NotNow> {
        let entries: Vec<Counted> = usage.counted().collect();
        let (mut rules, mut never, mut opens) = (Vec::new(), Vec::new(), now);
        let mut consider = |rule, fits| match fits {
            Fits::Now => {}
            Fits::At(moment) => {
                rules.push(rule);
                opens = opens.max(moment);
            }
            Fits::Never => never.push(rule),
        };
        for limit in self.counts() {
            consider(limit.rule, limit.fits(&limit.counting(&entries, now, |_| 1), 1));
        }
        for limit in self.amounts() {
            let Some(price) = message.price else {
                consider(limit.rule, Fits::Never);
                continue;
            };
            let leaving = limit.counting(&entries, now, |entry| entry.price.unwrap_or(price));
            consider(limit.rule, limit.fits(&leaving, price));
        }
        if self.max_price.0.is_some_and(|most| message.price.is_none_or(|price| price > most)) {
            never.push(Rule::MaxPrice);
        }
        // Counts only fall with time. So the wait ends at the first open moment after all limits fit.
        let (quiet_now, mut quiet) = (self.quiet.at(now), None);
        let later = self.quiet.at(opens);
        if quiet_now == Quiet::ForEver || later == Quiet::ForEver {
            never.push(Rule::QuietHours);
        }
        if let Quiet::Until { text, .. } = quiet_now {
            quiet = Some(text);
        }
        if let Quiet::Until { opens: moment, text } = later {
            (opens, quiet) = (moment, Some(text));
        }
        Denial::of(never).map_err(NotNow::Never)?;
        if quiet.is_some() {
            rules.push(Rule::QuietHours);
        }
        if rules.is_empty() {
            return Ok(());
        }
        Err(NotNow::Wait { rules, seconds: seconds_until(opens, now), opens, quiet })
    }

    /// What is left of each limit. The row of one recipient counts the entries that `usage` calls theirs. An entry
    /// whose price is not known is 0 here.
    pub fn remaining(&self, usage: &dyn Usage, now: DateTime<Utc>) -> Remaining {
        let entries: Vec<Counted> = usage.counted().collect();
        let mut limits = Vec::new();
        for limit in self.counts() {
            let leaving = limit.counting(&entries, now, |_| 1);
            let used = leaving.len() as u64;
            let returns = match limit.fits(&leaving, 1) {
                Fits::At(moment) => Some(moment),
                Fits::Now | Fits::Never => None,
            };
            limits.push(limit.left(used, returns));
        }
        for limit in self.amounts() {
            let leaving = limit.counting(&entries, now, |entry| entry.price.unwrap_or(0));
            let used = leaving.iter().fold(0_u64, |sum, (_, price)| sum.saturating_add(*price));
            let returns = leaving.iter().find(|(_, price)| *price > 0).map(|(leaves, _)| *leaves);
            limits.push(limit.left(used, returns));
        }
        let quiet = (!self.quiet.is_empty()).then(|| {
            let at = self.quiet.at(now);
            let opens = if let Quiet::Until { opens, .. } = at { Some(opens) } else { None };
            QuietNow { text: self.quiet.text(), open_now: at == Quiet::Open, opens }
        });
        Remaining { limits, quiet }
    }
}

/// The limits that are set.
fn set<const N: usize>(limits: [(Rule, Option<u64>, TimeDelta, Counts); N]) -> impl Iterator<Item = Limit> {
    let set = limits.into_iter();
    set.filter_map(|(rule, most, window, counts)| most.map(|most| Limit { rule, most, window, counts }))
}

/// The whole seconds from `now` to a later moment, rounded up; at least 1.
fn seconds_until(moment: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    let span = moment.signed_duration_since(now);
    let up = i64::from(span.subsec_nanos() > 0);
    u64::try_from(span.num_seconds().saturating_add(up)).unwrap_or(0).max(1)
}
