import { fireEvent, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';

import * as fixtures from '../../testing/fixtures';
import { refusal, Scripted } from '../../testing/scripted';
import { inRoom, openWindow, settle } from '../../testing/window';

const now = Date.now();
const base = fixtures.auction(now);
const { pounds, sam, robin } = fixtures;

function at(testId: string): HTMLElement {
  return screen.getByTestId(testId);
}

function said(testId: string): string {
  return (at(testId).textContent ?? '').replace(/\s+/g, ' ').trim();
}

afterEach(() => void vi.useRealTimers());

describe('the room', () => {
  it('shows the lot, its price and who leads', async () => {
    await openWindow(inRoom(now));
    expect(said('lot-name')).toBe('Brighton & Hove Albion');
    expect(said('lot-number')).toContain('Lot 4');
    expect(said('lot-price')).toBe('£6,000,000');
    expect(said('lot-leader')).toBe('Robin leads');
    expect(said('budget-mine')).toBe('£143,250,000');
    expect(screen.getAllByTestId('manager-row')).toHaveLength(4);
  });

  it('tells me apart when I lead', async () => {
    await openWindow(inRoom(now, { lot: { ...base.lot!, leader: sam, leading: true } }));
    expect(said('lot-leader')).toBe('You lead');
    expect(at('lot-leader').dataset['leading']).toBe('true');
  });

  it('marks a bid that was accepted below the price', async () => {
    await openWindow(inRoom(now));
    const below = screen.getAllByTestId('bid-row').filter((row) => row.textContent?.includes('Accepted below the price'));
    expect(below).toHaveLength(1);
    expect(below[0]?.textContent).toContain('£4,750,000');
  });

  it('shows what a stopped clock stood at', async () => {
    await openWindow(inRoom(now, { phase: 'paused', lot: { ...base.lot!, endsAt: null, stoppedAtMs: 7_300 } }));
    expect(said('lot-countdown')).toBe('7.3');
  });

  it('counts to the next lot between two', async () => {
    await openWindow(inRoom(now, { phase: 'between', countdown: 3 }));
    expect(said('lot-countdown')).toBe('3');
  });

  it('flashes when a late bid moves the hammer, and not when a lot begins', async () => {
    const extension = () => screen.getByText('Time extended').getAttribute('aria-hidden');
    const { show } = await openWindow(inRoom(now, { lot: { ...base.lot!, extendedAt: now - 5_000 } }));
    expect(extension()).toBe('true');
    await show(inRoom(now, { lot: { ...base.lot!, number: 5, extendedAt: now - 4_000 } }));
    expect(extension()).toBe('true');
    await show(inRoom(now, { lot: { ...base.lot!, number: 5, extendedAt: now } }));
    expect(extension()).toBe('false');
  });

  it('keeps its lists when the server names somebody or something twice', async () => {
    await openWindow(inRoom(now, { managers: [...base.managers, ...base.managers], clubs: [...base.clubs, ...base.clubs], waitingRoom: [sam, sam] }));
    expect(screen.getAllByTestId('manager-row')).toHaveLength(8);
  });

  it('says when what is shown may be old', async () => {
    await openWindow(inRoom(now, { trust: 'stale', doubt: 'The link to the server is down.' }));
    expect(said('banner-doubt')).toContain('The link to the server is down.');
  });

  it('counts down to the next attempt and lets me try at once', async () => {
    const connection = { ...fixtures.session(now).connection, phase: 'backoff' as const, retryAt: Date.now() + 7_500, trouble: 'The server closed the connection.' };
    const { scripted } = await openWindow(fixtures.app(now, { session: fixtures.session(now, { connection }) }));
    expect(said('banner-connection')).toContain('The server closed the connection.');
    expect(said('banner-connection')).toMatch(/Next try in \d+ s/);
    await fireEvent.click(at('retry-now'));
    await settle();
    expect(scripted.asked('retryNow')).toHaveLength(1);
  });

  it('sums up who won what when it is over', async () => {
    await openWindow(inRoom(now, { phase: 'completed', ending: 'All lots were offered.', clubs: fixtures.clubs(12) }));
    expect(said('completion')).toContain('All lots were offered. 11');
    expect(said('completion')).toContain('11 clubs sold, 1 unsold.');
    expect(said('completion')).toContain('Real Sociedad');
  });

  it('ends what the server says with a full stop', async () => {
    await openWindow(inRoom(now, { phase: 'completed', ending: 'All clubs have been sold', clubs: fixtures.clubs(12) }));
    expect(said('completion')).toContain('All clubs have been sold. 11 clubs sold');
  });

  it('offers another practice with the same set-up, and nothing of the kind on a server', async () => {
    const over = inRoom(now, { phase: 'completed', ending: 'All lots were offered.' });
    const { scripted, app, show } = await openWindow(over);
    expect(screen.queryByTestId('practice-again')).toBeNull();
    await show({ ...over, practice: true });
    app.practice.lots = 4;
    await fireEvent.click(at('practice-again'));
    await settle();
    expect(scripted.asked('startPractice')).toEqual([[{ name: 'You', bots: 3, lots: 4, timerSeconds: 15 }]]);
  });

  it('says aloud that I am outbid, and what was sold', async () => {
    const { show } = await openWindow(inRoom(now, { lot: { ...base.lot!, leader: sam, leading: true } }));
    await show(inRoom(now, { lot: { ...base.lot!, leader: robin, leading: false, price: pounds(7_000_000) } }));
    expect(said('announce-urgent')).toBe('You are outbid. Robin leads at £7,000,000.');
    await show(inRoom(now, { lastSale: { club: fixtures.club(3), winner: robin, mine: false, price: pounds(7_000_000), at: now + 1 } }));
    expect(said('announce-polite')).toBe('Brighton & Hove Albion sold to Robin for £7,000,000.');
  });
});

describe('the commissioner', () => {
  const waiting = { phase: 'waiting' as const, lot: null, waitingRoom: [sam, robin], isCommissioner: true };

  it('sees who is here and begins', async () => {
    const { scripted } = await openWindow(inRoom(now, waiting));
    expect(screen.getAllByTestId('waiting-person').map((row) => row.textContent)).toEqual(['Sam', 'Robin']);
    await fireEvent.click(at('begin-auction'));
    await settle();
    expect(scripted.asked('commission')).toEqual([['l-1', 'begin']]);
  });

  it('reads why a call was refused', async () => {
    const scripted = new Scripted({
      commission: () => {
        throw refusal('refused', 'The server refused: there is only one manager.', 'Wait until somebody joins.');
      },
    });
    await openWindow(inRoom(now, waiting), 'room', scripted);
    await fireEvent.click(at('begin-auction'));
    await settle();
    expect(said('error-sentence')).toBe('The server refused: there is only one manager. Wait until somebody joins.');
  });

  it('pauses while bids are taken and resumes afterwards', async () => {
    const { scripted, show } = await openWindow(inRoom(now, { isCommissioner: true }));
    await fireEvent.click(at('pause-auction'));
    await settle();
    await show(inRoom(now, { isCommissioner: true, phase: 'paused' }));
    await fireEvent.click(at('resume-auction'));
    await settle();
    expect(scripted.asked('commission')).toEqual([['l-1', 'pause'], ['l-1', 'resume']]);
  });

  it('is the only one who has these buttons', async () => {
    await openWindow(inRoom(now));
    for (const id of ['pause-auction', 'complete-lot', 'commission-more']) expect(screen.queryByTestId(id)).toBeNull();
  });
});
