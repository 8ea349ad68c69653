//! The way to 46elks, step by step: what each step found, or why it failed and what to do.

use super::certificate::Certificate;
use super::finding::{Finding, Group};
use crate::config::parts::Parts;
use crate::config::{ProxyChoice, Variables, proxy_choice};
use crate::count::count;
use crate::summary::connection::{because, next};
use elks_sandbox::probe::Tls;
use elks_sandbox::{Certificates, Connection, Probe, Proxy, Timed};
use sms_rules::limits::API_HOST;

/// The steps, as programs know them.
const CERTIFICATES: &str = "certificates";
const PROXY: &str = "proxy";
const DNS: &str = "dns";
const TCP: &str = "tcp";
const CONNECT: &str = "proxy_connect";
const TLS: &str = "tls";

/// What was found, and whether a request could be made.
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    pub(super) is_open: bool,
}

/// Goes the way to 46elks, or looks at what can be seen offline.
pub(super) async fn findings(variables: &Variables, parts: &Parts, offline: bool) -> Found {
    let Some(connection) = &parts.connection else {
        let reason = "its settings have problems, which stand above";
        let findings =
            [CERTIFICATES, PROXY, DNS, TCP, TLS].map(|check| Finding::skipped(Group::Connection, check, reason));
        return Found { findings: findings.into(), is_open: false };
    };
    let probe = if offline { Probe::offline(connection).await } else { Probe::run(connection).await };
    let is_open = probe.tls.as_ref().is_some_and(|step| step.result.is_ok());
    let mut steps = Steps { failed: offline.then(|| "of --offline".into()), found: Vec::new() };
    steps.always(CERTIFICATES, &probe.certificates, |number| certificates(*number, &connection.certificates));
    steps.found.push(proxy(variables, connection));
    steps.take(DNS, &probe.name, |number| name(*number, connection.proxy.is_some()));
    steps.take(TCP, &probe.connection, |address| {
        let text = format!("{address} took the connection");
        Finding::ok(Group::Connection, TCP, text).fact("address", address.to_string())
    });
    if connection.proxy.is_some() {
        steps.take(CONNECT, &probe.tunnel, |()| {
            Finding::ok(Group::Connection, CONNECT, format!("the proxy has connected to {API_HOST}"))
        });
    }
    steps.take(TLS, &probe.tls, tls);
    Found { findings: steps.found, is_open }
}

/// The findings so far.
struct Steps {
    /// Why the following steps were not taken.
    failed: Option<String>,
    found: Vec<Finding>,
}

impl Steps {
    /// A step that does not need the network.
    fn always<T>(&mut self, check: &str, step: &Option<Timed<T>>, found: impl Fn(&T) -> Finding) {
        let reason = self.failed.take();
        self.take(check, step, found);
        self.failed = reason.or(self.failed.take());
    }

    /// A step that is taken when all before it succeeded. Without certificates the connection is tried all the same,
    /// and only TLS is not.
    fn take<T>(&mut self, check: &str, step: &Option<Timed<T>>, found: impl Fn(&T) -> Finding) {
        let finding = match step {
            Some(Timed { result: Ok(value), took }) => found(value).took(*took),
            Some(Timed { result: Err(cause), took }) => {
                self.failed = Some(format!("{check} failed"));
                let text = format!("46elks cannot be reached: {}", because(*cause));
                Finding::problem(Group::Connection, check, text).next(format!("{}.", next(*cause))).took(*took)
            }
            None => {
                let reason = self.failed.as_deref().unwrap_or("a step before it failed");
                Finding::skipped(Group::Connection, check, format!("not tried, because {reason}"))
            }
        };
        self.found.push(finding);
    }
}

fn certificates(number: usize, from: &Certificates) -> Finding {
    let source = match (&from.file, from.folders.as_slice()) {
        (None, []) => "the system",
        (Some(_), []) => "SSL_CERT_FILE",
        (None, _) => "SSL_CERT_DIR",
        (Some(_), _) => "SSL_CERT_FILE and SSL_CERT_DIR",
    };
    let text = format!("{} to verify 46elks with, from {source}", count(number as u64, "certificate"));
    Finding::ok(Group::Connection, CERTIFICATES, text).fact("number", number).fact("source", source)
}

/// Whether the text of a proxy is plainly an address. A single word may be a secret in the wrong place.
fn is_address(text: &str) -> bool {
    let port = text.trim().trim_end_matches('/').rsplit_once(':').map_or("", |(_, port)| port);
    text.contains("://") || (!port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The address of a proxy, whose text is this, and whether it gets a username and password.
pub(super) fn in_words(proxy: &Proxy, text: &str) -> String {
    if !is_address(text) {
        return "set, not shown: it has neither http:// nor a port".into();
    }
    let login = if proxy.has_login() { ", with a username and password" } else { "" };
    format!("{}{login}", proxy.address())
}

/// Which proxy is used, and why.
fn proxy(variables: &Variables, connection: &Connection) -> Finding {
    let ok = |text| Finding::ok(Group::Connection, PROXY, text);
    match (proxy_choice(variables), &connection.proxy) {
        (Some(ProxyChoice::Named(name, text)), Some(proxy)) => {
            let found = ok(format!("{} ({name})", in_words(proxy, &text))).fact("variable", name);
            if is_address(&text) { found.fact("address", proxy.address()) } else { found }
        }
        (Some(ProxyChoice::Exempt(name)), _) => {
            ok(format!("none, because {name} exempts {API_HOST}")).fact("variable", name)
        }
        _ => ok("none, because no variable names one".into()),
    }
}

fn name(number: usize, proxied: bool) -> Finding {
    let addresses = if number == 1 { "1 address".into() } else { format!("{number} addresses") };
    let text = match proxied {
        true => format!("the proxy's name has {addresses}; the proxy itself looks up {API_HOST}"),
        false => format!("{API_HOST} has {addresses}"),
    };
    Finding::ok(Group::Connection, DNS, text).fact("addresses", number)
}

fn tls(tls: &Tls) -> Finding {
    let http = if tls.http_2 { "HTTP/2" } else { "HTTP/1.1" };
    let Some(Certificate { issuer, until }) = Certificate::read(&tls.certificate) else {
        return Finding::ok(Group::Connection, TLS, format!("{}, {http}", tls.version)).fact("version", tls.version);
    };
    let day = until.format("%Y-%m-%d").to_string();
    let text = format!("{}, {http}; the certificate was issued by {issuer}, and is valid until {day}", tls.version);
    let found = Finding::ok(Group::Connection, TLS, text).fact("version", tls.version).fact("http_2", tls.http_2);
    found.fact("issuer", issuer).fact("valid_until", until.to_rfc3339())
}
