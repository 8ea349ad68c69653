//! An HTTP server on loopback that pretends to be 46elks: HTTP/1.1, or TLS with HTTP/2 where the
//! client offers it, and reached directly or as a company's proxy is (`HTTPS_PROXY`).

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The largest request of an honest client, with room.
const LARGEST_REQUEST: usize = 64 * 1024;

/// A certificate for these names that nobody else trusts, and a server that shows it.
pub(crate) fn certified<const N: usize>(names: [&str; N]) -> Result<(rcgen::Certificate, rustls::ServerConfig)> {
    let pair = rcgen::generate_simple_self_signed(names.map(String::from))?;
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(pair.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)?;
    Ok((pair.cert, config))
}

/// The same for 46elks's name (and this machine's) with HTTP/2; the certificate as PEM.
pub(crate) fn tls() -> Result<(String, TlsAcceptor)> {
    let (certificate, mut config) = certified(["api.46elks.com", "localhost"])?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((certificate.pem(), TlsAcceptor::from(Arc::new(config))))
}

/// A listener on any free port.
#[expect(clippy::disallowed_methods, reason = "the program listens to nobody; here is the pretend 46elks")]
pub(crate) async fn listen() -> Result<TcpListener> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
}

/// Takes connections, and answers their requests as `answer` does. An error ends a connection without
/// an answer.
pub(crate) async fn serve<Answer, Answered>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: Answer,
) -> Result<()>
where
    Answer: Fn(Request<Bytes>) -> Answered + Clone + Send + 'static,
    Answered: Future<Output = Result<Response<Bytes>>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A connection that breaks off is the client's business.
        tokio::spawn(attend(stream, tls.clone(), answer.clone()));
    }
}

/// One connection: the proxy's CONNECT if it comes through one, then TLS or not, then HTTP.
async fn attend<Answer, Answered>(mut stream: TcpStream, tls: Option<TlsAcceptor>, answer: Answer) -> Result<()>
where
    Answer: Fn(Request<Bytes>) -> Answered + Clone + Send + 'static,
    Answered: Future<Output = Result<Response<Bytes>>> + Send + 'static,
{
    let Some(tls) = tls else { return converse(stream, answer).await };
    let mut first = [0];
    // A TLS connection begins with 22; a proxy's begins with the C of CONNECT.
    if stream.peek(&mut first).await? == 1 && first == *b"C" {
        let mut connect = Vec::new();
        while !connect.ends_with(b"\r\n\r\n") {
            connect.push(stream.read_u8().await?);
        }
        ensure!(connect.starts_with(b"CONNECT api.46elks.com:443 "), "nothing else is asked for");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    }
    converse(tls.accept(stream).await?, answer).await
}

async fn converse<Answer, Answered>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    answer: Answer,
) -> Result<()>
where
    Answer: Fn(Request<Bytes>) -> Answered + Clone + Send + 'static,
    Answered: Future<Output = Result<Response<Bytes>>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(anyhow::Error::from_boxed)?;
            answer(Request::from_parts(parts, body.to_bytes())).await.map(|response| response.map(Full::new))
        }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    server.serve_connection(TokioIo::new(stream), service).await.map_err(anyhow::Error::from_boxed)
}
