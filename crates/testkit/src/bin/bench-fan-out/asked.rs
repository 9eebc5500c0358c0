//! The command line.

use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::contender::Contender;

pub(crate) const HELP: &str = "\
bench-fan-out [--smoke] [--clients N]... [--seconds N] [--windows N] [--only NAME]... [--part PART]... [--together]
  --smoke     20 clients for half a second, everything once; fails where an event was not heard. Nothing about time.
  --clients   listeners in the room; may be given more than once (1000 and 5000)
  --seconds   length of a window (4)
  --windows   windows of which the medians are taken (3)
  --only      this server alone: gaveld, socketioxide, node, python, bare, bare-together; may be given more than once
  --part      this part alone: one-pod, two-pods, bids; may be given more than once
  --together  server and generator share all processors, instead of having one each";

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    OnePod,
    TwoPods,
    Bids,
}

impl Part {
    const ALL: [Self; 3] = [Self::OnePod, Self::TwoPods, Self::Bids];

    const fn word(self) -> &'static str {
        match self {
            Self::OnePod => "one-pod",
            Self::TwoPods => "two-pods",
            Self::Bids => "bids",
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) smoke: bool,
    pub(crate) clients: Vec<usize>,
    pub(crate) window: Duration,
    pub(crate) windows: usize,
    pub(crate) only: Vec<Contender>,
    pub(crate) parts: Vec<Part>,
    pub(crate) apart: bool,
}

impl Asked {
    pub(crate) fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let mut asked = Self {
            smoke: false,
            clients: Vec::new(),
            window: Duration::from_secs(4),
            windows: 3,
            only: Vec::new(),
            parts: Vec::new(),
            apart: true,
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{name} takes a value\n{HELP}"))
            };
            match name.as_str() {
                "--smoke" => asked.smoke = true,
                "--together" => asked.apart = false,
                "--clients" => asked.clients.push(value()?.parse()?),
                "--seconds" => asked.window = Duration::from_secs(value()?.parse()?),
                "--windows" => asked.windows = value()?.parse::<usize>()?.max(1),
                "--only" => {
                    let word = value()?;
                    let found = Contender::ALL.into_iter().find(|one| one.word() == word);
                    asked
                        .only
                        .push(found.with_context(|| format!("{word} is no server\n{HELP}"))?);
                }
                "--part" => {
                    let word = value()?;
                    let found = Part::ALL.into_iter().find(|one| one.word() == word);
                    asked
                        .parts
                        .push(found.with_context(|| format!("{word} is no part\n{HELP}"))?);
                }
                _ => bail!("{name} is not known\n{HELP}"),
            }
        }
        if asked.smoke {
            (asked.window, asked.windows, asked.apart) = (Duration::from_millis(500), 1, false);
            asked.clients = vec![20];
        }
        if asked.clients.is_empty() {
            asked.clients = vec![1_000, 5_000];
        }
        if asked.only.is_empty() {
            asked.only = Contender::ALL.to_vec();
        }
        if asked.parts.is_empty() {
            asked.parts = Part::ALL.to_vec();
        }
        Ok(asked)
    }

    /// Events of bids a second, for so many clients: the greater room is first tried at half the pace.
    pub(crate) fn rates(clients: usize) -> &'static [u32] {
        if clients > 2_000 { &[10, 20] } else { &[20] }
    }

    pub(crate) fn wants(&self, contender: Contender) -> bool {
        self.only.contains(&contender)
    }
}
