import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Ticker } from './ticker.svelte';

describe('the ticker', () => {
  let hidden = false;
  beforeEach(() => {
    hidden = false;
    vi.useFakeTimers();
    vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('moves only while somebody holds it', () => {
    const ticker = new Ticker(100);
    const before = ticker.now;
    vi.advanceTimersByTime(1000);
    expect(ticker.now).toBe(before);
    const release = ticker.hold();
    vi.advanceTimersByTime(1000);
    expect(ticker.now).toBeGreaterThan(before + 1500);
    release();
    const after = ticker.now;
    vi.advanceTimersByTime(1000);
    expect(ticker.now).toBe(after);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stops while the window is hidden and goes on when it is seen again', () => {
    const ticker = new Ticker(100);
    const release = ticker.hold();
    hidden = true;
    document.dispatchEvent(new Event('visibilitychange'));
    expect(vi.getTimerCount()).toBe(0);
    hidden = false;
    const before = ticker.now;
    vi.advanceTimersByTime(5000);
    document.dispatchEvent(new Event('visibilitychange'));
    vi.advanceTimersByTime(100);
    expect(ticker.now).toBeGreaterThan(before + 4900);
    release();
  });
});
