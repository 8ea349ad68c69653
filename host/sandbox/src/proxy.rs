//! The proxy that requests go through: what can be one, and when none is used (pure).
//!
//! The HTTP client passes by a proxy whose address it cannot read. So an address is read here, and what is not
//! certainly one is an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

/// What the address of a proxy is.
pub const PROXY_FORM: &str = "the address of an HTTP proxy, such as http://proxy.example.com:3128, without a path";

/// What to do when the address is that of a SOCKS proxy.
pub const PROXY_NOT_SOCKS: &str = "an HTTP proxy: this program cannot use a SOCKS proxy. If 46elks is reached without one, set NO_PROXY to \
     api.46elks.com";

/// An HTTP proxy. It has no Debug form, because it may hold a password.
#[derive(Clone)]
pub struct Proxy {
    /// As the HTTP client takes it.
    pub(crate) client: reqwest::Proxy,
    address: String,
    /// The header with username and password.
    pub(crate) login: Option<HeaderValue>,
}

impl Proxy {
    /// Reads an address as curl and others take it: `http://` (which may be left out) or `https://`, a username and
    /// password if need be, a host, and a port (80, or 443 for `https://`, if there is none).
    ///
    /// # Errors
    /// What is allowed instead. It repeats nothing of the address.
    pub fn parse(address: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
        let scheme = scheme.to_ascii_lowercase();
        if scheme.starts_with("socks") {
            return Err(PROXY_NOT_SOCKS);
        }
        if !["http", "https"].contains(&scheme.as_str()) {
            return Err(PROXY_FORM);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        let host = host_and_port(host).ok_or(PROXY_FORM)?;
        let address = format!("{scheme}://{host}");
        let client = reqwest::Proxy::all(&address).map_err(|_| PROXY_FORM)?;
        let Some(login) = login else { return Ok(Self { client, address, login: None }) };
        let login = basic(login).ok_or(PROXY_FORM)?;
        Ok(Self { client: client.custom_http_auth(login.clone()), address, login: Some(login) })
    }

    /// Scheme, host and port, as in `http://proxy.example.com:3128`: never the username and password.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether it gets a username and password.
    pub fn has_login(&self) -> bool {
        self.login.is_some()
    }
}

/// A host and its port in one form, if they are valid.
fn host_and_port(text: &str) -> Option<String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (format!("[{}]", host.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (Some(host).filter(|host| !host.is_empty() && host.bytes().all(plain))?.to_string(), port)
        }
    };
    if port.is_empty() {
        return Some(host);
    }
    let digits = port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(format!("{host}:{}", digits.parse::<NonZeroU16>().ok()?))
}

