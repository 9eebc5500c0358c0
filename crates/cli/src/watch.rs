//! `gavelctl watch`: one auction, line by line.

use std::time::Duration;

use gavelscope_client::Session;
use gavelscope_contract::{AuctionId, LeagueId};

use crate::arguments::WatchArguments;
use crate::failure::{Exit, Failure};
use crate::follow::{self, End, Manner};
use crate::output::Output;
use crate::reach::{self, Backend};
use crate::result;

/// Follows an auction until it is over.
pub async fn run(arguments: WatchArguments, output: &Output) -> Result<(), Failure> {
    let backend = Backend::find(&arguments.server.server, &arguments.server.socket).await?;
    let credentials = backend.sign_in(&arguments.sign_in).await?;
    let session = backend.recorded_session(credentials, arguments.record.as_deref())?;
    let watched = watch(&session, &arguments, output).await;
    // A recording's last lines get a moment to reach the disk.
    let _ = tokio::time::timeout(Duration::from_secs(3), session.close()).await;
    watched
}

async fn watch(session: &Session, arguments: &WatchArguments, output: &Output) -> Result<(), Failure> {
    let auction = match (&arguments.which.auction, &arguments.which.league) {
        (Some(auction), _) => AuctionId::from(auction.as_str()),
        (None, Some(league)) => reach::auction_of(session, &LeagueId::from(league.as_str()), output).await?,
        (None, None) => {
            return Err(Failure::new(
                Exit::Usage,
                "Which auction?",
                "Give --auction or --league.",
            ));
        }
    };
    follow::open(session, &auction).await?;
    let manner = Manner {
        quiet: false,
        give_up: Duration::from_secs(u64::from(arguments.give_up)),
    };
    match follow::follow(session, &auction, manner, output).await? {
        End::Completed => result::tell(session, &auction, None, output).await,
        End::Deleted => Err(follow::deleted()),
    }
}
