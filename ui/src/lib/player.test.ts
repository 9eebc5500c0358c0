import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { recording } from '../testing/recorded';
import { refusal, Scripted } from '../testing/scripted';
import { settle } from '../testing/window';
import { PAGE, Player } from './player.svelte';

const began = 1_800_000_000_000;

async function opened(script: ConstructorParameters<typeof Scripted>[0] = recording(began, 1_000)) {
  const scripted = new Scripted(script);
  const player = new Player(scripted.platform);
  await player.open('/recordings/one.jsonl');
  await settle();
  return { scripted, player };
}

describe('a player', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('opens a recording at its first line, with the lines at hand', async () => {
    const { player } = await opened();
    expect(player.opened?.steps).toBe(1_000);
    expect(player.moment?.line.step).toBe(0);
    expect(player.line(PAGE - 1)?.step).toBe(PAGE - 1);
    expect(player.line(PAGE)).toBeUndefined();
  });

  it('goes to any line, and not beyond the ends', async () => {
    const { player } = await opened();
    player.go(613);
    await settle();
    expect(player.moment?.line.step).toBe(613);
    expect(player.time.now).toBe(began + 613 * 250);
    player.go(5_000);
    expect(player.step).toBe(999);
    player.go(-1);
    expect(player.step).toBe(0);
  });

  it('asks for one place at a time, and for the last of those that were asked for meanwhile', async () => {
    const answers: (() => void)[] = [];
    const script = recording(began, 1_000);
    const scripted = new Scripted({ ...script, recordingAt: (step) => new Promise((answer) => answers.push(() => answer(script.recordingAt(step)))) });
    const player = new Player(scripted.platform);
    await player.open('/recordings/one.jsonl');
    for (const step of [10, 20, 30]) player.go(step);
    await settle();
    expect(scripted.asked('recordingAt')).toEqual([[0]]);
    answers.shift()?.();
    await settle();
    expect(scripted.asked('recordingAt')).toEqual([[0], [30]]);
    answers.shift()?.();
    await settle();
    expect(player.moment?.line.step).toBe(30);
  });

  it.each([1, 4, 16] as const)('plays ×%i in the time of the recording', async (rate) => {
    const { player } = await opened();
    player.play(rate);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(player.step).toBeGreaterThanOrEqual(40 * rate - rate);
    expect(player.step).toBeLessThanOrEqual(40 * rate);
    player.pause();
    const stood = player.step;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(player.step).toBe(stood);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets the time go on between two lines, so that a countdown runs', async () => {
    const { player } = await opened(recording(began, 10, 20_000));
    player.play(1);
    await vi.advanceTimersByTimeAsync(8_000);
    expect(player.step).toBe(0);
    expect(player.time.now).toBeGreaterThan(began + 7_500);
    expect(player.time.now).toBeLessThanOrEqual(began + 8_000);
  });

  it('plays on from where one goes, and stands still at the end', async () => {
    const { player } = await opened();
    player.play(16);
    player.go(980);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(player.step).toBe(999);
    expect(player.rate).toBeNull();
    player.play(1);
    expect(player.step).toBe(0);
  });

  it('waits for lines that are slow to come, and loses none', async () => {
    const script = recording(began, 1_000);
    const late: (() => void)[] = [];
    const { player } = await opened({
      ...script,
      recordingLines: (from, count) =>
        from === 0 ? script.recordingLines(from, count) : new Promise((answer) => late.push(() => answer(script.recordingLines(from, count)))),
    });
    player.go(PAGE - 1);
    player.play(16);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(player.step).toBe(PAGE - 1);
    late.forEach((answer) => answer());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(player.step).toBeGreaterThan(PAGE);
    expect(player.step).toBeLessThanOrEqual(PAGE - 1 + 64 + 6);
  });

  it('says why a line cannot be shown, and can go on to another', async () => {
    const script = recording(began, 1_000);
    const { player } = await opened({
      ...script,
      recordingAt: (step) => {
        if (step === 7) throw refusal('recording', 'In line 8, something is wrong.', 'Choose another line.');
        return script.recordingAt(step);
      },
    });
    player.go(7);
    await settle();
    expect(player.problem?.sentence).toBe('In line 8, something is wrong.');
    player.go(8);
    await settle();
    expect(player.problem).toBeNull();
    expect(player.moment?.line.step).toBe(8);
  });

  it('says why a file cannot be opened, and holds nothing of the one before', async () => {
    const { player } = await opened({
      ...recording(began, 10),
      openRecording: (path) => {
        if (path.endsWith('two.jsonl')) throw refusal('recording', 'It is not a recording.', 'Choose another file.');
        return recording(began, 10).openRecording();
      },
    });
    await player.open('/recordings/two.jsonl');
    expect(player.opened).toBeNull();
    expect(player.moment).toBeNull();
    expect(player.problem?.sentence).toBe('It is not a recording.');
  });

  it('keeps a bounded number of lines of a long recording', async () => {
    const { player } = await opened(recording(began, 100_000));
    for (let step = 0; step < 100_000; step += PAGE) player.want(step, step);
    await settle();
    const here = Array.from({ length: 500 }, (_, page) => player.line(page * PAGE)).filter((line) => line !== undefined);
    expect(here.length).toBeLessThanOrEqual(40);
    expect(player.line(99_999)?.step).toBe(99_999);
  });
});
