import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { OurTime } from './our-time';

const start = 1_800_000_000_000;

/** So much later, a state arrives that left the core `late` ms ago; the core's clock was set by `set` in the meantime. */
function later(time: OurTime, ms: number, { late = 0, set = 0 } = {}) {
  vi.advanceTimersByTime(ms);
  time.hear(start + performance.now() - late + set);
}

describe('our time', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('goes on by itself from the last state', () => {
    const time = new OurTime();
    later(time, 0);
    vi.advanceTimersByTime(2_500);
    expect(time.now()).toBe(start + performance.now());
  });

  it('does not care when somebody sets the wall clock', () => {
    const time = new OurTime();
    later(time, 0);
    vi.advanceTimersByTime(1_000);
    const before = time.now();
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(time.now() - before).toBe(0);
  });

  it('believes the least delayed of the last states', () => {
    const time = new OurTime();
    later(time, 0, { late: 5 });
    later(time, 500, { late: 240 });
    later(time, 500, { late: 80 });
    expect(time.now()).toBe(start + performance.now() - 5);
    later(time, 500, { late: 1 });
    expect(time.now()).toBe(start + performance.now() - 1);
  });

  it('forgets a witness in time, so that a clock that drifts is followed', () => {
    const time = new OurTime();
    later(time, 0);
    for (let second = 1; second <= 12; second += 1) later(time, 1_000, { set: -second });
    const behind = start + performance.now() - time.now();
    expect(behind).toBeGreaterThan(0);
    expect(behind).toBeLessThanOrEqual(12);
  });

  it('follows the core at once when its clock was set, forwards or back', () => {
    const time = new OurTime();
    later(time, 0);
    later(time, 500, { set: 3_600_000 });
    expect(time.now()).toBe(start + performance.now() + 3_600_000);
    later(time, 500, { set: 0 });
    expect(time.now()).toBe(start + performance.now());
  });
});
