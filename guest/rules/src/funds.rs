//! What an account can still spend. Amounts are in ten-thousandths of its currency.
//!
//! ```
//! use sms_rules::funds::spendable;
//!
//! assert_eq!(spendable(50_000, None, false), Some(50_000));
//! assert_eq!(spendable(-50_000, Some(1_000_000), true), Some(950_000)); // credit counts
//! assert_eq!(spendable(-50_000, None, false), None); // what is owed without a known limit says nothing
//! ```

/// A balance that buys fewer one-part messages than this is low.
pub const LOW_BALANCE_MESSAGES: u64 = 20;

/// How much can be spent: the balance, and the credit below zero where 46elks reports a limit of it (`creditlimit`).
/// `None` where nobody can say: the balance is below zero, or the account is invoiced, and no limit is known. 46elks
/// documents neither field; its own command line program shows both (github.com/46elks/elks-cli).
pub fn spendable(balance: i64, credit_limit: Option<i64>, is_invoiced: bool) -> Option<u64> {
    let credit = credit_limit.filter(|limit| *limit > 0);
    if credit.is_none() && (balance < 0 || is_invoiced) {
        return None;
    }
    Some(u64::try_from(balance.saturating_add(credit.unwrap_or(0))).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::spendable;

    #[test]
    fn credit_counts_and_below_zero_nothing_is_concluded_without_it() {
        for (balance, credit_limit, is_invoiced, expected) in [
            (0, None, false, Some(0)),
            (7, None, false, Some(7)),
            (-1, None, false, None),
            (-1, Some(0), false, None),
            (-1, Some(-5), true, None),
            (7, None, true, None),
            (7, Some(0), false, Some(7)),
            (7, Some(3), false, Some(10)),
            (-50_000, Some(1_000_000), true, Some(950_000)),
            (-50_000, Some(1_000_000), false, Some(950_000)),
            (-1_000_000, Some(1_000_000), true, Some(0)),
            (-2_000_000, Some(1_000_000), true, Some(0)),
            (i64::MAX, Some(i64::MAX), true, Some(i64::MAX as u64)),
        ] {
            assert_eq!(spendable(balance, credit_limit, is_invoiced), expected, "{balance} {credit_limit:?}");
        }
    }
}
