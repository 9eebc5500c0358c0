//! How many pods take turns: a polling session is opened, and closed again over other connections without cookies. The
//! pods that do not hold it refuse; the one that does closes it, so that nothing is left behind.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use gavelscope_contract::auction::POD_ID_HEADER;
use gavelscope_wire::engine::{Open, Packet, Refusal};
use gavelscope_wire::{Limits, connection::TlsOptions};
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response, StatusCode};

use super::Target;
use super::pace::{Pace, Stopped, Turn};
use crate::evidence::TurnsEvidence;
use crate::turns::{SMALL, Search, chance_of_an_omission};

/// Sessions that are searched for, as a rule.
const SEARCHES: usize = 6;
/// So many searches of one length show that the balancer goes round, and more would show nothing else; nor do they where
/// every pod says who it is.
const ENOUGH: usize = 4;
/// Sessions that are searched for where it stays unclear how many pods there are.
const AT_MOST: usize = 12;
/// A search is given up after so many requests.
const REQUESTS: u32 = 12;
/// What is refused and found is told apart at once; this is for a server that hangs.
const LIMIT: Duration = Duration::from_secs(5);
/// Engine.IO's packet that closes a session.
const CLOSE: &str = "1";

/// A client that makes a connection of its own for every request, or keeps one.
pub(super) fn http(target: &Target, keeps: bool) -> Option<Client> {
    let TlsOptions { extra_roots, .. } = &target.tls;
    let mut builder = Client::builder()
        .http1_only()
        .pool_max_idle_per_host(usize::from(keeps))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(LIMIT)
        .user_agent(concat!("Gavelscope/", env!("CARGO_PKG_VERSION")));
    for root in extra_roots {
        builder = builder.add_root_certificate(reqwest::Certificate::from_der(root).ok()?);
    }
    builder.build().ok()
}

/// A session that was opened.
struct Opened {
    sid: String,
    cookies: String,
}

/// What a request for a session came to, and the pod that answered, where that says so.
enum Came {
    Found(Option<String>),
    Elsewhere(Option<String>),
    Unclear(String),
}

/// How a session is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Every request over a connection of its own.
    Fresh,
    /// The same, with the cookies that were set.
    Cookies,
    /// All requests over one connection.
    Kept,
}

struct Searching<'a> {
    target: &'a Target,
    pace: &'a Pace,
    evidence: &'a mut TurnsEvidence,
    fresh: Client,
    kept: Client,
    /// So many requests at a time.
    at_a_time: usize,
    /// Somebody on the way sets cookies.
    cookies: bool,
}

/// Searches until the number of pods is about known.
pub(super) async fn search(
    target: &Target,
    pace: &Pace,
    connections: u32,
    evidence: &mut TurnsEvidence,
) -> Result<(), Stopped> {
    let Some(mut searching) = Searching::new(target, pace, connections, evidence) else {
        return Ok(());
    };
    let mut kept = false;
    while !searching.is_about_known() {
        // As soon as requests are seen to go astray it is worth knowing what would keep them together.
        if searching.astray() && !kept {
            kept = true;
            searching.evidence.kept_alive = searching.keeps(By::Kept).await?;
        } else {
            searching.searches_once().await?;
        }
    }
    // Where every request found its session there is nothing that could keep a client on its pod.
    if searching.evidence.trouble.is_none() && searching.astray() {
        searching.evidence.with_cookies = if searching.cookies {
            searching.keeps(By::Cookies).await?
        } else {
            Some(false)
        };
    }
    Ok(())
}

/// Searches on, until so many sockets would leave no pod out. Others who come in between can make a few pods look like many.
pub(super) async fn search_on(
    target: &Target,
    pace: &Pace,
    sockets: u32,
    connections: u32,
    evidence: &mut TurnsEvidence,
) -> Result<(), Stopped> {
    let Some(mut searching) = Searching::new(target, pace, connections, evidence) else {
        return Ok(());
    };
    while searching.may_search_on()
        && searching.astray()
        && chance_of_an_omission(&searching.evidence.searches, 2, sockets) > SMALL
    {
        searching.searches_once().await?;
    }
    Ok(())
}

