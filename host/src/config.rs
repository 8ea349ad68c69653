//! The settings, and the only place that reads the environment. Each setting has its unit, default and bounds here.
//! README.md has the same table, and a test compares the two.

use elks_sandbox::Credentials;
use sms_rules::phone::{is_e164, without_separators};
use sms_rules::sender::is_name;
use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The API username.
pub const USERNAME: &str = "ELKS_API_USERNAME";
/// The API password.
pub const PASSWORD: &str = "ELKS_API_PASSWORD";
/// The sender of messages that name none: a number of the account, or a text sender.
pub const SENDER: &str = "ELKS_PHONE_NUMBER";
/// Whether messages are only checked and priced.
pub const DRY_RUN: &str = "DRY_RUN";
/// Whether a person must approve every real send in their client.
pub const CONFIRM_SENDS: &str = "CONFIRM_SENDS";
/// How many calls of `send_sms` any minute admits.
pub const SMS_PER_MINUTE: &str = "RATE_LIMIT_SMS_PER_MINUTE";
/// How many calls of the other tools any minute admits.
pub const QUERIES_PER_MINUTE: &str = "RATE_LIMIT_QUERIES_PER_MINUTE";

/// What [`SMS_PER_MINUTE`] is when it is not set, in calls a minute.
pub const DEFAULT_SMS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// What [`QUERIES_PER_MINUTE`] is when it is not set, in calls a minute.
pub const DEFAULT_QUERIES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// The largest rate that can be set, in calls a minute. It is more than the program can serve, so that users of the
/// Node server, which has no bound, keep their settings. A larger number is a typing error.
pub const MAX_RATE: u32 = 1_000_000;

/// The number that the simulated account owns. It is the sender when none is set.
pub const SIMULATED_SENDER: &str = "+46766861004";
/// The username of the simulated account when none is set.
pub const SIMULATED_USERNAME: &str = "u00000000000000000000000000000000";
/// The password of the simulated account when none is set.
pub const SIMULATED_PASSWORD: &str = "simulator-password";

/// The operator's decisions. Nothing that a model says changes them. There is no Debug form, because it would show the
/// sender's whole number.
#[derive(Clone)]
pub struct Settings {
    /// Username and password of the account.
    pub credentials: Arc<Credentials>,
    /// Who a message is from when the call does not say: a number in E.164 form or a text sender.
    pub sender: String,
    /// When true, no message is ever sent.
    pub dry_run: bool,
    /// When true, a person must approve every real send in their client.
    pub confirm_sends: bool,
    /// How many calls of `send_sms` any minute admits.
    pub sms_per_minute: NonZeroU32,
    /// How many calls of the other tools any minute admits.
    pub queries_per_minute: NonZeroU32,
    /// Whether the simulator stands in for 46elks. Only the command line sets it.
    pub simulate: bool,
}

/// All problems of the settings, one line each. None repeats a value, not even in part: a secret that was pasted into
/// the wrong variable would be on a screen and in a log.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Configuration error:")?;
        for problem in &self.0 {
            writeln!(f, "  - {problem}")?;
        }
        write!(f, "Set these in the env section of your MCP client's configuration (see README.md, Settings).")
    }
}

impl std::error::Error for Problems {}

