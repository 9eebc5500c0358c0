//! A recorded session, replayed, arrives at the same states byte for byte; and its files tell nobody's secrets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use gavelscope_backend::{Database, DemoPerson, DemoSpec, Settings, seed_demo, start};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::bots::{TEMPERAMENTS, play};
use gavelscope_client::recorder::{
    About, Counted, Limits, Playback, Recorder, Replay, ReplayError, files_of,
};
use gavelscope_client::rest::Credentials;
use gavelscope_client::state::{AuctionPhase, SessionState, TransportKind};
use gavelscope_client::{CommissionerCall, ServerAddress, Session, SessionConfig};
use gavelscope_contract::{AuctionId, Money, Secret};
use gavelscope_testkit::player::Player;
use gavelscope_testkit::trace::{Direction, Trace};

const AUCTION: &str = "57c9540c-3dfe-4d73-8b21-5cfeb95ed8b4";
const ALICE: &str = "54d8da89-6434-4309-8d7d-fe086e5892c5";
const TOKEN: &str = "a-token-that-nobody-may-read";

fn about(config: &SessionConfig) -> About {
    About {
        server: config.address.base(),
        path: config.address.path().to_owned(),
        user: config.credentials.user.clone(),
    }
}

fn config(url: &str, credentials: Credentials, transport: TransportKind) -> SessionConfig {
    SessionConfig::new(
        ServerAddress::parse(url, DEFAULT_PATH).unwrap(),
        credentials,
        transport,
    )
}

fn alice() -> Credentials {
    Credentials {
        user: ALICE.into(),
        name: "Alice A".to_owned(),
        access: Secret::new(TOKEN.to_owned()),
        refresh: None,
        expires_at: None,
    }
}

async fn until(session: &Session, what: &str, holds: impl Fn(&SessionState) -> bool) {
    let mut state = session.state();
    let waited = tokio::time::timeout(Duration::from_mins(1), state.wait_for(|state| holds(state))).await;
    assert!(
        waited.is_ok(),
        "never: {what}; the state is {:#?}",
        session.state().borrow()
    );
}

fn phase(state: &SessionState) -> Option<AuctionPhase> {
    state.auctions.first().map(|view| view.phase)
}

/// Plays the recorded auction to its end, and leaves.
async fn follow_to_the_end(session: &Session, player: &Player) {
    session.open_auction(AUCTION.into()).await.unwrap();
    // Played on at once, a busy machine reads its first state when all is over, and has seen nothing.
    player.play_until("bid_update").await.unwrap();
    until(session, "bidding", |state| {
        phase(state) == Some(AuctionPhase::Bidding)
    })
    .await;
    player.play_until("auction_deleted").await.unwrap();
    until(session, "completed", |state| {
        phase(state) == Some(AuctionPhase::Completed)
    })
    .await;
    player.play_all().await;
    until(session, "deleted", |state| {
        phase(state) == Some(AuctionPhase::Deleted)
    })
    .await;
}

async fn record_the_trace(folder: &Path, transport: TransportKind) -> SessionState {
    let trace = Trace::full_auction().unwrap();
    let player = Player::start(&trace, "alice", &AUCTION.into()).await.unwrap();
    let mut config = config(&player.url(), alice(), transport);
    config.recorder = Some(Recorder::start(folder, Limits::default(), about(&config)).unwrap());
    let session = Session::start(config).unwrap();
    follow_to_the_end(&session, &player).await;
    session.close().await;
    let state = session.state().borrow().clone();
    let recording = state.recording.clone().expect("it is recorded");
    assert_eq!((recording.dropped, recording.trouble), (0, None));
    SessionState::clone(&state)
}

/// Feeds files one after the other; where it goes wrong, the line.
fn replay(files: &[PathBuf]) -> Result<Replay, (String, ReplayError)> {
    let mut replay = Replay::default();
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            replay.feed(line).map_err(|error| (line.to_owned(), error))?;
        }
    }
    Ok(replay)
}

