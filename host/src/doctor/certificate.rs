//! Issuer and end of a certificate (X.509, DER) that TLS has accepted. It is read to be shown, and decides nothing.

use chrono::{DateTime, NaiveDateTime, Utc};

/// The longest issuer that is shown, in characters.
const MAX_ISSUER: usize = 100;

/// Tags of ASN.1 (X.690, section 8; X.680, section 8.4).
const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version of a certificate, which the first version leaves out.
const VERSION: u8 = 0xa0;
/// UTF8String and PrintableString, in which names are written today.
const TEXTS: [u8; 2] = [0x0c, 0x13];

/// The common name and the organisation (X.520), with what stands before them in a text.
const SHOWN: [[u8; 3]; 2] = [[0x55, 0x04, 0x03], [0x55, 0x04, 0x0a]];

/// What is shown of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Who has issued it: common name and organisation, as far as it has them.
    pub(super) issuer: String,
    /// Until when it is valid.
    pub(super) until: DateTime<Utc>,
}

impl Certificate {
    /// Reads a certificate (RFC 5280, section 4.1); nothing if it has another form.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate, _) = element(der)?;
        let (_, fields, _) = element(certificate)?;
        let fields = match element(fields)? {
            (VERSION, _, rest) => rest,
            _ => fields,
        };
        let (_, _, after_number) = element(fields)?;
        let (_, _, after_algorithm) = element(after_number)?;
        let (SEQUENCE, issuer, after_issuer) = element(after_algorithm)? else { return None };
        let (SEQUENCE, validity, _) = element(after_issuer)? else { return None };
        let (_, _, after_begin) = element(validity)?;
        let (tag, until, _) = element(after_begin)?;
        Some(Self { issuer: name(issuer), until: time(tag, until)? })
    }
}

/// The first element: its tag, its content, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // A certificate is shorter than 64 KiB.
        0x81..=0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The common name and the organisation of a name: sets of sequences of an attribute and its text.
fn name(mut sets: &[u8]) -> String {
    let mut found = [None, None];
    while let Some((_, set, rest)) = element(sets) {
        sets = rest;
        let attribute = element(set).and_then(|(_, sequence, _)| element(sequence));
        let Some((OID, oid, value)) = attribute else { continue };
        let text = element(value).filter(|(tag, ..)| TEXTS.contains(tag)).map(|(_, text, _)| text);
        if let Some(at) = SHOWN.iter().position(|shown| shown == oid) {
            found[at] = text.map(|text| String::from_utf8_lossy(text).into_owned());
        }
    }
    let words: Vec<String> = found.into_iter().flatten().collect();
    if words.is_empty() {
        "somebody without a name".into()
    } else {
        words.join(", ").chars().take(MAX_ISSUER).collect()
    }
}

/// A time. A year of two digits is between 1950 and 2049 (RFC 5280, section 4.1.2.5.1).
fn time(tag: u8, digits: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(digits).ok()?;
    let text = match tag {
        UTC_TIME if *digits.first()? < b'5' => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.into(),
        _ => return None,
    };
    NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok().map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(until: i32, organisation: Option<&str>) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(vec!["api.46elks.com".into()]).expect("is a name");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 2, 3);
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(organisation) = organisation {
            parameters.distinguished_name.push(rcgen::DnType::CountryName, "SE");
            parameters.distinguished_name.push(rcgen::DnType::OrganizationName, organisation);
            parameters.distinguished_name.push(rcgen::DnType::CommonName, "R11");
        }
        let key = rcgen::KeyPair::generate().expect("is made");
        parameters.self_signed(&key).expect("is signed").der().to_vec()
    }

    #[test]
    fn issuer_and_end_are_those_that_were_written() {
        for (year, organisation, issuer) in [
            (2031, Some("Firma Åkesson"), "R11, Firma Åkesson".to_string()),
            (2051, None, "somebody without a name".into()),
            (1999, Some(&*"x".repeat(200)), format!("R11, {}", "x".repeat(95))),
        ] {
            let until = NaiveDateTime::parse_from_str(&format!("{year}-02-03 00:00:00"), "%Y-%m-%d %H:%M:%S");
            let until = until.expect("is a time").and_utc();
            assert_eq!(Certificate::read(&made(year, organisation)), Some(Certificate { issuer, until }));
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0_usize..400, byte: u8) {
            Certificate::read(&bytes);
            let mut changed = made(2031, Some("Elks"));
            let at = at % changed.len();
            changed[at] = byte;
            Certificate::read(&changed);
            Certificate::read(&changed[..at]);
        }
    }
}
