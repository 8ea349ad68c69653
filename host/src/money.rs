//! Amounts of money in words.

/// An amount in ten-thousandths, with two to four decimals: nothing is rounded away.
pub(crate) fn money(amount: impl Into<i128>, currency: Option<&str>) -> String {
    let amount = amount.into();
    let sign = if amount < 0 { "-" } else { "" };
    let (whole, fraction) = (amount.unsigned_abs() / 10_000, amount.unsigned_abs() % 10_000);
    let mut fraction = format!("{fraction:04}");
    while fraction.len() > 2 && fraction.ends_with('0') {
        fraction.pop();
    }
    let currency = currency.unwrap_or("(in the account's currency)");
    format!("{sign}{whole}.{fraction} {currency}")
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn nothing_is_rounded_away() {
        for (amount, words) in [
            (0, "0.00 SEK"),
            (1, "0.0001 SEK"),
            (470, "0.047 SEK"),
            (5200, "0.52 SEK"),
            (46_800, "4.68 SEK"),
            (9_670_500, "967.05 SEK"),
            (-1, "-0.0001 SEK"),
            (-10_000, "-1.00 SEK"),
            (i64::MIN, "-922337203685477.5808 SEK"),
            (i64::MAX, "922337203685477.5807 SEK"),
        ] {
            assert_eq!(money(amount, Some("SEK")), words);
        }
        assert_eq!(money(u64::MAX, Some("SEK")), "1844674407370955.1615 SEK");
        assert_eq!(money(i128::MIN, Some("SEK")), "-17014118346046923173168730371588410.5728 SEK");
    }

    #[test]
    fn an_unknown_currency_is_said() {
        assert_eq!(money(5200, None), "0.52 (in the account's currency)");
    }
}