/// The line at which a file that was tampered with is found out, and how.
fn wrong_in(file: &PathBuf) -> (String, ReplayError) {
    match replay(std::slice::from_ref(file)) {
        Ok(replayed) => panic!("nothing was noticed: {:?}", replayed.counted()),
        Err(wrong) => wrong,
    }
}

fn whole(counted: Counted) -> bool {
    counted.compared > 0 && counted.folded > 0 && (counted.skipped, counted.dropped) == (0, 0)
}

/// Every text in the recording that looks like an e-mail address.
fn addresses(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || "._+-@".contains(c);
    text.split(|c| !word(c))
        .filter(|word| {
            word.split_once('@')
                .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        })
        .map(str::to_owned)
        .collect()
}

fn nothing_secret(folder: &Path, secrets: &BTreeSet<String>) {
    for file in files_of(folder).unwrap() {
        let text = fs::read_to_string(&file).unwrap();
        for secret in secrets {
            assert!(
                !text.contains(secret.as_str()),
                "{secret} is in {}",
                file.display()
            );
        }
        assert_eq!(addresses(&text), BTreeSet::new(), "in {}", file.display());
    }
}

async fn what_was_played_comes_out_again(transport: TransportKind) {
    let folder = tempfile::tempdir().unwrap();
    let last = record_the_trace(folder.path(), transport).await;
    let files = files_of(folder.path()).unwrap();
    let replayed = replay(&files).unwrap();
    assert!(whole(replayed.counted()), "{:?}", replayed.counted());
    assert!(replayed.counted().folded > 100, "there was an auction");

    // What the window showed last is what a reader of the recording sees.
    let (shown, seen) = (last.auctions[0].clone(), replayed.session());
    let seen = seen.auctions[0].clone();
    assert_eq!(
        (
            &shown.lot,
            &shown.clubs,
            &shown.managers,
            &shown.last_sale,
            &shown.ending,
            shown.sequence
        ),
        (
            &seen.lot,
            &seen.clubs,
            &seen.managers,
            &seen.last_sale,
            &seen.ending,
            seen.sequence
        )
    );
    assert_eq!(seen.phase, AuctionPhase::Deleted);

    // The field's backend tells addresses: they were there to be found.
    let trace = Trace::full_auction().unwrap();
    let told: String = trace
        .frames()
        .filter(|(who, frame)| *who == "alice" && frame.dir == Direction::In)
        .map(|(_, frame)| frame.raw.as_str())
        .collect();
    let mut secrets = addresses(&told);
    assert!(!secrets.is_empty(), "the field's backend hides nothing");
    secrets.insert(TOKEN.to_owned());
    nothing_secret(folder.path(), &secrets);
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("[redacted]"));
    for kind in [
        "call",
        "answer",
        "out",
        "ack",
        "transition",
        "link",
        "room",
        "input",
        "event",
        "note",
        "end",
    ] {
        assert!(
            text.contains(&format!("\"kind\":\"{kind}\"")),
            "no line tells of a {kind}"
        );
    }
}

#[tokio::test]
async fn what_was_played_over_wire_comes_out_again() {
    what_was_played_comes_out_again(TransportKind::Wire).await;
}

#[tokio::test]
async fn what_was_played_over_rust_socketio_comes_out_again() {
    what_was_played_comes_out_again(TransportKind::RustSocketio).await;
}

