//! Keyed hashes of what the journal must recognise and may not contain. Without the key, nobody can find out which
//! number or text a hash stands for by trying all of them.

use hmac::{Hmac, KeyInit, Mac};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;

/// A keyed hash: HMAC-SHA256, cut to 128 bits. In JSON it is 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 16]);

/// What makes two messages the same message.
#[derive(Clone, Copy)]
pub struct Content<'a> {
    /// The recipient in E.164 form.
    pub to: &'a str,
    /// The sender as it is sent.
    pub from: &'a str,
    /// Whether the phone shows it at once.
    pub flash: bool,
    /// The text. Spaces at its ends and the kind of its line ends make no difference.
    pub text: &'a str,
}

/// The key of an account's hashes.
#[derive(Clone)]
pub struct Keys([u8; 32]);

impl Keys {
    /// The key that belongs to an API password. With another password, earlier messages are no longer recognised.
    pub fn of_password(password: &str) -> Self {
        Self::new(Sha256::new().chain_update(b"elks-mcp ledger key 1\n").chain_update(password).finalize().into())
    }

    /// A key. It must come from something that only the operator has and is never stored.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The hash of a message.
    pub fn content(&self, content: &Content<'_>) -> Hash {
        let text = content.text.trim().replace("\r\n", "\n");
        let flash = if content.flash { "flash" } else { "" };
        self.hash("content", &[content.to, content.from, flash, &text])
    }

    /// The hash of a recipient in E.164 form.
    pub fn recipient(&self, number: &str) -> Hash {
        self.hash("recipient", &[number])
    }

    /// The hash of a caller's `idempotency_key`.
    pub fn idempotency(&self, key: &str) -> Hash {
        self.hash("idempotency", &[key])
    }

    /// Each part is hashed with its length, and each kind with its own label: no two inputs are the same bytes.
    fn hash(&self, label: &str, parts: &[&str]) -> Hash {
        // HMAC fills a short key with zeros up to its block.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(format!("elks-mcp {label} 1\n").as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Hash(hash)
    }
}

/// The name of an account's folder: 16 hexadecimal digits that do not show the user name.
pub fn folder(username: &str) -> String {
    let digest = Sha256::new().chain_update(b"elks-mcp account 1\n").chain_update(username).finalize();
    hex(&digest[..8])
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

/// The bytes of lower-case hexadecimal digits, if there are exactly as many as `N` bytes need.
pub(super) fn from_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != N * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The journal's own lines have no escapes here, so the text can be borrowed.
        let text = <&str>::deserialize(deserializer)?;
        from_hex(text.as_bytes()).map(Self).ok_or_else(|| D::Error::custom("not 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> Keys {
        Keys::new([7; 32])
    }

    #[test]
    fn a_hash_is_hmac_sha256_cut_to_128_bits() {
        // python3 -c 'import hmac; print(hmac.digest(bytes([7])*32, b"elks-mcp recipient 1\n" + (12).to_bytes(8, "big")
        // + b"+46701740605", "sha256").hex()[:32])'
        assert_eq!(format!("{:?}", keys().recipient("+46701740605")), "09f4be0d1cc7aebbbb0d57e1fc72e241");
        assert_eq!(folder("u0123456789abcdef"), "5d4d785dc8fd8cea");
    }

    #[test]
    fn every_part_of_a_message_makes_a_difference_and_the_form_of_its_text_none() {
        let content = Content { to: "+46701740605", from: "Elks", flash: false, text: "a\nb" };
        let hash = keys().content(&content);
        for text in ["a\r\nb", " a\nb", "a\nb \n"] {
            assert_eq!(keys().content(&Content { text, ..content }), hash, "{text:?}");
        }
        for other in [
            Content { to: "+46701740606", ..content },
            Content { from: "Elk", ..content },
            Content { flash: true, ..content },
            Content { text: "a b", ..content },
            Content { from: "Elksa", text: "\nb", ..content },
        ] {
            assert_ne!(keys().content(&other), hash);
        }
        assert_ne!(Keys::new([8; 32]).content(&content), hash);
        assert_ne!(keys().recipient("x"), keys().idempotency("x"));
    }

    proptest! {
        #[test]
        fn parts_do_not_run_into_each_other(a in ".{0,5}", b in ".{0,5}", c in ".{0,5}", d in ".{0,5}") {
            let hash = |to: &str, from: &str| keys().content(&Content { to, from, flash: false, text: "" });
            prop_assert_eq!(hash(&a, &b) == hash(&c, &d), (a, b) == (c, d));
        }

        #[test]
        fn hexadecimal_digits_have_one_form(bytes: [u8; 8], place in 0usize..16, other: u8) {
            let mut text = hex(&bytes).into_bytes();
            prop_assert_eq!(from_hex(&text), Some(bytes));
            text[place] = other;
            if let Some(read) = from_hex::<8>(&text) {
                prop_assert_eq!(hex(&read).into_bytes(), text);
            }
        }
    }
}