/// The header for a username and password, which may be percent-encoded (RFC 3986, section 3.2.1; RFC 7617).
fn basic(login: &str) -> Option<HeaderValue> {
    // An @ in a password, or a / or #, must be percent-encoded: other programs would read another host.
    if login.contains(|c: char| "/?#@\\".contains(c) || c.is_whitespace()) {
        return None;
    }
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decoded = |text| percent_decode_str(text).decode_utf8().ok().filter(|text| !text.contains(char::is_control));
    // A colon would end the username.
    let user = decoded(user).filter(|user| !user.contains(':'))?;
    let mut header: HeaderValue =
        format!("Basic {}", STANDARD.encode(format!("{user}:{}", decoded(password)?))).parse().ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Whether a list, as `NO_PROXY` holds it, says that this host is reached without a proxy, at the port of HTTPS. As
/// with curl, entries stand between commas or spaces, `*` is every host, and a name includes all names below it.
pub fn is_exempt(list: &str, host: &str) -> bool {
    list.split(|c: char| c == ',' || c.is_whitespace()).any(|entry| {
        let name = entry.strip_suffix(":443").unwrap_or(entry).trim_end_matches('.');
        let below = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
        let name = below.strip_prefix('.').unwrap_or(below);
        let above = host.len().checked_sub(name.len()).map(|at| host.split_at(at));
        let ends = above.is_some_and(|(before, end)| {
            end.eq_ignore_ascii_case(name) && (before.is_empty() || before.ends_with('.'))
        });
        entry == "*" || (!name.is_empty() && ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_proxy_or_an_error() {
        for good in [
            "http://127.0.0.1:3128",
            "http://127.0.0.1:3128/",
            "127.0.0.1:3128",
            "proxy.example.com:3128",
            "proxy",
            "HTTP://Proxy.Example.com:8080",
            "https://proxy.example.com",
            "https://proxy.example.com:65535",
            "http://[::1]:3128",
            "[::1]:3128",
            "http://my_proxy:1",
            "http://user@proxy:3128",
            "http://user:password@proxy:3128",
            "user:password@proxy:3128",
            "http://user:p%40ss%2Fw%3Ard@proxy:3128",
            "http://us%20er:@proxy:3128",
            "http://user:lösenord@proxy:3128",
            "http://user:a:b@proxy:3128",
        ] {
            assert!(Proxy::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ":",
            "::::",
            "/",
            "//",
            "//proxy:3128",
            "http://",
            "http:///",
            "http://:3128",
            "http:proxy:3128",
            "http:/proxy:3128",
            "http//proxy:3128",
            "proxy:0",
            "proxy:65536",
            "proxy:-1",
            "proxy:+1",
            "proxy:",
            "proxy:x",
            "proxy:31 28",
            "pro xy:3128",
            "http://http://proxy:3128",
            "http://proxy:3128/path",
            "http://proxy:3128//",
            "http://proxy:3128/proxy.pac",
            "http://proxy:3128?a",
            "http://proxy:3128#a",
            "ftp://proxy:3128",
            "direct://",
            "file:///etc/proxy",
            "http://[::1:3128",
            "http://[::g]:3128",
            "http://::1:3128",
            "http://[::1]3128",
            "http://prøxy:3128",
            "\"http://proxy:3128\"",
            "'http://proxy:3128'",
            "http://proxy:3128,http://other:3128",
            "http://proxy:3128 http://other:3128",
            "http://us er:a@proxy:3128",
            "http://user:a/b@proxy:3128",
            "http://user:12#b@proxy:3128",
            "http://user:a@b@proxy:3128",
            "http://us%3Aer:a@proxy:3128",
            "http://user:a%0d%0ab@proxy:3128",
            "http://user:%ff@proxy:3128",
            "${PROXY}",
            "http://256.256.256.256.:1",
            "http://1.2.3.4.5:80",
            "<proxy>",
            "http://proxy\\:3128",
            "PROXY proxy:3128",
        ] {
            assert_eq!(Proxy::parse(bad).err(), Some(PROXY_FORM), "{bad}");
        }
        for socks in ["socks5://127.0.0.1:1080", "socks5h://proxy", "SOCKS4://a:1", "socks4a://a:1", "socks://a:1"] {
            assert_eq!(Proxy::parse(socks).err(), Some(PROXY_NOT_SOCKS), "{socks}");
        }
    }

    #[test]
    fn a_username_and_password_are_decoded_and_are_no_part_of_the_address() {
        for (login, expected) in [
            ("user:password", "user:password"),
            ("user", "user:"),
            ("user:", "user:"),
            ("Aladdin:open%20sesame", "Aladdin:open sesame"),
            ("user:p%40ss%3Aw%2Fo%C3%B6", "user:p@ss:w/oö"),
            ("user:a:b", "user:a:b"),
        ] {
            let header = basic(login).expect("is valid");
            assert!(header.is_sensitive());
            let encoded = header.to_str().expect("is text").strip_prefix("Basic ").expect("is Basic");
            assert_eq!(STANDARD.decode(encoded).expect("is base64"), expected.as_bytes(), "{login}");
        }
        let proxy = Proxy::parse("http://user:hunter2@proxy:3128").expect("is valid");
        assert!(!format!("{:?}", proxy.client).contains("hunter2"), "{:?}", proxy.client);
        assert_eq!((proxy.address(), proxy.has_login()), ("http://proxy:3128", true));
    }

    #[test]
    fn a_host_is_exempt_if_the_list_says_so() {
        for list in [
            "*",
            "api.46elks.com",
            "API.46elks.COM",
            "46elks.com",
            ".46elks.com",
            "*.46elks.com",
            "com",
            "api.46elks.com.",
            "api.46elks.com:443",
            "localhost, 127.0.0.1 , api.46elks.com",
            "localhost api.46elks.com",
            "localhost,,46elks.com,",
            "localhost,*",
        ] {
            assert!(is_exempt(list, "api.46elks.com"), "{list}");
        }
        for list in [
            "",
            " ",
            ",",
            ".",
            "*.",
            "elks.com",
            "6elks.com",
            "pi.46elks.com",
            "46elks",
            "api",
            "x.api.46elks.com",
            "*.api.46elks.com.evil",
            "api.46elks.com.evil",
            "*46elks.com",
            "api.46elks.com:80",
            "localhost",
            "10.0.0.0/8",
            "https://api.46elks.com",
            "**",
        ] {
            assert!(!is_exempt(list, "api.46elks.com"), "{list}");
        }
    }
}
