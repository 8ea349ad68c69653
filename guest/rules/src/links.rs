//! Links in a text, and reasons to distrust them. Links are allowed, but the sender is warned: a link is the usual
//! carrier of phishing. Nothing here opens a link.
//!
//! A link is what a phone would make one of, and a little more:
//! - a host after `http:`, `https:` or another scheme of the web, whatever its name and however many slashes
//! - a name under a top-level domain that exists, or that begins with `www.`, without a scheme
//! - an address of four numbers with a path or a port, without a scheme
//! - any other scheme: it opens an app
//!
//! Not links are mail addresses, abbreviations (`org.nr`), and two sentences without a space between them: `hem.Nu`.
//! There the top-level domain has one capital letter, and no path follows. Android links names with a top-level domain
//! in lower case only. Sources: `android.util.Patterns.AUTOLINK_WEB_URL`, `Linkify.sUrlMatchFilter`, and the URL
//! standard of the WHATWG for what follows a scheme.

use crate::joining::is_virama;
use crate::list::{lines, words};
use std::cell::LazyCell;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Hosts of link shorteners; the file names the source.
const SHORTENERS: &str = include_str!("shorteners.txt");

/// Top-level domains; the file names the source.
const TOP_LEVEL_DOMAINS: &str = include_str!("tlds.txt");

/// Characters that browsers replace by ASCII; the file names the source.
const REPLACED: &str = include_str!("lookalikes.txt");

/// Schemes whose links lead to a host. Source: the special schemes of the WHATWG's URL standard, and Android's `rtsp`.
const WEB_SCHEMES: [&str; 6] = ["http", "https", "ftp", "ws", "wss", "rtsp"];

/// Schemes that are links without slashes, too. Source: IANA's list of URI schemes; the last two run code in a browser.
const SHORT_SCHEMES: [&str; 19] = [
    "bankid",
    "bitcoin",
    "callto",
    "facetime",
    "geo",
    "intent",
    "magnet",
    "mailto",
    "mms",
    "sip",
    "sips",
    "skype",
    "sms",
    "smsto",
    "swish",
    "tel",
    "whatsapp",
    "data",
    "javascript",
];

/// Abbreviations that end in a top-level domain. Without a path they are no links. Sources: Svenska skrivregler for the
/// Swedish ones; the others are Italian, Polish and Latin ones and degrees.
const ABBREVIATIONS: [&str; 22] = [
    "art.nr",
    "best.nr",
    "e.kr",
    "f.kr",
    "fakt.nr",
    "faktura.nr",
    "id.nr",
    "konto.nr",
    "kto.nr",
    "kund.nr",
    "lgh.nr",
    "medl.nr",
    "ord.nr",
    "order.nr",
    "org.nr",
    "pers.nr",
    "reg.nr",
    "tel.nr",
    "et.al",
    "m.in",
    "m.sc",
    "p.es",
];

/// Cyrillic and Greek letters that look like Latin ones. Source: the list of whole-script confusables in Chromium's IDN
/// policy, and the Greek letters of the same look.
const LIKE_LATIN: &str = "асԁеһіјӏорԛѕԝхуъьпгѵѡοανυρικτω";

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a host. It is never empty; its letters are in lower case.
    Host(String),
    /// To an app, by the scheme of the link.
    App(String),
}

/// A link, by where it leads.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// The host or the app.
    pub target: Target,
    /// Reasons to distrust the link, each as the end of a sentence about it.
    pub suspicions: Vec<&'static str>,
}

/// The links of a text, with and without scheme, each target once, in the order of the text.
pub fn links(text: &str) -> Vec<Link> {
    let scan = Scan::of(text);
    let mut found = scan.with_scheme();
    for link in scan.without_scheme(&found) {
        let at = found.iter().position(|later| later.start > link.start).unwrap_or(found.len());
        found.insert(at, link);
    }
    let mut links: Vec<Link> = Vec::new();
    for link in found.into_iter().map(Found::link) {
        match links.iter_mut().find(|known| known.target == link.target) {
            Some(known) => {
                for suspicion in link.suspicions {
                    if !known.suspicions.contains(&suspicion) {
                        known.suspicions.push(suspicion);
                    }
                }
            }
            None => links.push(link),
        }
    }
    links
}

