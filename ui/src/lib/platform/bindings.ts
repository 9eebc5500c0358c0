// This file is generated from the Rust commands and types. Do not edit it.
import { invoke as __TAURI_INVOKE, Channel } from "@tauri-apps/api/core";

/** Commands */
export const commands = {
	subscribe: (channel: Channel<Update>) => __TAURI_INVOKE<null>("subscribe", { channel }),
	startPractice: (options: PracticeOptions) => __TAURI_INVOKE<AuctionId>("start_practice", { options }),
	checkServer: (address: string, path: string) => __TAURI_INVOKE<ServerCheck>("check_server", { address, path }),
	addServer: (label: string, address: string, path: string) => __TAURI_INVOKE<SavedServer>("add_server", { label, address, path }),
	forgetServer: (id: string) => __TAURI_INVOKE<null>("forget_server", { id }),
	requestSignIn: (serverId: string, email: string, name: string | null) => __TAURI_INVOKE<SignInStep>("request_sign_in", { serverId, email, name }),
	finishSignIn: (serverId: string, email: string, token: string) => __TAURI_INVOKE<SavedServer>("finish_sign_in", { serverId, email, token }),
	signOut: (serverId: string) => __TAURI_INVOKE<null>("sign_out", { serverId }),
	connect: (serverId: string) => __TAURI_INVOKE<null>("connect", { serverId }),
	leave: () => __TAURI_INVOKE<null>("leave"),
	retryNow: () => __TAURI_INVOKE<null>("retry_now"),
	refreshLobby: () => __TAURI_INVOKE<null>("refresh_lobby"),
	joinLeague: (invite: string) => __TAURI_INVOKE<LeagueId>("join_league", { invite }),
	openAuction: (auctionId: AuctionId) => __TAURI_INVOKE<null>("open_auction", { auctionId }),
	closeAuction: (auctionId: AuctionId) => __TAURI_INVOKE<null>("close_auction", { auctionId }),
	checkBid: (auctionId: AuctionId, typed: string) => __TAURI_INVOKE<BidCheck>("check_bid", { auctionId, typed }),
	placeBid: (auctionId: AuctionId, typed: string, seenPrice: Money | null) => __TAURI_INVOKE<LedgerEntry>("place_bid", { auctionId, typed, seenPrice }),
	commission: (leagueId: LeagueId, action: CommissionerAction) => __TAURI_INVOKE<null>("commission", { leagueId, action }),
	saveSettings: (settings: Settings) => __TAURI_INVOKE<null>("save_settings", { settings }),
	feedRaw: (id: number) => __TAURI_INVOKE<string>("feed_raw", { id }),
	copyText: (text: string) => __TAURI_INVOKE<null>("copy_text", { text }),
};

/* Types */
export type CommandError = { code: ErrorCode; sentence: string; way: string };

export type ErrorCode = "badAddress" | "unreachable" | "notABackend" | "tls" | "wrongPath" | "signInRefused" | "signedOut" | "unknownAuction" | "badAmount" | "bidRefused" | "refused" | "tooSlow" | "storage" | "noSession" | "internal";

export type PracticeOptions = { name: string; bots: number; lots: number; timerSeconds: number };

export type SavedServer = { id: string; label: string; address: string; path: string; user: string | null; };

export type ServerCheck = { address: string; path: string; mode: string | null; pod: string | null; status: string; handshakeMs: number };

export type SignInStep = { signedIn: SavedServer | null; expiresInSeconds: number };

export type Keeping = "keychain"  |  "memory"  |  "file";

export type Settings = { confirmAbove: Money | null; keepInFile: boolean ; transport: TransportKind };

export type BidCheck = { amount: Money; needsConfirm: boolean; sentence: string };

export type CommissionerAction = "createAuction" | "begin" | "pause" | "resume" | "completeLot" | "reset" | "delete";