impl Settings {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// All problems at once.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn from_env(simulate: bool) -> Result<Self, Problems> {
        Self::read(|name| std::env::var_os(name), simulate)
    }

    /// Reads settings from any source. The simulator has values of its own for missing ones.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(source: impl Fn(&str) -> Option<OsString>, simulate: bool) -> Result<Self, Problems> {
        let mut reader = Reader { source, problems: Vec::new() };
        let simulated = |value: &str| simulate.then(|| value.to_string());
        let username = reader.required(USERNAME, simulated(SIMULATED_USERNAME), |value| {
            // A colon would end the username in HTTP Basic.
            let valid = value.bytes().all(|b| b.is_ascii_graphic() && b != b':');
            valid.then(|| value.to_string()).ok_or("the API username, without spaces or colons")
        });
        let password = reader.required(PASSWORD, simulated(SIMULATED_PASSWORD), |value| {
            let valid = !value.contains(char::is_control);
            valid.then(|| value.to_string()).ok_or("the API password, without line breaks")
        });
        let sender = reader.required(SENDER, simulated(SIMULATED_SENDER), |value| {
            sender(value).ok_or("a phone number like +46701740605, or a sender name of 3 to 11 letters and digits")
        });
        let dry_run = reader.optional(DRY_RUN, true, switch);
        let confirm_sends = reader.optional(CONFIRM_SENDS, false, switch);
        let sms_per_minute = reader.optional(SMS_PER_MINUTE, DEFAULT_SMS_PER_MINUTE, rate);
        let queries_per_minute = reader.optional(QUERIES_PER_MINUTE, DEFAULT_QUERIES_PER_MINUTE, rate);
        let switches = dry_run.zip(confirm_sends);
        match (username, password, sender, switches, sms_per_minute.zip(queries_per_minute)) {
            (Some(username), Some(password), Some(sender), Some((dry_run, confirm_sends)), Some((sms, queries))) => {
                Ok(Self {
                    credentials: Arc::new(Credentials::new(&username, &password)),
                    sender,
                    dry_run,
                    confirm_sends,
                    sms_per_minute: sms,
                    queries_per_minute: queries,
                    simulate,
                })
            }
            _ => Err(Problems(reader.problems)),
        }
    }
}

/// Reads values and collects their problems.
struct Reader<S> {
    source: S,
    problems: Vec<String>,
}

impl<S: Fn(&str) -> Option<OsString>> Reader<S> {
    /// A required value.
    fn required<T>(
        &mut self,
        name: &str,
        simulated: Option<String>,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let Some(value) = self.value(name)?.or(simulated) else {
            self.problems.push(format!("{name} is not set"));
            return None;
        };
        read(&value).map_err(|allowed| self.not_allowed(name, allowed)).ok()
    }

    /// A value with a default.
    fn optional<T>(&mut self, name: &str, default: T, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let Some(value) = self.value(name)? else { return Some(default) };
        let read = read(&value);
        if read.is_none() {
            match name {
                DRY_RUN | CONFIRM_SENDS => self.not_allowed(name, "true, 1, yes, on or false, 0, no, off"),
                _ => self.not_allowed(name, &format!("a whole number from 1 to {MAX_RATE}")),
            }
        }
        read
    }

    /// Adds the problem of a value that cannot be read.
    fn not_allowed(&mut self, name: &str, allowed: &str) {
        self.problems.push(format!("{name} holds something else (not shown here); allowed is {allowed}"));
    }

    /// The trimmed value of a variable; inner `None` when it is unset or empty, outer `None` when
    /// it cannot be read at all.
    fn value(&mut self, name: &str) -> Option<Option<String>> {
        let Some(value) = (self.source)(name) else { return Some(None) };
        let Ok(value) = value.into_string() else {
            self.problems.push(format!("{name} holds bytes that are not UTF-8 text"));
            return None;
        };
        let value = value.trim();
        if value.starts_with("${") && value.ends_with('}') {
            self.problems.push(format!(
                "{name} holds a literal ${{…}}: your MCP client did not fill in the variable, so write the value itself"
            ));
            return None;
        }
        Some(Some(value.to_string()).filter(|value| !value.is_empty()))
    }
}

/// A switch that is on or off.
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A rate in calls a minute.
fn rate(value: &str) -> Option<NonZeroU32> {
    value.parse().ok().filter(|rate: &NonZeroU32| rate.get() <= MAX_RATE)
}

