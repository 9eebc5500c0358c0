//! From a command line to a session: is there a backend, who are you, which auction?

use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use gavelscope_client::recorder::{About, Limits, Recorder};
use gavelscope_client::rest::{Credentials, Rest};
use gavelscope_client::state::{AuctionView, LinkPhase, SessionState};
use gavelscope_client::{BidKeeping, ClientError, ServerAddress, Session, SessionConfig, check};
use gavelscope_contract::{AuctionId, LeagueId, Secret};

use crate::arguments::{ServerArguments, SignInArguments, SocketArguments};
use crate::failure::{Exit, Failure};
use crate::line::What;
use crate::output::Output;

/// A backend that does not answer within this is given up, so that nobody waits longer than 5 s for a sentence.
const LIMIT: Duration = Duration::from_secs(4);

/// `gavelctl check`
pub async fn run(arguments: &ServerArguments, output: &Output) -> Result<(), Failure> {
    let address =
        ServerAddress::parse(&arguments.server, &arguments.socket.path).map_err(ClientError::from)?;
    let found = in_time(Box::pin(check::server(&address))).await?;
    output.say(What::Server {
        address: address.base(),
        path: address.path().to_owned(),
        claim: found.claim,
        handshake_ms: found.handshake_ms,
    })
}

/// A backend that was found to be one.
pub struct Backend {
    address: ServerAddress,
    socket: SocketArguments,
}

impl Backend {
    /// Asks who answers at an address. Whatever is wrong with it comes out here, before anything is sent that matters.
    pub async fn find(server: &str, socket: &SocketArguments) -> Result<Self, Failure> {
        let address = ServerAddress::parse(server, &socket.path).map_err(ClientError::from)?;
        in_time(Box::pin(check::server(&address))).await?;
        Ok(Self {
            address,
            socket: socket.clone(),
        })
    }

    /// Its address.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Calls to it, signed in as nobody.
    pub fn rest(&self) -> Result<Rest, Failure> {
        Ok(Rest::new(self.address.clone())?)
    }

    /// Starts a session that keeps its bids in memory.
    pub fn session(&self, credentials: Credentials) -> Result<Session, Failure> {
        self.session_keeping(credentials, BidKeeping::InMemory)
    }

    /// Starts a session that writes its bids down.
    pub fn session_keeping(&self, credentials: Credentials, keeping: BidKeeping) -> Result<Session, Failure> {
        let transport = self.socket.transport.into();
        let config = SessionConfig::new(self.address.clone(), credentials, transport);
        Ok(Session::start(SessionConfig { keeping, ..config })?)
    }

    /// Starts a session that is recorded in a folder, where there is one.
    pub fn recorded_session(
        &self,
        credentials: Credentials,
        folder: Option<&Path>,
    ) -> Result<Session, Failure> {
        let transport = self.socket.transport.into();
        let mut config = SessionConfig::new(self.address.clone(), credentials, transport);
        if let Some(folder) = folder {
            let about = About {
                server: self.address.base(),
                path: self.address.path().to_owned(),
                user: config.credentials.user.clone(),
            };
            let recorder = Recorder::start(folder, Limits::default(), about).map_err(|error| {
                let way = "Give a folder that can be written, or leave --record out.";
                Failure::new(
                    Exit::Output,
                    format!("The session cannot be recorded: {error}."),
                    way,
                )
            })?;
            config.recorder = Some(recorder);
        }
        Ok(Session::start(config)?)
    }

    /// Signs in as the command line says.
    pub async fn sign_in(&self, arguments: &SignInArguments) -> Result<Credentials, Failure> {
        let token = token(arguments.token_stdin)?;
        let (name, email) = (arguments.name.as_deref(), arguments.email.as_str());
        in_time(sign_in(&self.rest()?, name, email, token)).await
    }

    /// Signs in without a mailed link, which only a backend with development sign-in allows.
    pub async fn sign_in_as(&self, name: &str, email: &str) -> Result<Credentials, Failure> {
        in_time(sign_in(&self.rest()?, Some(name), email, None)).await
    }
}

async fn in_time<T, E: Into<Failure>>(call: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    match tokio::time::timeout(LIMIT, call).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(ClientError::TooSlow {
            what: "The server".to_owned(),
            seconds: 4,
        }
        .into()),
    }
}