export type AppState = { session: SessionState | null; practice: boolean; report: Report | null; keeping: Keeping; settings: Settings; servers: SavedServer[] };

export type Update = { state: AppState | null; feed: FeedItem[]; feedDropped: number };

/**  Who is signed in. */
export type Account = {
	/**  Their id. */
	userId: UserId,
	/**  Their name. */
	name: string,
};

/**  An auction. */
export type AuctionId = string;

/**  How far an auction has come. */
export type AuctionPhase = 
/**  Nothing is known yet. */
"loading" | 
/**  People gather. */
"waiting" | 
/**  A lot is under the hammer. */
"bidding" | 
/**  The hammer fell; the next lot is about to start. */
"between" | 
/**  The commissioner stopped the clock. */
"paused" | 
/**  Over. */
"completed" | 
/**  The commissioner deleted it. */
"deleted";

/**  One auction, as it is known here. */
export type AuctionView = {
	/**  Its id. */
	id: AuctionId,
	/**  Its league. */
	leagueId: LeagueId | null,
	/**  The league's name. */
	leagueName: string | null,
	/**  How far it has come. */
	phase: AuctionPhase,
	/**  Whether what is shown can be relied on. */
	trust: Trust,
	/**  Why not, where it cannot: a sentence. */
	doubt: string | null,
	/**  When a message or a snapshot last changed or confirmed it. */
	confirmedAt: Millis | null,
	/**  What is on the block, or was last. */
	lot: LotView | null,
	/**  Seconds to the next lot, in the pause between two. */
	countdown: number | null,
	/**  What can be done about it. */
	bidding: Bidding,
	/**  Everybody's purse, mine first. */
	managers: Manager[],
	/**  All clubs in the order of sale. */
	clubs: ClubRow[],
	/**  Who is in the waiting room. */
	waitingRoom: Person[],
	/**  The last hammer. */
	lastSale: Sale | null,
	/**  How it ended: a sentence. */
	ending: string | null,
	/**  Whether I run it. */
	isCommissioner: boolean,
	/**  What the joins were answered: claims. */
	room: RoomClaim,
	/**  The last bid sequence number that was applied. */
	sequence: number,
	/**  How often a number was missing. */
	gaps: number,
	/**  How many events were not applied because they were known already. */
	repeats: number,
};

/**  One bid on the lot. */
export type BidRow = {
	/**  How much. */
	amount: Money,
	/**  Who. */
	bidder: Person,
	/**  Whether that is me. */
	mine: boolean,
	/**  When the server took it. */
	at: Millis | null,
	/**  The number in the bid sequence. */
	seq: number | null,
	/**  It came after a higher one: accepted, and not the price. */
	below: boolean,
};

/**  What can be bid. */
export type Bidding = {
	/**  Why nothing can be bid now; none where something can. */
	blocked: Blocked | null,
	/**  The least that would be taken. */
	minimum: Money | null,
	/**  The maximum legal bid: what is left, less what the open slots need. */
	maximum: Money | null,
	/**  The one-tap amounts, five at the most. */
	steps: Step[],
	/**  My bid that is on its way or was last decided on this lot. */
	mine: LedgerEntry | null,
};

/**  Why nothing can be bid. */
export type BlockReason = 
/**  The state is not known well enough. */
"notLive" | 
/**  Nothing is on the block. */
"noLot" | 
/**  Paused. */
"paused" | 
/**  Not a manager of this league. */
"notAParticipant" | 
/**  I lead already. */
"leading" | 
/**  My slots are filled. */
"rosterFull" | 
/**  What is left does not reach. */
"budget" | 
/**  A bid of mine is on its way. */
"inFlight" | 
/**  The hammer has fallen. */
"timeUp" | 
/**  Over. */
"over";

/**  Why nothing can be bid. */
export type Blocked = {
	/**  The rule or circumstance. */
	reason: BlockReason,
	/**  The sentence for the button. */
	sentence: string,
};

