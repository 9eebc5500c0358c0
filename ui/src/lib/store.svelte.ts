import { ourTime, type OurTime } from './our-time';
import { asProblem, type AppState, type CommandError, type FeedItem, type Platform, type Update } from './platform/platform';
import { Trace } from './trace.svelte';

/** How many lines of the feed are kept; older ones fall out and are counted. */
export const FEED_KEPT = 1000;
/** How often the feed is redrawn at the most, ms. Nobody reads faster. */
export const FEED_EVERY_MS = 100;
/** How long a hidden window waits before it takes in what came, ms: it is painted no frames. */
const HIDDEN_EVERY_MS = 250;

/** When to take in what has arrived: before the next paint, or soon where nothing is painted. */
export type Schedule = (take: () => void) => void;

const nextFrame: Schedule = (take) => {
  if (document.hidden) setTimeout(take, HIDDEN_EVERY_MS);
  else requestAnimationFrame(take);
};

/** What the core says, at most once a frame. It decides nothing and changes nothing in what it is told. */
export class Store {
  /** None until the first message. */
  app = $state.raw<AppState | null>(null);
  /** Newest last. */
  feed = $state.raw<readonly FeedItem[]>([]);
  /** Lines that the core dropped before they could be sent. */
  dropped = $state(0);
  /** Lines that fell out here because newer ones came. */
  fellOut = $state(0);
  /** What the live charts show. */
  readonly trace = new Trace();
  /** Why nothing arrives. */
  broken = $state.raw<CommandError | null>(null);

  #schedule: Schedule;
  #time: OurTime | null;
  #scheduled = false;
  #nextState: AppState | null = null;
  #nextDropped: number | null = null;
  #arrived: FeedItem[] = [];
  #overflow = 0;
  #feedTakenAt = -Infinity;

  /** `time` is set by what arrives; none where what arrives is long past. */
  constructor(schedule: Schedule = nextFrame, time: OurTime | null = ourTime) {
    this.#schedule = schedule;
    this.#time = time;
  }

  /** Begins to listen. */
  async start(platform: Pick<Platform, 'subscribe'>): Promise<void> {
    try {
      await platform.subscribe((update) => this.receive(update));
    } catch (failure) {
      this.broken = asProblem(failure);
    }
  }

  /** One message of the channel. */
  receive(update: Update): void {
    if (update.state !== null) {
      this.#nextState = update.state;
      // At once, not with the next frame: what counts is when it arrived.
      if (update.state.session !== null) this.#time?.hear(update.state.session.at);
    }
    this.#nextDropped = update.feedDropped;
    this.#arrived.push(...update.feed);
    if (this.#arrived.length > FEED_KEPT) {
      this.#overflow += this.#arrived.length - FEED_KEPT;
      this.#arrived = this.#arrived.slice(-FEED_KEPT);
    }
    this.#wake();
  }

  /** Empties the feed that is shown; what comes next is shown again. */
  clearFeed(): void {
    this.#arrived = [];
    this.#overflow = 0;
    this.feed = [];
    this.fellOut = 0;
  }

  #wake() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.#take();
    });
  }

  #take() {
    if (this.#nextState !== null) {
      this.app = this.#nextState;
      this.trace.take(this.#nextState);
      this.#nextState = null;
    }
    if (this.#nextDropped !== null) {
      this.dropped = this.#nextDropped;
      this.#nextDropped = null;
    }
    if (this.#arrived.length === 0) return;
    const now = performance.now();
    if (now - this.#feedTakenAt < FEED_EVERY_MS) {
      // Too soon to redraw the list: come back with the next frame.
      this.#wake();
      return;
    }
    this.#feedTakenAt = now;
    const { items, fellOut } = appended(this.feed, this.#arrived);
    this.feed = items;
    this.fellOut += fellOut + this.#overflow;
    this.#arrived = [];
    this.#overflow = 0;
  }
}

/** Lines are counted from 1 in each session, so a lower number than the last one begins a new feed. */
function appended(kept: readonly FeedItem[], arrived: readonly FeedItem[]): { items: FeedItem[]; fellOut: number } {
  let items = [...kept];
  for (const item of arrived) {
    const last = items.at(-1);
    if (last !== undefined && item.id <= last.id) items = [];
    items.push(item);
  }
  const fellOut = Math.max(0, items.length - FEED_KEPT);
  return { items: fellOut > 0 ? items.slice(fellOut) : items, fellOut };
}