/// A link in a text.
struct Found {
    /// Where it begins and ends, in characters.
    start: usize,
    end: usize,
    target: Target,
    /// Whether a name and an @ stand before the host.
    has_user: bool,
    /// Whether the host is written with characters that browsers replace.
    is_disguised: bool,
}

impl Found {
    /// The link with the reasons to distrust it.
    fn link(self) -> Link {
        let mut suspicions = Vec::new();
        if let Target::Host(host) = &self.target {
            for (is_so, suspicion) in [
                (self.has_user, "shows another name before the @"),
                (is_address(host), "is a bare address without a name"),
                (is_shortener(host), "hides where it leads (a link shortener)"),
                (self.is_disguised, "has odd characters that browsers replace"),
                (host.split('.').any(|label| label.starts_with("xn--")), "does not show its letters (punycode)"),
                (host.split('.').any(mixes_scripts), "mixes letters of several alphabets that look alike"),
                (looks_latin(host), "has letters that look like Latin ones but are not"),
            ] {
                if is_so {
                    suspicions.push(suspicion);
                }
            }
        }
        Link { target: self.target, suspicions }
    }
}

/// A text as characters, each as it is and as a browser reads it.
struct Scan {
    chars: Vec<char>,
    read: Vec<char>,
    /// Made for the first name that needs it: most texts have none.
    tlds: LazyCell<TopLevelDomains>,
}

impl Scan {
    fn of(text: &str) -> Self {
        let replaced = LazyCell::new(replacements);
        let chars: Vec<char> = text.chars().collect();
        let read = chars.iter().map(|&c| if c.is_ascii() { c } else { ascii_form(c, &replaced) }).collect();
        Self { chars, read, tlds: LazyCell::new(TopLevelDomains::new) }
    }

    /// The links that begin with a scheme.
    fn with_scheme(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for colon in (0..self.chars.len()).filter(|&at| self.chars[at] == ':') {
            let start = colon - self.chars[..colon].iter().rev().take_while(|&&c| is_in_scheme(c)).count();
            let Some(letter) = (start..colon).find(|&at| self.chars[at].is_ascii_alphabetic()) else {
                continue;
            };
            let scheme: String = self.chars[letter..colon].iter().collect();
            found.extend(self.link_of(&scheme, letter, colon + 1));
        }
        found
    }

    /// The link with a scheme that begins and ends at these places.
    fn link_of(&self, scheme: &str, start: usize, after: usize) -> Option<Found> {
        let slashes = self.chars[after..].iter().take_while(|c| matches!(c, '/' | '\\')).count();
        let lower = scheme.to_ascii_lowercase();
        // Glued to a word, a scheme is recognised by its slashes: `sehttps://`.
        let is_glued = slashes > 0 && (lower.ends_with("http") || lower.ends_with("https"));
        if is_glued || WEB_SCHEMES.contains(&lower.as_str()) {
            return self.web_link(start, after + slashes);
        }
        let is_short = SHORT_SCHEMES.contains(&lower.as_str()) && self.is_short_link(scheme, after);
        (slashes >= 2 || is_short).then_some(Found {
            start,
            end: after,
            target: Target::App(lower),
            has_user: false,
            is_disguised: false,
        })
    }

