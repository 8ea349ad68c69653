//! The account's credentials: the Authorization header, the search for secrets, and their redaction. Nothing here
//! prints them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use memchr::memmem::Finder;
use std::fmt;

/// Secrets shorter than this, in bytes, are not searched for: they would be found in ordinary texts.
const MIN_SECRET_BYTES: usize = 8;

/// Username and password of an API account, with HTTP Basic authentication.
///
/// ```
/// use elks_sandbox::Credentials;
///
/// let credentials = Credentials::new("u1", "correct horse");
/// assert!(credentials.contains_secret(b"message=correct+horse"));
/// assert_eq!(credentials.redact(b"it is correct horse".to_vec()), b"it is *************");
/// assert_eq!(format!("{credentials:?}"), "Credentials(…)");
/// ```
pub struct Credentials {
    username: String,
    authorization: HeaderValue,
    /// Byte strings that must not leave in a request nor come back in a response: the password, the pair of username
    /// and password, and both in base64.
    secrets: Vec<Finder<'static>>,
    /// Whether a secret has a space, which a form writes as `+`.
    has_space: bool,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// Credentials from a username, which holds no colon, and a password.
    pub fn new(username: &str, password: &str) -> Self {
        let pair = format!("{username}:{password}");
        let token = BASE64_STANDARD.encode(&pair);
        // Base64 is always a valid header value.
        let authorization = HeaderValue::try_from(format!("Basic {token}"));
        let mut authorization = authorization.unwrap_or(HeaderValue::from_static("Basic"));
        authorization.set_sensitive(true);
        let secrets = [password, &pair, &token, &BASE64_STANDARD.encode(password)];
        let secrets: Vec<_> = secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET_BYTES).collect();
        let has_space = secrets.iter().any(|secret| secret.contains(' '));
        let secrets = secrets.into_iter().map(|secret| Finder::new(secret).into_owned()).collect();
        Self { username: username.into(), authorization, secrets, has_space }
    }

    /// The username, which is an identifier and no secret.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The value of the Authorization header. It is marked as sensitive, so its Debug form hides it.
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// Whether bytes contain a secret: as it is, in base64, or encoded as in a form, up to twice (a text inside a form
    /// is encoded once more).
    pub fn contains_secret(&self, bytes: &[u8]) -> bool {
        let contains = |bytes: &[u8]| self.secrets.iter().any(|secret| secret.find(bytes).is_some());
        // One search is enough where nothing is encoded: nothing has a `%`, and no `+` can be a space of a secret.
        if !bytes.iter().any(|byte| *byte == b'%' || (*byte == b'+' && self.has_space)) {
            return contains(bytes);
        }
        let once = form_decoded(bytes);
        contains(bytes) || contains(&once) || contains(&form_decoded(&once)) || contains(&percent_decoded(bytes))
    }

    /// The bytes with each secret in them replaced by asterisks, so that the component never sees it.
    pub fn redact(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for secret in &self.secrets {
            let mut from = 0;
            while let Some(at) = secret.find(&bytes[from..]) {
                let end = from + at + secret.needle().len();
                bytes[from + at..end].fill(b'*');
                from = end;
            }
        }
        bytes
    }
}

/// Removes the encoding of a form, once.
fn form_decoded(bytes: &[u8]) -> Vec<u8> {
    let spaces: Vec<u8> = bytes.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decoded(&spaces)
}

/// Removes percent-encoding, once. What is not encoded stays.
fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "pass%word+\"0123 456\\789";

    fn form(text: &str) -> String {
        form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    #[test]
    fn secrets_are_found_in_every_spelling() {
        for password in [PASSWORD, "a secret with spaces", "one%percent", "one+plus", "plain-secret", "å 100% + 1"] {
            let credentials = Credentials::new("u1", password);
            let pair = format!("u1:{password}");
            for secret in
                [password.to_string(), pair.clone(), BASE64_STANDARD.encode(&pair), BASE64_STANDARD.encode(password)]
            {
                for spelling in [secret.clone(), form(&secret), form(&form(&secret))] {
                    assert!(
                        credentials.contains_secret(format!("x={spelling}&y=1").as_bytes()),
                        "a spelling is missed"
                    );
                }
            }
            let percent: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
            assert!(credentials.contains_secret(percent.as_bytes()));
        }
    }

    #[test]
    fn ordinary_bytes_contain_no_secret() {
        let credentials = Credentials::new("u1", PASSWORD);
        for bytes in ["", "u1", "Hej! 100 % + 5", "pass%word+\"0123 456", "%", "%2", "%zz"] {
            assert!(!credentials.contains_secret(bytes.as_bytes()), "{bytes}");
        }
    }

    #[test]
    fn a_short_password_is_searched_for_only_together_with_the_username() {
        let credentials = Credentials::new("user", "hej");
        assert!(!credentials.contains_secret(b"hej hej"));
        assert!(credentials.contains_secret(b"user:hej"));
    }

    #[test]
    fn redaction_covers_each_occurrence_and_nothing_else() {
        let credentials = Credentials::new("u1", "aaaaaaaa");
        let redact = |text: &str| String::from_utf8(credentials.redact(text.into())).expect("is text");
        assert_eq!(redact("x aaaaaaaa y aaaaaaaa"), "x ******** y ********");
        assert_eq!(redact("aaaaaaaaaaaa"), "********aaaa", "what is left is shorter than the secret");
        assert_eq!(redact("aaaaaaa"), "aaaaaaa");
        let pair = BASE64_STANDARD.encode("u1:aaaaaaaa");
        assert_eq!(redact(&format!("Basic {pair}")), format!("Basic {}", "*".repeat(pair.len())));
    }

    #[test]
    fn no_debug_form_shows_a_secret() {
        let credentials = Credentials::new("u1", PASSWORD);
        let shown = format!("{credentials:?} {:?}", credentials.authorization());
        assert!(
            !shown.contains("0123") && !shown.contains(&BASE64_STANDARD.encode(format!("u1:{PASSWORD}"))),
            "{shown}"
        );
    }
}