/**  The server's clock against ours. */
export type ClockEstimate = {
	/**  Add this to our clock to get the server's, ms. None before the first sample. */
	offsetMs: number | null,
	/**  Half the round trip of the best sample, ms: the truth is within this of the offset. */
	errorMs: number | null,
	/**  How many samples it rests on. */
	samples: number,
};

/**  A club: the thing under the hammer. */
export type ClubId = string;

/**  A club. */
export type ClubName = {
	/**  Its id. */
	id: ClubId,
	/**  What people call it. */
	name: string,
	/**  Where it plays. */
	country: string | null,
	/**  The competition it plays in. */
	competition: string | null,
};

/**  A club in the order of sale. */
export type ClubRow = {
	/**  The club. */
	club: ClubName,
	/**  What became of it. */
	status: ClubStatus,
	/**  Its place in the order. */
	lotNumber: number | null,
	/**  Who bought it. */
	winner: string | null,
	/**  For how much. */
	price: Money | null,
};

/**  What became of a club. */
export type ClubStatus = 
/**  On the block now. */
"current" | 
/**  Sold. */
"sold" | 
/**  Offered and not sold. */
"unsold" | 
/**  Still to come. */
"upcoming";

/**  My link. */
export type Connection = {
	/**  How it is. */
	phase: LinkPhase,
	/**  Since when it is so. */
	since: Millis,
	/**  Over which library. */
	transport: TransportKind,
	/**  The socket's id, while online. */
	socketId: string | null,
	/**  The pod that holds the socket, where the server says it. */
	pod: PodId | null,
	/**  How often a link was lost and made again. */
	reconnects: number,
	/**  Attempts since the link was lost. */
	attempt: number,
	/**  When the next attempt is due, while waiting. */
	retryAt: Millis | null,
	/**  When anything was last heard on the socket. */
	heardAt: Millis | null,
	/**  The server's heartbeat, ms between pings, where the transport shows it. */
	pingIntervalMs: number | null,
	/**  How long the handshake took, ms. */
	handshakeMs: number | null,
	/**  Why the last link ended or the last attempt failed: a sentence. */
	trouble: string | null,
};

/**  What became of a bid of mine, in the order in which it can happen. */
export type Fate = 
/**  Written down, not sent yet. */
"draft" | 
/**  Sent; no answer yet. */
"sent" | 
/**  No answer came: it may have been stored. Being looked for. */
"unknown" | 
/**  The server said no. */
"refused" | 
/**  The server said yes; not seen in an event or a snapshot yet. */
"accepted" | 
/**  Seen in an event or a snapshot. */
"confirmed" | 
/**  Looked for and not there: it was never stored. */
"notStored";

/**  One line of the live feed. */
export type FeedItem = {
	/**  Counted from 1. */
	id: number,
	/**  When it was received. */
	at: Millis,
	/**  Where it comes from. */
	kind: FeedKind,
	/**  The event's name, or what happened. */
	name: string,
	/**  The auction it belongs to, where that is known. */
	auctionId: AuctionId | null,
	/**  What it says, in words. */
	summary: string,
	/**  Whether there is raw JSON to ask for. */
	hasRaw: boolean,
};

/**  Where a line of the feed comes from. */
export type FeedKind = 
/**  An event that was understood. */
"event" | 
/**  An event that the contract does not know. */
"unknown" | 
/**  An event that broke the contract. */
"malformed" | 
/**  Something that this side noticed: a loss, a gap, a snapshot, an answer. */
"note";

/**  One finding. */
export type Finding = {
	/**  Stable, for documentation and scripts: `GS-…`. */
	code: string,
	/**  What it came to. */
	outcome: Outcome,
	/**  What was found, in one sentence. */
	sentence: string,
	/**  The figures that it rests on. */
	evidence: string,
	/**  What to do about it, where something is to be done. */
	fix: string | null,
};

