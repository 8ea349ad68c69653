//! The certificates that the server's certificate is verified with: the system's, or those that `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` name instead.

use crate::cause::Cause;
use crate::upstream::tls;
use rustls::RootCertStore;
use rustls_native_certs::CertificateResult;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where certificates are read from. Without a file and a folder, it is the system's store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The file that `SSL_CERT_FILE` names.
    pub file: Option<PathBuf>,
    /// The folders that `SSL_CERT_DIR` names.
    pub folders: Vec<PathBuf>,
    /// Whether one of the two variables is set to nothing, which means that it is not set.
    pub blank: bool,
}

/// Why there is no certificate to verify the server with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCertificates {
    /// The system has none.
    System,
    /// The file of `SSL_CERT_FILE` gives none.
    File(Unusable),
    /// The folder of `SSL_CERT_DIR` gives none.
    Folder(Unusable),
}

/// What is wrong with a file or folder of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It is not there.
    Missing,
    /// This user may not read it.
    Denied,
    /// A folder stands where a file belongs, or the other way round, or it is neither.
    Kind,
    /// It holds no certificate in PEM form.
    Empty,
    /// It cannot be read.
    Unreadable,
}

impl Certificates {
    /// Reads all certificates, which takes milliseconds. What is no certificate is left out: fewer certificates trust
    /// fewer servers.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn load(&self) -> Result<RootCertStore, NoCertificates> {
        let mut roots = RootCertStore::empty();
        let mut problem = None;
        if self.file.is_none() && self.folders.is_empty() {
            roots.add_parsable_certificates(of_the_system(self.blank).certs);
        }
        if let Some(file) = &self.file {
            problem = add(&mut roots, file, false).err().map(NoCertificates::File);
        }
        for folder in &self.folders {
            problem = problem.or(add(&mut roots, folder, true).err().map(NoCertificates::Folder));
        }
        if roots.is_empty() { Err(problem.unwrap_or(NoCertificates::System)) } else { Ok(roots) }
    }

    /// How a client speaks TLS that trusts these certificates and no others, for a connection of the host's own. It
    /// offers no protocol (ALPN).
    ///
    /// # Errors
    /// There is no certificate, or TLS cannot be set up.
    pub fn client(&self) -> Result<rustls::ClientConfig, Cause> {
        let mut config = tls(self.load().map_err(Cause::NoCertificates)?).map_err(|_| Cause::Setup)?;
        config.alpn_protocols.clear();
        Ok(config)
    }
}

/// The system's certificates.
fn of_the_system(blank: bool) -> CertificateResult {
    // rustls-native-certs reads both variables itself, and takes an empty one for a path.
    #[cfg(unix)]
    if blank {
        let found = openssl_probe::probe();
        let mut all = rustls_native_certs::load_certs_from_paths(found.cert_file.as_deref(), None);
        for folder in &found.cert_dir {
            all.certs.extend(rustls_native_certs::load_certs_from_paths(None, Some(folder)).certs);
        }
        // A folder often has the certificates of the file once more.
        all.certs.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        all.certs.dedup();
        return all;
    }
    #[cfg(not(unix))]
    let _ = blank;
    rustls_native_certs::load_native_certs()
}

/// Adds the certificates of a file, or of all files of a folder.
///
/// # Errors
/// There is none.
fn add(roots: &mut RootCertStore, path: &Path, is_folder: bool) -> Result<(), Unusable> {
    let unusable = |kind| match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unusable::Missing,
        ErrorKind::PermissionDenied => Unusable::Denied,
        _ => Unusable::Unreadable,
    };
    let found = std::fs::metadata(path).map_err(|error| unusable(error.kind()))?;
    // A pipe must not be opened: that would wait for a writer.
    if !(if is_folder { found.is_dir() } else { found.is_file() }) {
        return Err(Unusable::Kind);
    }
    let (file, folder) = if is_folder { (None, Some(path)) } else { (Some(path), None) };
    let read = rustls_native_certs::load_certs_from_paths(file, folder);
    if roots.add_parsable_certificates(read.certs).0 > 0 {
        return Ok(());
    }
    let failed = read.errors.iter().find_map(|error| match &error.kind {
        rustls_native_certs::ErrorKind::Io { inner, .. } => Some(unusable(inner.kind())),
        _ => None,
    });
    Err(failed.unwrap_or(Unusable::Empty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder that is removed with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("elks-trust-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("is made");
            Self(path)
        }

        fn file(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, content).expect("is written");
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn pem() -> String {
        rcgen::generate_simple_self_signed(["api.46elks.com".to_string()]).expect("is made").cert.pem()
    }

    fn loaded(file: Option<&Path>, folders: &[&Path]) -> Result<usize, NoCertificates> {
        let folders = folders.iter().map(PathBuf::from).collect();
        let certificates = Certificates { file: file.map(Into::into), folders, blank: false };
        certificates.load().map(|roots| roots.len())
    }

    #[test]
    fn each_file_that_gives_no_certificate_says_why() {
        let scratch = Scratch::new("file");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let not_base64 = "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n";
        for (path, expected) in [
            (scratch.0.join("missing"), Unusable::Missing),
            (scratch.file("plain", b"x").join("below"), Unusable::Missing),
            (scratch.0.clone(), Unusable::Kind),
            (scratch.file("empty", b""), Unusable::Empty),
            (scratch.file("text", b"no certificate\n"), Unusable::Empty),
            (scratch.file("bytes", &[0xff; 300]), Unusable::Empty),
            (scratch.file("broken", broken.as_bytes()), Unusable::Empty),
            (scratch.file("base64", not_base64.as_bytes()), Unusable::Empty),
        ] {
            assert_eq!(loaded(Some(&path), &[]), Err(NoCertificates::File(expected)), "{}", path.display());
        }
        #[cfg(unix)]
        assert_eq!(loaded(Some(Path::new("/dev/zero")), &[]), Err(NoCertificates::File(Unusable::Kind)));
    }

    #[test]
    fn each_folder_that_gives_no_certificate_says_why() {
        let scratch = Scratch::new("folder");
        let text = scratch.file("text", b"no certificate\n");
        assert_eq!(loaded(None, &[&scratch.0]), Err(NoCertificates::Folder(Unusable::Empty)));
        assert_eq!(loaded(None, &[&text]), Err(NoCertificates::Folder(Unusable::Kind)));
        let missing = scratch.0.join("missing");
        assert_eq!(loaded(None, &[&missing]), Err(NoCertificates::Folder(Unusable::Missing)));
        assert_eq!(loaded(Some(&missing), &[&text]), Err(NoCertificates::File(Unusable::Missing)), "the file is first");
    }

    #[test]
    fn good_certificates_are_taken_beside_broken_ones() {
        let scratch = Scratch::new("good");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let not_base64 = "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n";
        let mixed = format!("# comment\n{}{broken}{}{not_base64}{}\r\n", pem(), pem().replace('\n', "\r\n"), pem());
        let file = scratch.file("mixed.pem", mixed.as_bytes());
        assert_eq!(loaded(Some(&file), &[]), Ok(3));
        assert_eq!(loaded(None, &[&scratch.0]), Ok(3));
        assert_eq!(loaded(Some(&scratch.0.join("missing")), &[&scratch.0]), Ok(3), "one source is enough");
    }

    #[cfg(unix)]
    #[test]
    fn a_blank_variable_means_the_systems_certificates() {
        let system = Certificates { blank: true, ..Certificates::default() };
        let roots = system.load().map(|roots| roots.len());
        assert_eq!(roots, Certificates::default().load().map(|roots| roots.len()));
    }
}
