//! Where the database is, and as which role: the value of `ELKS_LEDGER`. A connection over a network has TLS, and the
//! server must prove its name.

use super::fault::Fault;
use elks_sandbox::Certificates;
use rustls::pki_types::ServerName;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The forms of an address.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// What stands for this program in the server's list of connections.
const APPLICATION: &str = "elks-mcp";

/// What is wrong with an address that has another form.
const FORM: &str = "it must have the form postgres://ROLE:PASSWORD@HOST/DATABASE, with % codes for special characters \
                    of the password, and no other options than those of docs/fleet.md";

/// How long a connection is silent before the system asks whether the other end is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The address of a database, with the role and its password. Neither form of it shows the password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    /// The certificates that the server's is verified with; nothing for a connection that does not leave this machine.
    certificates: Option<Certificates>,
}

impl Address {
    /// Reads `postgres://ROLE:PASSWORD@HOST:PORT/DATABASE`. Without `sslrootcert`, the server's certificate is verified
    /// with these certificates.
    ///
    /// # Errors
    /// What is wrong, without any of the value.
    pub fn parse(text: &str, certificates: &Certificates) -> Result<Self, String> {
        if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Err("it must begin with postgres://".into());
        }
        let (mut ssl_mode, mut root) = (None, None);
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        if !has_only_separators(address) {
            return Err(FORM.into());
        }
        let mut kept = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "sslmode" => ssl_mode = Some(value),
                "sslrootcert" => root = Some(file(value)?),
                "sslcert" | "sslkey" => return Err("certificates of clients (sslcert) are not supported".into()),
                _ => kept.push(option),
            }
        }
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        let mut config: Config = format!("{address}{query}").parse().map_err(|_| FORM.to_string())?;
        if config.get_hosts().is_empty() || config.get_user().is_none() || config.get_dbname().is_none() {
            return Err(
                "it must name a host, a role and a database, as in postgres://ROLE:PASSWORD@HOST/DATABASE".into()
            );
        }
        if !config.get_hostaddrs().is_empty() {
            return Err("hostaddr is not supported: name the host".into());
        }
        if !config.get_hosts().iter().all(has_name) {
            return Err(FORM.into());
        }
        let is_local = config.get_hosts().iter().all(stays_here);
        let all_sockets = config.get_hosts().iter().all(is_socket);
        let certificates = match ssl_mode {
            _ if all_sockets => None,
            Some("disable") if is_local => None,
            Some("disable") => return Err("sslmode=disable is allowed only for a server on this machine".into()),
            None | Some("verify-full") => Some(root.map_or_else(
                || certificates.clone(),
                |file| Certificates { file: Some(file), ..Certificates::default() },
            )),
            Some(_) => {
                return Err("this sslmode does not verify the server: leave sslmode out, or use verify-full".into());
            }
        };
        if certificates.is_some() && config.get_hosts().iter().any(is_socket) {
            return Err("it must not name both a socket and a server".into());
        }
        config.ssl_mode(if certificates.is_some() { SslMode::Require } else { SslMode::Disable });
        config.application_name(APPLICATION);
        if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
            config.keepalives_idle(KEEPALIVE);
        }
        Ok(Self { config, certificates })
    }

    /// The settings of a connection that comes about within this time. Each server gets its share, so that the next one
    /// is tried when one does not answer.
    pub(super) fn config(&self, limit: Duration) -> Config {
        let mut config = self.config.clone();
        let share = limit / u32::try_from(config.get_hosts().len() + 1).unwrap_or(u32::MAX);
        let own = config.get_connect_timeout().copied().filter(|own| !own.is_zero());
        config.connect_timeout(own.map_or(share, |own| own.min(share)));
        config
    }

    /// What speaks TLS; nothing for a connection that does not leave this machine.
    pub(super) fn tls(&self) -> Result<Option<MakeRustlsConnect>, Fault> {
        let Some(certificates) = &self.certificates else { return Ok(None) };
        let mut config = certificates.client().map_err(|_| Fault::NoCertificates)?;
        // A server that knows protocols refuses a client that offers none of its own.
        config.alpn_protocols = vec![b"postgresql".into()];
        Ok(Some(MakeRustlsConnect::new(config)))
    }

    /// Whether the connection is encrypted, and the server verified.
    pub(crate) fn has_tls(&self) -> bool {
        self.certificates.is_some()
    }
}

/// Whether what stands before the options has each separator where it belongs. Otherwise a part of a password could be
/// taken for a host or a database, and shown.
fn has_only_separators(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    !hosts.contains(['@', '&', '=']) && !database.contains(['@', '&', '=', '/'])
}

/// Whether the name of a server is one that a server can have.
fn has_name(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => ServerName::try_from(name.as_str()).is_ok(),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// The absolute path of a file.
fn file(value: &str) -> Result<PathBuf, String> {
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8();
    let path = decoded.ok().map(|text| PathBuf::from(&*text)).filter(|path| path.is_absolute());
    path.ok_or_else(|| "sslrootcert must be the absolute path of a file".into())
}

/// Whether what is sent to a host does not leave this machine.
fn stays_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "this system has no such sockets"))]
fn is_socket(host: &Host) -> bool {
    #[cfg(unix)]
    if let Host::Unix(_) = host {
        return true;
    }
    false
}

/// Host and database, for the operator.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("database ")?;
        f.write_str(self.config.get_dbname().unwrap_or_default())?;
        f.write_str(" at ")?;
        for (number, host) in self.config.get_hosts().iter().enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config && self.certificates == other.certificates
    }
}

impl Eq for Address {}