    /// Whether what follows a scheme without slashes makes it a link, rather than a word with a colon: `Tel: 08-1`.
    fn is_short_link(&self, scheme: &str, after: usize) -> bool {
        let rest: String = self.chars[after..].iter().take_while(|c| !c.is_whitespace()).collect();
        match scheme.to_ascii_lowercase().as_str() {
            "tel" | "sms" | "smsto" | "mms" | "callto" | "geo" => {
                let is_lower = !scheme.contains(|c: char| c.is_ascii_uppercase());
                is_lower && rest.starts_with(|c: char| c == '+' || c.is_ascii_digit())
            }
            "mailto" | "sip" | "sips" => rest.contains('@'),
            "data" => rest.contains(','),
            "intent" => rest.contains("#Intent"),
            "javascript" => !rest.is_empty(),
            _ => rest.starts_with(['?', '/']) || rest.contains(['?', '=']),
        }
    }

    /// The link of a scheme of the web, whose host may have any name.
    fn web_link(&self, start: usize, authority: usize) -> Option<Found> {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '\\');
        let end = self.position(authority, is_end);
        let host = (authority..end).rev().find(|&at| self.read[at] == '@').map_or(authority, |at| at + 1);
        let (name, host_end) = if self.read.get(host) == Some(&'[') {
            let close = self.position(host, |c| c == ']').min(end);
            (self.read[host + 1..close].iter().collect::<String>(), close)
        } else {
            let close = self.position(host, |c| !(is_label(c) || is_picture(c) || matches!(c, '.' | '%'))).min(end);
            (percent_decoded(&self.read[host..close].iter().collect::<String>()), close)
        };
        let name = self.without_glue(lower(name.trim_matches(['.', '-', '_'])));
        if !name.contains(char::is_alphanumeric) {
            return None;
        }
        let written: String = self.chars[host..host_end].iter().collect();
        let is_disguised = !lower(&written).contains(&name) && !written.starts_with('[');
        Some(Found {
            start,
            end: self.path_end(host_end),
            target: Target::Host(name),
            has_user: host > authority,
            is_disguised,
        })
    }

    /// A host after a scheme without the letters of another script that follow its top-level domain.
    fn without_glue(&self, host: String) -> String {
        let last = host.rsplit('.').next().unwrap_or_default();
        let letters = last.bytes().take_while(u8::is_ascii_alphabetic).count();
        let is_border = last[letters..].starts_with(|c: char| !c.is_ascii() && !is_latin(c));
        if host.contains('.') && is_border && self.tlds.has(&last[..letters]) && !self.tlds.has(last) {
            return host[..host.len() - last.len() + letters].to_string();
        }
        host
    }

    /// The links without a scheme, outside of those that were found.
    fn without_scheme(&self, known: &[Found]) -> Vec<Found> {
        let is_known = |at: usize| known.iter().any(|link| (link.start..link.end).contains(&at));
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.read.len() {
            if !self.is_in_name(at) || is_known(at) {
                at += 1;
                continue;
            }
            let end = (at..self.read.len()).find(|&at| !self.is_in_name(at) || is_known(at)).unwrap_or(self.read.len());
            let next = match self.bare_link(at, end) {
                Some(link) => {
                    let next = link.end;
                    found.push(link);
                    next
                }
                None => end,
            };
            at = next.max(at + 1);
        }
        found
    }

    /// The first link in a run of characters that can be in a name.
    fn bare_link(&self, mut from: usize, to: usize) -> Option<Found> {
        while let Some((start, end)) = self.first_name(from, to) {
            let link = self.bare_name(self.name_start(start, end), end);
            if link.is_some() || end == to {
                return link;
            }
            // What is glued to a name that is no link may be one.
            from = end;
        }
        // A name that begins with www. is a link whatever its end.
        let name: String = lower(&self.read[from..to].iter().collect::<String>());
        let www = name.find("www.").filter(|at| name[at + 4..].starts_with(char::is_alphanumeric))?;
        let start = from + name[..www].chars().count();
        self.bare_name(start, to)
    }

    /// Where the first name under a top-level domain, or the first address of four numbers, begins and ends. Between
    /// two dots in a row, the longest name counts.
    fn first_name(&self, from: usize, to: usize) -> Option<(usize, usize)> {
        let (mut start, mut name_end) = (from, None);
        for dot in (from..to).filter(|&at| self.read[at] == '.') {
            let label_end = self.position(dot + 1, |c| c == '.').min(to);
            if dot + 1 < label_end && dot > start {
                name_end = self.tld_end(dot + 1, label_end).or(name_end);
            } else if name_end.is_some() {
                break;
            } else {
                start = dot + 1;
            }
        }
        let end = name_end.or_else(|| self.is_number(start, to).then_some(to))?;
        Some((start, end))
    }

    /// The link of a name without a scheme, unless it is a part of a mail address, an abbreviation or the border of two
    /// sentences.
    fn bare_name(&self, start: usize, end: usize) -> Option<Found> {
        let written: String = self.read[start..end].iter().collect();
        let name = lower(written.trim_matches(['.', '-', '_']));
        let has_path = self.has_path(end);
        let follows_at = start > 0 && self.read[start - 1] == '@';
        let is_number = name.parse::<Ipv4Addr>().is_ok();
        let is_sentence = is_capitalised(written.rsplit('.').next().unwrap_or_default())
            && !name.starts_with("www.")
            && !is_shortener(&name);
        let is_none = ABBREVIATIONS.contains(&name.as_str()) || is_sentence || is_number || follows_at;
        if (is_none && !has_path) || self.is_before_at(end) || !name.contains('.') {
            return None;
        }
        let is_disguised = self.chars[start..end] != self.read[start..end];
        let end = self.path_end(end);
        Some(Found { start, end, target: Target::Host(name), has_user: follows_at, is_disguised })
    }

    /// The end of the top-level domain that begins at a place, if there is one: the whole label, or its letters before
    /// something that was glued to it.
    fn tld_end(&self, start: usize, label_end: usize) -> Option<usize> {
        let label: String = lower(&self.read[start..label_end].iter().collect::<String>());
        if self.tlds.has(&label) {
            return Some(label_end);
        }
        let letters = label.bytes().take_while(u8::is_ascii_alphabetic).count();
        let is_border = label[letters..].starts_with(|c: char| !c.is_ascii_digit() && !is_latin(c));
        (letters > 1 && is_border && self.tlds.has(&label[..letters])).then_some(start + letters)
    }

    /// Whether an address of four numbers stands between two places.
    fn is_number(&self, start: usize, end: usize) -> bool {
        self.read[start..end].iter().collect::<String>().parse::<Ipv4Addr>().is_ok()
    }

    /// Where a name begins that ends at a place: after a picture or a script that was glued to it.
    fn name_start(&self, from: usize, end: usize) -> usize {
        let dot = self.position(from, |c| c == '.').min(end);
        let first = &self.read[from..dot];
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let border = if first.last().copied().is_some_and(is_picture) {
            None // a name of pictures, as some domains sell them
        } else {
            let picture = first.iter().rposition(|&c| is_picture(c));
            let tail = first.iter().rposition(|&c| !is_plain(c)).filter(|&at| at + 1 < first.len());
            let tail = tail.filter(|&at| {
                let rest: String = self.read[from + at + 1..end].iter().collect();
                is_unspaced(first[at]) || is_shortener(&lower(&rest)) && !is_latin(first[at])
            });
            picture.max(tail)
        };
        let start = from + border.map_or(0, |at| at + 1);
        start + self.read[start..end].iter().take_while(|c| matches!(c, '-' | '_')).count()
    }

    /// Whether a character can be in a name without a scheme. An ideographic full stop is a dot only between ASCII
    /// letters: elsewhere it ends a sentence.
    fn is_in_name(&self, at: usize) -> bool {
        let c = self.read[at];
        let ascii = |at: Option<usize>| at.and_then(|at| self.read.get(at)).is_some_and(char::is_ascii_alphanumeric);
        match c {
            '.' if self.chars[at] == '.' => true,
            '.' => ascii(at.checked_sub(1)) && ascii(Some(at + 1)),
            _ => is_label(c) || is_picture(c) || matches!(c, '\u{FE0F}'),
        }
    }

    /// Whether a path, a query, a fragment or a port begins at a place.
    fn has_path(&self, at: usize) -> bool {
        let next = self.read.get(at + 1).copied().unwrap_or(' ');
        match self.read.get(at) {
            Some('/') => true,
            Some('?' | '#') => next.is_alphanumeric(),
            Some(':') => next.is_ascii_digit(),
            _ => false,
        }
    }

    /// Where a link ends whose host ends at a place. What follows one of the other signs may be a link of its own.
    fn path_end(&self, at: usize) -> usize {
        if !self.has_path(at) {
            return at;
        }
        self.position(at, |c| !(c.is_ascii_alphanumeric() || is_latin(c) || "/?:@&=#~-.+_$%".contains(c)))
    }

    /// Whether the name that ends at a place is in the first part of a mail address.
    fn is_before_at(&self, end: usize) -> bool {
        let at = self.position(end, |c| !(c.is_ascii_alphanumeric() || "._%+-'".contains(c)));
        self.read.get(at) == Some(&'@') && self.read.get(at + 1).is_some_and(|&c| is_label(c))
    }

    /// The first place from another one on whose character is such a one, or the end of the text.
    fn position(&self, from: usize, is_such: impl Fn(char) -> bool) -> usize {
        let from = from.min(self.read.len());
        self.read[from..].iter().position(|&c| is_such(c)).map_or(self.read.len(), |at| from + at)
    }
}

