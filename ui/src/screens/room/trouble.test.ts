import { fireEvent, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { AppState, LedgerEntry } from '../../lib/platform/platform';
import * as fixtures from '../../testing/fixtures';
import { office, troubles, unknownBid } from '../../testing/troubles';
import { refusal, Scripted } from '../../testing/scripted';
import { inRoom, openWindow, settle } from '../../testing/window';

const now = Date.now();
const base = fixtures.auction(now);

function at<T extends HTMLElement = HTMLElement>(testId: string): T {
  return screen.getByTestId<T>(testId);
}

function said(testId: string): string {
  return (at(testId).textContent ?? '').replace(/\s+/g, ' ').trim();
}

function absent(testId: string): boolean {
  return screen.queryByTestId(testId) === null;
}

function withBids(bids: LedgerEntry[]): AppState {
  return fixtures.app(now, { session: fixtures.session(now, { bids }) });
}

// Time stands still, so that no slow machine turns a 12 into an 11.
beforeEach(() => void vi.useFakeTimers({ now, toFake: ['Date', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('a lost connection', () => {
  it('says since when, why, when the next try is, and what it means for my bids', async () => {
    await openWindow(troubles['reconnecting']!(now));
    expect(said('banner-connection')).toMatch(/^No connection for 12 s\. The server refused the connection\./);
    expect(said('banner-connection')).toContain('You cannot bid until it is back.');
    expect(said('banner-connection')).toContain('Next try in 8 s');
    expect(said('link-phase')).toMatch(/Offline, 8 s$/);
  });

  it('is told once, not once as a link and once as an old state', async () => {
    await openWindow(troubles['reconnecting']!(now));
    expect(at('banner-connection').dataset['trust']).toBe('stale');
    expect(absent('banner-doubt')).toBe(true);
    expect(said('lot-age')).toBe('12 s old');
  });

  it('counts from the loss while it is tried again and again, and promises an open bid nothing but a look', async () => {
    await openWindow(troubles['connecting-again']!(now));
    expect(said('banner-connection')).toMatch(/^No connection for 12 s\./);
    expect(said('banner-connection')).toContain('What became of your open bid is found out then.');
    expect(said('banner-connection')).toContain('Try 3 is under way');
    expect(absent('retry-now')).toBe(true);
  });

  it('says nothing of prices and bids where there are none', async () => {
    const state = troubles['reconnecting']!(now);
    state.session!.auctions[0] = fixtures.auction(now, { phase: 'completed', trust: 'stale' });
    await openWindow(state);
    expect(said('banner-connection')).not.toMatch(/Price|bid/);
  });

  it('is not what the first attempt is called', async () => {
    const connection = { ...fixtures.session(now).connection, phase: 'connecting' as const, wasOnline: false, transitions: [] };
    await openWindow(fixtures.app(now, { session: fixtures.session(now, { connection }) }));
    expect(said('banner-connection')).toMatch(/^Connecting to the server…/);
  });
});

describe('a silent connection', () => {
  it('says for how long nothing was heard, and that I can still bid where I can', async () => {
    const { show } = await openWindow(troubles['suspect']!(now));
    expect(at('banner-connection').dataset['phase']).toBe('suspect');
    expect(said('banner-connection')).toMatch(/^Nothing heard for 31 s; checking\./);
    expect(said('banner-connection')).toContain('You can still bid');
    expect(said('link-phase')).toMatch(/Checking, 31 s$/);
    const state = troubles['suspect']!(now);
    state.session!.auctions[0]!.bidding.blocked = fixtures.blocked('notLive', 'The state is not up to date.', 'No connection');
    await show(state);
    expect(said('banner-connection')).toContain('You cannot bid until it is clear.');
  });
});

describe('polled mode', () => {
  it('is calm: it says how often is read and that my bids count, and everything can be pressed', async () => {
    const { scripted } = await openWindow(troubles['polled']!(now));
    expect(said('banner-doubt')).toMatch(/^Read from the server every 1 s; your bids count\./);
    expect(at('banner-doubt').classList.contains('calm')).toBe(true);
    expect(said('trust-mark')).toBe('Polled');
    await fireEvent.click(at('bid-step-1'));
    await settle();
    expect(scripted.asked('placeBid')).toHaveLength(1);
  });

  it('marks price and clock with their age', async () => {
    const { show } = await openWindow(inRoom(now, { trust: 'polled', polledEveryMs: 2_000, confirmedAt: now }));
    expect(said('lot-age')).toBe('read just now');
    await show(inRoom(now, { trust: 'polled', polledEveryMs: 2_000, confirmedAt: now - 2_300 }));
    expect(said('lot-age')).toBe('read 2 s ago');
    expect(at('lot-age').classList.contains('warn')).toBe(false);
    expect(screen.getByText('left, as read')).toBeTruthy();
  });

  it('is worried only when the reading itself is overdue', async () => {
    await openWindow(troubles['polled-late']!(now));
    expect(said('lot-age')).toBe('read 14 s ago');
    expect(at('lot-age').classList.contains('warn')).toBe(true);
  });

  it('without any link says that bids count, and nothing else', async () => {
    const { scripted } = await openWindow(troubles['polled-offline']!(now));
    expect(said('banner-connection')).toMatch(/^No connection for 12 s\. A proxy on the way refuses the connection\./);
    expect(said('banner-connection')).not.toMatch(/cannot bid|Price and clock/);
    expect(said('banner-doubt')).toContain('bids count as ever');
    await fireEvent.click(at('bid-step-1'));
    await settle();
    expect(scripted.asked('placeBid')).toHaveLength(1);
  });

  it('leaves no mark when events arrive again', async () => {
    const { show } = await openWindow(troubles['polled']!(now));
    await show(inRoom(now));
    for (const id of ['banner-doubt', 'lot-age', 'trust-mark']) expect(absent(id)).toBe(true);
  });
});

describe('something that was missed', () => {
  it('is caught up in sight', async () => {
    await openWindow(troubles['catching-up']!(now));
    expect(at('banner-doubt').dataset['trust']).toBe('catchingUp');
    expect(said('banner-doubt')).toContain('the state is being read anew');
    expect(said('trust-mark')).toBe('Catching up');
  });

  it('is marked where it is missing from the bids, and where it was only read later', async () => {
    await openWindow(troubles['discontinuity']!(now));
    expect(said('bids-gaps')).toBe('4 not heard');
    expect(screen.getAllByTestId('bid-read')).toHaveLength(2);
    expect(said('bids-gap')).toBe('2 bids missing here');
    expect(at('bids-gap').previousElementSibling?.textContent).toContain('£5,000,000');
  });

  it('is not claimed where I joined in the middle of a lot', async () => {
    await openWindow(inRoom(now));
    for (const id of ['bids-gaps', 'bid-read', 'bids-gap']) expect(absent(id)).toBe(true);
  });

  it('is a line of its own in the feed', async () => {
    const { app, show } = await openWindow(inRoom(now));
    app.pane = 'feed';
    await show(null, fixtures.feedWithGap(now));
    const gaps = screen.getAllByTestId('feed-row').filter((row) => row.dataset['gap'] === 'true');
    expect(gaps.map((row) => row.textContent)).toEqual([expect.stringContaining('2 bids were missed before no. 23')]);
  });
});

describe('a bid of which nothing is known', () => {
  it('stays in sight on every lot and every screen, until it is known and read', async () => {
    const { app, show } = await openWindow(withBids([unknownBid(now)]));
    expect(said('open-bid')).toContain('£6,000,000 for Brighton & Hove Albion');
    expect(said('open-bid')).toContain('It may count');
    expect(said('open-bids')).toBe('1 bid not known');
    expect(absent('open-bid-dismiss')).toBe(true);
    app.screen = 'lobby';
    await settle();
    expect(at('open-bid').dataset['fate']).toBe('unknown');

    const found = fixtures.ledgerEntry('confirmed', { sentence: '£6,000,000 counts: the auction’s own list has it.' });
    await show(withBids([found]));
    expect(said('open-bid')).toContain('It counts: £6,000,000');
    expect(absent('open-bids')).toBe(true);
    await fireEvent.click(at('open-bid-dismiss'));
    await settle();
    expect(absent('open-bid')).toBe(true);
  });

  it('of an earlier run says so, and how often it was asked for', async () => {
    await openWindow(withBids([unknownBid(now, { earlier: true, attempts: 2 })]));
    expect(said('open-bid')).toContain('before Gavelscope was started anew');
    expect(said('open-bid')).toContain('asked 2 times under one key');
    expect(at('open-bid').dataset['earlier']).toBe('true');
  });

  it('is told as not counting where it was never stored', async () => {
    const { show } = await openWindow(withBids([unknownBid(now)]));
    await show(withBids([fixtures.ledgerEntry('notStored')]));
    expect(said('open-bid')).toContain('It does not count: £6,000,000');
  });

  it('may never be known, and is told so', async () => {
    const { show } = await openWindow(withBids([unknownBid(now)]));
    await show(withBids([fixtures.ledgerEntry('undecidable')]));
    expect(said('open-bid')).toContain('Cannot be known any more: £6,000,000');
    expect(absent('open-bids')).toBe(true);
    expect(at('open-bid-dismiss')).toBeTruthy();
  });

  it('would be lost in a crash where bids cannot be written down, which is said before', async () => {
    const ledger = { file: '/var/bids.db', trouble: 'The disk is full.', failedWrites: 2 };
    await openWindow(fixtures.app(now, { session: fixtures.session(now, { ledger }) }));
    expect(said('ledger-trouble')).toMatch(/^Your bids are not written down\. The disk is full\./);
    expect(said('diag-ledger')).toBe('not written down, 2 failed writes');
  });

  it('is not said of a bid whose answer came in time', async () => {
    const { show } = await openWindow(withBids([fixtures.ledgerEntry('sent')]));
    expect(absent('open-bid')).toBe(true);
    await show(withBids([fixtures.ledgerEntry('confirmed')]));
    expect(absent('open-bid')).toBe(true);
  });

  it('does not push the room away where there are many', async () => {
    await openWindow(withBids([1, 2, 3, 4, 5].map((number) => unknownBid(now, { key: `bid-${number}` }))));
    expect(screen.getAllByTestId('open-bid')).toHaveLength(3);
    expect(screen.getByText('And 2 more bids like these.')).toBeTruthy();
  });

  it('that was asked for several times says that it is one', async () => {
    await openWindow(troubles['attempts']!(now));
    expect(said('bid-again')).toBe('Sent before the restart. Asked 3 times under one key: one bid.');
  });
});

describe('a clock in doubt', () => {
  it('is marked with its error, without digits that nobody knows', async () => {
    const state = troubles['clock-doubt']!(now);
    state.session!.auctions[0]!.lot!.endsAt = now + 7_400;
    await openWindow(state);
    expect(said('clock-doubt')).toContain('The countdown may be off by ± 1.3 s.');
    expect(said('clock-doubt')).toContain('its clock is known no better than that');
    expect(said('countdown-error')).toBe('± 1.3 s');
    expect(said('lot-countdown')).toBe('8');
    expect(said('diag-clock-doubt')).toContain('The answers of the server take 2.5 s');
  });

  it('is no matter while the clock stands', async () => {
    const state = troubles['clock-doubt']!(now);
    state.session!.auctions[0] = fixtures.auction(now, { phase: 'paused', lot: { ...base.lot!, endsAt: null, stoppedAtMs: 7_300 } });
    await openWindow(state);
    expect(said('lot-countdown')).toBe('7.3');
    for (const id of ['clock-doubt', 'countdown-error']) expect(absent(id)).toBe(true);
  });
});

describe('the countdown', () => {
  it('does not care when somebody sets this computer’s clock', async () => {
    vi.useFakeTimers({ now });
    const started = now;
    await openWindow(inRoom(started, { lot: { ...base.lot!, endsAt: started + 30_000 } }));
    vi.advanceTimersByTime(9_500);
    await settle();
    expect(said('lot-countdown')).toBe('21');
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(1_000);
    await settle();
    expect(said('lot-countdown')).toBe('20');
    vi.setSystemTime(Date.now() - 7_200_000);
    vi.advanceTimersByTime(1_000);
    await settle();
    expect(said('lot-countdown')).toBe('19');
  });

  it('stands rather than going back when the server’s clock is known a little better', async () => {
    const clock = { offsetMs: 0, errorMs: 400, samples: 3, doubt: null };
    const ending = (at: number, endsAt: number, more = {}) => {
      const auction = fixtures.auction(now, { lot: { ...base.lot!, endsAt, ...more } });
      return fixtures.app(now, { session: fixtures.session(at, { auctions: [auction], clock }) });
    };
    const { show } = await openWindow(ending(now, now + 5_000));
    expect(said('lot-countdown')).toBe('5.0');
    await show(ending(now, now + 5_300));
    expect(said('lot-countdown')).toBe('5.0');
    await show(ending(now, now + 5_300, { extendedAt: now }));
    expect(said('lot-countdown')).toBe('5.3');
    await show(ending(now, now + 9_000, { extendedAt: now }));
    expect(said('lot-countdown')).toBe('9.0');
  });
});

describe('too little time', () => {
  it('is said on the button, and only a press of its own insists', async () => {
    const { scripted } = await openWindow(troubles['too-late']!(now));
    expect(said('bid-place')).toBe('Too late');
    expect(at<HTMLButtonElement>('bid-place').disabled).toBe(true);
    expect(said('bid-blocked')).toBe('There is less time left than a bid needs to get there.');
    await fireEvent.click(at('bid-step-1'));
    await fireEvent.submit(at('bid-input').closest('form')!);
    await settle();
    expect(scripted.asked('placeBid')).toEqual([]);
    expect(said('bid-anyway')).toBe('Bid £6.5m anyway');
    await fireEvent.click(at('bid-anyway'));
    await settle();
    expect(scripted.asked('placeBid')).toEqual([['a-1', '6500000', 6_000_000, true]]);
  });

  it('insists on what was typed, and still asks twice for a large bid', async () => {
    const { scripted } = await openWindow(troubles['too-late']!(now));
    await fireEvent.input(at('bid-input'), { target: { value: '20000000' } });
    await fireEvent.click(at('bid-anyway'));
    await settle();
    expect(scripted.asked('placeBid')).toEqual([]);
    await fireEvent.click(at('bid-confirm'));
    await settle();
    expect(scripted.asked('placeBid')).toEqual([['a-1', '20000000', 6_000_000, true]]);
  });

  it('that the core saw first can be insisted on all the same, with what was pressed', async () => {
    const scripted = new Scripted({
      placeBid: (_auction, _typed, _seen, insist) => {
        if (!insist) throw refusal('tooLate', '180 ms are left and a bid needs about 240 ms to get there.', 'Insist if you want it sent all the same.');
        return fixtures.ledgerEntry('sent');
      },
    });
    await openWindow(inRoom(now), 'room', scripted);
    expect(absent('bid-anyway')).toBe(true);
    await fireEvent.click(at('bid-step-2'));
    await settle();
    expect(said('error-sentence')).toContain('180 ms are left');
    await fireEvent.click(at('bid-anyway'));
    await settle();
    expect(scripted.asked('placeBid')).toEqual([['a-1', '7000000', 6_000_000, false], ['a-1', '7000000', 6_000_000, true]]);
    expect(absent('error-sentence')).toBe(true);
  });

  it('is the only thing that is insisted on', async () => {
    await openWindow(inRoom(now, { bidding: { ...base.bidding, blocked: fixtures.blocked('budget', 'Your budget does not reach.', 'Out of budget') } }));
    expect(absent('bid-anyway')).toBe(true);
  });
});

describe('everything at once', () => {
  it('is said, each thing once', async () => {
    const { show } = await openWindow(troubles['all-at-once']!(now));
    const state = troubles['all-at-once']!(now);
    state.session!.auctions.reverse();
    await show(state);
    for (const id of ['banner-connection', 'banner-doubt', 'clock-doubt', 'open-bid']) expect(screen.getAllByTestId(id)).toHaveLength(1);
    expect(office(now).lot?.leading).toBe(true);
  });
});