impl<'a> Searching<'a> {
    fn new(
        target: &'a Target,
        pace: &'a Pace,
        connections: u32,
        evidence: &'a mut TurnsEvidence,
    ) -> Option<Self> {
        let (Some(fresh), Some(kept)) = (http(target, false), http(target, true)) else {
            evidence.trouble = Some("no HTTPS client could be made on this machine".to_owned());
            return None;
        };
        Some(Self {
            target,
            pace,
            evidence,
            fresh,
            kept,
            at_a_time: usize::try_from(connections).unwrap_or(1),
            cookies: false,
        })
    }

    /// A request did not find its session.
    fn astray(&self) -> bool {
        self.evidence.searches.iter().any(|search| search.requests > 1)
    }

    fn may_search_on(&self) -> bool {
        self.evidence.trouble.is_none() && self.evidence.searches.len() < AT_MOST
    }

    fn is_about_known(&self) -> bool {
        let searches = &self.evidence.searches;
        let first = searches.first().map_or(0, |search| search.requests);
        let strict = searches
            .iter()
            .all(|search| search.found && search.requests == first);
        let enough = if self.astray() && (strict || self.evidence.by_name()) {
            ENOUGH
        } else {
            SEARCHES
        };
        searches.len() >= enough || !self.may_search_on()
    }

    async fn searches_once(&mut self) -> Result<(), Stopped> {
        let search = self.once(By::Fresh).await?;
        self.evidence.searches.extend(search);
        Ok(())
    }

    fn url(&self, sid: Option<&str>) -> String {
        let mut url = format!("{}?EIO=4&transport=polling", self.target.address.socket());
        if let Some(sid) = sid {
            url.push_str("&sid=");
            url.push_str(sid);
        }
        url
    }

    fn http(&self, by: By) -> &Client {
        match by {
            By::Fresh | By::Cookies => &self.fresh,
            By::Kept => &self.kept,
        }
    }

    fn turn(by: By) -> Turn {
        match by {
            By::Fresh | By::Cookies => Turn::FreshRequest,
            By::Kept => Turn::Request,
        }
    }

    /// Whether the first request finds its session each time; the second time only tells what was found by chance. Where
    /// a connection that is kept does not, its searches are as good as any other.
    async fn keeps(&mut self, by: By) -> Result<Option<bool>, Stopped> {
        let mut searches = Vec::new();
        while searches.len() < 2 && searches.iter().all(|search: &Search| search.requests == 1) {
            let Some(search) = self.once(by).await? else {
                return Ok(None);
            };
            searches.push(search);
        }
        let keeps = searches.iter().all(|search| search.requests == 1);
        if by == By::Kept && !keeps {
            self.evidence.searches.extend(searches);
        }
        Ok(Some(keeps))
    }

    /// Opens a session and searches for it; none where that came to nothing, which `trouble` tells of.
    async fn once(&mut self, by: By) -> Result<Option<Search>, Stopped> {
        let Some(opened) = self.open(by).await? else {
            return Ok(None);
        };
        self.find(by, &opened).await
    }

    /// Asks until it is found, and sees which pods answer.
    async fn find(&mut self, by: By, opened: &Opened) -> Result<Option<Search>, Stopped> {
        let mut pods = Vec::new();
        let asked = self.pace.within(self.ask(by, opened, &mut pods)).await??;
        for pod in pods {
            self.saw(pod);
        }
        Ok(asked.map_err(|trouble| self.fails(by, trouble)).ok())
    }

    /// What does not work without cookies and over connections of their own does not work at all; the others are tried only
    /// to see whether they make a difference.
    fn fails(&mut self, by: By, trouble: String) {
        if by == By::Fresh {
            self.evidence.trouble = Some(trouble);
        }
    }

