//! Certificates for servers on this machine, from an authority that nobody trusts but who is given its file.

use std::io;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A server's certificate for `localhost` and 127.0.0.1, in files.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The authority's own certificate: who is to trust the server is given it.
    pub authority: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes an authority and lets it vouch for a server, whose name the files carry.
    pub fn issue(folder: &Path, server: &str) -> io::Result<Self> {
        let made = || -> Result<_, rcgen::Error> {
            let mut authority = CertificateParams::new(Vec::new())?;
            authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
            let key = KeyPair::generate()?;
            let own = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
            let own = own.signed_by(&key, &authority)?;
            Ok((authority.pem(), own.pem(), key.serialize_pem()))
        };
        let (authority, certificate, key) = made().map_err(io::Error::other)?;
        let write = |ending: &str, text: String| {
            let path = folder.join(format!("{server}{ending}"));
            std::fs::write(&path, text).map(|()| path)
        };
        Ok(Self {
            authority: write("-ca.pem", authority)?,
            certificate: write(".pem", certificate)?,
            key: write(".key", key)?,
        })
    }
}