/// The token of the mailed link. Never from the command line: other users of a machine can read that.
fn token(from_stdin: bool) -> Result<Option<Secret>, Failure> {
    let text = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("The token cannot be read from standard input: {error}."),
                "",
            )
        })?;
        if line.trim().is_empty() {
            let way = "Pipe the token of the mailed link into the command.";
            return Err(Failure::new(
                Exit::Usage,
                "There is no token on standard input.",
                way,
            ));
        }
        line
    } else {
        std::env::var("GAVELCTL_TOKEN").unwrap_or_default()
    };
    Ok(Some(text.trim())
        .filter(|token| !token.is_empty())
        .map(Secret::new))
}

async fn sign_in(
    rest: &Rest,
    name: Option<&str>,
    email: &str,
    token: Option<Secret>,
) -> Result<Credentials, Failure> {
    if let (Some(name), None) = (name, &token) {
        // One that exists, and a backend that makes users by signing in, both refuse this: no harm done.
        match rest.create_user(name, email).await {
            Ok(_) => {}
            Err(ClientError::Refused(refusal)) if matches!(refusal.status, 400 | 401 | 403 | 409) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    let token = match token {
        Some(token) => token,
        None => rest
            .request_link(email)
            .await
            .map_err(refused)?
            .body
            .token
            .ok_or_else(|| {
                Failure::new(
                    Exit::SignIn,
                    "The sign-in link was mailed; this server hands no token out.",
                    "Run the command again with the token of the link on standard input (--token-stdin) or in GAVELCTL_TOKEN.",
                )
            })?,
    };
    rest.verify(email, &token).await.map_err(refused)
}

/// Whatever a server refuses while somebody signs in is a refused sign-in.
fn refused(error: ClientError) -> Failure {
    let refused = matches!(error, ClientError::Refused(_));
    let failure = Failure::from(error);
    if refused {
        Failure {
            exit: Exit::SignIn,
            ..failure
        }
    } else {
        failure
    }
}

/// Waits until the state shows something. None when it did not within the limit, or when the session ended.
pub async fn until<T>(
    session: &Session,
    limit: Duration,
    mut pick: impl FnMut(&SessionState) -> Option<T>,
) -> Option<T> {
    let mut state = session.state();
    let waiting = async {
        loop {
            if let Some(found) = pick(&state.borrow_and_update()) {
                return Some(found);
            }
            state.changed().await.ok()?;
        }
    };
    tokio::time::timeout(limit, waiting).await.ok().flatten()
}

/// An open auction in a state.
pub fn view<'a>(state: &'a SessionState, auction: &AuctionId) -> Option<&'a AuctionView> {
    let found = state.auctions.iter().find(|view| view.id == *auction);
    found.map(AsRef::as_ref)
}

/// The auction of a league that the session's user is in; waited for where there is none yet.
pub async fn auction_of(session: &Session, league: &LeagueId, output: &Output) -> Result<AuctionId, Failure> {
    session.refresh_lobby().await?;
    let mut said = false;
    let mut state = session.state();
    // The lobby that was asked for is published a moment after the answer.
    let card_limit = tokio::time::Instant::now() + Duration::from_secs(1);
    loop {
        let card = {
            let state = state.borrow_and_update();
            state
                .lobby
                .leagues
                .iter()
                .find(|card| card.id == *league)
                .cloned()
        };
        match card {
            Some(card) => {
                if let Some(auction) = card.auction_id {
                    return Ok(auction);
                }
                if !said {
                    said = true;
                    let sentence = format!("“{}” has no auction yet; waiting for it.", card.name);
                    output.say(What::Notice { sentence })?;
                }
            }
            None if tokio::time::Instant::now() >= card_limit => return Err(no_league(league)),
            None => {}
        }
        tokio::select! {
            changed = state.changed() => changed.map_err(|_| ClientError::Ended)?,
            () = crate::follow::stop_signal() => return Err(Failure::interrupted()),
        }
    }
}

fn no_league(league: &LeagueId) -> Failure {
    Failure::new(
        Exit::UnknownAuction,
        format!("You are in no league “{league}”."),
        "Check the id, or join the league by its invitation first.",
    )
}

/// Whether events can arrive.
pub fn is_online(state: &SessionState) -> bool {
    state.connection.phase == LinkPhase::Online
}
