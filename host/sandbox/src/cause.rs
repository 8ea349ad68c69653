//! Why a request got no usable response. The cause alone says whether anything of the request may have left.

use crate::trust::NoCertificates;
use rustls::CertificateError;
use std::error::Error;
use std::io;
use wasmtime_wasi_http::Error as HttpError;

/// Why there is no usable response, for the sentence that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The HTTP client could not be set up, or the request could not be made.
    Setup,
    /// There is no certificate to verify the server with.
    NoCertificates(NoCertificates),
    /// The API's name could not be resolved.
    Name,
    /// The connection was not accepted.
    Connection,
    /// There is no route to the API.
    Route,
    /// The connection was not made in time.
    ConnectionTimeout,
    /// The proxy made no connection to the API.
    Proxy(AtProxy),
    /// The server could not prove its name.
    Certificate(Certificate),
    /// The server and this program have no version or cipher of TLS in common.
    TlsVersion,
    /// The server answered with something else than TLS.
    NotTls,
    /// The TLS handshake failed otherwise.
    Tls,
    /// The server says that it has not processed the request.
    NotTaken,
    /// The response was not there in time.
    ResponseTimeout,
    /// The response, or all responses of the call together, are larger than the bound.
    Size,
    /// The response is no plain text.
    Coding,
    /// The connection ended before the whole response was there.
    Terminated,
}

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// No trusted certificate has issued it.
    Issuer,
    /// It was valid until a time that has passed.
    Expired,
    /// It will be valid later.
    NotYetValid,
    /// It is for other names.
    Name,
    /// It was revoked.
    Revoked,
    /// It is not valid otherwise.
    Invalid,
}

/// Where a connection through a proxy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtProxy {
    /// The proxy's name could not be resolved.
    Name,
    /// The proxy did not accept the connection.
    Connection,
    /// There is no route to the proxy.
    Route,
    /// The connection was not made in time, by whatever side.
    Timeout,
    /// The proxy's own TLS failed.
    Tls,
    /// The proxy wants a username and password, or others.
    Login,
    /// The proxy answered, but did not connect to the API.
    Answer,
}

impl Cause {
    /// Whether the API has certainly not processed the request: no connection was made, or the API says so.
    pub fn is_before_send(self) -> bool {
        match self {
            Self::Setup
            | Self::NoCertificates(_)
            | Self::Name
            | Self::Connection
            | Self::Route
            | Self::ConnectionTimeout
            | Self::Proxy(_)
            | Self::Certificate(_)
            | Self::TlsVersion
            | Self::NotTls
            | Self::Tls
            | Self::NotTaken => true,
            Self::ResponseTimeout | Self::Size | Self::Coding | Self::Terminated => false,
        }
    }
}

impl From<Cause> for HttpError {
    /// What the component gets. It keeps failures before and after the request apart.
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Setup | Cause::NoCertificates(_) => Self::ConfigurationError,
            Cause::Name => Self::DnsError { rcode: None, info_code: None },
            Cause::ConnectionTimeout => Self::ConnectionTimeout,
            Cause::Certificate(_) => Self::TlsCertificateError,
            Cause::TlsVersion | Cause::NotTls | Cause::Tls => Self::TlsProtocolError,
            Cause::Connection | Cause::Route | Cause::Proxy(_) | Cause::NotTaken => Self::ConnectionRefused,
            Cause::ResponseTimeout => Self::HttpResponseTimeout,
            Cause::Size => Self::HttpResponseBodySize(None),
            Cause::Coding => Self::HttpResponseContentCoding(None),
            Cause::Terminated => Self::ConnectionTerminated,
        }
    }
}

/// The cause of a request that failed. `proxied`: a proxy stands between.
pub(crate) fn of_request(error: &reqwest::Error, proxied: bool) -> Cause {
    if error.is_connect() {
        let cause = of_connection(error);
        let at_proxy = chain(error).any(|error| error.to_string().starts_with(TUNNEL));
        if proxied { through_proxy(cause, error, at_proxy) } else { cause }
    } else if is_unprocessed(error) {
        Cause::NotTaken
    } else {
        of_response(error)
    }
}

/// The cause of a response that broke off.
pub(crate) fn of_response(error: &reqwest::Error) -> Cause {
    if error.is_timeout() { Cause::ResponseTimeout } else { Cause::Terminated }
}

/// Whether the server says that it has not processed the request. RFC 9113, section 8.7: this is guaranteed for a
/// stream above the last one that GOAWAY names, and for a stream that was reset with REFUSED_STREAM.
///
/// h2 gives the error of a received GOAWAY to those streams only. A stream that the GOAWAY includes goes on, and gets
/// another error when its connection ends.
fn is_unprocessed(error: &reqwest::Error) -> bool {
    find::<h2::Error>(error).is_some_and(|error| {
        error.is_remote()
            && (error.is_go_away() || (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)))
    })
}

/// Why no connection was made.
fn of_connection(error: &reqwest::Error) -> Cause {
    if error.is_timeout() {
        return Cause::ConnectionTimeout;
    }
    if error.is_dns() {
        return Cause::Name;
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return of_tls(tls);
    }
    let last = chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).last();
    last.map_or(Cause::Connection, |error| of_io(error.kind()))
}

/// What the system says about a connection.
pub(crate) fn of_io(kind: io::ErrorKind) -> Cause {
    match kind {
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => Cause::Route,
        // The connection was there, and ended in the middle of the TLS handshake.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Cause::Tls,
        _ => Cause::Connection,
    }
}

