import { fireEvent, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { FEED_EVERY_MS } from '../../lib/store.svelte';
import * as fixtures from '../../testing/fixtures';
import { lossHistory, troubles } from '../../testing/troubles';
import { openWindow, settle, type Opened } from '../../testing/window';

const now = Date.now();

function said(testId: string): string {
  return (screen.getByTestId(testId).textContent ?? '').replace(/\s+/g, ' ').trim();
}

async function openFeed(lines = 16): Promise<Opened> {
  const opened = await openWindow(fixtures.app(now));
  opened.app.pane = 'feed';
  await opened.show(null, fixtures.feedItems(lines, now), 3);
  return opened;
}

function rows(): HTMLElement[] {
  return screen.queryAllByTestId('feed-row');
}

afterEach(() => void vi.restoreAllMocks());

describe('diagnostics', () => {
  it('give the verdict in a word as well as a colour', async () => {
    const { show } = await openWindow(fixtures.app(now));
    expect(screen.getByTestId('diag-verdict').dataset['outcome']).toBe('pass');
    expect(said('diag-verdict')).toContain('Good');
    await show(fixtures.app(now, { report: fixtures.badReport }));
    expect(screen.getByTestId('diag-verdict').dataset['outcome']).toBe('fail');
    expect(said('diag-verdict')).toContain('Broken');
    await show(fixtures.app(now, { report: null }));
    expect(screen.getByTestId('diag-verdict').dataset['outcome']).toBe('inconclusive');
  });

  it('show what was measured, and label what is only claimed', async () => {
    await openWindow(fixtures.app(now));
    expect(said('diag-connection')).toMatch(/^Online for /);
    expect(said('diag-pod')).toBe('gaveld-7f3a');
    expect(said('diag-room-size')).toBe('5');
    expect(said('diag-echo')).toContain('14 ms');
    expect(said('diag-answer')).toContain('24 ms');
    expect(said('diag-events-rate')).toContain('6/s');
    expect(screen.getByTestId('diag-room-size').previousElementSibling?.textContent).toContain('claimed');
    expect(screen.getByTestId('diag-claim').closest('table')?.tHead?.textContent).toContain('claims');
  });

  it('say so where the server says nothing', async () => {
    const session = fixtures.session(now);
    session.auctions[0]!.room = { joined: true, at: now, here: null, cluster: null, trouble: null };
    session.connection.pod = null;
    await openWindow(fixtures.app(now, { session }));
    expect(said('diag-pod')).toBe('Not said by the server');
    expect(said('diag-room-size-cluster')).toBe('not said');
  });

  it('open a finding to its evidence and what to do', async () => {
    await openWindow(fixtures.app(now, { report: fixtures.badReport }));
    await fireEvent.click(screen.getAllByTestId('finding')[0]!);
    await settle();
    expect(screen.getByText(/another pod takes is not told/)).toBeTruthy();
    expect(screen.getByText(/^Operator: set REDIS_URL/)).toBeTruthy();
  });
});

describe('the history of the connection', () => {
  it('tells every change with its time and reason, newest first, and unfolds the rest', async () => {
    await openWindow(troubles['reconnecting']!(now));
    const steps = () => screen.getAllByTestId('diag-transition');
    expect(steps()).toHaveLength(4);
    expect(steps()[0]?.dataset['phase']).toBe('backoff');
    expect(steps()[0]?.textContent).toContain('The server refused the connection; trying again in 7.5 s.');
    await fireEvent.click(screen.getByTestId('diag-history-all'));
    await settle();
    expect(steps().map((step) => step.dataset['phase'])).toEqual(lossHistory(now).map((step) => step.phase).reverse());
  });

  it('goes with what carries the link, and why it is another than was chosen', async () => {
    const session = fixtures.session(now);
    session.connection.carrier = 'polling';
    session.connection.changedOver = 'A proxy on the way refuses websockets.';
    await openWindow(fixtures.app(now, { session }));
    expect(said('diag-carrier')).toBe('Standard, long polling');
    expect(said('diag-changed-over')).toBe('A proxy on the way refuses websockets.');
  });
});

describe('the recording', () => {
  it('says where it is, how long it is and what it lost, and leads to the others', async () => {
    const recording = { ...fixtures.recordingNow, dropped: 7, trouble: 'The disk is full, so nothing is written down any more.' };
    const { app } = await openWindow(fixtures.app(now, { session: fixtures.session(now, { recording }) }));
    expect(said('diag-recording')).toContain('20261125-201400.jsonl');
    expect(said('diag-recording')).toContain('15,332 written, 7 dropped');
    expect(said('diag-recording-trouble')).toContain('The disk is full');
    await fireEvent.click(screen.getByTestId('show-recordings'));
    await settle();
    expect(app.screen).toBe('recordings');
  });

  it('is not claimed where there is none', async () => {
    await openWindow(fixtures.app(now, { session: fixtures.session(now, { recording: null }) }));
    expect(said('diag-recording')).toContain('Nothing of this session is written down.');
  });
});

describe('the live feed', () => {
  it('shows the newest first and counts what was lost', async () => {
    await openFeed();
    expect(rows()).toHaveLength(16);
    expect(rows()[0]?.textContent).toContain(fixtures.feedItems(16, now).at(-1)!.name);
    expect(said('feed-dropped')).toContain('3 dropped');
  });

  it('draws a bounded number of rows', async () => {
    await openFeed(900);
    expect(rows()).toHaveLength(150);
    expect(said('feed-state')).toContain('900 of 900, the newest 150 shown');
  });

  it('holds still when it is paused and counts what waits', async () => {
    const { show } = await openFeed();
    await fireEvent.click(screen.getByTestId('feed-pause'));
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + FEED_EVERY_MS);
    await show(null, fixtures.feedItems(40, now, 17));
    expect(rows()).toHaveLength(16);
    expect(said('feed-state')).toContain('Paused, 40 waiting');
    await fireEvent.click(screen.getByTestId('feed-pause'));
    await settle();
    expect(rows()).toHaveLength(56);
  });

  it('is filtered by words and by kind', async () => {
    await openFeed();
    await fireEvent.input(screen.getByTestId('feed-filter'), { target: { value: 'NaN' } });
    await settle();
    expect(rows().map((row) => row.dataset['kind'])).toEqual(['malformed', 'malformed']);
    await fireEvent.input(screen.getByTestId('feed-filter'), { target: { value: '' } });
    await fireEvent.click(screen.getByTestId('feed-kind-event'));
    await settle();
    expect(rows().some((row) => row.dataset['kind'] === 'event')).toBe(false);
    expect(rows().length).toBeGreaterThan(0);
  });

  it('fetches the raw message only when it is asked for', async () => {
    const { scripted } = await openFeed();
    expect(scripted.asked('feedRaw')).toEqual([]);
    const row = rows().find((one) => one.dataset['kind'] === 'malformed')!;
    await fireEvent.click(row.querySelector('button')!);
    await settle();
    expect(scripted.asked('feedRaw')).toHaveLength(1);
    expect(said('feed-raw')).toContain('u-robin');
  });

  it('is copied as it is filtered', async () => {
    const { scripted } = await openFeed();
    await fireEvent.input(screen.getByTestId('feed-filter'), { target: { value: 'anti_snipe' } });
    await fireEvent.click(screen.getByLabelText('Copy these lines'));
    await settle();
    const [text] = scripted.asked('copyText')[0] as [string];
    expect(text.split('\n')).toHaveLength(2);
    expect(text).toContain('anti_snipe\tLot 4 now ends 5 s later');
  });

  it('can be emptied', async () => {
    await openFeed();
    await fireEvent.click(screen.getByTestId('feed-clear'));
    await settle();
    expect(rows()).toHaveLength(0);
    expect(screen.getByText(/Nothing has arrived yet/)).toBeTruthy();
  });
});
