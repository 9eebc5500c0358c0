//! TLS: whom we trust, and why a handshake failed.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::endpoint::{Endpoint, InvalidAddress};
use super::error::ConnectError;
use super::witness::CertificateWitness;

/// Which certificates are trusted.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// Certificate authorities trusted beside the operating system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Used as it is in place of all that, for a caller who builds one configuration for many connections.
    pub client_config: Option<Arc<ClientConfig>>,
    /// Sees the certificates that the server shows, trusted or not. It has no part in what is trusted, and none in a
    /// `client_config` of the caller's own.
    pub witness: Option<CertificateWitness>,
}

impl TlsOptions {
    /// Trusts the certificates in a PEM text beside the operating system's.
    pub fn with_extra_root_pem(mut self, pem: &[u8]) -> Result<Self, TlsFailure> {
        let before = self.extra_roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.extra_roots
                .push(certificate.map_err(|error| TlsFailure::BadRoot(error.to_string()))?);
        }
        if self.extra_roots.len() == before {
            return Err(TlsFailure::BadRoot("it holds no certificate".to_owned()));
        }
        Ok(self)
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsOptions")
            .field("extra_roots", &self.extra_roots.len())
            .field("client_config", &self.client_config.is_some())
            .field("witness", &self.witness.is_some())
            .finish()
    }
}

/// Why TLS could not be agreed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFailure {
    /// Nobody whom we trust vouches for the certificate (self-signed, or a private authority).
    #[error("the certificate is not from an authority that is trusted here")]
    UntrustedIssuer,
    /// The certificate is for another host.
    #[error("the certificate is not for this host (it is for: {})", presented.join(", "))]
    WrongHost {
        /// The names it is for.
        presented: Vec<String>,
    },
    /// The certificate's time is over (or this machine's clock is wrong).
    #[error("the certificate has expired")]
    Expired,
    /// The certificate's time has not begun (or this machine's clock is wrong).
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// The certificate was revoked.
    #[error("the certificate has been revoked")]
    Revoked,
    /// The certificate is wrong in another way.
    #[error("the certificate is not acceptable: {0}")]
    Certificate(String),
    /// What answers there does not speak TLS.
    #[error("the server does not speak TLS on this port")]
    NotTls,
    /// The server ended the handshake with an alert.
    #[error("the server refused the TLS handshake: {0}")]
    RefusedByServer(String),
    /// The operating system offers no trusted certificate.
    #[error("no trusted certificates were found on this machine: {0}")]
    NoRoots(String),
    /// An extra root is not a certificate.
    #[error("the additional certificate is not usable: {0}")]
    BadRoot(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl TlsFailure {
    pub(super) fn from_rustls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(reason) => Self::from_certificate(reason),
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::AlertReceived(alert) => Self::RefusedByServer(format!("{alert:?}")),
            other => Self::Other(other.to_string()),
        }
    }

    fn from_certificate(reason: &CertificateError) -> Self {
        match reason {
            // Another authority of the same name is no better than an unknown one.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UntrustedIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::NotValidForName => Self::WrongHost {
                presented: Vec::new(),
            },
            CertificateError::NotValidForNameContext { presented, .. } => Self::WrongHost {
                presented: presented.clone(),
            },
            other => Self::Certificate(other.to_string()),
        }
    }

    fn from_io(error: &io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            Some(inner) => Self::from_rustls(inner),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::RefusedByServer("it closed the connection".to_owned())
            }
            None => Self::Other(error.to_string()),
        }
    }
}

/// Builds the configuration, which reads the operating system's certificates from disk.
pub(super) async fn client_config(options: &TlsOptions) -> Result<Arc<ClientConfig>, TlsFailure> {
    if let Some(config) = &options.client_config {
        return Ok(Arc::clone(config));
    }
    let extra_roots = options.extra_roots.clone();
    let witness = options.witness.clone();
    let built = tokio::task::spawn_blocking(move || build_config(extra_roots, witness)).await;
    built.unwrap_or_else(|error| Err(TlsFailure::Other(error.to_string())))
}

fn build_config(
    extra_roots: Vec<CertificateDer<'static>>,
    witness: Option<CertificateWitness>,
) -> Result<Arc<ClientConfig>, TlsFailure> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    // Some systems carry a few certificates that do not parse; the others are still good.
    roots.add_parsable_certificates(native.certs);
    for root in extra_roots {
        roots
            .add(root)
            .map_err(|error| TlsFailure::BadRoot(error.to_string()))?;
    }
    if roots.is_empty() {
        let reason = native
            .errors
            .first()
            .map_or_else(|| "the list is empty".to_owned(), ToString::to_string);
        return Err(TlsFailure::NoRoots(reason));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsFailure::from_rustls(&error))?;
    let builder = match witness {
        None => builder.with_root_certificates(roots),
        Some(witness) => {
            let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| TlsFailure::Other(error.to_string()))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(witness.beside(judge))
        }
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// Speaks TLS over an open TCP connection.
pub(super) async fn handshake(
    config: Arc<ClientConfig>,
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let name = ServerName::try_from(endpoint.host()).map_err(|error| InvalidAddress::Malformed {
        reason: error.to_string(),
    })?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| ConnectError::Tls(TlsFailure::from_io(&error)))
}
