import { fireEvent, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import * as fixtures from '../../testing/fixtures';
import { recording, recordingFiles } from '../../testing/recorded';
import { refusal, Scripted } from '../../testing/scripted';
import { openWindow, settle, type Opened } from '../../testing/window';

const now = Date.now();
const began = now - 3_600_000;

function at<T extends HTMLElement = HTMLElement>(testId: string): T {
  return screen.getByTestId<T>(testId);
}

function said(testId: string): string {
  return (at(testId).textContent ?? '').replace(/\s+/g, ' ').trim();
}

async function press(testId: string) {
  await fireEvent.click(at(testId));
  await settle();
}

async function openRecording(script = {}): Promise<Opened> {
  const opened = await openWindow(fixtures.app(now), 'recordings', new Scripted({ ...recording(began, 1_000), ...script }));
  await settle();
  await fireEvent.click(screen.getAllByTestId('recording-open')[0]!);
  await settle();
  return opened;
}

describe('the list of recordings', () => {
  it('is read once, and names when, where and how large each is', async () => {
    const { scripted } = await openWindow(fixtures.app(now), 'recordings', new Scripted(recording(began, 10)));
    await settle();
    expect(scripted.asked('listRecordings')).toHaveLength(1);
    const rows = screen.getAllByTestId('recording-row').map((row) => row.textContent ?? '');
    expect(rows).toHaveLength(4);
    expect(rows[0]).toContain('Being written');
    expect(rows[0]).toContain('8.4 MB');
    expect(rows[3]).toContain('staging.auction.example.org:8443');
  });

  it('is there without a session', async () => {
    await openWindow(fixtures.app(now, { session: null, report: null }), 'start', new Scripted(recording(began, 10)));
    await press('nav-recordings');
    expect(screen.getAllByTestId('recording-row')).toHaveLength(4);
  });

  it('says so where nothing is recorded, and why it cannot be read', async () => {
    let broken = true;
    const listRecordings = () => {
      if (broken) throw refusal('recording', 'The folder cannot be read.', 'Look at its permissions.');
      return { folder: '/var/recordings', files: [] };
    };
    await openWindow(fixtures.app(now), 'recordings', new Scripted({ listRecordings }));
    await settle();
    expect(said('error-sentence')).toContain('The folder cannot be read.');
    broken = false;
    await press('recordings-refresh');
    expect(said('screen-recordings')).toContain('Nothing is recorded yet.');
  });
});

describe('a recording', () => {
  it('is marked as one, and shows the room as it was', async () => {
    const { scripted } = await openRecording();
    expect(scripted.asked('openRecording')).toEqual([[recordingFiles(began)[0]!.path]]);
    expect(said('recording-mark')).toBe('Recording, read only');
    expect(said('lot-price')).toBe('£6,000,000');
    expect(said('recording-place')).toContain('line 1 of 1,000');
  });

  it('is stepped through by buttons, keys, lines and the slider', async () => {
    await openRecording();
    await press('recording-on');
    await userEvent.keyboard(']]]');
    await settle();
    expect(said('recording-place')).toContain('line 5 of 1,000');
    await press('recording-back');
    await userEvent.keyboard('[[[[');
    await settle();
    expect(said('recording-place')).toContain('line 2 of 1,000');
    await fireEvent.click(screen.getAllByTestId('recording-line').find((line) => line.dataset['step'] === '12')!);
    await settle();
    expect(said('recording-place')).toContain('line 13 of 1,000');
    expect(said('lot-price')).toBe('£6,100,000');
    await fireEvent.input(at('recording-slider'), { target: { value: '705' } });
    await settle();
    expect(said('lot-price')).toBe('£13,000,000');
    expect(said('lot-countdown')).toBe('3.8');
  });

  it('shows each line with its time, kind and words, and the whole of the one that is stood on', async () => {
    await openRecording();
    const lines = screen.getAllByTestId('recording-line');
    expect(lines.length).toBeLessThan(60);
    expect(lines[1]?.dataset['kind']).toBe('event');
    expect(lines[1]?.textContent).toContain('£6,000,000 by Robin (no. 23)');
    await press('recording-on');
    await fireEvent.click(at('recording-tab-raw'));
    await settle();
    expect(JSON.parse(said('recording-raw'))).toMatchObject({ us: 250_000, name: 'bid_update' });
  });

  it('shows the diagnostics of that moment, without a verdict that nobody gave', async () => {
    await openRecording();
    await fireEvent.click(at('recording-tab-diagnostics'));
    await settle();
    expect(said('diag-pod')).toBe('gaveld-7f3a');
    expect(screen.queryByTestId('diag-verdict')).toBeNull();
  });

  it('lets nothing be done: neither key nor button bids', async () => {
    const { scripted } = await openRecording();
    expect(at('recording-room').hasAttribute('inert')).toBe(true);
    await userEvent.keyboard('1b');
    await settle();
    expect(screen.queryByTestId('error-sentence')).toBeNull();
    await fireEvent.click(at('bid-step-1'));
    await settle();
    for (const command of ['checkBid', 'placeBid', 'commission', 'retryNow', 'closeAuction'] as const) expect(scripted.asked(command)).toEqual([]);
  });

  it('does not set the time of the live room', async () => {
    const { app } = await openRecording();
    await press('nav-room');
    expect(said('lot-countdown')).toMatch(/^(1\d|[5-9]\.\d)$/);
    expect(Math.abs(app.time.slow.now - now)).toBeLessThan(60_000);
  });

  it('plays and stands still', async () => {
    await openRecording();
    await press('recording-play');
    expect(at('recording-play').getAttribute('aria-label')).toBe('Stand still');
    await press('recording-play');
    expect(at('recording-play').getAttribute('aria-label')).toBe('Play');
    await press('recording-rate-16');
    expect(at('recording-rate-16').getAttribute('aria-pressed')).toBe('true');
    expect(at('recording-play').getAttribute('aria-label')).toBe('Stand still');
  });

  it('is closed by going back to the list, and by leaving the screen', async () => {
    const { scripted } = await openRecording();
    await press('recording-close');
    expect(scripted.asked('closeRecording')).toHaveLength(1);
    expect(screen.getAllByTestId('recording-row')).toHaveLength(4);
    await fireEvent.click(screen.getAllByTestId('recording-open')[1]!);
    await settle();
    await press('nav-room');
    expect(scripted.asked('closeRecording')).toHaveLength(2);
  });

  it('of several auctions lets me choose which one to see', async () => {
    const script = recording(began, 10);
    await openRecording({
      recordingAt: (step: number) => {
        const moment = script.recordingAt(step);
        const other = fixtures.auction(began, { id: 'a-2', leagueName: 'Office Champions', lot: { ...fixtures.auction(began).lot!, price: 1_000_000 } });
        return { ...moment, session: { ...moment.session, auctions: [...moment.session.auctions, other] } };
      },
    });
    expect(screen.getAllByTestId('recording-auction')).toHaveLength(2);
    await fireEvent.click(screen.getAllByTestId('recording-auction')[0]!);
    await settle();
    expect(said('lot-price')).toBe('£6,000,000');
    await fireEvent.click(screen.getAllByTestId('recording-auction')[1]!);
    await settle();
    expect(said('lot-price')).toBe('£1,000,000');
  });
});
