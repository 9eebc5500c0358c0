/** States as the core publishes them, for the tests and for the developer's page. */
import type {
  AppState,
  AuctionView,
  BidRow,
  Blocked,
  BlockReason,
  ClubRow,
  Fate,
  FeedItem,
  Finding,
  LedgerEntry,
  Manager,
  Money,
  Person,
  Recording,
  Report,
  SessionState,
} from '../lib/platform/platform';

/** An amount in pounds, as it crosses the channel. */
export function pounds(amount: number): Money {
  return amount;
}

export const sam: Person = { userId: 'u-sam', name: 'Sam' };
export const robin: Person = { userId: 'u-robin', name: 'Robin' };
export const ashley: Person = { userId: 'u-ashley', name: 'Ashley' };
export const jo: Person = { userId: 'u-jo', name: 'Jo' };

const clubNames: [string, string][] = [
  ['Everton FC', 'England'],
  ['Borussia Mönchengladbach', 'Germany'],
  ['Real Sociedad', 'Spain'],
  ['Brighton & Hove Albion', 'England'],
  ['Olympique Lyonnais', 'France'],
  ['Atalanta', 'Italy'],
  ['Celtic', 'Scotland'],
  ['Feyenoord', 'Netherlands'],
  ['Sporting CP', 'Portugal'],
  ['Villarreal CF', 'Spain'],
  ['RB Leipzig', 'Germany'],
  ['Fenerbahçe', 'Türkiye'],
];

export function club(index: number) {
  const [name, country] = clubNames[index] ?? [`Club ${index + 1}`, 'England'];
  return { id: `club-${index}`, name, country, competition: 'Europa League' };
}

export function clubs(current: number): ClubRow[] {
  return clubNames.map((_, index) => {
    const row = { club: club(index), lotNumber: index + 1, winner: null, price: null };
    if (index === current) return { ...row, status: 'current' };
    if (index > current) return { ...row, status: 'upcoming' };
    if (index === 1) return { ...row, status: 'unsold' };
    const buyers = [robin, sam, ashley, jo];
    return { ...row, status: 'sold', winner: buyers[index % 4]!.name, price: pounds(4_500_000 + index * 1_250_000) };
  });
}

export function manager(person: Person, budget: number, spent: number, roster: number[], more: Partial<Manager> = {}): Manager {
  return {
    person,
    isMe: false,
    budget: pounds(budget),
    spent: pounds(spent),
    roster: roster.map((index) => ({ club: club(index), price: pounds(4_500_000 + index * 1_250_000) })),
    slots: 5,
    leading: false,
    ...more,
  };
}

export function bidRow(bidder: Person, amount: number, at: number, more: Partial<BidRow> = {}): BidRow {
  return { bidder, amount: pounds(amount), mine: bidder.userId === sam.userId, at, seq: null, below: false, ...more };
}

export function ledgerEntry(fate: Fate, more: Partial<LedgerEntry> = {}): LedgerEntry {
  const sentences: Record<Fate, string> = {
    draft: 'Your bid is written down and is about to be sent.',
    sent: 'Your bid is on its way; the server has not answered yet.',
    unknown: 'No answer came, so the server may or may not have stored your bid. Gavelscope is looking for it and will not send it again.',
    refused: 'The server refused your bid: it was not above the current bid of £6,000,000.',
    accepted: 'The server accepted your bid; it has not come back as an event yet.',
    confirmed: 'Your bid was accepted and seen by the room.',
    undecidable: 'Whether £6,000,000 was stored cannot be known any more: the lot is over.',
    notStored: 'Your bid was looked for and is not there: it was never stored. You can bid again.',
  };
  const answered = fate === 'refused' || fate === 'accepted' || fate === 'confirmed';
  return {
    key: 'bid-1',
    auctionId: 'a-1',
    lot: 4,
    club: 'Brighton & Hove Albion',
    clubId: 'club-3',
    amount: pounds(6_000_000),
    fate,
    sentence: sentences[fate],
    refusal: fate === 'refused' ? 'bid_too_low' : null,
    sentAt: 0,
    answerMs: answered ? 12 : null,
    echoMs: fate === 'confirmed' ? 19 : null,
    pod: answered ? 'gaveld-7f3a' : null,
    attempts: 1,
    earlier: false,
    ...more,
  };
}

/** Why nothing can be bid; the words are the core's. */
export function blocked(reason: BlockReason, sentence: string, button: string = reason): Blocked {
  return { reason, sentence, button: reason === 'tooLate' ? 'Bid anyway' : button, mayInsist: reason === 'tooLate' };
}

