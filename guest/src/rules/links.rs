//! Links in a text. They are allowed, but told: a link in an SMS is how people are robbed.

use linkify::{LinkFinder, LinkKind};

/// The hosts of all links in a text, each once, with and without scheme.
pub fn hosts(text: &str) -> Vec<String> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_must_have_scheme(false);
    let mut hosts = Vec::new();
    for link in finder.links(text) {
        let host = host(link.as_str());
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// The host of a link: what stands behind scheme and user, before port and path.
fn host(link: &str) -> String {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(':').next().unwrap_or(host).to_lowercase()
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
            ("bit.ly/a bit.ly/b", vec!["bit.ly"]),
            ("Vi ses kl 15.30, ta med 2.5 kg", vec![]),
        ] {
            assert_eq!(hosts(text), expected, "{text}");
        }
    }
}
