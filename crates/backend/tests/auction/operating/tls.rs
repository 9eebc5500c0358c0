//! TLS by itself, with a certificate of an authority that the client trusts; both can change while it runs.

use std::path::Path;

use gavelscope_backend::{Settings, StartError, Web, start};
use gavelscope_wire::connection::{
    ConnectError, ConnectOptions, Endpoint, Incoming, TlsOptions, connect, connect_by_polling,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::Certificate;

use crate::common::{Hall, settings, spec};

/// An authority, and what it has signed.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// Writes a certificate for loopback, and its key.
    fn sign_into(&self, folder: &Path) {
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }

    /// Somebody who trusts it alone, and reuses no connection.
    fn trusting(&self) -> reqwest::Client {
        let root = Certificate::from_pem(self.pem.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().tls_certs_only([root]);
        builder.pool_max_idle_per_host(0).build().unwrap()
    }
}

fn with_certificate(folder: &Path) -> Settings {
    Settings {
        web: Web {
            tls_cert: Some(folder.join("cert.pem")),
            tls_key: Some(folder.join("key.pem")),
            ..Web::default()
        },
        ..settings()
    }
}

#[tokio::test]
async fn it_speaks_tls_to_who_trusts_its_authority_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.sign_into(folder.path());
    let running = start(with_certificate(folder.path())).await.unwrap();
    let url = format!("{}/health", running.url());
    assert!(url.starts_with("https://"));
    let answer = authority.trusting().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    Authority::new().trusting().get(&url).send().await.unwrap_err();
    let plain = url.replace("https://", "http://");
    authority.trusting().get(plain).send().await.unwrap_err();
    running.stop().await;
}

/// The project's own client, by websocket and by polling, with its proof of who it is.
#[tokio::test]
async fn the_projects_client_speaks_to_it_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.sign_into(folder.path());
    let hall = Hall::open(with_certificate(folder.path()), spec(2)).await;
    let endpoint = Endpoint::parse(&hall.url).unwrap();
    let tls = TlsOptions::default().with_extra_root_pem(authority.pem.as_bytes());
    let options = ConnectOptions {
        tls: tls.unwrap(),
        ..ConnectOptions::default()
    };
    for by_polling in [false, true] {
        let connected = if by_polling {
            connect_by_polling(&endpoint, &options).await
        } else {
            connect(&endpoint, &options).await
        };
        let mut connection = connected.unwrap();
        assert!(
            connection.handshake().timings.tls.is_some(),
            "polling: {by_polling}"
        );
        let event = loop {
            if let Incoming::Event(event) = connection.next().await.unwrap() {
                break event;
            }
        };
        assert_eq!(event.name(), "connected");
    }
    let untrusting = connect(&endpoint, &ConnectOptions::default()).await;
    assert!(matches!(untrusting, Err(ConnectError::Tls(_))));
    hall.running.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    old.sign_into(folder.path());
    let running = start(with_certificate(folder.path())).await.unwrap();
    let url = format!("{}/health", running.url());
    new.sign_into(folder.path());
    old.trusting()
        .get(&url)
        .send()
        .await
        .expect("the old one until told otherwise");
    running.read_certificate_again().unwrap();
    new.trusting()
        .get(&url)
        .send()
        .await
        .expect("the new one from now on");
    old.trusting().get(&url).send().await.unwrap_err();
    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    let error = running.read_certificate_again().unwrap_err().to_string();
    assert!(error.contains("cert.pem"), "{error}");
    new.trusting().get(&url).send().await.expect("what works stays");
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_a_sentence_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let fails = async |settings: Settings| match start(settings).await.unwrap_err() {
        StartError::Certificate(error) => error.to_string(),
        other => panic!("{other}"),
    };
    let missing = fails(with_certificate(folder.path())).await;
    assert!(
        missing.contains("cannot read the certificate in") && missing.contains("cert.pem"),
        "{missing}"
    );
    Authority::new().sign_into(folder.path());
    let other = tempfile::tempdir().unwrap();
    Authority::new().sign_into(other.path());
    std::fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    let mismatch = fails(with_certificate(folder.path())).await;
    assert!(mismatch.contains("cannot be used with the key"), "{mismatch}");
    std::fs::write(folder.path().join("key.pem"), "").unwrap();
    let empty = fails(with_certificate(folder.path())).await;
    assert!(empty.contains("cannot read the key in"), "{empty}");
}
