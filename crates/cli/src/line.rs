//! The lines that commands print: one type, in words for people and in JSON for programs (docs/cli.md).

use std::fmt;

use gavelscope_client::state::{
    AuctionPhase, ClubName, HealthClaim, LedgerEntry, LinkPhase, Manager, Millis, Person, TransportKind,
    Trust,
};
use gavelscope_contract::{AuctionId, LeagueId, Money, PodId};
use serde::Serialize;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// When it was printed, or, in a replay, when it happened: ms since the epoch by this machine's clock.
    pub at: Millis,
    /// What it says.
    #[serde(flatten)]
    pub what: What,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// A backend was found.
    Server {
        address: String,
        path: String,
        claim: HealthClaim,
        handshake_ms: u32,
    },
    /// My link changed.
    Connection {
        phase: LinkPhase,
        transport: TransportKind,
        pod: Option<PodId>,
        reconnects: u32,
        trouble: Option<String>,
    },
    /// The auction's phase or its trust changed.
    Auction {
        id: AuctionId,
        league_id: Option<LeagueId>,
        league_name: Option<String>,
        phase: AuctionPhase,
        trust: Trust,
        doubt: Option<String>,
    },
    /// Who is in the waiting room changed.
    WaitingRoom { people: Vec<Person> },
    /// A lot is on the block.
    Lot {
        number: u32,
        club: ClubName,
        is_retry: bool,
        ends_at: Option<Millis>,
    },
    /// Somebody bid.
    Bid {
        lot: u32,
        club: String,
        amount: Money,
        bidder: Person,
        mine: bool,
        seq: Option<u32>,
        below: bool,
    },
    /// A late bid moved the hammer.
    Extended { lot: u32, ends_at: Option<Millis> },
    /// The hammer fell.
    Hammer {
        club: ClubName,
        winner: Option<String>,
        price: Option<Money>,
    },
    /// Bid numbers were missing.
    Gap { gaps: u32 },
    /// My bid moved on.
    MyBid(LedgerEntry),
    /// What a bot did.
    Bot {
        name: String,
        temperament: &'static str,
        accepted: u32,
        refused: u32,
    },
    /// How the auction ended.
    Result {
        ending: Option<String>,
        sold: u32,
        unsold: u32,
        takings: Money,
        adds_up: bool,
        managers: Vec<Manager>,
    },
    /// A recording was replayed to its end.
    Replayed {
        files: u32,
        lines: u32,
        events: u32,
        inputs: u32,
        skipped: u32,
        dropped: u32,
        states: u32,
    },
    /// A demonstration is set up.
    Demo {
        server: String,
        path: String,
        league: LeagueId,
        auction: AuctionId,
        invite: String,
        people: Vec<DemoPerson>,
    },
    /// Something that is said once.
    Notice { sentence: String },
}

/// Somebody of a demonstration. The addresses are made up and can receive no mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoPerson {
    pub name: String,
    pub email: String,
    pub is_commissioner: bool,
    pub is_bot: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.at.0) {
            Ok(at) if self.what.is_news() => write!(f, "{}  {}", at.strftime("%H:%M:%SZ"), self.what),
            _ => self.what.fmt(f),
        }
    }
}

impl What {
    /// Whether it matters when it happened.
    const fn is_news(&self) -> bool {
        !matches!(
            self,
            Self::Server { .. }
                | Self::Result { .. }
                | Self::Demo { .. }
                | Self::Bot { .. }
                | Self::Replayed { .. }
        )
    }
}

