//! A probe measures real pods, and leaves nothing behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use gavelscope_client::ServerAddress;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::state::Millis;
use gavelscope_contract::Secret;
use gavelscope_diagnosis::evidence::{ProbeEvidence, Scratch};
use gavelscope_diagnosis::probe::{Caps, Target, probe};
use gavelscope_diagnosis::{Turns, pod_count};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, seed};
use tokio_util::sync::CancellationToken;

async fn probed(url: &str, token: Option<Secret>) -> ProbeEvidence {
    let target = Target {
        address: ServerAddress::parse(url, DEFAULT_PATH).unwrap(),
        token,
        tls: gavelscope_wire::connection::TlsOptions::default(),
    };
    let told = |stage| println!("{stage:?}");
    probe(
        &target,
        Caps::default(),
        Millis(0),
        told,
        CancellationToken::new(),
    )
    .await
}

#[tokio::test]
async fn one_pod_of_each_kind_hears_itself_and_takes_every_turn() {
    for (kind, scratch) in [
        (PodKind::Gaveld, Scratch::ProbeRoom),
        (PodKind::Python, Scratch::LeagueRooms),
    ] {
        let pod = Pod::start(kind, PodOptions::default()).await.unwrap();
        let seed = seed(&pod.url(), 1).await.unwrap();
        let token = Some(seed.people[0].access.clone());
        let evidence = probed(&pod.url(), token).await;
        println!("{}", serde_json::to_string_pretty(&evidence).unwrap());
        assert_eq!(evidence.cut_short, None);
        let turns = evidence.turns.unwrap();
        assert_eq!(turns.trouble, None);
        let count = pod_count(&turns.searches).unwrap();
        assert_eq!((count.turns, count.likely, count.most), (Turns::None, 1, Some(1)));
        let room = evidence.room.unwrap();
        assert_eq!((room.scratch, room.lost, room.strangers), (Some(scratch), 0, 0));
        assert!(room.matrix.partition().whole(), "{:?}", room.matrix);
        assert_eq!(room.matrix.rows.len(), 8);
    }
}
