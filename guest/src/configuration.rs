//! The account of elks-sms-configured, from the keys and values of the host's configuration. `wit/configured.wit` lists
//! the keys. A problem never repeats a value: a secret under the wrong key would be shown to a model.

use crate::bindings::types::{Account, Credentials, Error};
use crate::http::destination;
use sms_rules::settings::{self, SWITCH, is_password, is_quoted, switch};
use sms_rules::{forms, sender};

/// The API username.
const USERNAME: &str = "username";
/// The API password.
const PASSWORD: &str = "password";
/// The sender of a message when the request names none.
const SENDER: &str = "sender";
/// Whether messages are only checked and priced.
const DRY_RUN: &str = "dry-run";
/// The account's currency.
const CURRENCY: &str = "currency";
/// A gateway to use instead of 46elks.
pub(crate) const ENDPOINT: &str = "endpoint";

/// What a username is, in words.
const USERNAME_FORM: &str = "the API username, u or a and 32 hexadecimal digits";

/// How many hexadecimal digits a username has behind its letter.
const USERNAME_DIGITS: usize = 32;

/// The host could not read a value.
pub(crate) struct Unreadable;

/// How errors name a key.
pub(crate) fn name(key: &str) -> String {
    format!("config.{key}")
}

/// Reads all keys, and gives the account that they describe. `get` stands for the host's configuration.
///
/// # Errors
/// `invalid` with all problems of the values, each with its key; `unreachable` with the first key that the host could
/// not read.
pub(crate) fn account(get: impl Fn(&str) -> Result<Option<String>, Unreadable>) -> Result<Account, Error> {
    let mut reader = Reader { get, problems: Vec::new() };
    let username = reader.required(USERNAME, USERNAME_FORM, username)?;
    let password = reader.required(PASSWORD, settings::PASSWORD, password)?;
    let default_sender = reader.optional(SENDER, |value| {
        sender::form(value).map_err(|error| format!("write {} ({error})", settings::SENDER))
    })?;
    // On unless it is plainly off: a value that cannot be read is a problem, so that no call gets past it.
    let dry_run = reader.optional(DRY_RUN, |value| switch(value).ok_or_else(|| format!("write {SWITCH}")))?;
    let currency = reader.optional(CURRENCY, |value| {
        forms::is_currency(value).then(|| value.into()).ok_or_else(|| "write three capital letters, such as SEK".into())
    })?;
    let endpoint =
        reader.optional(ENDPOINT, |value| destination(value, true).map(|_| value.into()).map_err(Into::into))?;
    match username.zip(password) {
        Some((username, password)) if reader.problems.is_empty() => Ok(Account {
            credentials: Some(Credentials { username, password }),
            default_sender,
            dry_run: dry_run.unwrap_or(true),
            currency,
            endpoint,
        }),
        _ => Err(Error::Invalid(reader.problems.join("; "))),
    }
}

/// A username of 46elks.
fn username(value: &str) -> Result<String, String> {
    let digits = value.strip_prefix(['u', 'a']).unwrap_or_default();
    let valid = digits.len() == USERNAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| value.into()).ok_or_else(|| format!("write {USERNAME_FORM}"))
}

/// A password.
fn password(value: &str) -> Result<String, String> {
    match value {
        _ if is_quoted(value) => Err("it is written in quotes: leave them out".into()),
        _ if !is_password(value) => Err(format!("write {}", settings::PASSWORD)),
        _ => Ok(value.into()),
    }
}

/// Reads values and collects their problems, so that all are reported at once.
struct Reader<G> {
    get: G,
    problems: Vec<String>,
}

impl<G: Fn(&str) -> Result<Option<String>, Unreadable>> Reader<G> {
    /// A value without the space around it; nothing when it is missing or empty.
    fn value(&self, key: &str) -> Result<Option<String>, Error> {
        let unreadable = |Unreadable| {
            let reason = format!("the host could not read {} of its configuration", name(key));
            Error::Unreachable(reason)
        };
        let value = (self.get)(key).map_err(unreadable)?;
        Ok(value.map(|value| value.trim().to_string()).filter(|value| !value.is_empty()))
    }

