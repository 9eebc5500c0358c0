//! How many of a fleet's pods listen to Redis, and what that proves.

use gavelscope_client::ServerAddress;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::state::Millis;
use gavelscope_contract::Secret;
use gavelscope_diagnosis::evidence::{ChannelForm, RedisEvidence};
use gavelscope_diagnosis::operator::{RedisTarget, look_at_redis};
use gavelscope_diagnosis::probe::{Caps, Target, TlsOptions, probe};
use gavelscope_diagnosis::{Evidence, Finding, Outcome, Report, diagnose};
use gavelscope_testkit::fleet::{Adapter, Fleet, FleetKind, FleetOptions};
use gavelscope_testkit::pods;
use gavelscope_testkit::services::redis::Redis;
use tokio_util::sync::CancellationToken;

/// Three pods, probed and with their Redis looked at. Without one in the fleet, `redis` is what the operator names.
async fn examined(kind: FleetKind, adapter: Adapter, redis: &str, named: &[&str]) -> (Report, RedisEvidence) {
    let options = FleetOptions {
        kind,
        adapter,
        ..FleetOptions::default()
    };
    let fleet = Fleet::start(options).await.unwrap();
    let league = pods::seed(fleet.url(), 1).await.unwrap();
    let target = Target {
        address: ServerAddress::parse(fleet.url(), DEFAULT_PATH).unwrap(),
        token: Some(Secret::new(league.people[0].access.expose())),
        tls: TlsOptions::default(),
    };
    let probed = probe(
        &target,
        Caps::default(),
        Millis(1),
        |_| {},
        CancellationToken::new(),
    )
    .await;
    let url = fleet.redis().map_or_else(|| redis.to_owned(), Redis::url);
    let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
    let target = RedisTarget::new(url.parse().unwrap(), None).unwrap();
    let seen = look_at_redis(&target, &named, Millis(1)).await;
    println!("{kind:?} {adapter:?}: {}", serde_json::to_string(&seen).unwrap());
    let evidence = Evidence::of_probe(fleet.url().to_owned(), Millis(1), probed).with_redis(seen.clone());
    let report = diagnose(&evidence, Millis(1));
    for code in ["GS-ROOM-SPLIT", "GS-REDIS", "GS-REDIS-SUBSCRIBERS"] {
        println!("  {:?}", finding(&report, code));
    }
    (report, seen)
}

fn finding<'a>(report: &'a Report, code: &str) -> &'a Finding {
    let mut findings = report.findings.iter();
    findings.find(|finding| finding.code == code).unwrap()
}

fn outcomes(report: &Report) -> [Outcome; 3] {
    ["GS-ROOM-SPLIT", "GS-REDIS", "GS-REDIS-SUBSCRIBERS"].map(|code| finding(report, code).outcome)
}

fn counted(seen: &RedisEvidence) -> Vec<(&str, ChannelForm, u32)> {
    let channels = seen.channels.as_ref().unwrap().iter();
    channels
        .filter(|channel| channel.subscribers > 0)
        .map(|channel| (channel.name.as_str(), channel.form, channel.subscribers))
        .collect()
}

/// The cause of pods that are apart, as Redis proves it.
fn cause(report: &Report) -> &str {
    let split = finding(report, "GS-ROOM-SPLIT");
    assert!(split.fix.as_deref().unwrap().starts_with("Operator: "));
    split.cause.as_deref().unwrap()
}

const KINDS: [(FleetKind, ChannelForm, &str); 2] = [
    (FleetKind::Rust, ChannelForm::SocketIo, "socket.io"),
    (FleetKind::Python, ChannelForm::Python, "socketio"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pod_that_listens_is_counted() {
    for (kind, form, channel) in KINDS {
        let (report, seen) = examined(kind, Adapter::Redis, "", &[]).await;
        assert_eq!(counted(&seen), [(channel, form, 3)]);
        assert_eq!(seen.other_channels, 0);
        assert_eq!(outcomes(&report), [Outcome::Pass; 3]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_on_another_channel_is_missed_and_found() {
    for (kind, form, channel) in KINDS {
        let (report, seen) = examined(kind, Adapter::Split, "", &[]).await;
        // The name alone does not tell that a python-socketio listens.
        let other = match form {
            ChannelForm::SocketIo => ChannelForm::SocketIo,
            _ => ChannelForm::Unknown,
        };
        assert_eq!(counted(&seen), [(channel, form, 2), ("another-fleet", other, 1)]);
        assert_eq!(outcomes(&report), [Outcome::Fail, Outcome::Pass, Outcome::Fail]);
        assert!(cause(&report).contains("channel"), "{}", cause(&report));
    }
    // Unless somebody says so.
    let (report, _) = examined(FleetKind::Python, Adapter::Split, "", &["another-fleet"]).await;
    let sentence = &finding(&report, "GS-REDIS-SUBSCRIBERS").sentence;
    assert!(
        sentence.contains("split over the channels socketio (2), another-fleet (1)"),
        "{sentence}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_without_an_adapter_are_told_from_pods_with_a_dead_redis() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = Redis::start(folder.path()).await.unwrap();
    for (kind, ..) in KINDS {
        let (report, seen) = examined(kind, Adapter::None, &redis.url(), &[]).await;
        assert_eq!(counted(&seen), []);
        assert_eq!(outcomes(&report), [Outcome::Fail, Outcome::Pass, Outcome::Fail]);
        assert!(cause(&report).contains("No pod subscribes"), "{}", cause(&report));
        assert!(
            report.verdict.contains("set REDIS_URL on every pod"),
            "{}",
            report.verdict
        );
    }
    redis.kill().unwrap();
    for (kind, ..) in KINDS {
        let (report, _) = examined(kind, Adapter::Dead, &redis.url(), &[]).await;
        assert_eq!(
            outcomes(&report),
            [Outcome::Fail, Outcome::Fail, Outcome::Inconclusive]
        );
        assert!(cause(&report).contains("cannot be reached"), "{}", cause(&report));
        assert!(report.verdict.contains("start Redis"), "{}", report.verdict);
    }
}