    /// Asks again and again. Once a request went astray, it does not wait for an answer before the next: a server far away
    /// is asked no more slowly. Over a connection that is kept one thing comes after the other.
    async fn ask(
        &self,
        by: By,
        opened: &Opened,
        pods: &mut Vec<Option<String>>,
    ) -> Result<Result<Search, String>, Stopped> {
        let mut turn = Box::pin(self.pace.turn(Self::turn(by)));
        let mut asked = FuturesUnordered::new();
        let (mut sent, mut at_a_time, mut trouble) = (0, 1, None);
        loop {
            tokio::select! {
                biased;
                Some((number, came)) = asked.next() => match came {
                    Came::Found(pod) => {
                        pods.push(pod);
                        return Ok(Ok(Search { requests: number, found: true }));
                    }
                    Came::Elsewhere(pod) => {
                        pods.push(pod);
                        if by != By::Kept {
                            at_a_time = self.at_a_time;
                        }
                    }
                    // One that came after the session was closed may be answered so: others are still on their way.
                    Came::Unclear(why) => trouble = Some(why),
                },
                turned = &mut turn, if sent < REQUESTS && asked.len() < at_a_time && trouble.is_none() => {
                    turned?;
                    turn.set(self.pace.turn(Self::turn(by)));
                    sent += 1;
                    asked.push(self.close(by, opened, sent));
                }
                else => {
                    let not_found = Search { requests: sent, found: false };
                    return Ok(trouble.map_or(Ok(not_found), Err));
                }
            }
        }
    }

    async fn open(&mut self, by: By) -> Result<Option<Opened>, Stopped> {
        self.pace.turn(Self::turn(by)).await?;
        let answer = match self.pace.within(self.http(by).get(self.url(None)).send()).await? {
            Ok(answer) => answer,
            Err(error) => {
                self.fails(
                    by,
                    format!("long polling did not answer: {}", error.without_url()),
                );
                return Ok(None);
            }
        };
        self.saw(pod(&answer));
        let status = answer.status();
        let cookies = answer
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .collect::<Vec<_>>()
            .join("; ");
        self.cookies |= !cookies.is_empty();
        let body = self.pace.within(answer.text()).await?.unwrap_or_default();
        let open = match Packet::decode_text(&body, &Limits::default()) {
            Ok(Packet::Open(json)) => Open::parse(json).ok(),
            _ => None,
        };
        if open.is_none() {
            let why = Refusal::from_body(&body).map_or_else(String::new, |refusal| format!(" ({refusal:?})"));
            self.fails(by, format!("long polling was refused with {status}{why}"));
        }
        Ok(open.map(|open| Opened {
            sid: open.sid,
            cookies,
        }))
    }

    /// Asks for the session to be closed, as the request of this number.
    async fn close(&self, by: By, opened: &Opened, number: u32) -> (u32, Came) {
        let mut request = self.http(by).post(self.url(Some(&opened.sid))).body(CLOSE);
        if by == By::Cookies && !opened.cookies.is_empty() {
            request = request.header(COOKIE, &opened.cookies);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let trouble = format!("a polling request did not come back: {}", error.without_url());
                return (number, Came::Unclear(trouble));
            }
        };
        let pod = pod(&answer);
        let status = answer.status();
        let body = answer.text().await.unwrap_or_default();
        let came = match status {
            StatusCode::OK => Came::Found(pod),
            StatusCode::BAD_REQUEST if Refusal::from_body(&body) == Some(Refusal::UnknownSession) => {
                Came::Elsewhere(pod)
            }
            status => Came::Unclear(format!("a polling request was answered with {status}")),
        };
        (number, came)
    }

    fn saw(&mut self, pod: Option<String>) {
        let nameless = self.evidence.nameless.get_or_insert(0);
        match pod {
            None => *nameless += 1,
            Some(pod) if !self.evidence.pods.contains(&pod) => self.evidence.pods.push(pod),
            Some(_) => {}
        }
    }
}

/// The pod that answered, where that says so.
fn pod(answer: &Response) -> Option<String> {
    let name = answer.headers().get(POD_ID_HEADER)?;
    Some(name.to_str().ok()?.to_owned())
}
