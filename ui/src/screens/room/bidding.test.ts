import { fireEvent, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import type { BlockReason, Fate } from '../../lib/platform/platform';
import * as fixtures from '../../testing/fixtures';
import { refusal, Scripted } from '../../testing/scripted';
import { inRoom, openWindow, settle } from '../../testing/window';

const now = Date.now();
const base = fixtures.auction(now);
const { pounds } = fixtures;

function at<T extends HTMLElement = HTMLElement>(testId: string): T {
  return screen.getByTestId<T>(testId);
}

async function press(testId: string) {
  await fireEvent.click(at(testId));
  await settle();
}

/** Types an amount and presses the button. */
async function bid(typed: string) {
  await fireEvent.input(at('bid-input'), { target: { value: typed } });
  await press('bid-place');
}

describe('the fate of my bid', () => {
  const fates: Fate[] = ['draft', 'sent', 'unknown', 'refused', 'accepted', 'confirmed', 'notStored', 'undecidable'];
  it.each(fates)('is shown in words when it is %s', async (fate) => {
    const mine = fixtures.ledgerEntry(fate);
    await openWindow(inRoom(now, { bidding: { ...base.bidding, mine } }));
    expect(at('bid-fate').dataset['fate']).toBe(fate);
    expect(at('bid-fate').textContent).toContain(mine.sentence);
    expect(at('bid-fate').textContent).toContain('£6,000,000');
  });

  it('has a word of its own each time', async () => {
    const words = new Set<string>();
    const opened = await openWindow(inRoom(now));
    for (const fate of fates) {
      await opened.show(inRoom(now, { bidding: { ...base.bidding, mine: fixtures.ledgerEntry(fate) } }));
      words.add(at('bid-fate').querySelector('strong')?.textContent ?? '');
    }
    expect(words.size).toBe(fates.length);
  });

  it('says that somebody has bid more, and only while I do not lead', async () => {
    const bidding = { ...base.bidding, mine: fixtures.ledgerEntry('confirmed') };
    const { show } = await openWindow(inRoom(now, { bidding }));
    expect(at('bid-fate').textContent).toContain('Robin has bid more.');
    expect(at('bid-fate').classList).toContain('outbid');
    await show(inRoom(now, { bidding, lot: { ...base.lot!, leading: true } }));
    expect(at('bid-fate').textContent).not.toContain('has bid more');
    expect(at('bid-fate').classList).not.toContain('outbid');
  });

  it('is not claimed where I have not bid', async () => {
    await openWindow(inRoom(now));
    expect(screen.queryByTestId('bid-fate')).toBeNull();
  });
});

describe('a blocked bid', () => {
  const reasons: BlockReason[] = [
    'notLive', 'noLot', 'paused', 'notAParticipant', 'leading', 'rosterFull', 'budget', 'inFlight', 'timeUp', 'over',
  ];
  it.each(reasons)('says why (%s), and nothing can be pressed', async (reason) => {
    const blocked = fixtures.blocked(reason, `Because of ${reason}.`, `Word for ${reason}`);
    const { scripted } = await openWindow(inRoom(now, { bidding: { ...base.bidding, blocked } }));
    expect(at('bid-blocked').textContent).toBe(`Because of ${reason}.`);
    expect(at('bid-place').textContent).toBe(`Word for ${reason}`);
    for (const id of ['bid-step-1', 'bid-step-5', 'bid-place']) expect(at<HTMLButtonElement>(id).disabled).toBe(true);
    await userEvent.keyboard('1');
    await fireEvent.input(at('bid-input'), { target: { value: '7000000' } });
    await userEvent.type(at('bid-input'), '{Enter}');
    await settle();
    expect(scripted.asked('checkBid')).toEqual([]);
    expect(scripted.asked('placeBid')).toEqual([]);
  });

  it('lets a step be pressed only where the core allows it', async () => {
    const steps = base.bidding.steps.map((step, index) => ({ ...step, allowed: index < 2 }));
    const { scripted } = await openWindow(inRoom(now, { bidding: { ...base.bidding, steps } }));
    expect(at<HTMLButtonElement>('bid-step-2').disabled).toBe(false);
    expect(at<HTMLButtonElement>('bid-step-3').disabled).toBe(true);
    await userEvent.keyboard('3');
    await settle();
    expect(scripted.asked('checkBid')).toEqual([]);
  });
});

describe('a bid below the limit', () => {
  it('is placed with one press, at the price that was seen', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await press('bid-step-1');
    expect(scripted.asked('placeBid')).toEqual([['a-1', '6500000', pounds(6_000_000), false]]);
  });

  it('goes to the core as it was typed, and the field is empty afterwards', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await bid('6500000');
    expect(scripted.asked('checkBid')).toEqual([['a-1', '6500000', false]]);
    expect(at<HTMLInputElement>('bid-input').value).toBe('');
  });

  it('that the core turns down keeps what was typed and says why', async () => {
    const scripted = new Scripted({
      checkBid: () => {
        throw refusal('badAmount', 'A fortune is not an amount.', 'Type it in pounds.');
      },
    });
    await openWindow(inRoom(now), 'room', scripted);
    await bid('a fortune');
    expect(at('error-sentence').textContent).toContain('A fortune is not an amount. Type it in pounds.');
    expect(at<HTMLInputElement>('bid-input').value).toBe('a fortune');
    expect(scripted.asked('placeBid')).toEqual([]);
  });
});