/// What an error of TLS says about the server.
pub(crate) fn of_tls(error: &rustls::Error) -> Cause {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => Cause::Certificate(of_certificate(error)),
        E::NoCertificatesPresented => Cause::Certificate(Certificate::Invalid),
        E::PeerIncompatible(_)
        | E::AlertReceived(
            rustls::AlertDescription::ProtocolVersion
            | rustls::AlertDescription::HandshakeFailure
            | rustls::AlertDescription::InsufficientSecurity,
        ) => Cause::TlsVersion,
        E::InvalidMessage(_) => Cause::NotTls,
        _ => Cause::Tls,
    }
}

fn of_certificate(error: &CertificateError) -> Certificate {
    use CertificateError as E;
    match error {
        // BadSignature: an issuer of this name is trusted, but has not signed it.
        E::UnknownIssuer | E::BadSignature => Certificate::Issuer,
        E::Expired | E::ExpiredContext { .. } => Certificate::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => Certificate::NotYetValid,
        E::NotValidForName | E::NotValidForNameContext { .. } => Certificate::Name,
        E::Revoked => Certificate::Revoked,
        _ => Certificate::Invalid,
    }
}

/// How hyper-util begins each error of a connection through a proxy. Its type has no public name.
const TUNNEL: &str = "tunnel error: ";

/// How it describes a proxy's status 407.
const TUNNEL_LOGIN: &str = "tunnel error: proxy authorization required";

/// A cause seen through a proxy. `at_proxy`: it happened before the proxy had connected.
fn through_proxy(cause: Cause, error: &reqwest::Error, at_proxy: bool) -> Cause {
    if chain(error).any(|error| error.to_string() == TUNNEL_LOGIN) {
        return Cause::Proxy(AtProxy::Login);
    }
    match cause {
        // Only the proxy's name is resolved here, and only the proxy is connected to.
        Cause::Name => Cause::Proxy(AtProxy::Name),
        Cause::Route => Cause::Proxy(AtProxy::Route),
        Cause::ConnectionTimeout => Cause::Proxy(AtProxy::Timeout),
        Cause::Connection if is_refused(error) => Cause::Proxy(AtProxy::Connection),
        _ if !at_proxy => cause,
        Cause::Certificate(_) | Cause::TlsVersion | Cause::NotTls => Cause::Proxy(AtProxy::Tls),
        _ => Cause::Proxy(AtProxy::Answer),
    }
}

/// Whether nobody took the connection.
fn is_refused(error: &reqwest::Error) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The first error of this type among an error and its sources.
fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and its sources. An `io::Error` gives the source of what it wraps, and not what it wraps.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |error| {
        let error: &(dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Unusable;
    use rustls::{AlertDescription, Error as TlsError, InvalidMessage, OtherError, PeerIncompatible, PeerMisbehaved};
    use std::sync::Arc;

    #[test]
    fn the_component_learns_what_the_host_knows_about_a_failure() {
        let before = [
            Cause::Setup,
            Cause::NoCertificates(NoCertificates::System),
            Cause::NoCertificates(NoCertificates::File(Unusable::Missing)),
            Cause::Name,
            Cause::Connection,
            Cause::Route,
            Cause::ConnectionTimeout,
            Cause::Proxy(AtProxy::Login),
            Cause::Certificate(Certificate::Issuer),
            Cause::TlsVersion,
            Cause::NotTls,
            Cause::Tls,
            Cause::NotTaken,
        ];
        let after = [Cause::ResponseTimeout, Cause::Size, Cause::Coding, Cause::Terminated];
        // wasi:http has these for failures that come before the request.
        let is_before = |error: &HttpError| {
            matches!(
                error,
                HttpError::ConfigurationError
                    | HttpError::DnsError { .. }
                    | HttpError::ConnectionRefused
                    | HttpError::ConnectionTimeout
                    | HttpError::TlsCertificateError
                    | HttpError::TlsProtocolError
            )
        };
        for (causes, expected) in [(&before[..], true), (&after[..], false)] {
            for cause in causes {
                assert_eq!((cause.is_before_send(), is_before(&(*cause).into())), (expected, expected), "{cause:?}");
            }
        }
    }

    #[test]
    fn an_error_of_tls_says_what_is_wrong_with_the_server() {
        use CertificateError as E;
        let of = |error| of_tls(&TlsError::InvalidCertificate(error));
        for (error, expected) in [
            (E::UnknownIssuer, Certificate::Issuer),
            (E::BadSignature, Certificate::Issuer),
            (E::Expired, Certificate::Expired),
            (E::NotValidYet, Certificate::NotYetValid),
            (E::NotValidForName, Certificate::Name),
            (E::Revoked, Certificate::Revoked),
            (E::BadEncoding, Certificate::Invalid),
            (E::InvalidPurpose, Certificate::Invalid),
        ] {
            assert_eq!(of(error), Cause::Certificate(expected));
        }
        for (error, expected) in [
            (TlsError::NoCertificatesPresented, Cause::Certificate(Certificate::Invalid)),
            (TlsError::AlertReceived(AlertDescription::ProtocolVersion), Cause::TlsVersion),
            (TlsError::AlertReceived(AlertDescription::HandshakeFailure), Cause::TlsVersion),
            (TlsError::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig), Cause::TlsVersion),
            (TlsError::InvalidMessage(InvalidMessage::InvalidContentType), Cause::NotTls),
            (TlsError::AlertReceived(AlertDescription::InternalError), Cause::Tls),
            (TlsError::PeerMisbehaved(PeerMisbehaved::DuplicateServerHelloExtensions), Cause::Tls),
            (TlsError::DecryptError, Cause::Tls),
        ] {
            assert_eq!(of_tls(&error), expected, "{error}");
        }
        let other = E::Other(OtherError(Arc::new(io::Error::other("is a CA"))));
        assert_eq!(of(other), Cause::Certificate(Certificate::Invalid));
    }
}