/// The top-level domains, sorted.
struct TopLevelDomains(Vec<&'static str>);

impl TopLevelDomains {
    fn new() -> Self {
        Self(words(TOP_LEVEL_DOMAINS).collect())
    }

    /// Whether a label in lower case is one. Each punycode label counts as one, as on Android.
    fn has(&self, label: &str) -> bool {
        label.starts_with("xn--") || self.0.binary_search(&label).is_ok()
    }
}

/// The rows of replacements: the first code point, and what it and the following ones become.
fn replacements() -> Vec<(u32, &'static str)> {
    let row = |row: &'static str| {
        let (first, ascii) = row.split_once(' ')?;
        Some((u32::from_str_radix(first, 16).ok()?, ascii))
    };
    lines(REPLACED).filter_map(row).collect()
}

/// A character as a browser reads it in the name of a host, where that is ASCII.
fn ascii_form(c: char, replaced: &[(u32, &'static str)]) -> char {
    let code = u32::from(c);
    let row = replaced.partition_point(|(first, _)| *first <= code).checked_sub(1).map(|at| replaced[at]);
    let ascii = row.and_then(|(first, ascii)| ascii.as_bytes().get((code - first) as usize).copied());
    ascii.map_or(c, char::from)
}

/// Whether a character can be in the name of a scheme. Source: RFC 3986, section 3.1.
fn is_in_scheme(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')
}

/// Whether a character can be in a label of a host.
fn is_label(c: char) -> bool {
    c.is_alphanumeric()
        || is_virama(c)
        || matches!(c, '-' | '_' | '\u{300}'..='\u{36F}' | '\u{93C}' | '\u{9BC}' | '\u{200C}' | '\u{200D}')
}

/// Whether a character is a picture or an arrow. Source: the blocks of the emoji in Unicode's emoji-data.txt.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{2500}'..='\u{275A}' | '\u{2761}'..='\u{27BF}'
        | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Whether a character is a Latin letter or a mark on one.
fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{C0}'..='\u{24F}' | '\u{300}'..='\u{36F}' | '\u{1E00}'..='\u{1EFF}')
}

/// Whether a character is a letter of a script other than Latin, Greek and Cyrillic. No word mixes them with Latin
/// letters, so a name begins after such a letter.
fn is_unspaced(c: char) -> bool {
    c.is_alphabetic() && !is_latin(c) && !matches!(c, '\u{370}'..='\u{52F}' | '\u{1F00}'..='\u{1FFF}')
}

/// Whether a word begins a sentence: one capital letter, and small ones. The oldest domains are no such words.
fn is_capitalised(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|c| lower_char(c) != c)
        && word.chars().count() > 1
        && letters.all(|c| c.is_alphabetic() && lower_char(c) == c)
        && !["Com", "Net", "Org"].contains(&word)
}