    /// A value that may be missing; nothing also when it has a problem.
    fn optional<T>(&mut self, key: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Error> {
        let Some(value) = self.value(key)? else { return Ok(None) };
        Ok(read(&value).map_err(|problem| self.problem(key, &problem)).ok())
    }

    /// A value that must be there; nothing when it has a problem.
    fn required<T>(
        &mut self,
        key: &str,
        form: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.value(key)? else {
            self.problem(key, &format!("it is missing: write {form}"));
            return Ok(None);
        };
        Ok(read(&value).map_err(|problem| self.problem(key, &problem)).ok())
    }

    fn problem(&mut self, key: &str, problem: &str) {
        self.problems.push(format!("{}: {problem}", name(key)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 6] = [
        ("username", "u0123456789abcdef0123456789ABCDEF"),
        ("password", "sesam-öppna-dig"),
        ("sender", "+46 766 86 10 04"),
        ("dry-run", "off"),
        ("currency", "SEK"),
        ("endpoint", "https://gateway.example.com:8443"),
    ];

    /// The account of these values, with one of them changed or taken out.
    fn with(key: &str, value: Option<&str>) -> Result<Account, Error> {
        account(|asked| {
            let usual = ALL.iter().find(|(name, _)| *name == asked).map(|(_, value)| *value);
            Ok(if asked == key { value } else { usual }.map(Into::into))
        })
    }

    fn refused(account: Result<Account, Error>) -> String {
        match account {
            Err(Error::Invalid(problems)) => problems,
            other => panic!("{:?}", other.map(|_| "an account")),
        }
    }

    #[test]
    fn the_account_is_what_the_keys_say() {
        let account = with("", None).expect("is valid");
        let Credentials { username, password } = account.credentials.expect("are there");
        assert_eq!((username.as_str(), password.as_str()), (ALL[0].1, ALL[1].1));
        assert_eq!(account.default_sender.as_deref(), Some("+46766861004"));
        assert_eq!((account.dry_run, account.currency.as_deref()), (false, Some("SEK")));
        assert_eq!(account.endpoint.as_deref(), Some(ALL[5].1));
    }

    #[test]
    fn what_may_be_missing_has_its_default_and_a_blank_value_is_missing() {
        for value in [None, Some(""), Some(" \t\n")] {
            assert!(with("dry-run", value).expect("is valid").dry_run, "{value:?}");
            assert_eq!(with("sender", value).expect("is valid").default_sender, None);
            assert_eq!(with("currency", value).expect("is valid").currency, None);
            assert_eq!(with("endpoint", value).expect("is valid").endpoint, None);
        }
    }

    #[test]
    fn username_and_password_must_be_there() {
        for value in [None, Some(""), Some(" \t\n")] {
            let username = "config.username: it is missing: write the API username, u or a and 32 hexadecimal digits";
            assert_eq!(refused(with("username", value)), username);
            let password =
                "config.password: it is missing: write the API password, without characters that nobody sees";
            assert_eq!(refused(with("password", value)), password);
        }
    }

    #[test]
    fn space_around_a_value_is_removed() {
        for (key, value) in ALL {
            let spaced = format!(" {value}\n");
            let (spaced, plain) = (with(key, Some(&spaced)).expect(key), with("", None).expect("is valid"));
            assert_eq!(format!("{spaced:?}"), format!("{plain:?}"), "{key}");
        }
    }

    #[test]
    fn a_broken_rule_names_its_key_and_never_the_value() {
        let digits = "0123456789abcdef0123456789abcdef";
        let (long, short, other) = (format!("u{digits}0"), format!("u{}", &digits[1..]), format!("b{digits}"));
        let not_hexadecimal = format!("a{}g", &digits[1..]);
        for (key, value, expected) in [
            ("username", long.as_str(), "write the API username"),
            ("username", &short, "write the API username"),
            ("username", &other, "write the API username"),
            ("username", &not_hexadecimal, "write the API username"),
            ("username", digits, "write the API username"),
            ("username", "u:secret", "write the API username"),
            ("password", "sesam\nöppna", "write the API password"),
            ("password", "sesam\u{200b}öppna", "write the API password"),
            ("password", "sesam\u{0}", "write the API password"),
            ("password", "\"sesam\"", "it is written in quotes"),
            ("sender", "0766861004", "write a phone number like"),
            ("sender", "Elks AB", "write a phone number like"),
            ("sender", "+46sesam", "write a phone number like"),
            ("dry-run", "flase", "write true, 1, yes, on or false, 0, no, off"),
            ("dry-run", "${DRY_RUN}", "write true, 1, yes, on or false, 0, no, off"),
            ("dry-run", "2", "write true, 1, yes, on or false, 0, no, off"),
            ("currency", "kr", "write three capital letters"),
            ("currency", "sek", "write three capital letters"),
            ("endpoint", "gateway.example.com", "it must begin with https://"),
            ("endpoint", "http://gateway.example.com", "plain http would show the credentials"),
            ("endpoint", "https://u:sesam@gateway.example.com", "after the scheme"),
        ] {
            let problem = refused(with(key, Some(value)));
            assert!(problem.starts_with(&format!("config.{key}: {expected}")), "{problem}");
            assert!(value == "2" || !problem.contains(value), "{problem}");
            assert!(!problem.contains("sesam") && !problem.contains(digits), "{problem}");
        }
    }

    #[test]
    fn dry_run_takes_the_words_of_the_host() {
        for word in ["true", "1", "yes", "on", "TRUE"] {
            assert!(with("dry-run", Some(word)).expect(word).dry_run);
        }
        for word in ["false", "0", "no", "off", "False"] {
            assert!(!with("dry-run", Some(word)).expect(word).dry_run);
        }
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let problems = refused(account(|key| Ok((key != "password").then(|| "?".into()))));
        let named: Vec<&str> = problems.split("; ").filter_map(|it| it.split_once(": ")).map(|(key, _)| key).collect();
        let keys = ["username", "password", "sender", "dry-run", "currency", "endpoint"];
        assert_eq!(named, keys.map(|key| format!("config.{key}")));
    }

    #[test]
    fn a_key_that_the_host_cannot_read_is_named_for_each_key() {
        for (broken, _) in ALL {
            // The other values break their rules: what cannot be read says more.
            let account = account(|key| if key == broken { Err(Unreadable) } else { Ok(Some("?".into())) });
            let Err(Error::Unreachable(reason)) = account else { panic!("{broken} was read") };
            assert_eq!(reason, format!("the host could not read config.{broken} of its configuration"));
        }
    }
}
