//! TLS failures are told apart, and a trusted server is spoken to.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use gavelscope_wire::connection::{
    CertificateWitness, ConnectError, ConnectOptions, Endpoint, Incoming, Stage, TlsFailure, TlsOptions,
    connect, connect_by_polling,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::http::HttpPeer;
use support::{GRANT, OPEN, options, serve_tcp};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

/// A certificate authority of the test's own. The name matters: an issuer is looked up by it before its key is tried.
fn authority_named(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    authority_named("The Trusted One")
}

/// A certificate for `names` that `authority` vouches for, changed by `change`.
fn identity(
    authority: &CertifiedIssuer<'static, KeyPair>,
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    Identity {
        certificate: certificate.der().clone(),
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    }
}

fn server_config(identity: Identity) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate], identity.key)
        .unwrap()
}

/// Serves one session over TLS: grants it, sends one event, and stays.
async fn serve_tls(identity: Identity) -> SocketAddr {
    let config = server_config(identity);
    serve_tcp(|stream| async move {
        // A client that does not trust us goes away in the middle.
        let Ok(stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else {
            return;
        };
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send(Message::text(OPEN)).await.unwrap();
        socket.next().await.unwrap().unwrap();
        socket.send(Message::text(GRANT)).await.unwrap();
        socket.send(Message::text(r#"42["over TLS"]"#)).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await
}

fn trusting(authority: &CertifiedIssuer<'static, KeyPair>) -> ConnectOptions {
    let tls = TlsOptions::default()
        .with_extra_root_pem(authority.pem().as_bytes())
        .unwrap();
    ConnectOptions { tls, ..options() }
}

fn secure(address: SocketAddr) -> Endpoint {
    Endpoint::parse(&format!("https://{address}")).unwrap()
}

async fn failure(address: SocketAddr, options: &ConnectOptions) -> TlsFailure {
    match connect(&secure(address), options).await.unwrap_err() {
        ConnectError::Tls(failure) => failure,
        other => panic!("a TLS failure was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_server_with_a_private_authority_is_trusted_when_its_root_is_given() {
    let authority = authority();
    let address = serve_tls(identity(&authority, &["127.0.0.1"], |_| {})).await;
    let mut connection = connect(&secure(address), &trusting(&authority)).await.unwrap();
    assert!(
        connection
            .handshake()
            .timings
            .tls
            .is_some_and(|took| !took.is_zero())
    );
    let Incoming::Event(event) = connection.next().await.unwrap() else {
        panic!("no event")
    };
    assert_eq!(event.name(), "over TLS");
}

#[tokio::test]
async fn a_witness_sees_the_certificate_and_changes_nothing() {
    let authority = authority();
    let watched = |choices: ConnectOptions| {
        let witness = CertificateWitness::default();
        let tls = TlsOptions {
            witness: Some(witness.clone()),
            ..choices.tls
        };
        (witness, ConnectOptions { tls, ..choices })
    };
    let trusted = identity(&authority, &["127.0.0.1"], |_| {});
    let shown = trusted.certificate.clone();
    let (witness, choices) = watched(trusting(&authority));
    assert_eq!(witness.presented(), None);
    connect(&secure(serve_tls(trusted).await), &choices)
        .await
        .unwrap();
    let presented = witness.presented().unwrap();
    assert_eq!((presented.chain, presented.distrust), (vec![shown], None));

    let stranger = identity(&authority_named("A Stranger"), &["127.0.0.1"], |_| {});
    let shown = stranger.certificate.clone();
    let (witness, choices) = watched(trusting(&authority));
    assert_eq!(
        failure(serve_tls(stranger).await, &choices).await,
        TlsFailure::UntrustedIssuer
    );
    let presented = witness.presented().unwrap();
    assert_eq!(presented.chain, [shown]);
    assert_eq!(presented.distrust, Some(TlsFailure::UntrustedIssuer));
}

#[tokio::test]
async fn polling_trusts_whom_the_websocket_trusts() {
    let authority = authority();
    let mut peer = HttpPeer::start_tls(server_config(identity(&authority, &["127.0.0.1"], |_| {}))).await;
    let (endpoint, trusting) = (secure(peer.address), trusting(&authority));
    let (connection, _waiting) = tokio::join!(connect_by_polling(&endpoint, &trusting), peer.greet(OPEN));
    assert!(connection.unwrap().handshake().timings.tls.is_some());
    let stranger = authority_named("A Stranger");
    let trusting = self::trusting(&stranger);
    let error = connect_by_polling(&endpoint, &trusting).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Tls(TlsFailure::UntrustedIssuer)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_self_signed_certificate_is_not_trusted() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let identity = Identity {
        certificate: certificate.der().clone(),
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    };
    let address = serve_tls(identity).await;
    assert_eq!(
        failure(address, &trusting(&authority())).await,
        TlsFailure::UntrustedIssuer
    );
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let address = serve_tls(identity(&authority_named("A Stranger"), &["127.0.0.1"], |_| {})).await;
    assert_eq!(
        failure(address, &trusting(&authority())).await,
        TlsFailure::UntrustedIssuer
    );
}

#[tokio::test]
async fn a_certificate_for_another_host_says_for_which() {
    let authority = authority();
    let address = serve_tls(identity(&authority, &["auction.example.org"], |_| {})).await;
    let TlsFailure::WrongHost { presented } = failure(address, &trusting(&authority)).await else {
        panic!("not the host")
    };
    assert!(
        presented.iter().any(|name| name.contains("auction.example.org")),
        "{presented:?}"
    );
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_told_apart() {
    let authority = authority();
    let expired = identity(&authority, &["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    assert_eq!(
        failure(serve_tls(expired).await, &trusting(&authority)).await,
        TlsFailure::Expired
    );
    let early = identity(&authority, &["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    assert_eq!(
        failure(serve_tls(early).await, &trusting(&authority)).await,
        TlsFailure::NotYetValid
    );
}

#[tokio::test]
async fn a_port_that_speaks_plain_http_is_told_apart() {
    let address = serve_tcp(|stream| async move {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = stream;
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let (mut read, _write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut tokio::io::sink()).await;
    })
    .await;
    assert_eq!(
        failure(address, &trusting(&authority())).await,
        TlsFailure::NotTls
    );
}

#[tokio::test]
async fn a_server_that_hangs_up_or_is_silent_is_told_apart() {
    let address = serve_tcp(|stream| async move {
        use tokio::io::AsyncReadExt as _;
        let mut stream = stream;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let failure = failure(address, &trusting(&authority())).await;
    assert!(matches!(failure, TlsFailure::RefusedByServer(_)), "{failure:?}");

    let address = serve_tcp(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mut choices = trusting(&authority());
    choices.time_limit = std::time::Duration::from_millis(300);
    let error = connect(&secure(address), &choices).await.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::TimedOut {
                stage: Stage::Tls,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_root_that_is_no_certificate_is_refused() {
    for pem in [
        "",
        "hello",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    ] {
        let result = TlsOptions::default().with_extra_root_pem(pem.as_bytes());
        assert!(matches!(result, Err(TlsFailure::BadRoot(_))), "{pem}");
    }
}