/**  The claims of `/health`, with the time they were made. */
export type HealthClaim = {
	/**  When it was asked. */
	at: Millis,
	/**  `healthy`, `degraded`, … */
	status: string,
	/**  `in-memory`, `redis`. */
	mode: string | null,
	/**  Whether it calls itself ready for several pods. */
	multiPodReady: boolean | null,
	/**  The pod that answered. */
	pod: PodId | null,
	/**  The adapter's state, where the server says it. */
	adapter: string | null,
};

/**  One of my leagues. */
export type LeagueCard = {
	/**  Its id. */
	id: LeagueId,
	/**  What people call it. */
	name: string,
	/**  How far it has come. */
	stage: LeagueStage,
	/**  Whether I run it. */
	isCommissioner: boolean,
	/**  Its auction, where there is one. */
	auctionId: AuctionId | null,
	/**  How many managers there are. */
	managers: number | null,
	/**  What a new manager joins with; only the commissioner is shown it. */
	invite: string | null,
	/**  Seconds that a lot runs. */
	timerSeconds: number | null,
};

/**  A league: the competition whose managers bid. */
export type LeagueId = string;

/**  How far a league has come. */
export type LeagueStage = 
/**  No auction yet. */
"gathering" | 
/**  The auction was made; people wait for it. */
"waitingRoom" | 
/**  The auction is on. */
"live" | 
/**  The auction is over. */
"over";

/**  A bid of mine and what became of it (design, rule 2). */
export type LedgerEntry = {
	/**  What this side calls it; also its idempotency key. */
	key: string,
	/**  In which auction. */
	auctionId: AuctionId,
	/**  On which lot. */
	lot: number,
	/**  On what. */
	club: string,
	/**  How much. */
	amount: Money,
	/**  What became of it. */
	fate: Fate,
	/**  The sentence that goes with it. */
	sentence: string,
	/**  Why it was refused. */
	refusal: RefusalCode | null,
	/**  When it was sent. */
	sentAt: Millis,
	/**  Until the answer, ms. */
	answerMs: number | null,
	/**  Until it came back as an event, ms. */
	echoMs: number | null,
	/**  The pod that answered. */
	pod: PodId | null,
};

/**  How my link is. */
export type LinkPhase = 
/**  The first attempt is on its way. */
"connecting" | 
/**  Events can arrive. */
"online" | 
/**  Lost; the next attempt is due at `retry_at`. */
"waiting" | 
/**  Lost; an attempt is on its way. */
"reconnecting" | 
/**  Ended by the user. */
"closed";

/**  My leagues. */
export type Lobby = {
	/**  When they were last read; none before. */
	readAt: Millis | null,
	/**  In the server's order. */
	leagues: LeagueCard[],
	/**  Why they could not be read: a sentence. */
	trouble: string | null,
};

/**  What is on the block. */
export type LotView = {
	/**  Counted from 1. */
	number: number,
	/**  The club. */
	club: ClubName,
	/**  Whether it was offered before. */
	isRetry: boolean,
	/**  The price; none while nobody has bid. */
	price: Money | null,
	/**  Who leads. */
	leader: Person | null,
	/**  Whether that is me. */
	leading: boolean,
	/**  When the hammer falls. */
	endsAt: Millis | null,
	/**  What was left when the clock was stopped, ms. */
	stoppedAtMs: number | null,
	/**  How long a lot runs, ms: what a full clock is. */
	fullMs: number | null,
	/**  When a late bid last moved the hammer. */
	extendedAt: Millis | null,
	/**  Its bids, newest first (the newest 100). */
	bids: BidRow[],
};

/**  A manager's purse and roster. */
export type Manager = {
	/**  Who. */
	person: Person,
	/**  Whether that is me. */
	isMe: boolean,
	/**  What is left. */
	budget: Money,
	/**  What was spent. */
	spent: Money,
	/**  What was bought. */
	roster: Won[],
	/**  How many clubs they may buy at the most. */
	slots: number | null,
	/**  Whether they lead the lot on the block. */
	leading: boolean,
};