/** Lot 4 under the hammer; Robin leads at £6,000,000; I may bid. */
export function auction(now: number, more: Partial<AuctionView> = {}): AuctionView {
  return {
    id: 'a-1',
    leagueId: 'l-1',
    leagueName: 'Thursday Night League',
    phase: 'bidding',
    trust: 'live',
    polledEveryMs: null,
    doubt: null,
    confirmedAt: now - 200,
    lot: {
      number: 4,
      club: club(3),
      isRetry: false,
      price: pounds(6_000_000),
      leader: robin,
      leading: false,
      endsAt: now + 11_400,
      stoppedAtMs: null,
      fullMs: 15_000,
      extendedAt: null,
      bids: [
        bidRow(robin, 6_000_000, now - 1_200),
        bidRow(sam, 5_500_000, now - 2_700),
        bidRow(ashley, 4_750_000, now - 3_300, { below: true }),
        bidRow(robin, 5_000_000, now - 4_100),
        bidRow(jo, 3_000_000, now - 6_000),
        bidRow(sam, 2_000_000, now - 7_400),
        bidRow(ashley, 1_000_000, now - 8_000),
      ],
    },
    countdown: null,
    bidding: {
      blocked: null,
      minimum: pounds(6_000_001),
      maximum: pounds(141_250_000),
      steps: [
        { label: '+£500k', amount: pounds(6_500_000), allowed: true },
        { label: '+£1m', amount: pounds(7_000_000), allowed: true },
        { label: '+£2m', amount: pounds(8_000_000), allowed: true },
        { label: '+£5m', amount: pounds(11_000_000), allowed: true },
        { label: '+£10m', amount: pounds(16_000_000), allowed: true },
      ],
      mine: null,
    },
    managers: [
      manager(sam, 143_250_000, 6_750_000, [2], { isMe: true }),
      manager(robin, 145_500_000, 4_500_000, [0], { leading: true }),
      manager(ashley, 150_000_000, 0, []),
      manager(jo, 150_000_000, 0, []),
    ],
    clubs: clubs(3),
    waitingRoom: [],
    lastSale: { club: club(2), winner: sam, mine: true, price: pounds(6_750_000), at: now - 14_000 },
    ending: null,
    isCommissioner: false,
    room: { joined: true, at: now - 64_000, here: 5, cluster: 5, trouble: null },
    sequence: 23,
    gaps: 0,
    repeats: 0,
    ...more,
  };
}

export const recordingNow: Recording = {
  folder: '/home/sam/.local/share/gavelscope/recordings',
  file: '20261125-201400.jsonl',
  lines: 15_332,
  dropped: 0,
  trouble: null,
};

export function session(now: number, more: Partial<SessionState> = {}): SessionState {
  return {
    revision: 1,
    at: now,
    server: {
      address: 'http://127.0.0.1:43121',
      path: '/api/socket.io/',
      claim: { at: now - 60_000, status: 'healthy', mode: 'in-memory', multiPodReady: false, pod: 'gaveld-7f3a', adapter: 'connected' },
    },
    connection: {
      phase: 'online',
      since: now - 134_000,
      transport: 'rustSocketio',
      carrier: 'websocket',
      changedOver: null,
      wasOnline: true,
      transitions: [
        { at: now - 134_020, phase: 'connecting', reason: 'The session began.' },
        { at: now - 134_000, phase: 'online', reason: 'The server said yes after 14 ms.' },
      ],
      socketId: 'kX2vQm0Zr8TgAAAB',
      pod: 'gaveld-7f3a',
      reconnects: 0,
      attempt: 0,
      retryAt: null,
      heardAt: now - 400,
      pingIntervalMs: 20_000,
      handshakeMs: 14,
      trouble: null,
      moving: false,
      podAlone: null,
    },
    account: { userId: sam.userId, name: sam.name },
    clock: { offsetMs: -3, errorMs: 4, samples: 12, doubt: null },
    lobby: {
      readAt: now - 30_000,
      trouble: null,
      signedOut: false,
      leagues: [
        { id: 'l-1', name: 'Thursday Night League', stage: 'live', isCommissioner: false, auctionId: 'a-1', managers: 4, invite: null, timerSeconds: 15 },
        { id: 'l-2', name: 'Office Champions', stage: 'waitingRoom', isCommissioner: true, auctionId: 'a-2', managers: 8, invite: 'K7QP-2M4X', timerSeconds: 30 },
        { id: 'l-3', name: 'Sunday Pub Draft', stage: 'gathering', isCommissioner: true, auctionId: null, managers: 1, invite: 'H3VN-9TRW', timerSeconds: 20 },
        { id: 'l-4', name: 'Old Boys', stage: 'over', isCommissioner: false, auctionId: 'a-4', managers: 6, invite: null, timerSeconds: 20 },
      ],
    },
    auctions: [auction(now)],
    bids: [],
    ledger: { file: '/home/sam/.local/share/gavelscope/bids.db', trouble: null, failedWrites: 0 },
    measurements: {
      events: 1_284,
      eventsPerSecond: 6,
      eventsHistory: Array.from({ length: 60 }, (_, second) => 3 + Math.round(3 * Math.sin(second / 4) + (second % 7 === 0 ? 5 : 0))),
      unknownEvents: 0,
      unknownFields: 0,
      malformed: 0,
      gaps: 0,
      repeats: 2,
      dropped: 0,
      snapshots: 1,
      polls: 0,
      acksMissing: 0,
      restMs: 9,
      roundTrip: { count: 24, last: 7, median: 8, p95: 21 },
      answer: { count: 6, last: 9, median: 11, p95: 24 },
      echo: { count: 6, last: 14, median: 16, p95: 31 },
      echoesMissing: 0,
      lastBidPod: 'gaveld-7f3a',
      pods: [{ pod: 'gaveld-7f3a', socket: 3, rest: 22, at: now - 400 }],
    },
    recording: recordingNow,
    ...more,
  };
}

