import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import * as fixtures from '../testing/fixtures';
import { refusal } from '../testing/scripted';
import { FEED_EVERY_MS, FEED_KEPT, Store } from './store.svelte';

const now = 1_800_000_000_000;

/** A store whose frames are drawn by hand. */
function handDrawn() {
  const frames: (() => void)[] = [];
  const store = new Store((take) => frames.push(take));
  return { store, frames, draw: () => frames.splice(0).forEach((take) => take()) };
}

describe('the store', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('takes in the newest state once a frame, however many arrive', () => {
    const { store, frames, draw } = handDrawn();
    for (let practice = 0; practice < 50; practice += 1) {
      store.receive({ state: fixtures.app(now + practice), feed: [], feedDropped: 0 });
    }
    expect(frames).toHaveLength(1);
    expect(store.app).toBeNull();
    draw();
    expect(store.app?.session?.at).toBe(now + 49);
  });

  it('keeps the state where a message brings only lines of the feed', () => {
    const { store, draw } = handDrawn();
    const state = fixtures.app(now);
    store.receive({ state, feed: [], feedDropped: 0 });
    store.receive({ state: null, feed: fixtures.feedItems(2, now), feedDropped: 7 });
    draw();
    expect(store.app).toBe(state);
    expect(store.feed).toHaveLength(2);
    expect(store.dropped).toBe(7);
  });

  it('redraws the feed no more often than anybody can read, and loses nothing by it', () => {
    const { store, draw } = handDrawn();
    store.receive({ state: null, feed: fixtures.feedItems(1, now, 1), feedDropped: 0 });
    draw();
    store.receive({ state: null, feed: fixtures.feedItems(1, now, 2), feedDropped: 0 });
    draw();
    expect(store.feed).toHaveLength(1);
    vi.advanceTimersByTime(FEED_EVERY_MS);
    draw();
    expect(store.feed.map((item) => item.id)).toEqual([1, 2]);
  });

  it('bounds the feed and counts what falls out, at once or little by little', () => {
    const { store, draw } = handDrawn();
    store.receive({ state: null, feed: fixtures.feedItems(FEED_KEPT + 250, now), feedDropped: 0 });
    draw();
    expect(store.feed).toHaveLength(FEED_KEPT);
    expect(store.fellOut).toBe(250);
    vi.advanceTimersByTime(FEED_EVERY_MS);
    store.receive({ state: null, feed: fixtures.feedItems(10, now, FEED_KEPT + 251), feedDropped: 0 });
    draw();
    expect(store.feed).toHaveLength(FEED_KEPT);
    expect(store.feed.at(-1)?.id).toBe(FEED_KEPT + 260);
    expect(store.fellOut).toBe(260);
  });

  it('begins a new feed where the numbers begin anew', () => {
    const { store, draw } = handDrawn();
    store.receive({ state: null, feed: fixtures.feedItems(5, now, 40), feedDropped: 0 });
    store.receive({ state: null, feed: fixtures.feedItems(3, now, 1), feedDropped: 0 });
    draw();
    expect(store.feed.map((item) => item.id)).toEqual([1, 2, 3]);
  });

  it('says why nothing arrives', async () => {
    const store = new Store();
    await store.start({ subscribe: () => Promise.reject(refusal('internal', 'The channel is closed.', 'Restart.')) });
    expect(store.broken?.sentence).toBe('The channel is closed.');
  });
});
