//! The simulator behind HTTP on loopback, for other WASI hosts and for measurements. Test code: the
//! program itself listens to nobody.
//!
//!     loopback [--tls CERTIFICATE]
//!
//! Prints where it listens and ends with its input. The account is that of `elks-mcp --simulate`. With
//! `--tls` it speaks TLS as `api.46elks.com`, HTTP/2 where the client offers it, writes the certificate
//! that vouches for it to a file, and can be reached as a company's proxy is (`HTTPS_PROXY`).

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use elks_mcp::config::Settings;
use elks_mcp::simulator::{Answer, Simulator};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The largest request of an honest client, with room.
const LARGEST_REQUEST: usize = 64 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tls = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--tls", certificate] => Some(tls(certificate)?),
        _ => bail!("usage: loopback [--tls CERTIFICATE]"),
    };
    let settings = Settings::read(|_| None, true)?;
    let simulator = Arc::new(Mutex::new(Simulator::new(&settings.credentials, &settings.sender)));
    #[expect(clippy::disallowed_methods, reason = "the program listens to nobody; here is the pretend 46elks")]
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let mut input = tokio::io::stdin();
    loop {
        tokio::select! {
            // Whoever started it is gone.
            read = input.read_u8() => if read.is_err() { return Ok(()) },
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                // A connection that breaks off is the client's business.
                tokio::spawn(attend(stream, tls.clone(), Arc::clone(&simulator)));
            }
        }
    }
}

/// A certificate for 46elks's name that nobody else trusts.
fn tls(certificate: &str) -> Result<TlsAcceptor> {
    let pair = rcgen::generate_simple_self_signed(vec!["api.46elks.com".to_string()])?;
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(pair.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    std::fs::write(certificate, pair.cert.pem()).with_context(|| format!("cannot write {certificate}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// One connection: the proxy's CONNECT if it comes through one, then TLS or not, then HTTP.
async fn attend(mut stream: TcpStream, tls: Option<TlsAcceptor>, simulator: Arc<Mutex<Simulator>>) -> Result<()> {
    let Some(tls) = tls else { return serve(stream, simulator).await };
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
    serve(tls.accept(stream).await?, simulator).await
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, simulator: Arc<Mutex<Simulator>>) -> Result<()> {
    let service = service_fn(|request| answer(request, Arc::clone(&simulator)));
    let server = auto::Builder::new(TokioExecutor::new());
    server.serve_connection(TokioIo::new(stream), service).await.map_err(anyhow::Error::from_boxed)
}

/// What the simulator answers. An error ends the connection without an answer.
async fn answer(request: Request<Incoming>, simulator: Arc<Mutex<Simulator>>) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(anyhow::Error::from_boxed)?.to_bytes();
    let answer = simulator.lock().expect("is not poisoned").answer(&Request::from_parts(parts, body));
    match answer {
        Answer::Response(response) => Ok(response.map(Full::new)),
        Answer::Silent => std::future::pending().await,
        Answer::Lost | Answer::Unreachable => bail!("the connection ends"),
    }
}