/** A finding with what every one has. */
function finding(code: string, outcome: Finding['outcome'], sentence: string, more: Partial<Finding> = {}): Finding {
  return {
    code,
    outcome,
    sentence,
    confidence: 'certain',
    restsOn: 'measured',
    evidence: [],
    meaning: null,
    cause: null,
    fix: null,
    anchor: code.toLowerCase(),
    ...more,
  };
}

function fact(label: string, value: string, claimed = false): Finding['evidence'][number] {
  return { label, value, claimed };
}

export const goodReport: Report = {
  at: 0,
  light: 'green',
  code: 'GS-ECHO',
  verdict: 'All is well: what is bid reaches everybody, and what you see is what the server says.',
  findings: [
    finding('GS-PODS', 'inconclusive', 'The server does not say which pod serves you.', { confidence: 'weak', restsOn: 'nothing tells' }),
    finding('GS-ECHO', 'pass', 'Your bids come back as events.', { evidence: [fact('Echoes', '6'), fact('Half within', '16 ms'), fact('95 % within', '31 ms')] }),
    finding('GS-GAPS', 'pass', 'No bid is missing between the first and the last.', { evidence: [fact('Missing', '0')] }),
  ],
};

export const badReport: Report = {
  at: 0,
  light: 'red',
  code: 'GS-ROOM-SPLIT',
  verdict:
    'Your bids are safe, but the prices you see can be late: this backend runs 3 pods that do not share rooms. Fix: set REDIS_URL on every pod, or run one replica.',
  findings: [
    finding('GS-ROOM-SPLIT', 'fail', 'Your bids are safe, but the prices you see can be late: this backend runs 3 pods that do not share rooms.', {
      restsOn: 'every pair of sockets, asked more than once',
      evidence: [fact('Sockets in the scratch room', '8'), fact('Groups that hear each other', '3'), fact('Pods', '1', true)],
      meaning: 'A bid that another pod takes is not told to you. Your own bids count, whichever pod takes them.',
      cause: 'Events do not cross between these pods: no adapter, or one that does not deliver.',
      fix: 'Operator: set REDIS_URL on every pod, or run one replica.',
    }),
    finding('GS-HEALTH', 'warn', 'The backend calls itself healthy although events get lost between its pods: do not judge by /health.', {
      evidence: [fact('/health', 'healthy (200), redis, ready for several pods', true)],
    }),
    finding('GS-LINK', 'pass', 'The connection stands.', { evidence: [fact('Reconnects', '0')] }),
  ],
};

export function app(now: number, more: Partial<AppState> = {}): AppState {
  return {
    session: session(now),
    practice: false,
    report: goodReport,
    diagnosis: { running: null, last: null, outdated: false },
    keeping: 'keychain',
    settings: { confirmAbove: pounds(10_000_000), keepInFile: false, transport: 'rustSocketio', record: true },
    servers: [
      { id: 's-1', label: 'The league’s server', address: 'https://auction.example.org', path: '/api/socket.io/', user: 'Sam' },
      { id: 's-2', label: 'Staging', address: 'https://staging.auction.example.org:8443', path: '/api/socket.io/', user: null },
    ],
    ...more,
  };
}

/** `count` lines of the feed, numbered from `from`. */
export function feedItems(count: number, now: number, from = 1): FeedItem[] {
  const kinds: [FeedItem['kind'], string, string][] = [
    ['event', 'tick', 'Lot 4 ends in 11.4 s'],
    ['event', 'bid_update', 'Robin bids £6,000,000 on lot 4'],
    ['event', 'bid_placed', 'Robin bids £6,000,000 on Brighton & Hove Albion'],
    ['event', 'tick', 'Lot 4 ends in 10.9 s'],
    ['note', 'answer', 'The server answered your bid of £5,500,000 in 9 ms: accepted'],
    ['event', 'anti_snipe', 'Lot 4 now ends 5 s later'],
    ['unknown', 'league_mood', 'An event that the contract does not know'],
    ['malformed', 'bid_update', 'The amount is NaN, which is not a number'],
  ];
  return Array.from({ length: count }, (_, index) => {
    const [kind, name, summary] = kinds[(from + index) % kinds.length]!;
    return { id: from + index, at: now - (count - index) * 137, kind, name, summary, auctionId: 'a-1', hasRaw: kind !== 'note' };
  });
}

/** A feed in which something was missed. */
export function feedWithGap(now: number): FeedItem[] {
  const around = feedItems(40, now);
  const notes: [string, string][] = [
    ['gap', '2 bids were missed before no. 23; reading the state anew.'],
    ['snapshot', 'The state was read anew: lot 4, bid no. 23.'],
  ];
  return around.map((item, index) => {
    const note = notes[index - 33];
    return note === undefined ? item : { ...item, kind: 'note', name: note[0], summary: note[1], hasRaw: false };
  });
}
