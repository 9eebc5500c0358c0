//! Two connections to Redis, signed in and tried: one to speak, one to listen.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::address::RedisAddress;
use super::trouble::Trouble;

/// How long connecting and signing in may take together.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// How long Redis may take to confirm what it was told. Bids do not wait for it; only the verdict does.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_millis(500);
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
pub(super) struct Target {
    pub address: RedisAddress,
    tls: Option<Arc<ClientConfig>>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.address).finish()
    }
}

/// Two connections to Redis that work.
pub(super) struct Line {
    pub speaking: MultiplexedConnection,
    pub subscribing: PubSubSink,
    pub listening: PubSubStream,
    /// What moves the bytes of `speaking`.
    pub driver: AbortOnDropHandle<()>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Target {
    /// Reads the certificates, once.
    pub(super) fn new(address: RedisAddress, ca_file: Option<&Path>) -> Result<Self, CertificatesError> {
        let tls = match (address.tls, ca_file) {
            (true, file) => Some(tls_config(file)?),
            (false, Some(_)) => return Err(CertificatesError::NotEncrypted),
            (false, None) => None,
        };
        Ok(Self { address, tls })
    }

    /// Connects twice, and signs in.
    pub(super) async fn connect(&self) -> Result<Line, Trouble> {
        let both = async { tokio::try_join!(self.open(), self.open()) };
        let (speaking, listening) = match tokio::time::timeout(CONNECT_LIMIT, both).await {
            Ok(both) => both?,
            Err(_) => return Err(Trouble::Silent(CONNECT_LIMIT)),
        };
        // Signing in is done, and pub/sub is the same in every version of the protocol.
        let nothing_to_do = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_LIMIT));
        let trouble = |error| Trouble::command(&error, ANSWER_LIMIT, self.address.password.as_ref());
        let (speaking, driver) = MultiplexedConnection::new_with_config(&nothing_to_do, speaking, config)
            .await
            .map_err(trouble)?;
        let driver = AbortOnDropHandle::new(tokio::spawn(driver));
        let pubsub = PubSub::new(&nothing_to_do, listening).await.map_err(trouble)?;
        let (subscribing, listening) = pubsub.split();
        Ok(Line {
            speaking,
            subscribing,
            listening,
            driver,
        })
    }

    async fn open(&self) -> Result<Pin<Box<dyn Stream>>, Trouble> {
        let host = self.address.host.as_str();
        let tcp = TcpStream::connect((host, self.address.port))
            .await
            .map_err(|error| Trouble::connecting(&error))?;
        tcp.set_nodelay(true)
            .map_err(|error| Trouble::connecting(&error))?;
        let mut stream: Pin<Box<dyn Stream>> = match &self.tls {
            None => Box::pin(tcp),
            Some(config) => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|error| Trouble::Tls(format!("its host cannot have a certificate ({error})")))?;
                let connected = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
                Box::pin(connected.map_err(|error| Trouble::tls(&error))?)
            }
        };
        self.sign_in(&mut stream).await?;
        Ok(stream)
    }

    /// Says who we are, one command at a time: a Redis that is full answers the first one and hangs up, and its answer
    /// is the reason.
    async fn sign_in(&self, stream: &mut Pin<Box<dyn Stream>>) -> Result<(), Trouble> {
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

    async fn ask(&self, stream: &mut Pin<Box<dyn Stream>>, command: &redis::Cmd) -> Result<(), Trouble> {
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
async fn line(stream: &mut Pin<Box<dyn Stream>>) -> io::Result<String> {
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
