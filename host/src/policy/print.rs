//! The table of `elks-mcp policy`: each setting with its value in force and where it comes from. Of a list only the
//! size is shown; of the contacts all, if the operator asks for it.

use super::stated::Stated;
use super::{Confirm, Policy, settings};
use crate::count::count;
use crate::money::money;
use sms_rules::text::MAX_PARTS;
use std::io::{self, Write};

/// What each source states, and the policy that they make.
pub struct Sources {
    environment: Stated,
    /// Which settings of the environment stand in the settings file.
    in_settings_file: Vec<&'static str>,
    file: Option<Stated>,
    policy: Policy,
}

impl Sources {
    /// The policy of the environment, some settings of which stand in the settings file, and of the policy file if
    /// there is one.
    ///
    /// # Errors
    /// Settings that do not fit each other.
    pub fn new(
        environment: Stated,
        in_settings_file: Vec<&'static str>,
        file: Option<Stated>,
    ) -> Result<Self, Vec<String>> {
        let policy = environment.policy(file.as_ref().unwrap_or(&Stated::default()))?;
        Ok(Self { environment, in_settings_file, file, policy })
    }

    /// The policy that they make.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The value of a setting in words; of a list only its size.
    pub(crate) fn value(&self, name: &str) -> String {
        value(&self.policy, name)
    }

    /// Where the value of a setting comes from.
    pub(crate) fn source(&self, name: &str) -> &'static str {
        let in_settings_file = self.in_settings_file.contains(&name);
        match (states(&self.environment, name), self.file.as_ref().is_some_and(|file| states(file, name))) {
            (false, false) => "default",
            (true, false) if in_settings_file => "settings file",
            (true, false) => "environment",
            (false, true) => "policy file",
            (true, true) if in_settings_file => "the stricter of settings file and policy file",
            (true, true) => "the stricter of environment and policy file",
        }
    }
}

/// Writes the table.
///
/// # Errors
/// The output cannot be written.
pub fn write(sources: &Sources, show_contacts: bool, out: &mut dyn Write) -> io::Result<()> {
    let file =
        if sources.file.is_some() { "was read, and has no problems" } else { "none (ELKS_POLICY_FILE is not set)" };
    writeln!(out, "Policy file: {file}")?;
    writeln!(out)?;
    let rows = settings::NAMES.map(|name| (name, sources.value(name), sources.source(name)));
    let width = |column: fn(&(&'static str, String, &'static str)) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (names, values) = (width(|row| row.0.chars().count()), width(|row| row.1.chars().count()));
    for (name, value, source) in &rows {
        writeln!(out, "{name:names$}  {value:values$}  {source}")?;
    }
    if show_contacts {
        let names = sources.policy.contact_names();
        writeln!(out, "\n{}", if names.is_empty() { "There are no contacts." } else { "Contacts:" })?;
        for name in names {
            writeln!(out, "  {name} {}", sources.policy.contact(name).unwrap_or_default())?;
        }
    }
    Ok(())
}

/// Whether a source states a setting.
fn states(stated: &Stated, name: &str) -> bool {
    match name {
        settings::ALLOWED_RECIPIENTS => stated.recipients.is_some(),
        settings::BLOCKED_RECIPIENTS => stated.blocked.is_some(),
        settings::ALLOWED_COUNTRIES => stated.countries.is_some(),
        settings::CONTACTS => stated.contacts.is_some(),
        settings::CONTACTS_ONLY => stated.contacts_only.is_some(),
        settings::ALLOWED_SENDERS => stated.senders.is_some(),
        settings::SMS_PER_MINUTE => stated.per_minute.is_some(),
        settings::SMS_PER_DAY => stated.per_day.is_some(),
        settings::SMS_PER_RECIPIENT_PER_DAY => stated.per_recipient.is_some(),
        settings::SPEND_PER_DAY => stated.spend_day.is_some(),
        settings::SPEND_PER_MONTH => stated.spend_month.is_some(),
        settings::MAX_PRICE => stated.max_price.is_some(),
        settings::MAX_PARTS => stated.max_parts.is_some(),
        settings::QUIET_HOURS => stated.quiet.is_some(),
        settings::DUPLICATE_MINUTES => stated.duplicate_minutes.is_some(),
        settings::CONFIRM_SENDS => stated.confirm.is_some(),
        _ => false,
    }
}