/// Checks the form of a sender, so that a mistake shows at the start and not at the first message. The component has
/// the full rules.
fn sender(value: &str) -> Option<String> {
    if value.starts_with('+') {
        return Some(without_separators(value)).filter(|number| is_e164(number));
    }
    is_name(value).then(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Settings, Problems> {
        let mut values = vec![(USERNAME, "u0"), (PASSWORD, "hunter2hunter2"), (SENDER, "+46701740605")];
        for (name, value) in changes {
            values.retain(|(known, _)| known != name);
            values.push((name, value));
        }
        Settings::read(
            |name| values.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value)),
            false,
        )
    }

    fn problem(changes: &[(&str, &str)]) -> String {
        read(changes).err().expect("must not be taken").to_string()
    }

    #[test]
    fn dry_run_is_on_unless_it_is_plainly_turned_off() {
        assert!(read(&[]).expect("is complete").dry_run);
        for on in ["true", "TRUE", "1", "yes", "on", "", " "] {
            assert!(read(&[(DRY_RUN, on)]).expect("is readable").dry_run, "{on:?}");
        }
        for off in ["false", "False", "0", "no", "OFF", " false "] {
            assert!(!read(&[(DRY_RUN, off)]).expect("is readable").dry_run, "{off:?}");
        }
        let text = problem(&[(DRY_RUN, "flase")]);
        assert!(
            text.contains("DRY_RUN holds something else (not shown here); allowed is true, 1, yes, on or false"),
            "{text}"
        );
    }

    #[test]
    fn a_rate_that_cannot_be_read_is_never_no_limit() {
        assert_eq!(read(&[]).expect("is complete").sms_per_minute, DEFAULT_SMS_PER_MINUTE);
        assert_eq!(read(&[(SMS_PER_MINUTE, "3")]).expect("is readable").sms_per_minute.get(), 3);
        for bad in ["0", "-1", "ten", "1.5", "1e3", "1000001", "99999999999", "NaN", "∞"] {
            let text = problem(&[(QUERIES_PER_MINUTE, bad)]);
            assert!(text.contains(QUERIES_PER_MINUTE) && text.contains(&format!("from 1 to {MAX_RATE}")), "{text}");
        }
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let text = Settings::read(|_| None, false).err().expect("nothing is set").to_string();
        for name in [USERNAME, PASSWORD, SENDER] {
            assert!(text.contains(&format!("{name} is not set")), "{text}");
        }
    }

    #[test]
    fn a_placeholder_that_the_client_did_not_fill_in_is_named_as_such() {
        let text = problem(&[(PASSWORD, "${ELKS_API_PASSWORD}"), (DRY_RUN, "${DRY_RUN}")]);
        assert!(text.contains("ELKS_API_PASSWORD holds a literal ${…}"), "{text}");
        assert!(text.contains("DRY_RUN holds a literal ${…}"), "{text}");
    }

    #[test]
    fn secrets_and_whole_numbers_are_in_no_message_and_no_debug_form() {
        let text = problem(&[(USERNAME, "u:secret"), (PASSWORD, "hunter\n2"), (SENDER, "+46 701 740 605 123 456")]);
        for hidden in ["secret", "hunter", "740 605"] {
            assert!(!text.contains(hidden), "{text}");
        }
        let debug = format!("{:?}", read(&[]).expect("is complete").credentials);
        assert!(!debug.contains("hunter2") && !debug.contains("u0"), "{debug}");
    }

    #[test]
    fn no_problem_repeats_a_value_or_a_part_of_one() {
        let pasted = "Qx7 Zj:Kw\nVb9Qx7ZjKwVb9";
        for name in [USERNAME, PASSWORD, SENDER, DRY_RUN, CONFIRM_SENDS, SMS_PER_MINUTE, QUERIES_PER_MINUTE] {
            let text = problem(&[(name, pasted)]);
            assert!(text.contains(&format!("{name} holds something else")), "{text}");
            for part in pasted.as_bytes().windows(3) {
                let part = std::str::from_utf8(part).expect("is ASCII");
                assert!(!text.contains(part), "{name}: {part:?} in {text}");
            }
        }
    }

    #[test]
    fn a_sender_is_a_number_or_a_name() {
        assert_eq!(read(&[(SENDER, "+46 70-174 06 05")]).expect("is a number").sender, "+46701740605");
        assert_eq!(read(&[(SENDER, "Elks")]).expect("is a name").sender, "Elks");
        for bad in ["0701740605", "+46", "AB", "Twelve chars", "Åsa AB", "1177"] {
            assert!(problem(&[(SENDER, bad)]).contains("or a sender name"), "{bad}");
        }
    }

    #[test]
    fn the_simulator_needs_no_settings_and_nothing_else_turns_it_on() {
        assert!(Settings::read(|_| None, true).expect("all is made up").simulate);
        assert!(!read(&[]).expect("is complete").simulate);
    }
}