impl fmt::Display for What {
    #[allow(clippy::too_many_lines, reason = "one arm a kind of line")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server {
                address,
                path,
                claim,
                handshake_ms,
            } => server(f, address, path, claim, *handshake_ms),
            Self::Connection {
                phase, pod, trouble, ..
            } => connection(f, *phase, pod.as_ref(), trouble.as_deref()),
            Self::Auction {
                league_name,
                phase,
                trust,
                doubt,
                ..
            } => {
                let name = league_name.as_deref().unwrap_or("The auction");
                write!(f, "{name}: {}", phase_words(*phase))?;
                match (trust, doubt) {
                    (Trust::Live, _) | (_, None) => Ok(()),
                    (_, Some(doubt)) => write!(f, "  ({doubt})"),
                }
            }
            Self::WaitingRoom { people } => {
                let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
                write!(f, "In the waiting room: {}", names.join(", "))
            }
            Self::Lot {
                number,
                club,
                is_retry,
                ..
            } => {
                let again = if *is_retry { ", offered again" } else { "" };
                write!(f, "Lot {number}: {}{again}", club.name)
            }
            Self::Bid {
                amount,
                bidder,
                mine,
                below,
                ..
            } => {
                let who = if *mine { "you" } else { bidder.name.as_str() };
                let below = if *below {
                    "  (below the price: it came too late)"
                } else {
                    ""
                };
                write!(f, "  {amount} by {who}{below}")
            }
            Self::Extended { .. } => f.write_str("  a late bid: the hammer waits"),
            Self::Hammer { club, winner, price } => match (winner, price) {
                (Some(winner), Some(price)) => write!(f, "Sold: {} to {winner} for {price}", club.name),
                (Some(winner), None) => write!(f, "Sold: {} to {winner}", club.name),
                (None, _) => write!(f, "Not sold: {}", club.name),
            },
            Self::Gap { gaps } => write!(
                f,
                "Bids were missed ({gaps} so far); the state is being read anew."
            ),
            Self::MyBid(entry) => write!(f, "{}: {}", entry.club, entry.sentence),
            Self::Bot {
                name,
                temperament,
                accepted,
                refused,
            } => write!(
                f,
                "{name:<12} ({temperament:<8}) {accepted:>4} bids accepted, {refused:>3} refused"
            ),
            Self::Result {
                ending,
                sold,
                unsold,
                takings,
                adds_up,
                managers,
            } => {
                if let Some(ending) = ending {
                    writeln!(f, "{ending}")?;
                }
                table(f, managers)?;
                write!(f, "{sold} sold for {takings}, {unsold} not sold. ")?;
                f.write_str(if *adds_up {
                    "The money adds up."
                } else {
                    "The money does not add up."
                })
            }
            Self::Replayed {
                lines,
                inputs,
                skipped,
                dropped,
                states,
                ..
            } => {
                write!(f, "{lines} lines replayed, {inputs} of them taken in. ")?;
                if dropped + skipped > 0 {
                    write!(
                        f,
                        "The recorder dropped {dropped} lines, and {skipped} inputs could not be used. "
                    )?;
                }
                match states {
                    0 => f.write_str("No state could be compared."),
                    1 => f.write_str("The recorded state is the same, byte for byte."),
                    _ => write!(f, "All {states} recorded states are the same, byte for byte."),
                }
            }
            Self::Demo {
                server,
                path,
                auction,
                invite,
                people,
                ..
            } => demo(f, server, path, auction, invite, people),
            Self::Notice { sentence } => f.write_str(sentence),
        }
    }
}

fn server(
    f: &mut fmt::Formatter<'_>,
    address: &str,
    path: &str,
    claim: &HealthClaim,
    handshake_ms: u32,
) -> fmt::Result {
    writeln!(f, "{address} is an auction backend; Socket.IO answers at {path}.")?;
    write!(f, "It says that it is {}", claim.status)?;
    if let Some(mode) = &claim.mode {
        write!(f, ", mode {mode}")?;
    }
    if let Some(pod) = &claim.pod {
        write!(f, ", pod {pod}")?;
    }
    write!(f, ". The handshake took {handshake_ms} ms.")
}

