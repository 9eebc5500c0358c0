import { fireEvent, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { AppState, AuctionView } from '../../lib/platform/platform';
import * as fixtures from '../../testing/fixtures';
import { office } from '../../testing/troubles';
import { openWindow, settle } from '../../testing/window';

const now = Date.now();
const { pounds, robin } = fixtures;

function several(...auctions: AuctionView[]): AppState {
  return fixtures.app(now, { session: fixtures.session(now, { auctions }) });
}

const thursday = fixtures.auction(now);
const pub = fixtures.auction(now, { id: 'a-3', leagueName: 'Sunday Pub Draft', phase: 'waiting', lot: null });

function outbid(): AuctionView {
  const mine = office(now);
  return office(now, { lot: { ...mine.lot!, price: pounds(13_500_000), leader: robin, leading: false } });
}

function tabs(): HTMLElement[] {
  return screen.getAllByRole('tab').filter((tab) => tab.dataset['testid'] === 'auction-tab');
}

function chosen(): string {
  return tabs().find((tab) => tab.getAttribute('aria-selected') === 'true')?.querySelector('.name')?.textContent ?? '';
}

function said(element: HTMLElement): string {
  return (element.textContent ?? '').replace(/\s+/g, ' ').trim();
}

// Time stands still, so that no slow machine closes a lot.
beforeEach(() => void vi.useFakeTimers({ now, toFake: ['Date', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('several auctions', () => {
  it('are tabs, each with its name, price and clock', async () => {
    await openWindow(several(thursday, office(now), pub));
    expect(tabs().map((tab) => said(tab.querySelector('.name')!))).toEqual(['Thursday Night League', 'Office Champions', 'Sunday Pub Draft']);
    const [first, second, third] = tabs() as [HTMLElement, HTMLElement, HTMLElement];
    expect(said(within(first).getByTestId('tab-price'))).toBe('£6m');
    expect(said(within(first).getByTestId('tab-clock'))).toBe('12 s');
    expect(said(within(second).getByTestId('tab-price'))).toBe('£12.5m');
    expect(said(within(second).getByTestId('tab-mark'))).toBe('You lead');
    expect(said(third)).toContain('Waiting room');
  });

  it('are no tabs where there is only one', async () => {
    await openWindow(several(thursday));
    expect(screen.queryByTestId('auction-tab')).toBeNull();
  });

  it('each keep their own lot, price and bids', async () => {
    const { app } = await openWindow(several(thursday, office(now)));
    app.showRoom('a-1');
    await settle();
    expect(said(screen.getByTestId('lot-price'))).toBe('£6,000,000');
    await fireEvent.click(tabs()[1]!);
    await settle();
    expect(said(screen.getByTestId('lot-price'))).toBe('£12,500,000');
    expect(said(screen.getByTestId('lot-number'))).toContain('Lot 7');
  });

  it('do not mix up what is typed for one with the other', async () => {
    const { app, scripted } = await openWindow(several(thursday, outbid()));
    app.showRoom('a-1');
    await settle();
    await fireEvent.input(screen.getByTestId('bid-input'), { target: { value: '7000000' } });
    await fireEvent.click(tabs()[1]!);
    await settle();
    expect(screen.getByTestId<HTMLInputElement>('bid-input').value).toBe('');
    await fireEvent.click(screen.getByTestId('bid-step-1'));
    await settle();
    expect(scripted.asked('checkBid').map(([auction]) => auction)).toEqual(['a-2']);
  });

  it('keep what is typed for each while another is looked at, but not for a lot that is gone', async () => {
    const { app, show } = await openWindow(several(thursday, outbid()));
    app.showRoom('a-1');
    await settle();
    const typed = () => screen.getByTestId<HTMLInputElement>('bid-input').value;
    await fireEvent.input(screen.getByTestId('bid-input'), { target: { value: '7000000' } });
    await fireEvent.click(tabs()[1]!);
    await settle();
    await fireEvent.click(tabs()[0]!);
    await settle();
    expect(typed()).toBe('7000000');
    await fireEvent.click(tabs()[1]!);
    await settle();
    const next = fixtures.auction(now, { lot: { ...thursday.lot!, number: 5, club: fixtures.club(4) } });
    await show(several(next, outbid()));
    await fireEvent.click(tabs()[0]!);
    await settle();
    expect(typed()).toBe('');
  });
});

describe('the keys of the tabs', () => {
  it('Ctrl and a digit go there from everywhere, and a missing one does nothing', async () => {
    const { app } = await openWindow(several(thursday, office(now), pub));
    await userEvent.keyboard('{Control>}1{/Control}');
    await settle();
    expect(chosen()).toBe('Thursday Night League');
    screen.getByTestId('bid-input').focus();
    await userEvent.keyboard('{Control>}2{/Control}');
    await settle();
    expect(chosen()).toBe('Office Champions');
    await userEvent.keyboard('{Control>}9{/Control}');
    await settle();
    expect(chosen()).toBe('Office Champions');
    app.screen = 'lobby';
    await settle();
    await userEvent.keyboard('{Control>}3{/Control}');
    await settle();
    expect(app.screen).toBe('room');
    expect(chosen()).toBe('Sunday Pub Draft');
  });

  it('Ctrl and a digit bid nothing', async () => {
    const { scripted } = await openWindow(several(thursday, outbid()));
    await userEvent.keyboard('{Control>}1{/Control}');
    await settle();
    expect(scripted.asked('checkBid')).toEqual([]);
  });

  it('arrows walk around, with the keyboard going along', async () => {
    await openWindow(several(thursday, office(now), pub));
    await userEvent.keyboard('{Control>}1{/Control}');
    await settle();
    tabs()[0]!.focus();
    await userEvent.keyboard('{ArrowLeft}');
    await settle();
    expect(chosen()).toBe('Sunday Pub Draft');
    expect(document.activeElement).toBe(tabs()[2]);
    await userEvent.keyboard('{ArrowRight}{ArrowRight}');
    await settle();
    expect(chosen()).toBe('Office Champions');
    expect(tabs().map((tab) => tab.tabIndex)).toEqual([-1, 0, -1]);
  });

  it('are in the list of keys', async () => {
    await openWindow(several(thursday, office(now)));
    await userEvent.keyboard('?');
    await settle();
    expect(said(screen.getByTestId('keys-help'))).toContain('Go to the first open auction, and so on to 9');
  });
});

describe('a tab', () => {
  it('closes by its button, and its neighbour comes on the table', async () => {
    const { app, scripted, show } = await openWindow(several(thursday, office(now), pub));
    app.showRoom('a-2');
    await settle();
    await fireEvent.click(screen.getByLabelText('Close Office Champions'));
    await settle();
    expect(scripted.asked('closeAuction')).toEqual([['a-2']]);
    await show(several(thursday, pub));
    expect(chosen()).toBe('Sunday Pub Draft');
  });

  it('closes by Delete', async () => {
    const { scripted } = await openWindow(several(thursday, office(now)));
    tabs()[1]!.focus();
    await userEvent.keyboard('{Delete}');
    await settle();
    expect(scripted.asked('closeAuction')).toEqual([['a-2']]);
  });

  it('that is closed elsewhere leaves the table as it is', async () => {
    const { app, show } = await openWindow(several(thursday, office(now), pub));
    app.showRoom('a-1');
    await settle();
    await fireEvent.click(screen.getByLabelText('Close Sunday Pub Draft'));
    await show(several(thursday, office(now)));
    expect(chosen()).toBe('Thursday Night League');
  });

  it('is added by opening another auction from the lobby', async () => {
    const { app, scripted, show } = await openWindow(several(thursday), 'lobby');
    await fireEvent.click(screen.getAllByTestId('league-open')[1]!);
    await settle();
    expect(scripted.asked('openAuction')).toEqual([['a-2']]);
    await show(several(thursday, office(now)));
    expect(app.screen).toBe('room');
    expect(chosen()).toBe('Office Champions');
    expect(tabs()).toHaveLength(2);
  });
});

describe('what happens elsewhere', () => {
  it('is marked when I am outbid, until I look', async () => {
    const { app, show } = await openWindow(several(thursday, office(now)));
    app.showRoom('a-1');
    await settle();
    await show(several(thursday, outbid()));
    expect(tabs()[1]!.dataset['mark']).toBe('outbid');
    expect(said(within(tabs()[1]!).getByTestId('tab-mark'))).toBe('Outbid');
    expect(screen.getByTestId('nav-attention')).toBeTruthy();
    expect(said(screen.getByTestId('announce-urgent'))).toBe('You are outbid in Office Champions, at £13,500,000.');
    await fireEvent.click(tabs()[1]!);
    await settle();
    await fireEvent.click(tabs()[0]!);
    await settle();
    expect(tabs()[1]!.dataset['mark']).toBeUndefined();
    expect(screen.queryByTestId('nav-attention')).toBeNull();
  });

  it('is marked when I am outbid while I look at the lobby', async () => {
    const { app, show } = await openWindow(several(thursday, office(now)));
    app.screen = 'lobby';
    await settle();
    await show(several(thursday, outbid()));
    expect(screen.getByTestId('nav-attention')).toBeTruthy();
  });

  it('is no longer marked when the lot is gone', async () => {
    const { app, show } = await openWindow(several(thursday, office(now)));
    app.showRoom('a-1');
    await settle();
    await show(several(thursday, outbid()));
    await show(several(thursday, office(now, { lot: { ...outbid().lot!, number: 8 } })));
    expect(tabs()[1]!.dataset['mark']).toBeUndefined();
  });

  it('is marked when a lot is about to close there, and not where I am', async () => {
    const closing = (auction: AuctionView) => ({ ...auction, lot: { ...auction.lot!, leading: false, endsAt: now + 4_000 } });
    const { app } = await openWindow(several(closing(thursday), closing(outbid())));
    app.showRoom('a-1');
    await settle();
    expect(tabs().map((tab) => tab.dataset['mark'])).toEqual([undefined, 'closing']);
  });
});
