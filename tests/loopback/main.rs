//! The simulator behind HTTP on loopback, for other WASI hosts and for measurements. Test code: the
//! program itself listens to nobody.
//!
//!     loopback [--tls CERTIFICATE]
//!
//! Prints where it listens and ends with its input. The account is that of `elks-mcp --simulate`. With
//! `--tls` it speaks TLS as `api.46elks.com` and writes the certificate that vouches for it to a file.
//!
//! Not here: the server (`../support/fake_elks.rs`) and the simulator behind it (`simulated.rs`).

use anyhow::{Context, Result, bail};
use fake_elks::{FakeElks, Protocol};
use std::io::Write;

#[expect(dead_code, reason = "the tests look at requests, too")]
#[path = "../support/fake_elks.rs"]
mod fake_elks;
mod simulated;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let certificate = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--tls", certificate] => Some(certificate.to_string()),
        _ => bail!("usage: loopback [--tls CERTIFICATE]"),
    };
    let protocol = if certificate.is_some() { Protocol::Https } else { Protocol::PlainHttp };
    let elks = FakeElks::start(protocol, simulated::simulated()?)?;
    if let Some(path) = certificate {
        std::fs::write(&path, &elks.pem).with_context(|| format!("cannot write {path}"))?;
    }
    writeln!(std::io::stdout(), "{}", elks.proxy())?;
    // Until whoever started it is gone.
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    Ok(())
}