fn connection(
    f: &mut fmt::Formatter<'_>,
    phase: LinkPhase,
    pod: Option<&PodId>,
    trouble: Option<&str>,
) -> fmt::Result {
    f.write_str(match phase {
        LinkPhase::Idle | LinkPhase::Resolving | LinkPhase::Connecting | LinkPhase::Handshaking => {
            "Connecting"
        }
        LinkPhase::Online => "Connected",
        LinkPhase::Suspect => "Connected, and nothing is heard",
        LinkPhase::Backoff => "Not connected; waiting to try again",
        LinkPhase::Closed => "Closed",
    })?;
    if let Some(pod) = pod {
        write!(f, " to pod {pod}")?;
    }
    trouble.map_or(Ok(()), |trouble| write!(f, ". {trouble}"))
}

const fn phase_words(phase: AuctionPhase) -> &'static str {
    match phase {
        AuctionPhase::Loading => "loading",
        AuctionPhase::Waiting => "waiting for the commissioner to begin",
        AuctionPhase::Bidding => "bidding",
        AuctionPhase::Between => "between two lots",
        AuctionPhase::Paused => "paused",
        AuctionPhase::Completed => "over",
        AuctionPhase::Deleted => "deleted",
    }
}

fn table(f: &mut fmt::Formatter<'_>, managers: &[Manager]) -> fmt::Result {
    let width = managers
        .iter()
        .map(|manager| manager.person.name.chars().count())
        .max()
        .unwrap_or(0);
    for manager in managers {
        writeln!(
            f,
            "{:<width$}  spent {:>12}, left {:>12}",
            manager.person.name,
            manager.spent.to_string(),
            manager.budget.to_string()
        )?;
        for won in &manager.roster {
            let price = won.price.map(|price| price.to_string()).unwrap_or_default();
            writeln!(f, "{:<width$}    {price:>12}  {}", "", won.club.name)?;
        }
    }
    Ok(())
}

fn demo(
    f: &mut fmt::Formatter<'_>,
    server: &str,
    path: &str,
    auction: &AuctionId,
    invite: &str,
    people: &[DemoPerson],
) -> fmt::Result {
    writeln!(f, "An auction is set up.\n")?;
    writeln!(f, "  server         {server}")?;
    writeln!(f, "  socket path    {path}")?;
    writeln!(f, "  auction        {auction}")?;
    writeln!(f, "  invitation     {invite}")?;
    for person in people {
        let role = match (person.is_commissioner, person.is_bot) {
            (true, false) => "you",
            (true, true) => "commissioner",
            (false, _) => "bot",
        };
        writeln!(f, "  {role:<14} {} ({})", person.name, person.email)?;
    }
    let Some(you) = people.iter().find(|person| !person.is_bot) else {
        return Ok(());
    };
    writeln!(
        f,
        "\nIn the window: Start, Add a server, type the server's address, sign in as {} (no mail is needed),\n\
         open the auction from the lobby and begin it. Or from another terminal:\n",
        you.email
    )?;
    write!(
        f,
        "  gavelctl watch --server {server} --email {} --auction {auction}\n\
         \x20 gavelctl bots --server {server} --invite {invite} 2",
        you.email
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_programs_is_flat_and_names_its_type() {
        let line = Line {
            at: Millis(7),
            what: What::Bid {
                lot: 3,
                club: "Everton FC".into(),
                amount: Money::from_pounds(5_000_000),
                bidder: Person {
                    user_id: "u".into(),
                    name: "Ada".into(),
                },
                mine: false,
                seq: Some(9),
                below: false,
            },
        };
        assert_eq!(
            serde_json::to_value(&line).unwrap(),
            serde_json::json!({"at":7,"type":"bid","lot":3,"club":"Everton FC","amount":5_000_000,
                "bidder":{"userId":"u","name":"Ada"},"mine":false,"seq":9,"below":false})
        );
    }

    #[test]
    fn a_line_for_people_says_when() {
        let line = Line {
            at: Millis(3_661_000),
            what: What::Gap { gaps: 2 },
        };
        assert!(
            line.to_string().starts_with("01:01:01Z  Bids were missed (2"),
            "{line}"
        );
    }
}