#[tokio::test]
async fn a_line_that_was_changed_or_taken_out_is_found() {
    let folder = tempfile::tempdir().unwrap();
    record_the_trace(folder.path(), TransportKind::Wire).await;
    let file = files_of(folder.path()).unwrap().remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let bid = text
        .lines()
        .find(|line| line.contains("\"name\":\"bid_update\"") && line.contains("\"auction\""))
        .expect("somebody bid");
    let amount = bid
        .split("\"amount\":")
        .nth(1)
        .unwrap()
        .split([',', '}'])
        .next()
        .unwrap();
    let raised = bid.replace(&format!("\"amount\":{amount}"), "\"amount\":19999999");
    let state = text
        .lines()
        .rfind(|line| line.contains("\"kind\":\"state\""))
        .unwrap();
    let renamed = state.replace("\"gaps\":", "\"gapz\":");
    let note = text
        .lines()
        .find(|line| line.contains("\"kind\":\"note\""))
        .expect("something was noticed");
    let sold = text
        .lines()
        .find(|line| line.contains("\"name\":\"sold\"") && line.contains("\"auction\""))
        .expect("something was sold");
    // What leads to another state is found where the next state was recorded, and named; what is of no consequence,
    // where the lines are sealed.
    for (line, instead, differs) in [
        (sold, String::new(), true),
        (state, renamed, true),
        (bid, raised, false),
        (note, String::new(), false),
    ] {
        assert_ne!(line, instead);
        fs::write(&file, text.replace(line, &instead).replace("\n\n", "\n")).unwrap();
        let (at, error) = wrong_in(&file);
        println!("{error}");
        assert_eq!(matches!(error, ReplayError::Differs(_)), differs, "{error}");
        assert!(differs || error == ReplayError::Changed, "{error}");
        let found = if differs {
            "\"kind\":\"state\""
        } else {
            "\"kind\":\"seal\""
        };
        assert!(at.contains(found), "{at}");
    }
    fs::write(&file, text.replacen("\"kind\":\"event\"", "\"kind\":event", 1)).unwrap();
    let (_, error) = wrong_in(&file);
    assert!(matches!(error, ReplayError::Unreadable(_)), "{error}");
}

#[tokio::test]
async fn stepping_back_and_forth_shows_what_stepping_forth_alone_shows() {
    let folder = tempfile::tempdir().unwrap();
    record_the_trace(folder.path(), TransportKind::Wire).await;
    let file = files_of(folder.path()).unwrap().remove(0);
    let mut playback = Playback::open(&file).unwrap();
    let steps = playback.steps();
    assert!(steps > 150, "more than one checkpoint is passed");
    let lines = playback.lines(0, u32::MAX).unwrap();
    assert_eq!(lines.len(), steps as usize);
    assert!(
        lines
            .iter()
            .all(|line| !line.summary.is_empty() && !line.name.is_empty())
    );

    let forth: Vec<_> = (0..steps)
        .map(|step| playback.at(step).unwrap().session)
        .collect();
    // Every step is visited once more, in an order that jumps both ways.
    let mut back = Playback::open(&file).unwrap();
    for index in 0..steps {
        let step = (index * 211) % steps;
        assert_eq!(
            back.at(step).unwrap().session,
            forth[step as usize],
            "step {step}"
        );
    }
    assert!(back.at(steps).is_err());
    assert!(
        forth
            .iter()
            .any(|session| phase(session) == Some(AuctionPhase::Bidding))
    );
}

/// A disk that can be stopped.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn shut(&self, shut: bool) {
        *self.0.0.lock().unwrap() = shut;
        self.0.1.notify_all();
    }
}

struct Gated(fs::File, Gate);

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (shut, changed) = &*self.1.0;
        drop(changed.wait_while(shut.lock().unwrap(), |shut| *shut).unwrap());
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[tokio::test]
async fn a_disk_that_stands_still_holds_nobody_up_and_what_is_missing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let trace = Trace::full_auction().unwrap();
    let player = Player::start(&trace, "alice", &AUCTION.into()).await.unwrap();
    let mut config = config(&player.url(), alice(), TransportKind::Wire);
    let gate = Gate::default();
    let disk = gate.clone();
    let limits = Limits {
        waiting: 64,
        ..Limits::default()
    };
    let recorder = Recorder::start_on(folder.path(), limits, about(&config), move |path| {
        Ok(Box::new(Gated(fs::File::create(path)?, disk.clone())))
    })
    .unwrap();
    gate.shut(true);
    config.recorder = Some(recorder.clone());
    let session = Session::start(config).unwrap();
    follow_to_the_end(&session, &player).await;
    let stood_still = recorder.status();
    assert!(stood_still.dropped > 100, "{stood_still:?}");

    gate.shut(false);
    recorder.finish().await;
    session.close().await;
    recorder.finish().await;
    let replayed = replay(&files_of(folder.path()).unwrap()).unwrap();
    let counted = replayed.counted();
    assert_eq!(counted.dropped, recorder.status().dropped, "every one is told");
    assert!(
        counted.compared > 0,
        "the states after the hole are compared again: {counted:?}"
    );
    assert_eq!(replayed.session().auctions[0].phase, AuctionPhase::Deleted);
}

