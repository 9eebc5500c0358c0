//! A gaveld that speaks TLS by itself, with every kind of certificate.

use std::path::Path;

use gavelscope_backend::{Running, Settings, Web, start};
use gavelscope_client::ServerAddress;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::state::Millis;
use gavelscope_diagnosis::evidence::{DistrustKind, TlsEvidence};
use gavelscope_diagnosis::probe::{Caps, Target, TlsOptions, probe};
use gavelscope_diagnosis::{Evidence, Finding, Light, Outcome, Report, diagnose};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio_util::sync::CancellationToken;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A gaveld whose certificate the authority made, for these names, changed by `change`; the authority's own is sent along.
async fn gaveld(
    folder: &Path,
    authority: &Authority,
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Running {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "The Auction");
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let (chain, key_file) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&chain, format!("{}{}", certificate.pem(), authority.pem())).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let settings = Settings {
        web: Web {
            tls_cert: Some(chain),
            tls_key: Some(key_file),
            ..Web::default()
        },
        ..Settings::practice()
    };
    start(settings).await.unwrap()
}

/// Probes it, trusting this authority beside the system's.
async fn probed(running: &Running, trusted: &Authority) -> (TlsEvidence, Report) {
    let target = Target {
        address: ServerAddress::parse(&running.url(), DEFAULT_PATH).unwrap(),
        token: None,
        tls: TlsOptions::default()
            .with_extra_root_pem(trusted.pem().as_bytes())
            .unwrap(),
    };
    let now = Millis(Timestamp::now().as_millisecond());
    let caps = Caps::default();
    let evidence = probe(&target, caps, now, |_| {}, CancellationToken::new()).await;
    let tls = evidence.path.clone().unwrap().tls.unwrap();
    // Where it is not trusted nothing else is asked.
    assert_eq!(evidence.health.is_empty(), tls.distrust.is_some());
    let report = diagnose(&Evidence::of_probe(running.url(), now, evidence), now);
    println!("{tls:?}\n{:?}", finding(&report));
    (tls, report)
}

fn finding(report: &Report) -> &Finding {
    let mut findings = report.findings.iter();
    findings.find(|finding| finding.code == "GS-TLS").unwrap()
}

async fn fails(running: Running, trusted: &Authority, kind: DistrustKind, words: &str) {
    let (tls, report) = probed(&running, trusted).await;
    assert_eq!(tls.distrust.as_ref().unwrap().kind, kind);
    assert_eq!(tls.chain.len(), 2, "it is shown all the same");
    let finding = finding(&report);
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.sentence.contains(words), "{}", finding.sentence);
    assert!(finding.fix.is_some());
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-TLS"))
    );
    running.stop().await;
}

#[tokio::test]
async fn one_that_is_trusted_says_whose_it_is_and_for_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let ours = authority("The Trusted One");
    let running = gaveld(folder.path(), &ours, &["127.0.0.1", "auction.example"], |_| {}).await;
    let (tls, report) = probed(&running, &ours).await;
    assert_eq!((tls.distrust, tls.chain.len()), (None, 2));
    let own = &tls.chain[0];
    assert!(own.subject.contains("The Auction"), "{own:?}");
    assert!(own.issuer.contains("The Trusted One"), "{own:?}");
    assert_eq!(own.names, ["127.0.0.1", "auction.example"]);
    assert!(own.not_before.0 < own.not_after.0);
    assert_eq!(finding(&report).outcome, Outcome::Pass);
    running.stop().await;
}

#[tokio::test]
async fn one_that_ends_soon_is_worth_a_look() {
    let folder = tempfile::tempdir().unwrap();
    let ours = authority("The Trusted One");
    for (days, outcome) in [(6, Outcome::Warn), (40, Outcome::Pass)] {
        let today: Date = Timestamp::now().to_string()[..10].parse().unwrap();
        let ends = today.saturating_add(days.days());
        let running = gaveld(folder.path(), &ours, &["127.0.0.1"], |params| {
            let (month, day) = (ends.month().unsigned_abs(), ends.day().unsigned_abs());
            params.not_after = date_time_ymd(i32::from(ends.year()), month, day);
        })
        .await;
        let (tls, report) = probed(&running, &ours).await;
        assert_eq!(tls.distrust, None);
        let finding = finding(&report);
        assert_eq!(finding.outcome, outcome, "{}", finding.sentence);
        running.stop().await;
    }
}

#[tokio::test]
async fn one_out_of_its_time_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let ours = authority("The Trusted One");
    let expired = gaveld(folder.path(), &ours, &["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    fails(expired.await, &ours, DistrustKind::Expired, "has expired").await;
    let early = gaveld(folder.path(), &ours, &["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    fails(early.await, &ours, DistrustKind::Early, "not valid yet").await;
}

#[tokio::test]
async fn one_of_another_host_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let ours = authority("The Trusted One");
    let running = gaveld(folder.path(), &ours, &["auction.example"], |_| {}).await;
    fails(running, &ours, DistrustKind::Name, "another host").await;
}

#[tokio::test]
async fn one_that_nobody_vouches_for_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let ours = authority("The Trusted One");
    // One of the same name is no better than a stranger.
    for name in ["A Stranger", "The Trusted One"] {
        let running = gaveld(folder.path(), &authority(name), &["127.0.0.1"], |_| {}).await;
        fails(running, &ours, DistrustKind::Issuer, "nobody who is trusted here").await;
    }
}
