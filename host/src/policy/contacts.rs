//! Contacts: names that stand for numbers. A name has one number and a number one name; case makes no difference.

use sms_rules::{invisible, phone, unusual};
use std::collections::BTreeMap;

/// The length of a name, at most, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 32;

/// A name as it was written, and its number in E.164 form.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
struct Contact {
    name: String,
    number: String,
}

/// A list of contacts.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Contacts {
    /// By their names in lower case.
    by_name: BTreeMap<String, Contact>,
    /// The name in lower case of each number.
    by_number: BTreeMap<String, String>,
}

impl Contacts {
    /// Adds an entry `name=number`.
    ///
    /// # Errors
    /// What is wrong with the entry, in words that follow its place in the list. They repeat nothing of its content.
    pub(crate) fn add(&mut self, entry: &str) -> Result<(), String> {
        let Some((name, number)) = entry.split_once('=').map(|(name, number)| (name.trim(), number.trim())) else {
            return Err("has no =: write name=number, like anna=+46701740605".into());
        };
        if !is_name(name) {
            let unusual = unusual::find(name).map(|unusual| format!(" ({unusual})")).unwrap_or_default();
            return Err(format!(
                "has a name that is not allowed{unusual}: 1 to 32 letters, digits and the signs - _ . with at least one \
                 letter"
            ));
        }
        let number = phone::recipient(number)
            .map_err(|error| format!("has no valid phone number after the =: write it like +46701740605 ({error})"))?;
        let key = name.to_lowercase();
        if self.by_name.contains_key(&key) {
            return Err("has a name that an entry before it has, too (A and a are the same)".into());
        }
        if self.by_number.contains_key(&number) {
            return Err("has the number of an entry before it: give each number one name".into());
        }
        self.insert(key, Contact { name: name.to_string(), number });
        Ok(())
    }

    fn insert(&mut self, key: String, contact: Contact) {
        self.by_number.insert(contact.number.clone(), key.clone());
        self.by_name.insert(key, contact);
    }

    /// The number of a name.
    pub(crate) fn number(&self, name: &str) -> Option<&str> {
        self.by_name.get(&name.to_lowercase()).map(|contact| contact.number.as_str())
    }

    /// The name of a number in E.164 form.
    pub(crate) fn name(&self, number: &str) -> Option<&str> {
        self.by_name.get(self.by_number.get(number)?).map(|contact| contact.name.as_str())
    }

    /// All names with their numbers, sorted.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.values().map(|contact| (contact.name.as_str(), contact.number.as_str()))
    }

    /// The contacts that are on both lists with the same number. Where the case of a name differs, the spelling that
    /// sorts first stays.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::default();
        for (key, contact) in &self.by_name {
            if let Some(same) = other.by_name.get(key).filter(|same| same.number == contact.number) {
                let name = contact.name.as_str().min(&same.name).to_string();
                both.insert(key.clone(), Contact { name, number: contact.number.clone() });
            }
        }
        both
    }
}

/// Whether a text can be a name. Without a letter it would look like a number.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&text.chars().count())
        && text.chars().all(|c| (c.is_alphanumeric() && invisible::name(c).is_none()) || "-_.".contains(c))
        && text.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Contacts {
        let mut contacts = Contacts::default();
        for entry in entries {
            contacts.add(entry).expect(entry);
        }
        contacts
    }

    #[test]
    fn a_contact_is_found_by_name_and_by_number() {
        let contacts =
            list(&["Anna=+46 70 174 06 05", "dr-berg = +4541740605", "Åsa_2=+4741740605", "李.1=+8613817406051"]);
        assert_eq!(contacts.number("anna"), Some("+46701740605"));
        assert_eq!(contacts.number("ÅSA_2"), Some("+4741740605"));
        assert_eq!(contacts.name("+46701740605"), Some("Anna"));
        assert_eq!((contacts.number("+46701740605"), contacts.number("ann"), contacts.name("")), (None, None, None));
        assert_eq!(contacts.all().count(), 4);
    }

    #[test]
    fn an_entry_that_is_no_contact_is_refused_without_its_content() {
        let long = format!("{}=+46701740605", "x".repeat(33));
        for (entry, reason) in [
            ("anna", "no ="),
            ("", "no ="),
            ("=+46701740605", "name"),
            ("0701740605=+46701740605", "at least one letter"),
            ("+46701740605=+46701740605", "not allowed"),
            ("anna berg=+46701740605", "not allowed"),
            ("an\u{200b}na=+46701740605", "not allowed"),
            ("an\u{3164}na=+46701740605", "not allowed"),
            (&long, "1 to 32"),
            ("anna=", "valid phone number"),
            ("anna=0701740605", "valid phone number"),
            ("anna=+4670*", "valid phone number"),
            ("anna=+44 (0)7700 900456", "leave out the (0)"),
            ("anna=+440770090045", "leave out the 0 after +44"),
            ("anna=+46\u{a0}701740605", "an unusual space (U+00A0)"),
            ("an\u{200b}na=+46701740605", "a zero-width character (U+200B)"),
            ("OLD=+4741740605", "a name that an entry"),
            ("new=+45 41740605", "the number of an entry"),
        ] {
            let mut contacts = list(&["old=+4541740605"]);
            let error = contacts.add(entry).expect_err(entry);
            assert!(error.contains(reason), "{entry}: {error}");
            assert!(contacts == list(&["old=+4541740605"]));
        }
    }

    #[test]
    fn only_equal_pairs_are_on_both_lists() {
        let both = list(&["Anna=+46701740605", "b=+4541740605", "c=+4741740605"]);
        let other = list(&["anna=+46701740605", "b=+4541740606", "d=+4741740605"]);
        assert!(both.intersection(&other) == list(&["Anna=+46701740605"]));
        assert!(both.intersection(&other) == other.intersection(&both));
    }
}