/// The value of a setting in words.
fn value(policy: &Policy, name: &str) -> String {
    let limit = |limit: Option<u64>, word| limit.map_or("no limit".into(), |most| count(most, word));
    let amount = |limit: Option<u64>| limit.map_or("no limit".into(), |most| money(most, None));
    let list = |size: Option<usize>, word, all: &str| size.map_or(all.into(), |size| count(size as u64, word));
    match name {
        settings::ALLOWED_RECIPIENTS => {
            policy.recipients.0.as_ref().map_or("anyone".into(), |list| numbers(list.counts()))
        }
        settings::BLOCKED_RECIPIENTS => numbers(policy.blocked.counts()),
        settings::ALLOWED_COUNTRIES => list(policy.countries().map(|list| list.len()), "country", "any"),
        settings::CONTACTS => list(policy.contacts.0.as_ref().map(|list| list.all().count()), "name", "none"),
        settings::CONTACTS_ONLY => policy.contacts_only.to_string(),
        settings::ALLOWED_SENDERS => list(policy.senders.0.as_ref().map(|list| list.len()), "sender", "any valid one"),
        settings::SMS_PER_MINUTE => limit(policy.per_minute.0.map(|most| most.get().into()), "message"),
        settings::SMS_PER_DAY => limit(policy.per_day.0, "message"),
        settings::SMS_PER_RECIPIENT_PER_DAY => limit(policy.per_recipient.0, "message"),
        settings::SPEND_PER_DAY => amount(policy.spend_day.0),
        settings::SPEND_PER_MONTH => amount(policy.spend_month.0),
        settings::MAX_PRICE => amount(policy.max_price.0),
        settings::MAX_PARTS => count(policy.max_parts.0.unwrap_or(MAX_PARTS.into()), "part"),
        settings::QUIET_HOURS if policy.quiet.is_empty() => "none".into(),
        settings::QUIET_HOURS => policy.quiet.text(),
        settings::DUPLICATE_MINUTES if policy.duplicate_minutes.0 == 0 => "off".into(),
        settings::DUPLICATE_MINUTES => count(policy.duplicate_minutes.0, "minute"),
        settings::CONFIRM_SENDS => Confirm::setting(policy.confirm).into(),
        _ => String::new(),
    }
}

/// How many whole numbers and beginnings a list has.
fn numbers((whole, beginnings): (usize, usize)) -> String {
    match (whole, beginnings) {
        (0, 0) => "nobody".into(),
        (whole, 0) => count(whole as u64, "number"),
        (0, beginnings) => count(beginnings as u64, "beginning"),
        (whole, beginnings) => format!("{}, {}", count(whole as u64, "number"), count(beginnings as u64, "beginning")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::file;

    fn stated(text: &str) -> Stated {
        file::read(text.as_bytes()).expect("is valid")
    }

    fn table(sources: &Sources, show_contacts: bool) -> String {
        let mut out = Vec::new();
        write(sources, show_contacts, &mut out).expect("is written");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn the_table_has_values_and_sources_and_no_list_contents() {
        let environment = stated(
            "ELKS_ALLOWED_RECIPIENTS=+46701740605,+46701740606,+45*\nELKS_SPEND_PER_DAY=12.5\nELKS_MAX_PARTS=4\n\
             ELKS_CONTACTS=anna=+46701740605,dr-berg=+46701740606\nELKS_QUIET_HOURS=21:00-08:00 europe/stockholm",
        );
        let file = stated(
            "ELKS_MAX_PARTS=2\nELKS_ALLOWED_COUNTRIES=SE,DK\nELKS_ALLOWED_SENDERS=Elks\nCONFIRM_SENDS=first-contact",
        );
        let sources = Sources::new(environment, vec![settings::SPEND_PER_DAY], Some(file)).expect("fits");
        let text = table(&sources, false);
        for (name, value, source) in [
            ("ELKS_ALLOWED_RECIPIENTS", "2 numbers, 1 beginning", "environment"),
            ("ELKS_BLOCKED_RECIPIENTS", "nobody", "default"),
            ("ELKS_ALLOWED_COUNTRIES", "2 countries", "policy file"),
            ("ELKS_CONTACTS", "2 names", "environment"),
            ("ELKS_CONTACTS_ONLY", "false", "default"),
            ("ELKS_ALLOWED_SENDERS", "1 sender", "policy file"),
            ("RATE_LIMIT_SMS_PER_MINUTE", "10 messages", "default"),
            ("ELKS_MAX_SMS_PER_DAY", "100 messages", "default"),
            ("ELKS_SPEND_PER_DAY", "12.50 (in the account's currency)", "settings file"),
            ("ELKS_SPEND_PER_MONTH", "no limit", "default"),
            ("ELKS_MAX_PARTS", "2 parts", "the stricter of environment and policy file"),
            ("ELKS_QUIET_HOURS", "21:00-08:00 Europe/Stockholm", "environment"),
            ("ELKS_DUPLICATE_MINUTES", "15 minutes", "default"),
            ("CONFIRM_SENDS", "first-contact", "policy file"),
        ] {
            let row = text.lines().find(|line| line.split(' ').next() == Some(name)).expect(name);
            let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            assert_eq!(cells, [name, value, source]);
        }
        assert_eq!(text.lines().count(), 2 + settings::NAMES.len(), "{text}");
        assert!(text.starts_with("Policy file: was read, and has no problems\n"));
        for hidden in ["4670", "+45", "anna", "berg", "Elks\n", "DK"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        assert!(table(&sources, true).ends_with("Contacts:\n  anna +46701740605\n  dr-berg +46701740606\n"));
    }

    #[test]
    fn without_settings_all_is_default() {
        let sources = Sources::new(Stated::default(), Vec::new(), None).expect("fits");
        let text = table(&sources, true);
        assert!(text.contains("none (ELKS_POLICY_FILE is not set)") && text.contains("no contacts"), "{text}");
        assert!(text.lines().filter(|line| line.ends_with("  default")).count() == settings::NAMES.len(), "{text}");
    }
}
