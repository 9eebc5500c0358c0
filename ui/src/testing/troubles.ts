/** Every kind of trouble as the core publishes it, for the tests and for the developer's page. */
import type { AppState, AuctionView, Connection, LedgerEntry, SessionState, Transition } from '../lib/platform/platform';
import * as fixtures from './fixtures';

const { pounds, sam, robin, jo, ashley } = fixtures;

function room(now: number, more: Partial<AuctionView> = {}, session: Partial<SessionState> = {}, app: Partial<AppState> = {}): AppState {
  return fixtures.app(now, { session: fixtures.session(now, { auctions: [fixtures.auction(now, more)], ...session }), ...app });
}

function link(now: number, more: Partial<Connection>): Connection {
  return { ...fixtures.session(now).connection, ...more };
}

/** How a link was lost and is looked for. */
export function lossHistory(now: number): Transition[] {
  return [
    { at: now - 134_020, phase: 'resolving', reason: 'The session began.' },
    { at: now - 134_010, phase: 'connecting', reason: '127.0.0.1 has one address.' },
    { at: now - 134_004, phase: 'handshaking', reason: 'The server took the websocket.' },
    { at: now - 134_000, phase: 'online', reason: 'The server said yes after 14 ms.' },
    { at: now - 45_000, phase: 'suspect', reason: 'Nothing was heard for 30 s, and a heartbeat is due every 20 s.' },
    { at: now - 12_400, phase: 'backoff', reason: 'The check was not answered; trying again in 0.2 s.' },
    { at: now - 12_200, phase: 'connecting', reason: 'Attempt 1.' },
    { at: now - 12_190, phase: 'backoff', reason: 'The server refused the connection; trying again in 7.5 s.' },
  ];
}

const notLive = fixtures.blocked('notLive', 'The state is not up to date; bidding opens again once it is.', 'No connection');

function bidding(now: number, more: Partial<AuctionView['bidding']> = {}): AuctionView['bidding'] {
  return { ...fixtures.auction(now).bidding, ...more };
}

/** My bid whose answer never came. */
export function unknownBid(now: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  return fixtures.ledgerEntry('unknown', {
    sentAt: now - 6_000,
    sentence: 'No answer yet for £6,000,000. It may count: it is being looked for, and not sent again.',
    ...more,
  });
}

/** Another auction of mine, on lot 7, in which I lead. */
export function office(now: number, more: Partial<AuctionView> = {}): AuctionView {
  const base = fixtures.auction(now);
  return fixtures.auction(now, {
    id: 'a-2',
    leagueId: 'l-2',
    leagueName: 'Office Champions',
    lot: { ...base.lot!, number: 7, club: fixtures.club(6), price: pounds(12_500_000), leader: sam, leading: true, endsAt: now + 18_700 },
    ...more,
  });
}

function outbidAtTheOffice(now: number): AuctionView {
  const mine = office(now);
  return office(now, { lot: { ...mine.lot!, price: pounds(13_500_000), leader: robin, leading: false, endsAt: now + 16_200 } });
}

function several(now: number, elsewhere: AuctionView): AppState {
  const closing = fixtures.auction(now, { id: 'a-3', leagueName: 'The Sunday Pub Draft of 2026' });
  const lot = { ...closing.lot!, leader: jo, price: pounds(850_000), endsAt: now + 4_400 };
  return fixtures.app(now, {
    session: fixtures.session(now, { auctions: [fixtures.auction(now, { isCommissioner: true }), elsewhere, { ...closing, lot }] }),
  });
}

