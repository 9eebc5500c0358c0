import { describe, expect, it } from 'vitest';

import * as fixtures from '../testing/fixtures';
import type { AppState, SessionState } from './platform/platform';
import { KEPT_MS, MARKS_KEPT, Trace } from './trace.svelte';

const start = 1_795_000_000_000;

function state(at: number, change: (session: SessionState) => void = () => {}, more: Partial<AppState> = {}): AppState {
  const session = fixtures.session(at);
  change(session);
  return fixtures.app(at, { session, ...more });
}

/** What happened, in a word each. */
function kinds(trace: Trace): string[] {
  return trace.marks.map((mark) => mark.kind);
}

describe('the trace of the last ten minutes', () => {
  it('keeps a sample a second and no more than ten minutes of them', () => {
    const trace = new Trace();
    trace.take(state(start));
    for (let second = 0; second < 700; second += 1) trace.sample(start + second * 1000);
    expect(trace.samples).toHaveLength(KEPT_MS / 1000);
    expect(trace.samples.at(-1)?.at).toBe(start + 699_000);
  });

  it('shows a silent line as a climb, and a lost one as nothing', () => {
    const trace = new Trace();
    trace.take(state(start, (session) => (session.connection.heardAt = start)));
    trace.sample(start + 1_000);
    trace.sample(start + 4_000);
    expect(trace.samples.map((sample) => sample.silenceMs)).toEqual([1_000, 4_000]);
    trace.take(state(start + 4_500, (session) => (session.connection.phase = 'backoff')));
    trace.sample(start + 5_000);
    expect(trace.samples.at(-1)?.silenceMs).toBeNull();
  });

  it('counts events by what came in between, however late the sample is', () => {
    const trace = new Trace();
    const events = (count: number, at: number) => trace.take(state(at, (session) => (session.measurements.events = count)));
    events(100, start);
    trace.sample(start);
    events(106, start + 2_000);
    trace.sample(start + 2_000);
    expect(trace.samples.at(-1)?.events).toBe(3);
  });

  it('shows an echo once, at its second, and not those of before', () => {
    const trace = new Trace();
    const echo = (count: number, last: number, at: number) => trace.take(state(at, (session) => (session.measurements.echo = { count, last, median: last, p95: last })));
    echo(6, 14, start);
    trace.sample(start + 1_000);
    echo(7, 90, start + 1_100);
    echo(8, 20, start + 1_200);
    trace.sample(start + 2_000);
    trace.sample(start + 3_000);
    expect(trace.samples.map((sample) => sample.echoMs)).toEqual([null, 90, null]);
  });

  it('marks losses, returns, another pod, gaps and a diagnosis', () => {
    const trace = new Trace();
    trace.take(state(start));
    trace.take(state(start + 1, (session) => (session.connection.phase = 'backoff')));
    trace.take(state(start + 2, (session) => { session.connection.reconnects = 1; session.connection.pod = 'gaveld-b210'; }));
    trace.take(state(start + 3, (session) => { session.connection.reconnects = 1; session.connection.pod = 'gaveld-b210'; session.measurements.gaps = 2; }));
    expect(kinds(trace)).toEqual(['lost', 'back', 'pod', 'gap']);
    expect(trace.marks.map((mark) => mark.text)).toContain('2 bids missed');
    const running = { running: { stage: 'path', beganAt: start, atMostMs: 30_000 } as const, last: null, outdated: false };
    const same = (session: SessionState) => { session.connection.reconnects = 1; session.connection.pod = 'gaveld-b210'; session.measurements.gaps = 2; };
    trace.take(state(start + 4, same, { diagnosis: running }));
    trace.take(state(start + 5, same, { diagnosis: running }));
    expect(kinds(trace).slice(4)).toEqual(['diagnosis']);
  });

  it('marks a return that was too quick to be seen as a loss', () => {
    const trace = new Trace();
    trace.take(state(start));
    trace.take(state(start + 1, (session) => (session.connection.reconnects = 1)));
    expect(kinds(trace)).toEqual(['back']);
  });

  it('is bounded, whatever happens', () => {
    const trace = new Trace();
    for (let round = 0; round < 200; round += 1) trace.take(state(start + round, (session) => (session.connection.reconnects = round)));
    expect(trace.marks).toHaveLength(MARKS_KEPT);
  });

  it('breaks its line where nothing was sampled', () => {
    const trace = new Trace();
    trace.take(state(start));
    trace.sample(start);
    trace.sample(start + 60_000);
    expect(trace.samples.map((sample) => sample.clockMs)).toEqual([4, null, 4]);
  });

  it('begins anew with another session', () => {
    const trace = new Trace();
    trace.take(state(start, (session) => (session.revision = 9)));
    trace.take(state(start + 1, (session) => { session.revision = 10; session.measurements.gaps = 1; }));
    trace.sample(start + 1_000);
    trace.take(state(start + 2_000, (session) => { session.revision = 1; session.connection.pod = 'another'; }));
    expect([trace.samples, trace.marks]).toEqual([[], []]);
    trace.take({ ...state(start), session: null });
    trace.sample(start + 3_000);
    expect(trace.samples).toEqual([]);
  });
});