describe('what the rules had against a bid', () => {
  const leading = new Scripted({
    checkBid: () => {
      throw refusal('bidRefused', 'You lead. Nothing to do until somebody bids more.', 'Nothing was sent.');
    },
  });

  it('is said until the price changes: then it is another question', async () => {
    const { show } = await openWindow(inRoom(now), 'room', leading);
    await bid('7000000');
    await show(inRoom(now));
    expect(at('error-sentence').textContent).toContain('You lead.');
    await show(inRoom(now, { lot: { ...base.lot!, price: pounds(8_000_000) } }));
    expect(screen.queryByTestId('error-sentence')).toBeNull();
    expect(at<HTMLInputElement>('bid-input').value).toBe('7000000');
  });
});

describe('the five steps', () => {
  // Small enough that none of them asks a second time.
  const amounts = [6_100_000, 6_200_000, 6_300_000, 6_400_000, 6_500_000];
  const steps = amounts.map((amount) => ({ label: `£${amount}`, amount: pounds(amount), allowed: true }));
  const numbered = amounts.map((amount, index) => [index + 1, String(amount)] as const);

  it.each(numbered)('bid at the seen price when button %i is pressed', async (number, typed) => {
    const { scripted } = await openWindow(inRoom(now, { bidding: { ...base.bidding, steps } }));
    await press(`bid-step-${number}`);
    expect(scripted.asked('placeBid')).toEqual([['a-1', typed, pounds(6_000_000), false]]);
  });

  it.each(numbered)('bid at the seen price when key %i is pressed', async (number, typed) => {
    const { scripted } = await openWindow(inRoom(now, { bidding: { ...base.bidding, steps } }));
    await userEvent.keyboard(String(number));
    await settle();
    expect(scripted.asked('placeBid')).toEqual([['a-1', typed, pounds(6_000_000), false]]);
  });
});

describe('a price that has moved', () => {
  const moving = () =>
    new Scripted({
      placeBid: () => {
        throw refusal('priceMoved', 'The price has moved to £9,000,000.', 'Confirm once more, or cancel.');
      },
    });

  it('says so and does not bid again by itself, where one press was enough', async () => {
    const scripted = moving();
    await openWindow(inRoom(now), 'room', scripted);
    await bid('6500000');
    expect(at('error-sentence').textContent).toContain('The price has moved to £9,000,000.');
    expect(scripted.asked('placeBid')).toHaveLength(1);
  });

  it('says so and does not bid again by itself, where a second yes was given', async () => {
    const scripted = moving();
    const { show } = await openWindow(inRoom(now), 'room', scripted);
    await bid('20000000');
    await show(inRoom(now, { lot: { ...base.lot!, price: pounds(9_000_000) } }));
    await press('bid-confirm');
    expect(at('error-sentence').textContent).toContain('The price has moved to £9,000,000.');
    expect(scripted.asked('placeBid')).toHaveLength(1);
  });
});