export const troubles: Record<string, (now: number) => AppState> = {
  reconnecting: (now) =>
    room(
      now,
      {
        trust: 'stale', doubt: 'No connection: price and clock are as they were when it was lost.', confirmedAt: now - 12_600,
        bidding: bidding(now, { blocked: notLive }),
      },
      {
        connection: link(now, {
          phase: 'backoff', since: now - 12_190, retryAt: now + 7_500, socketId: null, attempt: 2, transitions: lossHistory(now),
          trouble: 'The server refused the connection.',
        }),
      },
      { report: fixtures.badReport },
    ),
  'connecting-again': (now) =>
    room(
      now,
      { trust: 'stale', doubt: 'No connection.', confirmedAt: now - 12_600, bidding: bidding(now, { blocked: notLive, mine: fixtures.ledgerEntry('sent') }) },
      {
        bids: [fixtures.ledgerEntry('sent')],
        connection: link(now, {
          phase: 'handshaking', since: now - 300, socketId: null, attempt: 3, trouble: 'The server refused the connection.',
          transitions: [...lossHistory(now), { at: now - 300, phase: 'handshaking', reason: 'The server took the websocket.' }],
        }),
      },
    ),
  suspect: (now) =>
    room(now, { confirmedAt: now - 31_000 }, {
      connection: link(now, {
        phase: 'suspect', since: now - 1_000, heardAt: now - 31_000, transitions: lossHistory(now).slice(0, 5),
      }),
    }),
  polled: (now) =>
    room(
      now,
      {
        trust: 'polled', polledEveryMs: 1_000, doubt: 'Events do not arrive; price and clock are read from the server again and again.',
        confirmedAt: now - 120, bidding: bidding(now, { mine: fixtures.ledgerEntry('confirmed', { sentence: '£6,000,000 counts: the auction’s own list has it.', echoMs: null }) }),
      },
      {
        connection: link(now, { pod: 'gaveld-7f3a' }),
        measurements: { ...fixtures.session(now).measurements, polls: 48, snapshots: 50, echoesMissing: 3, lastBidPod: 'gaveld-91c2' },
      },
      { report: fixtures.badReport },
    ),
  'polled-offline': (now) =>
    room(
      now,
      {
        trust: 'polled', polledEveryMs: 1_000, confirmedAt: now - 300,
        doubt: 'There is no live connection. The state is read from the server instead; bids count as ever.',
      },
      { connection: link(now, { phase: 'backoff', since: now - 2_000, retryAt: now + 6_000, socketId: null, attempt: 4, transitions: lossHistory(now), trouble: 'A proxy on the way refuses the connection.' }) },
    ),
  'polled-late': (now) =>
    room(now, { trust: 'polled', polledEveryMs: 4_000, doubt: 'Events do not arrive.', confirmedAt: now - 14_000 }),
  'catching-up': (now) =>
    room(now, { trust: 'catchingUp', doubt: 'Something was missed; the state is being read anew.', confirmedAt: now - 1_400 }),
  'unknown-bid': (now) =>
    room(now, { bidding: bidding(now, { mine: unknownBid(now), blocked: fixtures.blocked('inFlight', 'Your bid is on its way.', 'On its way') }) }, {
      bids: [unknownBid(now)],
    }),
  'unknown-earlier': (now) =>
    room(now, {}, {
      bids: [
        unknownBid(now, {
          key: 'bid-0', lot: 3, club: 'Real Sociedad', amount: pounds(6_250_000), earlier: true, attempts: 2, sentAt: now - 86_000,
          sentence: '£6,250,000 may have been sent before the application ended, and no answer was heard. It is being looked for.',
        }),
        unknownBid(now, { sentAt: now - 20_000 }),
      ],
    }),
  attempts: (now) =>
    room(now, {
      bidding: bidding(now, {
        mine: fixtures.ledgerEntry('confirmed', { attempts: 3, earlier: true, sentence: '£6,000,000 counts: the room has seen it.', answerMs: 4_210, echoMs: 4_300 }),
      }),
    }),
  'clock-doubt': (now) =>
    room(now, {}, {
      clock: { offsetMs: 2_140, errorMs: 1_240, samples: 3, doubt: 'The answers of the server take 2.5 s, so its clock is known no better than that.' },
    }),
  discontinuity: (now) => {
    const lot = fixtures.auction(now).lot!;
    const bids = [
      fixtures.bidRow(robin, 6_000_000, now - 1_200, { seq: 23 }),
      fixtures.bidRow(sam, 5_500_000, now - 2_700),
      fixtures.bidRow(ashley, 4_750_000, now - 3_300, { below: true }),
      fixtures.bidRow(robin, 5_000_000, now - 4_100, { seq: 20 }),
      fixtures.bidRow(jo, 3_000_000, now - 6_000, { seq: 17 }),
      fixtures.bidRow(sam, 2_000_000, now - 7_400, { seq: 16 }),
    ];
    const measurements = { ...fixtures.session(now).measurements, gaps: 4, snapshots: 3 };
    return room(now, { lot: { ...lot, bids }, gaps: 4 }, { measurements });
  },
  'too-late': (now) =>
    room(now, {
      lot: { ...fixtures.auction(now).lot!, endsAt: now + 3_300 },
      bidding: bidding(now, { blocked: fixtures.blocked('tooLate', 'There is less time left than a bid needs to get there.', 'Bid anyway') }),
    }),
  several: (now) => several(now, office(now)),
  // Everything at once: the room must still be a room.
  'all-at-once': (now) =>
    fixtures.app(now, {
      report: fixtures.badReport,
      session: fixtures.session(now, {
        auctions: [
          fixtures.auction(now, {
            isCommissioner: true, trust: 'polled', polledEveryMs: 1_000, confirmedAt: now - 1_200, doubt: 'Events do not arrive.', gaps: 2,
            bidding: bidding(now, { mine: unknownBid(now, { attempts: 2 }) }),
          }),
          office(now),
        ],
        bids: [unknownBid(now, { attempts: 2 })],
        connection: link(now, { phase: 'suspect', heardAt: now - 31_000 }),
        clock: { offsetMs: 2_140, errorMs: 1_240, samples: 3, doubt: 'The answers of the server take 2.5 s.' },
      }),
    }),
};

/** What comes a moment later. */
export const afterwards: Record<string, (now: number) => AppState> = {
  several: (now) => several(now, outbidAtTheOffice(now)),
  'unknown-earlier': (now) =>
    room(now, {}, {
      bids: [
        unknownBid(now, { key: 'bid-0', lot: 3, club: 'Real Sociedad', amount: pounds(6_250_000), earlier: true, attempts: 2, sentAt: now - 86_000 }),
        fixtures.ledgerEntry('notStored', { key: 'bid-1', sentAt: now - 20_000, sentence: '£6,000,000 does not count: the server does not have it.' }),
      ],
    }),
};
