//! Who a server says that it is: its certificates as it shows them, trusted or not.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::tls::TlsFailure;

/// What a server showed in its last handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Its certificates as DER: its own first, then those that are to lead to an authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why they are not trusted; none where they are.
    pub distrust: Option<TlsFailure>,
}

/// Sees the certificates that a server shows, and what was thought of them. What is trusted stays as it is: a handshake
/// that fails without a witness fails with one.
#[derive(Clone, Default)]
pub struct CertificateWitness(Arc<Mutex<Option<Presented>>>);

impl CertificateWitness {
    /// What the last server showed; none where no handshake came so far.
    pub fn presented(&self) -> Option<Presented> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn beside(self, judge: Arc<WebPkiServerVerifier>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Watched { witness: self, judge })
    }
}

impl fmt::Debug for CertificateWitness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CertificateWitness")
    }
}

/// The usual judge, and somebody who looks on.
#[derive(Debug)]
struct Watched {
    witness: CertificateWitness,
    judge: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Watched {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.judge.verify_server_cert(own, others, name, ocsp, now);
        let chain = std::iter::once(own).chain(others);
        let presented = Presented {
            chain: chain
                .map(|certificate| certificate.clone().into_owned())
                .collect(),
            distrust: verdict.as_ref().err().map(TlsFailure::from_rustls),
        };
        *self.witness.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(presented);
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
