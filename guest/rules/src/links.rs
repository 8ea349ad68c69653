//! Links in a text, and reasons to distrust them. Links are allowed, but the sender is warned: a link is the usual
//! carrier of phishing. Nothing here opens a link.

use linkify::{LinkFinder, LinkKind};
use std::net::Ipv6Addr;

/// Hosts of link shorteners; the file names the source.
const SHORTENERS: &str = include_str!("shorteners.txt");

/// A link, by its host.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// The host, its ASCII letters in lower case.
    pub host: String,
    /// Reasons to distrust the link, each as the end of a sentence about it.
    pub suspicions: Vec<&'static str>,
}

/// The links of a text, with and without scheme, each host once.
pub fn links(text: &str) -> Vec<Link> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_must_have_scheme(false);
    let mut links: Vec<Link> = Vec::new();
    let found = finder.links(text).map(|link| link.as_str()).chain(schemes(text));
    for link in found.map(link) {
        if !links.iter().any(|known| known.host == link.host) {
            links.push(link);
        }
    }
    links
}

/// Everything that follows `http://` or `https://`. The library leaves out hosts that are addresses, such as
/// `[2001:db8::1]`, `127.1` or `2130706433`, but phones open them.
fn schemes(text: &str) -> impl Iterator<Item = &str> {
    let lower = text.to_ascii_lowercase();
    let starts: Vec<usize> = ["http://", "https://"]
        .iter()
        .flat_map(|scheme| lower.match_indices(scheme).map(|(at, _)| at).collect::<Vec<_>>())
        .collect();
    starts
        .into_iter()
        .map(|at| text[at..].split(char::is_whitespace).next().unwrap_or(""))
        .filter(|link| !host(link).1.is_empty())
}

/// The user and the host of a link.
fn host(link: &str) -> (Option<&str>, String) {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let host = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split(':').next().unwrap_or(host),
    };
    (user, host.trim_end_matches(['.', ',', '!', ')', '"']).to_ascii_lowercase())
}

/// A link by its host, with the reasons to distrust it.
fn link(link: &str) -> Link {
    let (user, host) = host(link);
    let mut suspicions = Vec::new();
    if user.is_some() {
        suspicions.push("pretends to lead elsewhere by a name before the @");
    }
    if is_address(&host) {
        suspicions.push("is a bare address without a name");
    }
    if is_listed(&host) {
        suspicions.push("hides where it leads (a link shortener)");
    }
    if host.split('.').any(|label| label.starts_with("xn--")) {
        suspicions.push("is written in punycode, so that its real letters do not show");
    }
    if host.split('.').any(mixes_scripts) {
        suspicions.push("mixes letters of several alphabets that look alike");
    }
    Link { host, suspicions }
}

/// Whether a host is an address in any notation that browsers accept: `192.0.2.7`, `127.1`,
/// `2130706433`, `0x7f000001`, `2001:db8::1`.
fn is_address(host: &str) -> bool {
    let number = |label: &str| {
        let hex = label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        hex || (!label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()))
    };
    host.parse::<Ipv6Addr>().is_ok() || host.split('.').all(number)
}

/// Whether a host is a link shortener.
fn is_listed(host: &str) -> bool {
    let host = host.strip_prefix("www.").unwrap_or(host);
    SHORTENERS.lines().filter_map(|line| line.split('#').next()).any(|listed| listed.trim() == host)
}

/// Whether a label of a host mixes Latin letters with Greek or Cyrillic ones, or these with each
/// other: no language does.
fn mixes_scripts(label: &str) -> bool {
    let has = |range: std::ops::RangeInclusive<char>| label.chars().any(|c| range.contains(&c));
    let latin = label.chars().any(|c| c.is_ascii_alphabetic()) || has('\u{C0}'..='\u{24F}');
    [latin, has('\u{370}'..='\u{3FF}'), has('\u{400}'..='\u{52F}')].into_iter().filter(|script| *script).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_with_and_without_scheme() {
        for (text, expected) in [
            ("se https://Example.com/a?b.", vec!["example.com"]),
            ("se example.se/erbjudande nu", vec!["example.se"]),
            ("http://user:pw@evil.example:8080/x och bit.ly/abc", vec!["evil.example", "bit.ly"]),
            ("http://[2001:db8::1]/x", vec!["2001:db8::1"]),
            ("bit.ly/a bit.ly/b", vec!["bit.ly"]),
            ("Vi ses kl 15.30, ta med 2.5 kg", vec![]),
        ] {
            let hosts: Vec<String> = links(text).into_iter().map(|link| link.host).collect();
            assert_eq!(hosts, expected, "{text}");
        }
    }

    #[test]
    fn the_reasons_to_distrust_a_link_are_named() {
        for (text, reason) in [
            ("https://bit.ly/x", "shortener"),
            ("https://www.tinyurl.com/x", "shortener"),
            ("http://192.0.2.7/bank", "bare address"),
            ("http://[2001:db8::1]/x", "bare address"),
            ("http://2130706433/x", "bare address"),
            ("HTTP://127.1/", "bare address"),
            ("http://0x7f000001/", "bare address"),
            ("https://polisen.se@evil.example/x", "before the @"),
            ("https://xn--pypal-4ve.com/", "punycode"),
            ("https://p\u{430}ypal.com/", "several alphabets"),
        ] {
            let found = links(text);
            assert!(found[0].suspicions.iter().any(|suspicion| suspicion.contains(reason)), "{text}: {found:?}");
        }
        for plain in ["https://example.com/x", "https://räksmörgås.se/", "https://пример.рф/"] {
            assert!(links(plain).iter().all(|link| link.suspicions.is_empty()), "{plain}");
        }
    }
}
