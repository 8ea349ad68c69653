//! The simulator behind HTTP on loopback, for other WASI hosts and for measurements. Test code: the
//! program itself listens to nobody.
//!
//!     loopback [--tls CERTIFICATE]
//!
//! Prints where it listens and ends with its input. The account is that of `elks-mcp --simulate`. With
//! `--tls` it speaks TLS as `api.46elks.com` and writes the certificate that vouches for it to a file.

use anyhow::{Context, Result, bail};
use simulated::Simulated;
use std::io::Write;
use tokio::io::AsyncReadExt;

mod server;
mod simulated;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tls = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--tls", certificate] => {
            let (pem, tls) = server::tls()?;
            std::fs::write(certificate, pem).with_context(|| format!("cannot write {certificate}"))?;
            Some(tls)
        }
        _ => bail!("usage: loopback [--tls CERTIFICATE]"),
    };
    let listener = server::listen().await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let simulated = Simulated::new()?;
    let serving = server::serve(listener, tls, move |request| simulated.clone().answer(request));
    let mut input = tokio::io::stdin();
    tokio::select! {
        failed = serving => failed,
        // Whoever started it is gone.
        _ = async { while input.read_u8().await.is_ok() {} } => Ok(()),
    }
}
