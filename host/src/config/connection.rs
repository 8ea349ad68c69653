//! How 46elks is reached: the proxy and the certificates, in the variables that curl and OpenSSL have named.

use super::Variables;
use super::reader::Reader;
use elks_sandbox::proxy::is_exempt;
use elks_sandbox::{Certificates, Connection, Proxy};
use sms_rules::limits::API_HOST;
use std::ffi::OsStr;
use std::path::PathBuf;

/// The proxy of requests to `https://` addresses, and of all requests. The first that is set and not empty counts.
/// `HTTP_PROXY` is for `http://` addresses, and 46elks has none.
pub const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The hosts that are reached without a proxy.
pub const NO_PROXIES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A file with the certificates to trust, instead of the system's.
pub const CERTIFICATE_FILE: &str = "SSL_CERT_FILE";

/// Folders with the certificates to trust, instead of the system's.
pub const CERTIFICATE_FOLDERS: &str = "SSL_CERT_DIR";

/// Which variable decides about a proxy. There is no Debug form, because an address may have a password.
pub(crate) enum ProxyChoice {
    /// None names one.
    Unset,
    /// This one, which says that 46elks is reached without one.
    Exempt(&'static str),
    /// This one, with the address that it holds.
    Named(&'static str, String),
}

/// Which variable decides about a proxy; nothing if it cannot be read.
pub(crate) fn proxy_choice(variables: &Variables) -> Option<ProxyChoice> {
    Reader::new(variables).proxy_choice()
}

impl Reader<'_> {
    /// How 46elks is reached; nothing if it cannot be read. A file of certificates is read later, before each attempt
    /// to connect: the operator can mend it while the program runs.
    pub(super) fn connection(&mut self) -> Option<Connection> {
        let (proxy, certificates) = (self.proxy(), self.certificates());
        Some(Connection { proxy: proxy?, certificates: certificates? })
    }

    /// The proxy: inner nothing if there is none, outer nothing if it cannot be read.
    fn proxy(&mut self) -> Option<Option<Proxy>> {
        let ProxyChoice::Named(name, address) = self.proxy_choice()? else { return Some(None) };
        Proxy::parse(&address).map(Some).map_err(|allowed| self.not_allowed(name, allowed)).ok()
    }

    /// Which variable decides about a proxy; nothing if it cannot be read.
    fn proxy_choice(&mut self) -> Option<ProxyChoice> {
        let exempt = self.first(&NO_PROXIES)?;
        if let Some((name, _)) = exempt.filter(|(_, list)| is_exempt(list, API_HOST)) {
            return Some(ProxyChoice::Exempt(name));
        }
        Some(self.first(&PROXIES)?.map_or(ProxyChoice::Unset, |(name, address)| ProxyChoice::Named(name, address)))
    }

    /// The first of these variables that is set and not empty, with its trimmed value. The environment wins over the
    /// settings file, whichever of the names it has.
    fn first(&mut self, names: &[&'static str]) -> Option<Option<(&'static str, String)>> {
        let winners = self.variables.winners(names);
        let Some(name) = winners.first() else {
            self.blank_fields(names)?;
            return Some(None);
        };
        Some(self.filled(name)?.map(|value| (*name, value)))
    }

    /// Where the certificates are. Nothing if a literal of a client stands there.
    pub(super) fn certificates(&mut self) -> Option<Certificates> {
        let (file, folders) = (self.paths(CERTIFICATE_FILE), self.paths(CERTIFICATE_FOLDERS));
        let (file, folders) = (file?, folders?);
        Some(Certificates {
            file: file.and_then(path),
            folders: folders
                .into_iter()
                .flat_map(std::env::split_paths)
                .filter_map(|one| path(one.as_os_str()))
                .collect(),
            blank: file.is_some() || folders.is_some(),
        })
    }
}

/// A path without the spaces around it; nothing if nothing is left. A path need not be text.
fn path(value: &OsStr) -> Option<PathBuf> {
    match value.to_str() {
        Some(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(Into::into),
        None => Some(value.into()),
    }
}
