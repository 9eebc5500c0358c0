//! One server at a time: started, filled with sockets, spoken through, looked at.

use std::time::Duration;

use gavelscope_testkit::pods::PodKind;
use gavelscope_testkit::services::redis::Redis;

use crate::asked::Asked;
use crate::bids::Bids;
use crate::contender::{Contender, Server, Stimulus};
use crate::generator::Generator;
use crate::machine::{self, Processors};
use crate::tally::Heard;

/// The medians of the windows at one pace.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) contender: Contender,
    pub(crate) clients: usize,
    /// Events of bids a second.
    pub(crate) rate: u32,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Of the server's processes, for one delivery.
    pub(crate) cpu_micros: f64,
    /// Of Redis, for one delivery.
    pub(crate) redis_micros: Option<f64>,
    /// Memory that came with the sockets, for each.
    pub(crate) kilobytes: f64,
    pub(crate) deliveries: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) disconnects: usize,
}

/// One window's numbers.
struct Window {
    heard: Heard,
    cpu: f64,
    redis: Option<f64>,
}

/// Bids that belong to so many events a second, in so long.
fn bids_in(rate: u32, time: Duration) -> u32 {
    u32::try_from(time.as_millis() * u128::from(rate) / 2_000)
        .unwrap_or(1)
        .max(1)
}

/// A room that fell behind by more than this at one pace is not tried at the next.
const HOPELESS_MS: f64 = 2_000.0;
/// What is said before anything is counted, so that buffers and caches are what they will be.
const WARM_UP: Duration = Duration::from_secs(1);

pub(crate) async fn fan_out(
    asked: &Asked,
    contender: Contender,
    pods: usize,
    clients: usize,
    processors: &Processors,
) -> anyhow::Result<Vec<Row>> {
    processors.for_server()?;
    let started = Server::start(contender, pods).await;
    processors.for_load()?;
    let mut server = started?;
    let empty = machine::memory_kilobytes(&server.pids)?;
    let mut generator = Generator::open(&server.room(clients)).await?;
    if generator.sockets < clients {
        anyhow::bail!(
            "only {} of {clients} sockets were let into the room",
            generator.sockets
        );
    }
    window(&mut server, &mut generator, 10, WARM_UP.min(asked.window)).await?;
    #[allow(clippy::cast_precision_loss, reason = "a number of sockets")]
    let kilobytes = (machine::memory_kilobytes(&server.pids)? - empty) / clients as f64;
    let mut rows: Vec<Row> = Vec::new();
    for &rate in Asked::rates(clients) {
        if rows
            .last()
            .is_some_and(|row| row.lost > 0 || row.p99_ms > HOPELESS_MS)
        {
            break;
        }
        let mut windows = Vec::new();
        for _ in 0..asked.windows {
            let one = window(&mut server, &mut generator, rate, asked.window).await?;
            let collapsed = one.heard.lost > 0;
            windows.push(one);
            if collapsed {
                break;
            }
        }
        let row = medians(contender, clients, rate, kilobytes, &windows);
        eprintln!(
            "{}, {pods} pods, {clients} clients (in the room after {:.1} s), {rate} events/s: p50 {:.1} ms, p99 {:.1} ms, \
             {:.2} µs a delivery, {:.1} kB a connection, {} lost, {} disconnects",
            contender.name(),
            generator.seconds,
            row.p50_ms,
            row.p99_ms,
            row.cpu_micros,
            row.kilobytes,
            row.lost,
            row.disconnects
        );
        rows.push(row);
    }
    Ok(rows)
}

