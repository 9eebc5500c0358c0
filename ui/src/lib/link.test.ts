import { describe, expect, it } from 'vitest';

import * as fixtures from '../testing/fixtures';
import { heldSince, lostSince } from './link';
import type { Connection, LinkPhase } from './platform/platform';

const now = 1_000_000;

function link(...steps: [LinkPhase, number][]): Connection {
  const transitions = steps.map(([phase, at]) => ({ at, phase, reason: '' }));
  const last = transitions.at(-1)!;
  return { ...fixtures.session(now).connection, phase: last.phase, since: last.at, transitions };
}

describe('how long the link has been as it is', () => {
  it('goes on through a check that ended well', () => {
    expect(heldSince(link(['connecting', 10], ['online', 20], ['suspect', 50], ['online', 51]))).toBe(20);
  });

  it('counts all tries of one loss together', () => {
    const lost = link(['online', 20], ['backoff', 60], ['connecting', 70], ['backoff', 71]);
    expect([heldSince(lost), lostSince(lost)]).toEqual([60, 60]);
  });

  it('begins anew with a new connection', () => {
    expect(heldSince(link(['online', 20], ['backoff', 60], ['online', 90]))).toBe(90);
  });
});
