//! Who this server is: a certificate and its key, which can be read again while it runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::settings::Web;

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read, or holds something else.
    #[error("cannot read the {what} in {file}: {reason}")]
    Unreadable {
        /// Certificate or key.
        what: &'static str,
        /// Where.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The two do not belong together, or cannot be used.
    #[error("the certificate in {certificate} cannot be used with the key in {key}: {reason}")]
    Unusable {
        /// Where the one is.
        certificate: PathBuf,
        /// Where the other is.
        key: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// The certificate that is shown, and where it comes from.
#[derive(Clone)]
pub(crate) struct Identity {
    files: (PathBuf, PathBuf),
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
}

#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.files).finish()
    }
}

impl Identity {
    /// What is configured, if anything is.
    pub(crate) fn read(web: &Web) -> Result<Option<Self>, CertificateError> {
        let (Some(certificate), Some(key)) = (&web.tls_cert, &web.tls_key) else {
            return Ok(None);
        };
        let pair = pair(certificate, key)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(pair))));
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(certificate, key, &error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        // The websockets of HTTP/2 are none that Socket.IO speaks.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self {
            files: (certificate.clone(), key.clone()),
            shown,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }))
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Shows new connections what the files hold now; where that cannot be used, what was shown before.
    pub(crate) fn read_again(&self) -> Result<(), CertificateError> {
        let pair = pair(&self.files.0, &self.files.1)?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        Ok(())
    }
}

fn pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let unreadable = |what, file: &Path, reason: String| CertificateError::Unreadable {
        what,
        file: file.to_owned(),
        reason,
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable("certificate", certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable(
            "certificate",
            certificate,
            "there is none in it".to_owned(),
        ));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("key", key, error.to_string()))?;
    // It says, too, where the key is not that of the certificate.
    CertifiedKey::from_der(chain, private, &ring::default_provider())
        .map_err(|error| unusable(certificate, key, &error))
}

fn unusable(certificate: &Path, key: &Path, error: &rustls::Error) -> CertificateError {
    CertificateError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        reason: error.to_string(),
    }
}