fn spec() -> DemoSpec {
    let people = ["Ada", "Bruno", "Chidi"].map(|name| DemoPerson {
        name: name.to_owned(),
        email: format!("{}@auction.example", name.to_lowercase()),
    });
    DemoSpec {
        league_name: "Three at the table".to_owned(),
        people: people.into(),
        commissioner: 0,
        lots: 3,
        timer_seconds: 2,
        anti_snipe_seconds: 1,
        budget: Money::from_pounds(50_000_000),
        club_slots: 2,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auction_of_bots_comes_out_again_from_every_file_of_a_small_ring() {
    let settings = Settings {
        database: Database::Memory,
        countdown_step: Duration::from_millis(200),
        ..Settings::practice()
    };
    let running = start(settings).await.unwrap();
    let demo = seed_demo(&running, &spec()).await.unwrap();
    let auction: AuctionId = demo.auction.clone();
    let limits = Limits {
        files: 3,
        file_bytes: 32 * 1024,
        ..Limits::default()
    };
    let mut seats = Vec::new();
    let mut secrets = BTreeSet::new();
    let mut bots = tokio::task::JoinSet::new();
    let transports = [
        TransportKind::Wire,
        TransportKind::RustSocketio,
        TransportKind::Wire,
    ];
    for ((person, transport), temperament) in demo.people.iter().zip(transports).zip(TEMPERAMENTS) {
        let credentials = Credentials::from(person.clone());
        secrets.insert(credentials.access.expose().to_owned());
        secrets.extend(
            credentials
                .refresh
                .as_ref()
                .map(|token| token.expose().to_owned()),
        );
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&running.url(), credentials, transport);
        config.recorder = Some(Recorder::start(folder.path(), limits, about(&config)).unwrap());
        let session = Session::start(config).unwrap();
        session.open_auction(auction.clone()).await.unwrap();
        bots.spawn(play(session.clone(), auction.clone(), temperament, 0.02));
        seats.push((session, folder));
    }
    seats[0]
        .0
        .commission(demo.league.clone(), CommissionerCall::Begin)
        .await
        .unwrap();
    for (session, _) in &seats {
        until(session, "the end", |state| {
            phase(state) == Some(AuctionPhase::Completed)
        })
        .await;
    }
    bots.join_all().await;
    for (session, folder) in &seats {
        session.close().await;
        let state = session.state().borrow().clone();
        let recording = state.recording.clone().unwrap();
        assert_eq!((recording.dropped, recording.trouble), (0, None));

        let files = files_of(folder.path()).unwrap();
        // How many it takes depends on how often the bots bid; never more than the ring has.
        assert!((2..=limits.files).contains(&files.len()), "{} files", files.len());
        let all = replay(&files).unwrap();
        assert!(all.counted().compared >= 3, "{:?}", all.counted());
        assert_eq!((all.counted().skipped, all.counted().dropped), (0, 0));
        assert_eq!(all.session().auctions[0].sequence, state.auctions[0].sequence);
        assert_eq!(all.session().auctions[0].managers, state.auctions[0].managers);
        for file in &files {
            assert!(
                fs::metadata(file).unwrap().len() <= limits.file_bytes * 2,
                "{}",
                file.display()
            );
            let alone = replay(std::slice::from_ref(file)).unwrap().counted();
            assert!(
                alone.folded == 0 || alone.compared > 0,
                "{} is checked by itself: {alone:?}",
                file.display()
            );
            assert_eq!(
                (alone.skipped, alone.dropped),
                (0, 0),
                "{} stands alone",
                file.display()
            );
        }
        // The newest file alone shows what the session showed: the league's rules are told anew in every file.
        let newest = replay(&files[files.len() - 1..]).unwrap().session();
        assert_eq!(newest.auctions[0].managers, state.auctions[0].managers);
        nothing_secret(folder.path(), &secrets);
    }
    running.stop().await;
}
