//! What is printed: what there is, and how to take part.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_testkit::fleet::{Adapter, Fleet, FleetKind, FleetOptions, Side};
use gavelscope_testkit::pods::{Pod, PodKind, Seed};

/// A name and its e-mail address.
type Person = (&'static str, &'static str);

/// The fleet in half a sentence.
pub fn what_it_is(options: FleetOptions) -> String {
    let count = match options.pods {
        1 => "one pod".to_owned(),
        count => format!("{count} pods"),
    };
    let pods = match options.kind {
        FleetKind::Rust => format!("{count} of gaveld"),
        FleetKind::Python => format!("{count} of python-socketio"),
        FleetKind::MixedTwoFleets => format!("{count} of gaveld and {count} of python-socketio"),
    };
    let adapter = match options.adapter {
        Adapter::None => "that do not hear each other",
        Adapter::Redis => "that hear each other through Redis",
        Adapter::Dead => "that were given the address of a Redis that is not there",
        Adapter::Stalled => "that hear each other through a Redis that is going to stand still",
        Adapter::Split => {
            "that hear each other through Redis, but for the last one, which is on another channel"
        }
        Adapter::Deaf => "that hear each other through Redis, but for the last one, which only speaks",
    };
    let balancer = options.balancer.name();
    let polling = if options.refuse_websockets {
        ", which refuses websockets"
    } else {
        ""
    };
    format!("{pods} {adapter}, behind HAProxy ({balancer}){polling}")
}

/// Prints it all. The words before the values stay as they are: they are looked for.
pub fn tell(fleet: &Fleet, people: &[Person], seeds: &[Seed], begun: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (side, seed) in fleet.sides().iter().zip(seeds) {
        writeln!(out)?;
        line(&mut out, "address", side.url())?;
        line(&mut out, "socket path", DEFAULT_PATH)?;
        for pod in side.pods() {
            let what = format!("{:10} {}", pod.name(), pod.url());
            process(&mut out, "pod", &what, pod.pid())?;
        }
        line(&mut out, "league", &seed.league)?;
        line(&mut out, "auction", &seed.auction)?;
        line(&mut out, "invite token", &seed.invite)?;
        for (number, (name, email)) in people.iter().enumerate() {
            let role = if number == 0 { "commissioner" } else { "bidder" };
            line(&mut out, role, format_args!("{name} signs in as {email}"))?;
        }
    }
    writeln!(out)?;
    process(&mut out, "balancer", "HAProxy", fleet.haproxy().pid())?;
    if let Some(postgres) = fleet.postgres() {
        process(&mut out, "database", &postgres.url(), postgres.pid())?;
    }
    match (fleet.redis(), fleet.options().adapter) {
        (Some(redis), Adapter::Stalled) => {
            process(&mut out, "Redis", &redis.url(), redis.pid())?;
            let pid = redis.pid().unwrap_or_default();
            line(
                &mut out,
                "",
                format_args!("it stands still; kill -CONT {pid} sets it going"),
            )?;
        }
        (Some(redis), _) => process(&mut out, "Redis", &redis.url(), redis.pid())?,
        (None, Adapter::Dead) => line(&mut out, "Redis", "none, whatever the pods were told")?,
        (None, _) => line(&mut out, "Redis", "none")?,
    }
    line(&mut out, "logs", fleet.folder().display())?;
    for (side, seed) in fleet.sides().iter().zip(seeds) {
        ways_in(&mut out, side, seed, people, begun)?;
    }
    writeln!(
        out,
        "\nSigning in needs no mail here. Ctrl-C stops everything and removes it, the logs too."
    )?;
    if fleet.options().adapter != Adapter::Redis && fleet.options().pods > 1 {
        writeln!(
            out,
            "The cure: Ctrl-C, and the same again with --adapter redis. Its address stays, its people sign in anew."
        )?;
    }
    out.flush()
}

fn line(out: &mut impl Write, word: &str, value: impl Display) -> io::Result<()> {
    writeln!(out, "  {word:<14} {value}")
}

fn process(out: &mut impl Write, word: &str, what: &str, pid: Option<u32>) -> io::Result<()> {
    match pid {
        Some(pid) => line(out, word, format_args!("{what}  pid {pid}")),
        None => line(out, word, format_args!("{what}  ended")),
    }
}

fn ways_in(out: &mut impl Write, side: &Side, seed: &Seed, people: &[Person], begun: bool) -> io::Result<()> {
    let of = match side.kind() {
        PodKind::Gaveld => "gaveld",
        PodKind::Python => "python-socketio",
    };
    let (url, auction, gavelctl) = (side.url(), &seed.auction, gavelctl().display().to_string());
    let email = |number: usize| people.get(number).map_or("", |(_, email)| *email);
    let (enter, once) = if begun {
        ("enter the auction", "")
    } else {
        (
            "enter the waiting room, begin the auction",
            ", once the auction was begun in the window",
        )
    };
    writeln!(
        out,
        "\nIn the window ({of}), which `cargo xtask run` opens from another terminal:\n"
    )?;
    writeln!(out, "  1. Add a server: {url}")?;
    writeln!(out, "  2. Sign in as {}, {enter}, and bid a few times.", email(0))?;
    writeln!(
        out,
        "  3. Run diagnosis, at the right: what is wrong, and what to do about it."
    )?;
    writeln!(out, "\nFrom terminals{once}:\n")?;
    writeln!(
        out,
        "  {gavelctl} watch --server {url} --email {} --auction {auction}",
        email(1)
    )?;
    // Which pod takes a bid is what matters here, so it goes past the balancer.
    let last = side.pods().last().map(Pod::url).unwrap_or_default();
    writeln!(
        out,
        "  {gavelctl} bid --server {last} --email {} --auction {auction} 2m",
        email(2)
    )?;
    writeln!(out, "  curl -s {url}/api/health")
}

/// Beside this program, where it was built too.
fn gavelctl() -> PathBuf {
    let beside = std::env::current_exe()
        .ok()
        .map(|this| this.with_file_name("gavelctl"));
    let Some(beside) = beside.filter(|program| program.is_file()) else {
        return "gavelctl".into();
    };
    let here = std::env::current_dir().unwrap_or_default();
    beside.strip_prefix(here).map_or(beside.clone(), PathBuf::from)
}
