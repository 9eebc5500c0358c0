//! The commands: each parses what the window hands in and delegates.

use std::sync::{Arc, Mutex, PoisonError};

use gavelscope_client::recorder::{RecordedLine, RecordingMoment};
use gavelscope_client::state::LedgerEntry;
use gavelscope_client::{BidOrder, CommissionerCall, Seen, ServerAddress, check};
use gavelscope_contract::{AuctionId, LeagueId, Money, Secret};
use gavelscope_diagnosis::Comparison;
use tauri::ipc::Channel;
use tauri::{AppHandle, State};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tokio::task::AbortHandle;

use crate::desk::Desk;
use crate::error::CommandError;
use crate::shown::{
    BidCheck, OpenRecording, PracticeOptions, RecordingList, ReportList, ReportPreview, SavedReport,
    SavedServer, ServerCheck, Settings, SignInStep, Update,
};
use crate::stream;

type Shared<'a> = State<'a, Arc<Desk>>;
type Result<T> = std::result::Result<T, CommandError>;

/// The stream that is running: a window that was loaded anew replaces it.
static STREAM: Mutex<Option<AbortHandle>> = Mutex::new(None);

/// Starts the stream of updates; the first one is the whole state.
#[tauri::command]
#[specta::specta]
pub async fn subscribe(desk: Shared<'_>, channel: Channel<Update>) -> Result<()> {
    let task = tokio::spawn(stream::run(Arc::clone(&desk), channel));
    let before = STREAM
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(task.abort_handle());
    if let Some(before) = before {
        before.abort();
    }
    Ok(())
}

/// Starts a practice auction, connects to it and opens its waiting room.
#[tauri::command]
#[specta::specta]
pub async fn start_practice(desk: Shared<'_>, options: PracticeOptions) -> Result<AuctionId> {
    desk.start_practice(&options).await
}

/// Is there an auction backend?
#[tauri::command]
#[specta::specta]
pub async fn check_server(address: String, path: String) -> Result<ServerCheck> {
    let address = ServerAddress::parse(&address, &path)?;
    let found = check::server(&address).await?;
    Ok(ServerCheck {
        address: address.base(),
        path: address.path().to_owned(),
        mode: found.claim.mode,
        pod: found.claim.pod.map(|pod| pod.to_string()),
        status: found.claim.status,
        handshake_ms: found.handshake_ms,
    })
}

/// Remembers a server.
#[tauri::command]
#[specta::specta]
pub async fn add_server(
    desk: Shared<'_>,
    label: String,
    address: String,
    path: String,
) -> Result<SavedServer> {
    desk.add_server(&label, &ServerAddress::parse(&address, &path)?)
}

/// Forgets a server and its sign-in.
#[tauri::command]
#[specta::specta]
pub async fn forget_server(desk: Shared<'_>, id: String) -> Result<()> {
    desk.forget_server(&id)
}

/// Asks for a sign-in link.
#[tauri::command]
#[specta::specta]
pub async fn request_sign_in(
    desk: Shared<'_>,
    server_id: String,
    email: String,
    name: Option<String>,
) -> Result<SignInStep> {
    desk.request_sign_in(&server_id, email.trim(), name.as_deref())
        .await
}

/// Signs in with the token of the mail.
#[tauri::command]
#[specta::specta]
pub async fn finish_sign_in(
    desk: Shared<'_>,
    server_id: String,
    email: String,
    token: String,
) -> Result<SavedServer> {
    desk.finish_sign_in(&server_id, email.trim(), &Secret::new(token.trim()))
        .await
}

/// Forgets a sign-in.
#[tauri::command]
#[specta::specta]
pub async fn sign_out(desk: Shared<'_>, server_id: String) -> Result<()> {
    desk.sign_out(&server_id)
}

/// Opens a session with a saved server.
#[tauri::command]
#[specta::specta]
pub async fn connect(desk: Shared<'_>, server_id: String) -> Result<()> {
    desk.connect(&server_id).await
}

/// Ends the session, and the practice with it.
#[tauri::command]
#[specta::specta]
pub async fn leave(desk: Shared<'_>) -> Result<()> {
    desk.leave().await;
    Ok(())
}

/// Makes the next attempt to connect at once.
#[tauri::command]
#[specta::specta]
pub async fn retry_now(desk: Shared<'_>) -> Result<()> {
    desk.session()?.retry_now().await;
    Ok(())
}

/// Reads my leagues anew.
#[tauri::command]
#[specta::specta]
pub async fn refresh_lobby(desk: Shared<'_>) -> Result<()> {
    Ok(desk.session()?.refresh_lobby().await?)
}

/// Joins a league by its invitation.
#[tauri::command]
#[specta::specta]
pub async fn join_league(desk: Shared<'_>, invite: String) -> Result<LeagueId> {
    Ok(desk.session()?.join_league(invite).await?)
}

/// Opens an auction.
#[tauri::command]
#[specta::specta]
pub async fn open_auction(desk: Shared<'_>, auction_id: AuctionId) -> Result<()> {
    Ok(desk.session()?.open_auction(auction_id).await?)
}

/// Leaves an auction.
#[tauri::command]
#[specta::specta]
pub async fn close_auction(desk: Shared<'_>, auction_id: AuctionId) -> Result<()> {
    desk.session()?.close_auction(auction_id).await;
    Ok(())
}