/// A name in lower case.
fn lower(name: &str) -> String {
    name.chars().map(lower_char).collect()
}

/// A letter in lower case, in the scripts of top-level domains that have cases: Latin, Greek and Cyrillic. The tables
/// of the standard library for all scripts would make the component 15 KB larger.
fn lower_char(c: char) -> char {
    let distance = match c {
        'A'..='Z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{DE}' => 0x20,
        '\u{391}'..='\u{3A1}' | '\u{3A3}'..='\u{3AB}' | '\u{410}'..='\u{42F}' => 0x20,
        '\u{400}'..='\u{40F}' => 0x50,
        '\u{100}'..='\u{12E}'
        | '\u{132}'..='\u{136}'
        | '\u{14A}'..='\u{176}'
        | '\u{460}'..='\u{480}'
        | '\u{48A}'..='\u{4BE}'
        | '\u{4D0}'..='\u{52E}' => 1 - u32::from(c) % 2,
        '\u{139}'..='\u{147}' | '\u{179}'..='\u{17D}' | '\u{4C1}'..='\u{4CD}' => u32::from(c) % 2,
        '\u{4C0}' => 0xF,
        _ => 0,
    };
    char::from_u32(u32::from(c) + distance).unwrap_or(c)
}

/// A host with its percent signs resolved, as browsers do.
fn percent_decoded(host: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = host.as_bytes();
    while let [first, more @ ..] = rest {
        let code = more.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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

/// Whether a host is a link shortener or a name under one.
fn is_shortener(host: &str) -> bool {
    words(SHORTENERS).any(|listed| host.strip_suffix(listed).is_some_and(|name| name.is_empty() || name.ends_with('.')))
}

/// Whether a label of a host mixes Latin letters with Greek or Cyrillic ones, or these with each
/// other: no language does.
fn mixes_scripts(label: &str) -> bool {
    let has = |range: std::ops::RangeInclusive<char>| label.chars().any(|c| range.contains(&c));
    let latin = label.chars().any(is_latin);
    [latin, has('\u{370}'..='\u{3FF}'), has('\u{400}'..='\u{52F}')].into_iter().filter(|script| *script).count() > 1
}

/// Whether a label has no letter but Greek or Cyrillic ones that look like Latin ones, under a Latin top-level domain.
fn looks_latin(host: &str) -> bool {
    let like = |label: &str| {
        label.contains(char::is_alphabetic) && label.chars().all(|c| !c.is_alphabetic() || LIKE_LATIN.contains(c))
    };
    host.rsplit('.').next().is_some_and(|tld| tld.is_ascii()) && host.split('.').any(like)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The targets of a text: hosts, and apps with a colon.
    fn targets(text: &str) -> Vec<String> {
        let target = |link: Link| match link.target {
            Target::Host(host) => host,
            Target::App(scheme) => format!("{scheme}:"),
        };
        links(text).into_iter().map(target).collect()
    }

    #[test]
    fn links_are_found_with_and_without_scheme() {
        for (text, expected) in [
            ("se https://Example.com/a?b.", vec!["example.com"]),
            ("se example.se/erbjudande nu", vec!["example.se"]),
            ("http://user:pw@evil.example:8080/x och bit.ly/abc", vec!["evil.example", "bit.ly"]),
            ("http://[2001:db8::1]/x", vec!["2001:db8::1"]),
            ("bit.ly/a bit.ly/b", vec!["bit.ly"]),
            ("https:bit.ly http:/a.se https:///b.se HTTPS://C.se", vec!["bit.ly", "a.se", "b.se", "c.se"]),
            (
                "räksmörgås.se пример.рф xn--rksmrgs-5wao1o.se",
                vec!["räksmörgås.se", "пример.рф", "xn--rksmrgs-5wao1o.se"],
            ),
            ("ra\u{308}ksmo\u{308}rga\u{30A}s.se", vec!["ra\u{308}ksmo\u{308}rga\u{30A}s.se"]),
            ("i❤.ws", vec!["i❤.ws"]),
            ("BIT.LY/ABC bit.ly.", vec!["bit.ly"]),
            ("a.se:8080/x?u=https://b.se/y", vec!["a.se", "b.se"]),
            ("www.okänd.okänd", vec!["www.okänd.okänd"]),
            ("192.0.2.7/x", vec!["192.0.2.7"]),
            ("https://a.example och b.example", vec!["a.example"]),
            ("imorgon.se dig", vec!["imorgon.se"]),
            ("Evil.Se/x", vec!["evil.se"]),
            ("polisen.se@evil.se/x", vec!["evil.se"]),
        ] {
            assert_eq!(targets(text), expected, "{text}");
        }
    }

    #[test]
    fn abbreviations_numbers_and_sentences_are_no_links() {
        for text in [
            "Ta med t.ex. fika",
            "imorgon.Svara JA",
            "Vi ses kl 15.30, ta med 2.5 kg",
            "bl.a. m.fl. o.s.v. p.g.a. d.v.s.",
            "t.o.m. fr.o.m. s.k. f.d. m.a.o. e.g. i.e. a.m. p.m. U.S.",
            "hem.Nu kommer jag",
            "imorgon.Se upp",
            "ok.Kan du",
            "org.nr 556677-8899",
            "art.nr. 12",
            "faktura.pdf",
            "Ring 08-123.45.67",
            "1.000,50 kr",
            "v1.2.3",
            "Dr.No",
            "f.Kr.",
            "info@example.se",
            "anna.se@example.com",
            "Tel: 08-1234567",
            "TEL:08-1234567",
            "Länk: se nedan",
            "kl:10",
            "http://",
            "https:// se nedan",
            "...se",
            "a..se",
            "version 1.2.3.4",
            "Data:5GB",
            "你好。中国",
            "@example.se",
        ] {
            assert_eq!(targets(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn other_schemes_are_links_to_apps() {
        for (text, expected) in [
            ("bankid:///?autostarttoken=1", vec!["bankid:"]),
            ("swish://payment?x=1", vec!["swish:"]),
            ("whatsapp://send?text=hej", vec!["whatsapp:"]),
            ("market://details", vec!["market:"]),
            ("tg://resolve", vec!["tg:"]),
            ("file:///x", vec!["file:"]),
            ("mailto:info@example.se tel:+46701740605 sms:72000 geo:59,18", vec!["mailto:", "tel:", "sms:", "geo:"]),
            ("javascript:alert(1)", vec!["javascript:"]),
            ("data:text/html,x", vec!["data:"]),
            ("intent://evil.se/x#Intent;scheme=https;end", vec!["intent:", "evil.se"]),
        ] {
            assert_eq!(targets(text), expected, "{text}");
        }
    }

    #[test]
    fn each_shortener_is_found_however_it_is_glued() {
        for (before, after) in [
            ("👉", "/a"),
            ("”", "/a”"),
            ("“", "/a“"),
            ("»", "/a«"),
            ("(", "/a)"),
            ("[x](https://", "/a)"),
            ("<https://", "/a>"),
            ("Länk:", "/a"),
            ("->", "/a"),
            ("请看", "/a谢谢"),
            ("请看", "谢谢"),
            ("링크", "로"),
            ("_", "_"),
            ("*", "*"),
            ("", "👉"),
            ("❤️", "❤️"),
            ("", "."),
            ("", ","),
            ("", "./a"),
            ("x\n", "\ny"),
            ("", "…"),
            ("www.", "/a"),
            ("x.", "/a"),
            ("user@", "/a"),
            ("https://a.se/x,", "/a"),
            ("смотри ", "привет"),
            ("смотри", "/a"),
            ("", ".Kolla"),
            ("", "-"),
            ("„", "/a‟"),
            ("=", ":443/a"),
            ("https:", "/a"),
            ("http:\\\\", "/a"),
            ("xhttps://", "/a"),
            ("https://", "谢谢"),
            ("https://user@", "/a"),
        ] {
            for shortener in words(SHORTENERS) {
                for written in [
                    shortener.to_string(),
                    shortener.to_uppercase(),
                    shortener.replace('.', "\u{3002}"),
                    shortener.replace('.', "\u{FF0E}"),
                ] {
                    let text = format!("{before}{written}{after}");
                    let found = links(&text);
                    let is_warned = found
                        .iter()
                        .any(|link| link.suspicions.iter().any(|suspicion| suspicion.contains("shortener")));
                    assert!(is_warned, "{text}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn the_host_is_named_without_what_is_glued_to_it() {
        for text in [
            "👉bit.ly/a",
            "”bit.ly/a”",
            "请看bit.ly/abc谢谢",
            "https://bit.ly谢谢",
            "(bit.ly)",
            "bit.ly👉",
            "ｂｉｔ．ｌｙ/a",
            "https://bit%2Ely/a",
        ] {
            assert_eq!(targets(text), ["bit.ly"], "{text}");
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
            ("p\u{430}ypal.com", "several alphabets"),
            ("аррӏе.com", "look like Latin"),
            ("https://ⓔxample.com/", "odd characters"),
        ] {
            let found = links(text);
            assert!(found[0].suspicions.iter().any(|suspicion| suspicion.contains(reason)), "{text}: {found:?}");
        }
        for plain in ["https://example.com/x", "https://räksmörgås.se/", "https://пример.рф/", "räksmörgås.se"]
        {
            let found = links(plain);
            assert!(found.len() == 1 && found[0].suspicions.is_empty(), "{plain}: {found:?}");
        }
    }

    #[test]
    fn letters_become_lower_as_in_unicode() {
        for c in ('\0'..='\u{17F}').chain('\u{391}'..='\u{3C9}').chain('\u{400}'..='\u{52F}') {
            let mut by_unicode = c.to_lowercase();
            let single = by_unicode.next().filter(|_| by_unicode.next().is_none());
            let is_exception = matches!(c, '\u{130}' | '\u{178}');
            assert!(is_exception || lower_char(c) == single.unwrap_or(c), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn the_lists_are_in_order_and_without_empty_entries() {
        let domains: Vec<&str> = words(TOP_LEVEL_DOMAINS).collect();
        assert!(domains.len() > 1400 && domains.is_sorted());
        assert!(replacements().is_sorted() && replacements().len() > 80 && replacements()[0].0 > 0x7F);
        assert!(!is_shortener("") && words(SHORTENERS).all(|host| host.contains('.')));
        assert!(ABBREVIATIONS.iter().all(|short| short.rsplit('.').next().is_some_and(|tld| domains.contains(&tld))));
    }

    proptest::proptest! {
        #[test]
        fn no_target_is_empty(text in "(?s)(.|[.:/@a-z%👉。]|https?://|se|bit.ly|bankid:){0,40}") {
            for link in links(&text) {
                let (Target::Host(name) | Target::App(name)) = link.target;
                proptest::prop_assert!(name.contains(char::is_alphanumeric));
            }
        }
    }
}
