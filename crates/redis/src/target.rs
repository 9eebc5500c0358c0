//! A connection to Redis, made and signed in step by step, so that it can be said which step failed.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::RedisAddress;
use crate::trouble::Trouble;

/// The longest line that signing in is answered with.
const LINE: usize = 4_096;

/// Why the certificates that Redis is to be checked by cannot be used.
#[derive(Debug, Error)]
pub enum CertificatesError {
    /// The file cannot be read.
    #[error("the file of REDIS_CA_FILE, {0}, cannot be read: {1}")]
    File(String, io::Error),
    /// There is no certificate in it.
    #[error("the file of REDIS_CA_FILE, {0}, holds no certificate that can be used ({1}); it has to be PEM")]
    Content(String, String),
    /// The operating system trusts nobody.
    #[error(
        "no trusted certificates were found on this machine ({0}); install ca-certificates, or name the authority's \
         certificate in REDIS_CA_FILE"
    )]
    NoRoots(String),
    /// TLS is not usable.
    #[error("TLS cannot be used: {0}")]
    Tls(rustls::Error),
    /// A file for a connection that is not encrypted.
    #[error(
        "REDIS_CA_FILE is set, but the address of Redis is redis://, which is not encrypted; write rediss://"
    )]
    NotEncrypted,
}

/// Redis' address and what is needed to connect there.
#[derive(Clone)]
pub struct Target {
    /// Where it is.
    pub address: RedisAddress,
    tls: Option<Arc<ClientConfig>>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.address).finish()
    }
}

trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// An open way to Redis, with TLS or without.
pub struct Stream(Pin<Box<dyn Bytes>>);

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(context)
    }
}

impl Target {
    /// Reads the certificates, once.
    pub fn new(address: RedisAddress, ca_file: Option<&Path>) -> Result<Self, CertificatesError> {
        let tls = match (address.tls, ca_file) {
            (true, file) => Some(tls_config(file)?),
            (false, Some(_)) => return Err(CertificatesError::NotEncrypted),
            (false, None) => None,
        };
        Ok(Self { address, tls })
    }

    /// Opens a connection and signs in.
    pub async fn open(&self) -> Result<Stream, Trouble> {
        let tcp = self.dial(&self.resolve().await?).await?;
        let mut stream = self.secure(tcp).await?;
        self.sign_in(&mut stream).await?;
        Ok(stream)
    }

    /// The first step: the addresses of the host.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, Trouble> {
        let found = tokio::net::lookup_host((self.address.host.as_str(), self.address.port)).await;
        Ok(found.map_err(|error| Trouble::connecting(&error))?.collect())
    }

    /// The second step: a TCP connection to one of them.
    pub async fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Trouble> {
        let tcp = TcpStream::connect(addresses)
            .await
            .map_err(|error| Trouble::connecting(&error))?;
        tcp.set_nodelay(true)
            .map_err(|error| Trouble::connecting(&error))?;
        Ok(tcp)
    }

    /// The third step: TLS, where the address asks for it.
    pub async fn secure(&self, tcp: TcpStream) -> Result<Stream, Trouble> {
        let Some(config) = &self.tls else {
            return Ok(Stream(Box::pin(tcp)));
        };
        let name = ServerName::try_from(self.address.host.clone())
            .map_err(|error| Trouble::Tls(format!("its host cannot have a certificate ({error})")))?;
        let connected = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
        Ok(Stream(Box::pin(connected.map_err(|error| Trouble::tls(&error))?)))
    }

    /// The last step: says who we are, one command at a time. A Redis that is full answers the first one and hangs up,
    /// and its answer is the reason.
    pub async fn sign_in(&self, stream: &mut Stream) -> Result<(), Trouble> {
        let RedisAddress {
            user,
            password,
            database,
            ..
        } = &self.address;
        if let Some(password) = password {
            let mut command = redis::cmd("AUTH");
            if let Some(user) = user {
                command.arg(user);
            }
            command.arg(password.expose());
            self.ask(stream, &command).await?;
        }
        self.ask(stream, &redis::cmd("PING")).await?;
        if *database != 0 {
            let mut command = redis::cmd("SELECT");
            command.arg(*database);
            self.ask(stream, &command).await?;
        }
        Ok(())
    }

    async fn ask(&self, stream: &mut Stream, command: &redis::Cmd) -> Result<(), Trouble> {
        let told = stream.write_all(&command.get_packed_command()).await;
        // A Redis that is full hangs up without listening: what it said is still there to be read.
        let line = line(stream).await.map_err(|error| match (error.kind(), told) {
            (io::ErrorKind::InvalidData, _) => Trouble::Refused("what answers there is not Redis".to_owned()),
            // TLS 1.3 tells of a refused certificate, or the like, only now.
            _ if self.tls.is_some() && error.get_ref().is_some() => Trouble::tls(&error),
            _ => Trouble::Lost,
        })?;
        match line.strip_prefix('-') {
            Some(error) => Err(Trouble::said(error, self.address.password.as_ref())),
            None if line.starts_with('+') => Ok(()),
            None => Err(Trouble::Refused("what answers there is not Redis".to_owned())),
        }
    }
}

/// One line, without its end.
async fn line(stream: &mut Stream) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await? {
            b'\n' => break,
            _ if line.len() >= LINE => return Err(io::ErrorKind::InvalidData.into()),
            byte => line.push(byte),
        }
    }
    let line = String::from_utf8(line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(line.trim_end_matches('\r').to_owned())
}

fn tls_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, CertificatesError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let name = path.display().to_string();
        let pem = std::fs::read(path).map_err(|error| CertificatesError::File(name.clone(), error))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate =
                certificate.map_err(|error| CertificatesError::Content(name.clone(), error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| CertificatesError::Content(name.clone(), error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(CertificatesError::Content(name, "there is none in it".to_owned()));
        }
    } else {
        let native = rustls_native_certs::load_native_certs();
        // Some systems carry a few certificates that do not parse; the others are still good.
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            let reason = native.errors.first();
            let reason = reason.map_or_else(|| "the list is empty".to_owned(), ToString::to_string);
            return Err(CertificatesError::NoRoots(reason));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(CertificatesError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