/// What a bid would be, and whether the user wants to be asked twice. `insist`: even if it would come too late.
#[tauri::command]
#[specta::specta]
pub async fn check_bid(
    desk: Shared<'_>,
    auction_id: AuctionId,
    typed: String,
    insist: bool,
) -> Result<BidCheck> {
    let amount = Money::parse_typed(&typed)?;
    let check = desk.session()?.check_bid(auction_id, amount, insist).await?;
    Ok(BidCheck {
        amount,
        needs_confirm: desk.settings().confirm_above.is_some_and(|limit| amount > limit),
        sentence: format!("Bid {amount} for {}", check.club),
    })
}

/// Bids, unless the price is no longer the one that was seen, or the bid would come too late and is not insisted upon.
#[tauri::command]
#[specta::specta]
pub async fn place_bid(
    desk: Shared<'_>,
    auction_id: AuctionId,
    typed: String,
    seen_price: Option<Money>,
    insist: bool,
) -> Result<LedgerEntry> {
    let order = BidOrder {
        amount: Money::parse_typed(&typed)?,
        seen: Seen::Price(seen_price),
        insist,
    };
    Ok(desk.session()?.bid(auction_id, order).await?)
}

/// A commissioner's call.
#[tauri::command]
#[specta::specta]
pub async fn commission(desk: Shared<'_>, league_id: LeagueId, action: CommissionerCall) -> Result<()> {
    Ok(desk.session()?.commission(league_id, action).await?)
}

/// New choices.
#[tauri::command]
#[specta::specta]
pub async fn save_settings(desk: Shared<'_>, settings: Settings) -> Result<()> {
    desk.save_settings(settings)
}

/// The raw JSON of a line of the feed, redacted.
#[tauri::command]
#[specta::specta]
pub async fn feed_raw(desk: Shared<'_>, id: u32) -> Result<String> {
    let raw = desk.session()?.raw(id).await?;
    Ok(raw.unwrap_or_else(|| "This line is no longer kept.".to_owned()))
}

/// Puts a text on the clipboard.
#[tauri::command]
#[specta::specta]
pub async fn copy_text(app: AppHandle, text: String) -> Result<()> {
    app.clipboard()
        .write_text(text)
        .map_err(|error| CommandError::internal("Copying", &error))
}

/// Begins a diagnosis of the open session's server: in a room of its own, at a capped rate, one at a time.
#[tauri::command]
#[specta::specta]
pub async fn run_diagnosis(desk: Shared<'_>) -> Result<()> {
    desk.run_diagnosis()
}

/// Ends the diagnosis that runs; what it measured is dropped.
#[tauri::command]
#[specta::specta]
pub async fn cancel_diagnosis(desk: Shared<'_>) -> Result<()> {
    desk.cancel_diagnosis();
    Ok(())
}

/// Puts a report together, and tells what is in it before it is written.
#[tauri::command]
#[specta::specta]
pub async fn preview_report(desk: Shared<'_>) -> Result<ReportPreview> {
    let evidence = desk.evidence()?;
    desk.reports()
        .with(move |reports| reports.preview(evidence))
        .await
}

/// Writes the report that was shown last, into the application's folder of reports.
#[tauri::command]
#[specta::specta]
pub async fn save_report(desk: Shared<'_>) -> Result<SavedReport> {
    desk.reports().with(crate::reports::Reports::save).await
}

/// The reports that can be compared with, newest first.
#[tauri::command]
#[specta::specta]
pub async fn list_reports(desk: Shared<'_>) -> Result<ReportList> {
    desk.reports().with(|reports| Ok(reports.list())).await
}

/// What changed since one of the listed reports.
#[tauri::command]
#[specta::specta]
pub async fn compare_report(desk: Shared<'_>, path: String) -> Result<Comparison> {
    let evidence = desk.evidence()?;
    desk.reports()
        .with(move |reports| reports.compare(&path, evidence))
        .await
}

/// The recordings that can be opened, newest first.
#[tauri::command]
#[specta::specta]
pub async fn list_recordings(desk: Shared<'_>) -> Result<RecordingList> {
    desk.recordings().with(|recordings| Ok(recordings.list())).await
}

/// Opens one of the listed recordings, in place of the one that is open.
#[tauri::command]
#[specta::specta]
pub async fn open_recording(desk: Shared<'_>, path: String) -> Result<OpenRecording> {
    desk.recordings()
        .with(move |recordings| recordings.open(&path))
        .await
}

/// Lines of the open recording from one on, 1,000 at the most, in words.
#[tauri::command]
#[specta::specta]
pub async fn recording_lines(desk: Shared<'_>, from: u32, count: u32) -> Result<Vec<RecordedLine>> {
    desk.recordings()
        .with(move |recordings| recordings.lines(from, count))
        .await
}

/// The session as it was once a line of the open recording was taken in.
#[tauri::command]
#[specta::specta]
pub async fn recording_at(desk: Shared<'_>, step: u32) -> Result<RecordingMoment> {
    desk.recordings()
        .with(move |recordings| recordings.at(step))
        .await
}

/// Closes the open recording.
#[tauri::command]
#[specta::specta]
pub async fn close_recording(desk: Shared<'_>) -> Result<()> {
    desk.recordings().close();
    Ok(())
}
