//! The command line.

use std::net::TcpListener;
use std::str::FromStr;

use gavelscope_testkit::fleet::{FleetOptions, MOST_PODS};

/// Where a fleet is found, unless somebody else is there: the next fleet has the same address, so that a window finds it
/// again and its reports can be compared.
const USUAL_PORT: u16 = 8400;

/// What is wanted.
pub enum Wanted {
    Help,
    Fleet {
        options: FleetOptions,
        /// The auction begins at once.
        begin: bool,
    },
}

/// Reads the words, or says in a sentence which of them is wrong and what would be right.
pub fn read(words: impl IntoIterator<Item = String>) -> Result<Wanted, String> {
    let (mut options, mut begin) = (FleetOptions::default(), false);
    let mut port = None;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        // Both `--pods 3` and `--pods=3`.
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let mut value = || given.clone().or_else(|| words.next());
        match name.as_str() {
            "--help" | "-h" => return Ok(Wanted::Help),
            "--pods" => options.pods = pods(value())?,
            "--kind" => options.kind = one(&name, value())?,
            "--adapter" => options.adapter = one(&name, value())?,
            "--balancer" => options.balancer = one(&name, value())?,
            "--port" => port = Some(port_number(value())?),
            "--polling-only" if given.is_none() => options.refuse_websockets = true,
            "--begin" if given.is_none() => begin = true,
            _ => {
                return Err(format!(
                    "there is no option “{name}”; `cargo xtask fleet --help` lists what there is"
                ));
            }
        }
    }
    options.port = match port {
        None => Some(USUAL_PORT).filter(|port| are_free(*port, options)),
        Some(0) => None,
        Some(port) if are_free(port, options) => Some(port),
        Some(port) => {
            return Err(format!(
                "somebody else listens on port {port}; --port 0 takes a free one"
            ));
        }
    };
    Ok(Wanted::Fleet { options, begin })
}

/// Whether nobody listens where the balancer would.
fn are_free(first: u16, options: FleetOptions) -> bool {
    let mut ports = (first..=u16::MAX).take(options.kind.sides().len());
    ports.all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}

fn port_number(given: Option<String>) -> Result<u16, String> {
    let given = given.unwrap_or_default();
    let number = given.parse();
    number.map_err(|_| format!("--port takes a number up to 65535, or 0 for any free one, not “{given}”"))
}

fn pods(given: Option<String>) -> Result<usize, String> {
    let given = given.unwrap_or_default();
    let count = given.parse().ok().filter(|count| (1..=MOST_PODS).contains(count));
    count.ok_or_else(|| format!("--pods takes a number from 1 to {MOST_PODS}, not “{given}”"))
}

fn one<T: FromStr<Err = String>>(name: &str, given: Option<String>) -> Result<T, String> {
    let given = given.unwrap_or_default();
    given.parse().map_err(|reason| format!("{name}: {reason}"))
}

#[cfg(test)]
mod tests {
    use gavelscope_testkit::fleet::{Adapter, FleetKind};
    use gavelscope_testkit::pods::free_port;
    use gavelscope_testkit::services::haproxy::Balance;

    use super::*;

    fn words(line: &str) -> Result<Wanted, String> {
        read(line.split_whitespace().map(str::to_owned))
    }

    fn refused(line: &str) -> String {
        match words(line) {
            Err(sentence) => sentence,
            Ok(_) => panic!("{line} was taken"),
        }
    }

    #[test]
    fn every_name_in_the_help_is_taken_and_no_other_is_there() {
        let help = include_str!("help.txt");
        let names = FleetKind::ALL.map(|kind| ("kind", kind.name()));
        let names = names
            .into_iter()
            .chain(Adapter::ALL.map(|adapter| ("adapter", adapter.name())))
            .chain(Balance::ALL.map(|balance| ("balancer", balance.name())));
        for (option, name) in names {
            assert!(help.contains(name), "{name} is not in the help");
            assert!(words(&format!("--{option} {name}")).is_ok(), "--{option} {name}");
        }
    }

    #[test]
    fn what_is_given_is_what_is_wanted() {
        let Ok(Wanted::Fleet { options, begin }) =
            words("--pods 2 --kind=python --adapter dead --balancer sticky --polling-only --begin")
        else {
            panic!("it was not taken")
        };
        assert_eq!((options.pods, options.kind), (2, FleetKind::Python));
        assert_eq!(
            (options.adapter, options.balancer),
            (Adapter::Dead, Balance::Sticky)
        );
        assert!(options.refuse_websockets && begin);
    }

    #[test]
    fn the_port_is_the_usual_one_the_given_one_or_any() {
        let port = |line: &str| match words(line) {
            Ok(Wanted::Fleet { options, .. }) => options.port,
            _ => panic!("{line} was not taken"),
        };
        assert!([Some(USUAL_PORT), None].contains(&port("")), "unless it is taken");
        assert_eq!(port("--port 0"), None);
        let number = free_port().unwrap();
        let taken = TcpListener::bind(("127.0.0.1", number)).unwrap();
        let line = format!("--port {number}");
        assert!(refused(&line).contains("somebody else"));
        drop(taken);
        assert_eq!(port(&line), Some(number));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (line, wants) in [
            ("--pods 0", "1 to 9"),
            ("--pods many", "“many”"),
            ("--pods", "1 to 9"),
            ("--port https", "“https”"),
            ("--port", "65535"),
            ("--kind java", "rust, python, mixed-two-fleets"),
            ("--adapter kafka", "none, redis, dead, stalled, split, deaf"),
            ("--balancer", "round-robin, random, sticky"),
            ("--polling-only=yes", "--polling-only"),
            ("3", "“3”"),
        ] {
            let sentence = refused(line);
            assert!(sentence.contains(wants), "{line}: {sentence}");
            assert_eq!(sentence.lines().count(), 1, "{sentence}");
        }
    }
}