describe('a large bid', () => {
  it('is asked for twice, and the second yes places exactly what was shown', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await bid('20000000');
    expect(scripted.asked('placeBid')).toEqual([]);
    expect(at('bid-confirm').textContent).toContain('£20,000,000');
    expect(document.activeElement).toBe(at('bid-confirm'));
    await press('bid-confirm');
    expect(scripted.asked('placeBid')).toEqual([['a-1', '20000000', pounds(6_000_000), false]]);
    expect(screen.queryByTestId('bid-confirm')).toBeNull();
  });

  it('still carries the price that was seen when the first button was pressed', async () => {
    const { scripted, show } = await openWindow(inRoom(now));
    await bid('20000000');
    await show(inRoom(now, { lot: { ...base.lot!, price: pounds(9_000_000) } }));
    await press('bid-confirm');
    expect(scripted.asked('placeBid')).toEqual([['a-1', '20000000', pounds(6_000_000), false]]);
  });

  it('is asked for again when the price has moved, with the new one', async () => {
    let moved = true;
    const scripted = new Scripted({
      placeBid: () => {
        if (moved) throw refusal('priceMoved', 'The price has moved to £9,000,000.', 'Confirm once more, or cancel.');
        return fixtures.ledgerEntry('sent');
      },
    });
    const { show } = await openWindow(inRoom(now), 'room', scripted);
    await bid('20000000');
    await show(inRoom(now, { lot: { ...base.lot!, price: pounds(9_000_000) } }));
    await press('bid-confirm');
    expect(at('error-sentence').textContent).toContain('The price has moved to £9,000,000.');
    expect(at('bid-confirm').textContent).toContain('£20,000,000');
    moved = false;
    await press('bid-confirm');
    expect(scripted.asked('placeBid').at(-1)).toEqual(['a-1', '20000000', pounds(9_000_000), false]);
  });

  it('is not sent when it is cancelled, and what was typed stays', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await bid('20000000');
    await press('bid-cancel');
    expect(scripted.asked('placeBid')).toEqual([]);
    expect(at<HTMLInputElement>('bid-input').value).toBe('20000000');
  });

  it('is forgotten when another lot comes on the block', async () => {
    const { show } = await openWindow(inRoom(now));
    await bid('20000000');
    await show(inRoom(now, { lot: { ...base.lot!, number: 5, club: fixtures.club(4) } }));
    expect(screen.queryByTestId('bid-confirm')).toBeNull();
    expect(at<HTMLInputElement>('bid-input').value).toBe('');
  });

  it('is not placed when the lot went while the core was being asked', async () => {
    let answer: (value: unknown) => void = () => {};
    const scripted = new Scripted({ checkBid: () => new Promise((resolve) => (answer = resolve)) });
    const { show } = await openWindow(inRoom(now), 'room', scripted);
    await press('bid-step-1');
    await show(inRoom(now, { lot: { ...base.lot!, number: 5, club: fixtures.club(4) } }));
    answer({ amount: pounds(6_500_000), needsConfirm: false, sentence: 'Bid £6,500,000' });
    await settle();
    expect(scripted.asked('placeBid')).toEqual([]);
  });
});

describe('the keys', () => {
  it('B goes to the amount and 1 to 5 bid the steps', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await userEvent.keyboard('2');
    await settle();
    expect(scripted.asked('placeBid')).toEqual([['a-1', '7000000', pounds(6_000_000), false]]);
    await userEvent.keyboard('b');
    expect(document.activeElement).toBe(at('bid-input'));
  });

  it('are letters and digits again while somebody types', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await userEvent.keyboard('b');
    await userEvent.keyboard('12?');
    await settle();
    expect(at<HTMLInputElement>('bid-input').value).toBe('12?');
    expect(scripted.asked('checkBid')).toEqual([]);
    expect(screen.queryByTestId('keys-help')).toBeNull();
  });

  it('Enter places and confirms, Esc cancels', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await userEvent.keyboard('5');
    await settle();
    await userEvent.keyboard('{Escape}');
    await settle();
    expect(screen.queryByTestId('bid-confirm')).toBeNull();
    await userEvent.keyboard('20000000{Enter}');
    await settle();
    await userEvent.keyboard('{Enter}');
    await settle();
    expect(scripted.asked('placeBid')).toEqual([['a-1', '20000000', pounds(6_000_000), false]]);
  });

  it('a held-down Enter does not confirm what it has itself brought up', async () => {
    await openWindow(inRoom(now));
    await bid('20000000');
    const held = new KeyboardEvent('keydown', { key: 'Enter', repeat: true, bubbles: true, cancelable: true });
    at('bid-confirm').dispatchEvent(held);
    expect(held.defaultPrevented).toBe(true);
  });

  it('? lists them, and while it is open no key bids', async () => {
    const { scripted } = await openWindow(inRoom(now));
    await userEvent.keyboard('?');
    await settle();
    expect(at('keys-help').textContent).toContain('Go to the bid amount');
    await userEvent.keyboard('1');
    await settle();
    expect(scripted.asked('checkBid')).toEqual([]);
  });
});