/**  What was measured, all of it here and none of it claimed. */
export type Measurements = {
	/**  Events received since the start. */
	events: number,
	/**  Events in the last full second. */
	eventsPerSecond: number,
	/**  Events in each of the last 60 seconds, oldest first. */
	eventsHistory: number[],
	/**  Events whose name the contract does not know. */
	unknownEvents: number,
	/**  Fields that the contract does not know. */
	unknownFields: number,
	/**  Events whose payload broke the contract. */
	malformed: number,
	/**  Bid sequence numbers that were missing. */
	gaps: number,
	/**  Events that were known already. */
	repeats: number,
	/**  Messages that a full queue of ours dropped. */
	dropped: number,
	/**  Snapshots taken. */
	snapshots: number,
	/**  Joins that were never acknowledged. */
	acksMissing: number,
	/**  Round trip of the last REST call, ms. */
	restMs: number | null,
	/**  My bids: until the answer, ms. */
	answer: Spread,
	/**  My bids: until the echo, ms. */
	echo: Spread,
	/**  My accepted bids whose echo never came. */
	echoesMissing: number,
	/**  The pod that took my last bid. */
	lastBidPod: PodId | null,
	/**  Every pod that showed itself, newest sighting first. */
	pods: PodSeen[],
};

/**  Milliseconds since the epoch, by this machine's clock. */
export type Millis = number;

/**
 *  An amount of money, never negative, in minor units (pence).
 * 
 *  On the wire it is a JSON number in pounds (`5000000`, `5000000.0`), now and then a string (`"5000000"`).
 */
export type Money = number;

/**  What a check came to. */
export type Outcome = 
/**  Proved to be well. */
"pass" | 
/**  Proved to be worth a look. */
"warn" | 
/**  Proved to be broken. */
"fail" | 
/**  Could not be known; the sentence says why. */
"inconclusive";

/**  A person. */
export type Person = {
	/**  Who. */
	userId: UserId,
	/**  Their name. */
	name: string,
};

/**  One instance of the backend. */
export type PodId = string;

/**  A pod that showed itself. */
export type PodSeen = {
	/**  Its id. */
	pod: PodId,
	/**  How often on the socket. */
	socket: number,
	/**  How often over REST. */
	rest: number,
	/**  When last. */
	at: Millis,
};

/**  What a refusal means. Written in `snake_case` on the wire. */
export type RefusalCode = 
/**  The body is not what the call takes (422). */
"invalid_body" | 
/**  No such auction. */
"auction_not_found" | 
/**  The auction is not taking bids: waiting, paused or over. */
"auction_not_active" | 
/**  The server does not know the bidder. */
"user_not_found" | 
/**  The bidder is not a manager of this league. */
"not_a_participant" | 
/**  Below the least that any bid may be. */
"below_minimum" | 
/**  More than the bidder has left. */
"insufficient_budget" | 
/**  It would leave too little for the slots still to be filled. */
"reserve_required" | 
/**  All slots are filled. */
"roster_full" | 
/**  Nothing is on the block. */
"no_lot" | 
/**  The bidder leads already. */
"already_highest" | 
/**  Not above the current bid. */
"bid_too_low" | 
/**  Somebody else's bid won the moment (409, our backend). */
"price_moved" | 
/**  The lot is over: a bid in the 3-2-1 pause between two lots (our backend; the field takes and loses it). */
"lot_closed" | 
/**  The idempotency key was used with another body (our backend). */
"key_reused" | 
/**  Not signed in, or the token is no longer good (401). */
"not_signed_in" | 
/**  The magic link is wrong, used or too old (401). */
"invalid_magic_link" | 
/**  The token says somebody else than the body does (403). */
"not_you" | 
/**  Only the league's commissioner may do this (403). */
"commissioner_only" | 
/**  The auction's state does not allow this call (begin twice, resume what is not paused, …). */
"wrong_state" | 
/**  No such league. */
"league_not_found" | 
/**  The invitation is wrong. */
"invalid_invite" | 
/**  The league has no place left. */
"league_full" | 
/**  No such club in this auction. */
"club_not_found" | 
/**  Too fast (429): wait, and try again. */
"too_many_requests" | 
/**  The server failed (5xx). For a bid this does **not** mean that it was not stored. */
"server_failed" | 
/**  A refusal that this contract does not know; its text is all there is. */
string;

