//! What it costs to say something to a whole room: `gaveld` beside python-socketio, Node's socket.io and the bare writes,
//! from one generator. `cargo xtask bench fan-out`. The method stands in `docs/benchmarks.md`.

mod asked;
mod bids;
mod contender;
mod frames;
mod generator;
mod load;
mod machine;
mod says;
mod series;
mod table;
mod tally;

use anyhow::{Context as _, bail};
use asked::{Asked, Part};
use contender::Contender;
use machine::Processors;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-h" | "--help"] => {
            println!("{}", asked::HELP);
            Ok(())
        }
        ["load"] => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            one_thread()?.block_on(load::run(serde_json::from_str(&line)?))
        }
        ["serve", "bare", port] => one_thread()?.block_on(says::bare(port.parse()?, false)),
        ["serve", "bare-together", port] => one_thread()?.block_on(says::bare(port.parse()?, true)),
        ["serve", "socketioxide", port] => {
            tokio::runtime::Runtime::new()?.block_on(says::socketioxide(port.parse()?))
        }
        // One thread, so that what it starts inherits the processors that it has chosen.
        _ => one_thread()?.block_on(all(&Asked::read(&arguments)?)),
    }
}

fn one_thread() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// The value below which this share of sorted values lies.
fn percentile(sorted: &[u32], share: f64) -> f64 {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let place = (sorted.len() as f64 * share) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(place.min(last)).copied().map_or(f64::NAN, f64::from)
}

async fn all(asked: &Asked) -> anyhow::Result<()> {
    let descriptors = machine::raise_descriptors();
    let most = asked.clients.iter().max().copied().unwrap_or_default();
    if descriptors < u64::try_from(most)? + 200 {
        bail!(
            "{most} sockets need more descriptors than the {descriptors} that this system allows; raise the hard limit \
             (`ulimit -Hn`), or ask for fewer with --clients"
        );
    }
    println!("{}\n", machine::description());
    let apart = Processors::find(asked.apart)?;
    let shared = Processors::find(false)?;
    let mut broken = Vec::new();
    for part in &asked.parts {
        match part {
            Part::OnePod => {
                let rows = fan_out(asked, &Contender::ALL, 1, &apart, &mut broken).await;
                println!("\n{}", table::fan_out("One pod", &rows));
            }
            Part::TwoPods => {
                let rows = fan_out(asked, &Contender::FLEETS, 2, &shared, &mut broken).await;
                println!("\n{}", table::fan_out("Two pods and Redis", &rows));
            }
            Part::Bids => {
                let rows = series::bids(asked, &shared, &mut broken).await;
                println!("\n{}", table::bids(&rows));
            }
        }
    }
    if asked.smoke && !broken.is_empty() {
        bail!("not everything was heard:\n{}", broken.join("\n"));
    }
    for sentence in broken {
        println!("- {sentence}");
    }
    Ok(())
}

async fn fan_out(
    asked: &Asked,
    contenders: &[Contender],
    pods: usize,
    processors: &Processors,
    broken: &mut Vec<String>,
) -> Vec<series::Row> {
    let mut rows = Vec::new();
    for &clients in &asked.clients {
        for &contender in contenders.iter().filter(|one| asked.wants(**one)) {
            let name = format!("{}, {pods} pods, {clients} clients", contender.name());
            // One that cannot be measured is a sentence below the table, and the others are measured all the same.
            match series::fan_out(asked, contender, pods, clients, processors)
                .await
                .with_context(|| name.clone())
            {
                Ok(series) => {
                    let lost: u64 = series.iter().map(|row| row.lost + row.doubled).sum();
                    if lost > 0 {
                        broken.push(format!("{name}: {lost} events were not heard once"));
                    }
                    rows.extend(series);
                }
                Err(error) => broken.push(format!("{error:#}")),
            }
        }
    }
    rows
}
