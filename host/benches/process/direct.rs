//! Asks the stand-in for 46elks without a server between: what it takes by itself, over a connection like the server's.

use crate::fake_elks::{API_HOST, FakeElks, Received};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

/// A connection, which is kept.
pub(crate) struct Direct {
    runtime: Runtime,
    sender: Sender,
    requests: Vec<Received>,
}

/// HTTP/1.1 or HTTP/2.
enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Direct {
    /// Connects as the one did who sent these requests, to send them again.
    pub(crate) fn connect(elks: &FakeElks, requests: Vec<Received>) -> Result<Self> {
        let version = requests.first().context("the server asked nothing")?.version;
        // As the tests run: one thread.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sender = runtime.block_on(Sender::connect(elks, version == http::Version::HTTP_2))?;
        Ok(Self { runtime, sender, requests })
    }

    /// Sends all requests so many times, one request after the other, and gives how long each time took.
    pub(crate) fn calls(&mut self, count: usize) -> Result<Vec<Duration>> {
        let Self { runtime, sender, requests } = self;
        runtime.block_on(async {
            let mut took = Vec::with_capacity(count);
            for _ in 0..count {
                let begun = Instant::now();
                for request in requests.iter() {
                    sender.send(request).await?;
                }
                took.push(begun.elapsed());
            }
            Ok(took)
        })
    }
}

impl Sender {
    #[expect(clippy::disallowed_methods, reason = "it reaches no further than the stand-in on loopback")]
    async fn connect(elks: &FakeElks, is_http_2: bool) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(elks.certificate.clone()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![if is_http_2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let stream = TcpStream::connect(elks.address).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(API_HOST)?, stream).await?;
        Ok(if is_http_2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Self::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Self::One(sender)
        })
    }

    /// Sends a request and reads the whole answer.
    async fn send(&mut self, received: &Received) -> Result<()> {
        let Received { method, path, headers, body, .. } = received;
        let body = Full::new(Bytes::from(body.clone()));
        // In HTTP/2 the host is a part of the address.
        let mut request = Request::builder().method(method.as_str());
        request = match self {
            Self::One(_) => request.uri(path),
            Self::Two(_) => request.uri(format!("https://{API_HOST}{path}")),
        };
        for (name, value) in headers {
            // What belongs to one connection is its own client's business.
            if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
                request = request.header(name, value);
            }
        }
        let request = request.body(body)?;
        let response = match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Self::Two(sender) => sender.send_request(request).await?,
        };
        ensure!(response.status().is_success(), "the stand-in answers {}", response.status());
        response.into_body().collect().await?;
        Ok(())
    }
}