/**  All findings, the worst first, under one sentence. */
export type Report = {
	/**  The worst outcome that was proved; inconclusive where nothing was. */
	outcome: Outcome,
	/**  The verdict in one sentence, for a bidder. */
	verdict: string,
	/**  The worst first. */
	findings: Finding[],
};

/**  What a join was answered. A claim: the field's backend says 0, always. */
export type RoomClaim = {
	/**  Whether the server acknowledged the join. */
	joined: boolean,
	/**  When it did. */
	at: Millis | null,
	/**  Sockets in the room on the pod of this socket. */
	here: number | null,
	/**  Sockets in the room over all pods. */
	cluster: number | null,
	/**  Why the join failed: a sentence. */
	trouble: string | null,
};

/**  The last hammer. */
export type Sale = {
	/**  The club. */
	club: ClubName,
	/**  Who bought it; none where nobody did. */
	winner: Person | null,
	/**  Whether that is me. */
	mine: boolean,
	/**  For how much. */
	price: Money | null,
	/**  When. */
	at: Millis,
};

/**  The backend on the other end, with what it claims. */
export type ServerInfo = {
	/**  As the user gave it, made whole: `https://host:port`. */
	address: string,
	/**  The Socket.IO path. */
	path: string,
	/**  What `/health` said last; a claim. */
	claim: HealthClaim | null,
};

/**  The whole of it. */
export type SessionState = {
	/**  Grows by one with every publication. */
	revision: number,
	/**  When it was published. */
	at: Millis,
	/**  The backend on the other end. */
	server: ServerInfo,
	/**  My link to it (design, rule 4: never mixed up with the server's clock or the auction). */
	connection: Connection,
	/**  Who is signed in. */
	account: Account,
	/**  The server's clock against ours. */
	clock: ClockEstimate,
	/**  My leagues. */
	lobby: Lobby,
	/**  The auctions that were opened, in the order of opening. */
	auctions: AuctionView[],
	/**  My bids of this session, oldest first (the newest 200). */
	bids: LedgerEntry[],
	/**  What was measured. */
	measurements: Measurements,
};

/**  How a measured time spreads. */
export type Spread = {
	/**  How many samples (the newest 100 are kept). */
	count: number,
	/**  The newest, ms. */
	last: number | null,
	/**  The middle one, ms. */
	median: number | null,
	/**  95 of 100 are not above this, ms. */
	p95: number | null,
};

/**  A one-tap amount. */
export type Step = {
	/**  The raise, as written on the button: `+£1m`. */
	label: string,
	/**  The amount that would be bid. */
	amount: Money,
	/**  Whether the rules allow it. */
	allowed: boolean,
};

/**  Over which library the socket runs. */
export type TransportKind = 
/**  `rust_socketio`, boxed. */
"rustSocketio" | 
/**  The plain connection of `wire`. */
"wire";

/**  Whether what is shown can be relied on. */
export type Trust = 
/**  Events are contiguous. */
"live" | 
/**  A snapshot is on its way; what is shown may be old. */
"catchingUp" | 
/**  There is no link; what is shown is old. */
"stale";

/**  A person who bids. */
export type UserId = string;

/**  A club that was bought. */
export type Won = {
	/**  The club. */
	club: ClubName,
	/**  For how much, where it is known. */
	price: Money | null,
};

