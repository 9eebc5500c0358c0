//! How many are in a room over all pods.

use gavelscope_backend::Redis;
use gavelscope_contract::Secret;
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions};
use gavelscope_testkit::services::redis::Redis as Server;

use crate::hall::Hall;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joins_leaves_and_ends_are_counted_over_all_pods() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await.unwrap();
    let hall = Hall::open(6).await;
    let (a, b) = hall.pods(&Redis::at(server.url())).await;
    let mut on_a = hall.socket(&a.url(), 0).await;
    let mut on_b = hall.socket(&b.url(), 1).await;
    let joined = on_a.wait_for_cluster_size(2).await;
    on_b.wait_for_cluster_size(2).await;
    let also_on_b = hall.socket(&b.url(), 2).await;
    on_a.wait_for_cluster_size(3).await;
    on_b.leave().await;
    let left = on_a.wait_for_cluster_size(2).await;
    drop(also_on_b);
    on_a.wait_for_cluster_size(1).await;
    assert_eq!(on_a.join().await, (1, Some(1)));
    assert_eq!(
        hall.health(&a.url())
            .await
            .socketio
            .unwrap()
            .adapter
            .unwrap()
            .pods,
        Some(2)
    );
    // One that comes later is told of rooms in which nothing has changed since.
    let c = hall.pod("c", Redis::at(server.url())).await;
    let mut on_c = hall.socket(&c.url(), 3).await;
    let new = on_c.wait_for_cluster_size(2).await;
    eprintln!("joined after {joined:?}, left after {left:?}, a new pod knew after {new:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_pod_takes_its_sockets_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await.unwrap();
    let hall = Hall::open(4).await;
    let options = PodOptions {
        redis_url: Some(Secret::new(server.url())),
        ..PodOptions::default()
    };
    let a = hall.pod("a", Redis::at(server.url())).await;
    let mut on_a = hall.socket(&a.url(), 0).await;
    // Of another house, whose tokens and rooms these are not; it counts as a pod all the same.
    let mut other = Pod::start(PodKind::Gaveld, options).await.unwrap();
    let pods = async |wanted: u32| {
        let since = std::time::Instant::now();
        loop {
            let adapter = hall.health(&a.url()).await.socketio.unwrap().adapter.unwrap();
            if adapter.pods == Some(wanted) {
                return since.elapsed();
            }
            assert!(since.elapsed() < crate::hall::PATIENCE, "{adapter:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    pods(2).await;
    other.kill().unwrap();
    let gone = pods(1).await;
    // In this process a pod that is dropped says no goodbye either.
    let b = hall.pod("b", Redis::at(server.url())).await;
    let on_b = hall.socket(&b.url(), 1).await;
    on_a.wait_for_cluster_size(2).await;
    drop((b, on_b));
    let forgotten = on_a.wait_for_cluster_size(1).await;
    eprintln!("a killed pod was gone after {gone:?}, its sockets after {forgotten:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fleets_with_other_channels_hear_nothing_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await.unwrap();
    let mut hall = Hall::open(3).await;
    let redis = Redis::at(server.url());
    let (a, b) = hall.pods(&redis).await;
    let apart = Redis {
        channel: "elsewhere".to_owned(),
        ..redis
    };
    let c = hall.pod("c", apart).await;
    let mut on_a = hall.socket(&a.url(), 0).await;
    let mut on_b = hall.socket(&b.url(), 1).await;
    let mut on_c = hall.socket(&c.url(), 2).await;
    on_a.wait_for_cluster_size(2).await;
    on_c.wait_for_cluster_size(1).await;
    let on_its_own = hall.bid(&a.url()).await;
    assert_eq!(on_b.bids_up_to(on_its_own).await, [on_its_own]);
    let its_own = hall.bid(&c.url()).await;
    assert_eq!(on_c.bids_up_to(its_own).await, [its_own]);
    let again = hall.bid(&b.url()).await;
    assert_eq!(on_a.bids_up_to(again).await, [on_its_own, again]);
}
