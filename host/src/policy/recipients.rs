//! Lists of numbers and of beginnings of numbers. Whatever a list was made of, equal lists have one form: no entry is
//! covered by another.

use sms_rules::{RuleError, phone};
use std::collections::BTreeSet;

/// Numbers in E.164 form, and beginnings of numbers.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Numbers {
    whole: BTreeSet<String>,
    /// With the leading +, without the asterisk.
    beginnings: BTreeSet<String>,
}

impl Numbers {
    /// Adds an entry as people write it: `+46 70 174 06 05`, or a beginning such as `+4670*`.
    ///
    /// # Errors
    /// It is none. A number that is never sent to is an error, too: in a list of blocked numbers, a typing error would
    /// block nobody. The sentence does not repeat the entry.
    pub(crate) fn add(&mut self, entry: &str) -> Result<(), RuleError> {
        match entry.strip_suffix('*') {
            Some(beginning) => self.beginnings.insert(phone::beginning(beginning)?),
            None => self.whole.insert(phone::recipient(entry)?),
        };
        Ok(())
    }

    /// Removes what another entry covers.
    pub(crate) fn in_one_form(self) -> Self {
        let shorter = |beginning: &String| beginnings_of(beginning).rev().skip(1).any(|b| self.beginnings.contains(b));
        let beginnings = self.beginnings.iter().filter(|beginning| !shorter(beginning)).cloned().collect();
        let whole = self.whole.iter().filter(|number| !self.begins(number)).cloned().collect();
        Self { whole, beginnings }
    }

    /// Whether a number in E.164 form is on the list.
    pub(crate) fn has(&self, number: &str) -> bool {
        self.whole.contains(number) || self.begins(number)
    }

    fn begins(&self, text: &str) -> bool {
        beginnings_of(text).any(|beginning| self.beginnings.contains(beginning))
    }

    /// The numbers that are on both lists.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let both = |a: &Self, b: &Self| Self {
            whole: a.whole.iter().filter(|number| b.has(number)).cloned().collect(),
            beginnings: a.beginnings.iter().filter(|beginning| b.begins(beginning)).cloned().collect(),
        };
        both(self, other).union(&both(other, self))
    }

    /// The numbers that are on one of the lists.
    pub(crate) fn union(&self, other: &Self) -> Self {
        Self { whole: &self.whole | &other.whole, beginnings: &self.beginnings | &other.beginnings }.in_one_form()
    }

    /// How many whole numbers and how many beginnings are on the list.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.whole.len(), self.beginnings.len())
    }
}

/// `+4`, `+46`, … up to the text itself, which is ASCII.
fn beginnings_of(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    (2..=text.len()).filter_map(|end| text.get(..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Numbers {
        let mut numbers = Numbers::default();
        for entry in entries {
            numbers.add(entry).expect(entry);
        }
        numbers.in_one_form()
    }

    #[test]
    fn numbers_and_beginnings_are_found() {
        let numbers = list(&["+46 70-174 06 05", "+45*", "+1 415*"]);
        for number in ["+46701740605", "+4512345678", "+14155550000", "+45"] {
            assert!(numbers.has(number), "{number}");
        }
        for number in ["+46701740606", "+467017406051", "+4412345678", "+1416", "+4", ""] {
            assert!(!numbers.has(number), "{number}");
        }
    }

    #[test]
    fn what_is_neither_a_number_nor_a_beginning_is_refused() {
        for entry in [
            "",
            "*",
            "+*",
            "0701740605",
            "46*",
            "+46*70",
            "+46**",
            "+0*",
            "+46x*",
            "+4670",
            "anna",
            "+46+*",
            "+46 (0)70 174 06 05",
            "+44 (0)7700 900456",
            "+39 (0)347 1740605",
            "+44 (0)*",
            "+44 (0)20*",
            "+460*",
            "+440*",
            "+46\u{a0}70*",
            "\u{202a}+46701740605",
            "+4670174060512",
            "+46900174060",
            "+210*5",
        ] {
            assert!(Numbers::default().add(entry).is_err(), "{entry}");
        }
    }

    #[test]
    fn equal_lists_have_one_form() {
        assert!(list(&["+46*", "+4670*", "+46701740605", "+4541740605"]) == list(&["+4541740605", "+46*"]));
        let both = list(&["+46*", "+4541740605"]).intersection(&list(&["+4670*", "+45*", "+47*"]));
        assert!(both == list(&["+4670*", "+4541740605"]));
        assert!(list(&["+46*"]).intersection(&list(&["+45*"])) == Numbers::default());
    }
}
