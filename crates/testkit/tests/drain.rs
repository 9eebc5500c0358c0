//! A pod that is told to stop, as a process: it says so, serves what comes for a moment, sends its clients to the other
//! pod, answers what it was asked, and ends in good order; a second signal ends it at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::process::ExitStatus;
use std::time::Duration;

use futures_util::future::join_all;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{BidOutcome, Rest};
use gavelscope_client::state::{LinkPhase, TransportKind, Trust};
use gavelscope_client::{ServerAddress, SessionConfig, time};
use gavelscope_contract::Money;
use gavelscope_contract::auction::BidRequest;
use gavelscope_testkit::fleet::{Fleet, FleetOptions};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, Seed, seed_lots};
use gavelscope_testkit::scenarios::bidder::Bidder;
use rustix::process::{Pid, Signal, kill_process};

/// On a machine that has other things to do.
const LIMIT: Duration = Duration::from_mins(2);

fn signal(pod: &Pod, signal: Signal) {
    let pid = i32::try_from(pod.pid().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

async fn health(pod: &Pod) -> (u16, String) {
    let answer = reqwest::get(format!("{}/api/health", pod.url())).await.unwrap();
    let status = answer.status().as_u16();
    let body: serde_json::Value = answer.json().await.unwrap();
    (status, body["status"].as_str().unwrap().to_owned())
}

fn rest(url: &str, seed: &Seed, who: usize) -> Rest {
    let rest = Rest::new(ServerAddress::parse(url, DEFAULT_PATH).unwrap()).unwrap();
    rest.set_credentials(seed.people[who].clone());
    rest
}

async fn bids(rest: &Rest, seed: &Seed, who: usize, pounds: u32) -> BidOutcome {
    let bid = BidRequest {
        user_id: seed.people[who].user.clone(),
        amount: Money::from_pounds(pounds),
    };
    rest.bid(&seed.auction, &bid, &format!("{who}-{pounds}")).await
}

async fn until_it_ends(pod: &mut Pod) -> ExitStatus {
    // One signal more would end it at once; this only waits.
    let ended = async {
        loop {
            if let Some(status) = pod.ended().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, ended).await.expect("it never ended")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_told_to_stop_loses_nothing_and_nobody() {
    let mut fleet = Fleet::start(FleetOptions {
        pods: 2,
        ..FleetOptions::default()
    })
    .await
    .unwrap();
    let seed = seed_lots(fleet.url(), 5, 3, 600).await.unwrap();
    let address = ServerAddress::parse(fleet.url(), DEFAULT_PATH).unwrap();
    let sitting = seed.people.iter().map(|person| {
        let config = SessionConfig::new(address.clone(), person.clone(), TransportKind::Wire);
        Bidder::start(config, seed.auction.clone())
    });
    let bidders: Vec<Bidder> = join_all(sitting).await.into_iter().map(Result::unwrap).collect();
    // The balancer takes turns, and a session asks for more than its socket: the one that somebody is on leaves.
    let on = bidders[0].state().connection.pod.clone().unwrap();
    let leaving = usize::from(fleet.pods()[0].name() != on.as_str());
    let staying = fleet.pods()[1 - leaving].name().to_owned();

    // On its way when the signal comes: it is answered after the lot's three seconds.
    let direct = rest(&fleet.pods()[leaving].url(), &seed, 1);
    assert!(matches!(
        bids(&direct, &seed, 1, 2_000_000).await,
        BidOutcome::Accepted(_)
    ));
    let auction = seed.auction.clone();
    let commissioner = rest(&fleet.pods()[leaving].url(), &seed, 0);
    let closing = tokio::spawn(async move { commissioner.auction_call(&auction, "complete-lot").await });
    for bidder in &bidders {
        bidder
            .until("the hammer fell", LIMIT, |_, view| view.last_sale.is_some())
            .await
            .unwrap();
    }
    let from = time::now();
    signal(&fleet.pods()[leaving], Signal::TERM);
    loop {
        let (code, status) = health(&fleet.pods()[leaving]).await;
        if status == "draining" {
            assert_eq!(code, 503, "so that balancers send nothing new");
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A balancer has not noticed yet.
    assert!(
        rest(&fleet.pods()[leaving].url(), &seed, 2)
            .snapshot(&seed.auction)
            .await
            .is_ok()
    );
    closing.await.unwrap().expect("what was asked is answered");
    let status = until_it_ends(&mut fleet.pods_mut()[leaving]).await;
    assert_eq!(status.code(), Some(0));

    for bidder in &bidders {
        bidder
            .until("it is on the other pod", LIMIT, |state, view| {
                state.connection.phase == LinkPhase::Online
                    && state.connection.pod.as_ref().is_some_and(|pod| pod.as_str() == staying)
                    && view.room.joined
                    && view.trust == Trust::Live
                    // The clock went on, on the other pod: the next lot is open.
                    && view.lot.as_ref().is_some_and(|lot| lot.number == 2)
                    && state.connection.heard_at.is_some_and(|heard| heard > from)
            })
            .await
            .unwrap();
        let state = bidder.state();
        assert_eq!(state.connection.reconnects, 0, "a move is no loss");
        assert_eq!(state.auctions[0].sequence, 1);
    }
    let through_the_balancer = rest(fleet.url(), &seed, 2);
    let outcome = bids(&through_the_balancer, &seed, 2, 3_000_000).await;
    assert!(matches!(outcome, BidOutcome::Accepted(_)), "{outcome:?}");
    for bidder in &bidders {
        bidder
            .until("the next bid is heard", LIMIT, |_, view| view.sequence == 2)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let mut pod = Pod::start(PodKind::Gaveld, PodOptions::default()).await.unwrap();
    signal(&pod, Signal::TERM);
    while health(&pod).await.1 != "draining" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    signal(&pod, Signal::INT);
    let status = until_it_ends(&mut pod).await;
    assert_eq!(status.code(), Some(1), "not in good order, and it says so");
    assert!(pod.log().contains("stops at once"), "{}", pod.log());
}