async fn window(
    server: &mut Server,
    generator: &mut Generator,
    rate: u32,
    time: Duration,
) -> anyhow::Result<Window> {
    generator.begin().await?;
    let redis: Vec<u32> = server.redis.iter().filter_map(Redis::pid).collect();
    let before = (machine::cpu_seconds(&server.pids)?, machine::cpu_seconds(&redis)?);
    let bids = server.say(bids_in(rate, time), f64::from(rate) / 2.0).await?;
    let heard = generator.end(bids).await?;
    Ok(Window {
        heard,
        cpu: machine::cpu_seconds(&server.pids)? - before.0,
        redis: if redis.is_empty() {
            None
        } else {
            Some(machine::cpu_seconds(&redis)? - before.1)
        },
    })
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[allow(clippy::cast_precision_loss, reason = "a number of deliveries")]
fn medians(contender: Contender, clients: usize, rate: u32, kilobytes: f64, windows: &[Window]) -> Row {
    let of = |value: fn(&Window) -> f64| median(windows.iter().map(value));
    let each = |cpu: f64, window: &Window| cpu * 1e6 / window.heard.deliveries.max(1) as f64;
    Row {
        contender,
        clients,
        rate,
        p50_ms: of(|window| window.heard.p50_ms),
        p99_ms: of(|window| window.heard.p99_ms),
        cpu_micros: median(windows.iter().map(|window| each(window.cpu, window))),
        redis_micros: windows.iter().all(|window| window.redis.is_some()).then(|| {
            median(
                windows
                    .iter()
                    .map(|window| each(window.redis.unwrap_or_default(), window)),
            )
        }),
        kilobytes,
        deliveries: windows.iter().map(|window| window.heard.deliveries).sum(),
        lost: windows.iter().map(|window| window.heard.lost).sum(),
        doubled: windows.iter().map(|window| window.heard.doubled).sum(),
        disconnects: windows
            .last()
            .map(|window| window.heard.disconnects)
            .unwrap_or_default(),
    }
}

/// What a pod does with bids while so many listen.
#[derive(Debug)]
pub(crate) struct BidRow {
    pub(crate) name: &'static str,
    pub(crate) listeners: usize,
    /// At 50 a second.
    pub(crate) paced: Bids,
    /// What was heard of those.
    pub(crate) heard: Option<Heard>,
    /// As many as it takes: the best of several numbers at once.
    pub(crate) most: Bids,
    /// That number.
    pub(crate) at_once: usize,
    /// What was heard of those.
    pub(crate) most_heard: Option<Heard>,
}

/// Bids a second.
const PACE: f64 = 50.0;

pub(crate) async fn bids(asked: &Asked, processors: &Processors, broken: &mut Vec<String>) -> Vec<BidRow> {
    let mut rows = Vec::new();
    let listeners = if asked.smoke { 20 } else { 1_000 };
    for (kind, contender, name) in [
        (PodKind::Gaveld, Contender::Gaveld, "gaveld"),
        (PodKind::Python, Contender::Python, "the Python pod"),
    ] {
        if !asked.wants(contender) {
            continue;
        }
        let rooms = [0, listeners];
        for &listeners in if asked.smoke { &rooms[1..] } else { &rooms } {
            match bids_of(asked, kind, name, listeners, processors).await {
                Ok(row) => {
                    let lost = row.heard.as_ref().map_or(0, |heard| heard.lost + heard.doubled);
                    if lost > 0 {
                        broken.push(format!(
                            "{name}, {listeners} listeners, 50 bids/s: {lost} events were not heard once"
                        ));
                    }
                    rows.push(row);
                }
                Err(error) => broken.push(format!("{name}, {listeners} listeners: {error:#}")),
            }
        }
    }
    rows
}

async fn bids_of(
    asked: &Asked,
    kind: PodKind,
    name: &'static str,
    listeners: usize,
    processors: &Processors,
) -> anyhow::Result<BidRow> {
    processors.for_load()?;
    let folder = tempfile::tempdir()?;
    let server = Server::pods(kind, 1, None, folder).await?;
    let Stimulus::Placed(bidding) = &server.stimulus else {
        anyhow::bail!("pods take bids");
    };
    let mut generator = match listeners {
        0 => None,
        some => Some(Generator::open(&server.room(some)).await?),
    };
    if let Some(generator) = &mut generator {
        generator.begin().await?;
        let warm_up = bidding.paced(10, PACE).await?;
        generator.end(warm_up.accepted).await?;
        generator.begin().await?;
    }
    let bids = if asked.smoke { 25 } else { 500 };
    let paced = bidding.paced(bids, PACE).await?;
    let heard = match &mut generator {
        Some(generator) => Some(generator.end(paced.accepted).await?),
        None => None,
    };
    let (mut most, mut best, mut most_heard) = (Bids::default(), 0, None);
    let time = Duration::from_millis(if asked.smoke { 300 } else { 4_000 });
    let numbers: &[usize] = if asked.smoke { &[2] } else { &[1, 4, 16] };
    for &at_once in numbers {
        if let Some(generator) = &mut generator {
            generator.begin().await?;
        }
        let flood = bidding.flood(at_once, time).await;
        let heard = match &mut generator {
            // What is still on its way is not to be on the next one's, either.
            Some(generator) => Some(generator.end(flood.accepted).await?),
            None => None,
        };
        if flood.accepted_per_second() > most.accepted_per_second() {
            (most, best, most_heard) = (flood, at_once, heard);
        }
    }
    eprintln!(
        "{name}, {listeners} listeners: {} of {} bids at {PACE}/s, p50 {:.1} ms, p99 {:.1} ms; at most {:.0} bids/s, {best} at once",
        paced.accepted,
        bids,
        paced.percentile_ms(0.5),
        paced.percentile_ms(0.99),
        most.accepted_per_second(),
    );
    Ok(BidRow {
        name,
        listeners,
        paced,
        heard,
        most,
        at_once: best,
        most_heard,
    })
}
