//! Why 46elks gave no usable answer, and what to do about it. No sentence has the value of a variable: the address of a
//! proxy may hold a password.

use elks_sandbox::{AtProxy, Cause, Certificate, NoCertificates, Unusable};

/// What to do about what passes by itself.
const AGAIN: &str = "Try again in a moment";

/// What to do about a certificate whose issuer is not known. A company's proxy that inspects TLS has its own issuer.
const TRUST_ISSUER: &str = "If a proxy or firewall of the operator's company inspects TLS, the operator must add its \
                            root certificate to the system, or set SSL_CERT_FILE to a PEM file with it";

/// What to do about certificates that a variable names and that cannot be used.
const MEND_VARIABLE: &str =
    "The operator must correct the variable or what it names, or unset it to trust the system's certificates";

/// What to do about the address of a proxy.
const CHECK_PROXY: &str = "The operator must check HTTPS_PROXY (or ALL_PROXY) and whether that proxy runs";

/// Why there is no usable answer.
pub(crate) fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::Setup => "the program's HTTP client could not be set up",
        Cause::NoCertificates(none) => no_certificates(none),
        Cause::Name => "its name could not be resolved (DNS)",
        Cause::Connection => "it did not accept the connection",
        Cause::Route => "there is no route to it from this network",
        Cause::ConnectionTimeout => "it did not accept the connection in time",
        Cause::Proxy(at) => at_proxy(at),
        Cause::Certificate(wrong) => certificate(wrong),
        Cause::TlsVersion => "it offers no TLS version and cipher that this program accepts (TLS 1.2 or 1.3)",
        Cause::NotTls => "what answered does not speak TLS, as a network's login page does not",
        Cause::Tls => "the TLS handshake failed",
        Cause::NotTaken => "it says that it did not process the request",
        Cause::ResponseTimeout => "the answer did not come in time",
        Cause::Size => "it was too large",
        Cause::Coding => "it was not plain text",
        Cause::Terminated => "the connection ended before all of the answer was there",
    }
}

fn no_certificates(none: NoCertificates) -> &'static str {
    match none {
        NoCertificates::System => "this system has no certificates to verify it with",
        NoCertificates::File(Unusable::Missing) => "the file that SSL_CERT_FILE names does not exist",
        NoCertificates::File(Unusable::Denied) => "the file that SSL_CERT_FILE names may not be read by this user",
        NoCertificates::File(Unusable::Kind) => "what SSL_CERT_FILE names is a folder or another thing than a file",
        NoCertificates::File(Unusable::Empty) => "the file that SSL_CERT_FILE names holds no valid certificate (PEM)",
        NoCertificates::File(Unusable::Unreadable) => "the file that SSL_CERT_FILE names cannot be read",
        NoCertificates::Folder(Unusable::Missing) => "a folder that SSL_CERT_DIR names does not exist",
        NoCertificates::Folder(Unusable::Denied) => "a folder that SSL_CERT_DIR names may not be read by this user",
        NoCertificates::Folder(Unusable::Kind) => "what SSL_CERT_DIR names is no folder",
        NoCertificates::Folder(Unusable::Empty) => {
            "the folder that SSL_CERT_DIR names holds no valid certificate (PEM)"
        }
        NoCertificates::Folder(Unusable::Unreadable) => "a folder that SSL_CERT_DIR names cannot be read",
    }
}

fn at_proxy(at: AtProxy) -> &'static str {
    match at {
        AtProxy::Name => "the proxy's name could not be resolved (DNS)",
        AtProxy::Connection => "the proxy did not accept the connection",
        AtProxy::Route => "there is no route to the proxy from this network",
        AtProxy::Timeout => "no connection through the proxy was made in time",
        AtProxy::Tls => "the TLS handshake with the proxy failed",
        AtProxy::Login => "the proxy wants another username and password, or any (status 407)",
        AtProxy::Answer => "the proxy made no connection to it",
    }
}

fn certificate(wrong: Certificate) -> &'static str {
    match wrong {
        Certificate::Issuer => "its certificate was not accepted: its issuer is not known",
        Certificate::Expired => "its certificate was not accepted: it has expired",
        Certificate::NotYetValid => "its certificate was not accepted: it is not valid yet",
        Certificate::Name => "its certificate was not accepted: it is for another name",
        Certificate::Revoked => "its certificate was not accepted: it was revoked",
        Certificate::Invalid => "its certificate was not accepted: it is not valid",
    }
}

/// What to do next.
pub(crate) fn next(cause: Cause) -> &'static str {
    match cause {
        Cause::Setup | Cause::Coding => "Please report this",
        Cause::NoCertificates(NoCertificates::System) => {
            "The operator must install the system's root certificates (such as the package ca-certificates), or set \
             SSL_CERT_FILE to a PEM file with them"
        }
        Cause::NoCertificates(_) => MEND_VARIABLE,
        Cause::Name | Cause::Route => {
            "Check this computer's network connection, and whether a proxy is needed (HTTPS_PROXY); then try again"
        }
        Cause::Proxy(AtProxy::Login) => {
            "The operator must write the proxy's username and password into HTTPS_PROXY (or ALL_PROXY), as in \
             http://user:password@host:port"
        }
        Cause::Proxy(AtProxy::Answer) => {
            "The operator must check HTTPS_PROXY (or ALL_PROXY), and whether that proxy lets api.46elks.com through"
        }
        Cause::Proxy(_) => CHECK_PROXY,
        Cause::Certificate(Certificate::Issuer | Certificate::Invalid) => TRUST_ISSUER,
        Cause::Certificate(Certificate::Expired | Certificate::NotYetValid) => {
            "Check the date and time of this computer; then try again"
        }
        Cause::Certificate(Certificate::Name | Certificate::Revoked) | Cause::NotTls | Cause::TlsVersion => {
            "Something else than 46elks may have answered: check the network, such as the login page of a guest \
             network, or a proxy"
        }
        Cause::Size => "Ask for less",
        Cause::Connection
        | Cause::ConnectionTimeout
        | Cause::Tls
        | Cause::NotTaken
        | Cause::ResponseTimeout
        | Cause::Terminated => AGAIN,
    }
}
