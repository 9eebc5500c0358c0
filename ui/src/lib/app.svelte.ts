import { createContext } from 'svelte';

import { Attention } from './attention.svelte';
import { BidDraft } from './bid-draft.svelte';
import { OpenBids } from './open-bids.svelte';
import { asProblem, type AuctionId, type AuctionView, type CommandError, type Platform } from './platform/platform';
import { PracticeSetup } from './practice-setup.svelte';
import { Store } from './store.svelte';
import { fast, slow, type Ticking, type Time } from './ticker.svelte';

export type Screen = 'start' | 'lobby' | 'room' | 'recordings';
export type Pane = 'diagnostics' | 'feed';

/** What the window itself knows: which screen is open, what failed last. The rest is the store's. */
export class App {
  readonly store: Store;
  readonly platform: Platform;
  /** What the countdowns and ages go by. */
  readonly time: Time;
  /** Whether this shows something that is over: nothing in it acts, and no key bids. */
  readonly readOnly: boolean;
  readonly attention = new Attention();
  readonly openBids = new OpenBids();
  readonly practice = new PracticeSetup();
  screen = $state<Screen>('start');
  pane = $state<Pane>('diagnostics');
  /** Whether the side pane is pulled out, where the window is too narrow to show it always. */
  drawer = $state(false);
  keysOpen = $state(false);
  settingsOpen = $state(false);
  /** Which servers have their sign-in form open at the start. */
  signingIn = $state<Record<string, boolean>>({});
  /** A failure that no part of the page has claimed. */
  problem = $state.raw<CommandError | null>(null);
  #chosen = $state<AuctionId | null>(null);
  #drafts = new Map<AuctionId, BidDraft>();

  constructor(platform: Platform, store: Store = new Store(), time: Time = { fast, slow }, readOnly = false) {
    this.platform = platform;
    this.store = store;
    this.time = time;
    this.readOnly = readOnly;
  }

  get session() {
    return this.store.app?.session ?? null;
  }

  /** The auction on the table: the chosen one, or the last that was opened. */
  get auction(): AuctionView | null {
    const auctions = this.session?.auctions ?? [];
    return auctions.find((auction) => auction.id === this.#chosen) ?? auctions.at(-1) ?? null;
  }

  /** What is being typed for an auction. It stays while another tab is looked at. */
  draft(auctionId: AuctionId): BidDraft {
    const lot = () => this.session?.auctions.find((auction) => auction.id === auctionId)?.lot ?? null;
    const seen = () => {
      const now = lot();
      return now === null ? null : { lot: now.number, price: now.price };
    };
    const draft = this.#drafts.get(auctionId) ?? new BidDraft(this.platform, auctionId, seen);
    this.#drafts.set(auctionId, draft);
    return draft;
  }

  showRoom(auctionId: AuctionId) {
    this.#chosen = auctionId;
    this.screen = 'room';
  }

  /** Shows the auction in that place of the tabs, counted from 1. Tells whether there is one. */
  showTab(place: number): boolean {
    const auction = this.session?.auctions[place - 1];
    if (auction === undefined) return false;
    this.showRoom(auction.id);
    return true;
  }

  /** Leaves an auction; its neighbour comes on the table. */
  async closeAuction(auctionId: AuctionId) {
    const auctions = this.session?.auctions ?? [];
    const place = auctions.findIndex((auction) => auction.id === auctionId);
    const neighbour = auctions[place + 1] ?? auctions[place - 1];
    const current = this.auction?.id === auctionId;
    if ((await this.run(() => this.platform.closeAuction(auctionId))) && current) this.#chosen = neighbour?.id ?? null;
  }

  /** Runs a command whose failure nobody else shows. Tells whether it went well. */
  async run(command: () => Promise<unknown>): Promise<boolean> {
    this.problem = null;
    try {
      await command();
      return true;
    } catch (failure) {
      this.problem = asProblem(failure);
      return false;
    }
  }

  /** Starts a practice auction, in place of whatever is open. */
  async startPractice() {
    this.showRoom(await this.platform.startPractice(this.practice.options));
  }

  /** Ends the session and goes back to the start. Tells whether it went well. */
  async leave(): Promise<boolean> {
    const before = this.screen;
    // At once, not when the line is closed: by then somebody may have connected anew, and is in the lobby.
    this.screen = 'start';
    this.#chosen = null;
    this.#drafts.clear();
    const left = await this.run(() => this.platform.leave());
    if (!left) this.screen = before;
    return left;
  }

  /** Leaves a server that no longer takes the sign-in, and offers a new one. */
  async signInAnew(serverId: string) {
    if ((await this.leave()) && (await this.run(() => this.platform.signOut(serverId)))) this.signingIn[serverId] = true;
  }
}

/**
 * A session that is over, shown by the same screens. Nothing in it acts: every command is turned down here, whatever
 * the page lets through.
 */
export function recordedApp(time: Ticking): App {
  const platform = new Proxy({} as Platform, {
    get: () => () => {
      const refused: CommandError = { code: 'internal', sentence: 'This is a recording; nothing can be done in it.', way: 'Go back to the room.' };
      return Promise.reject(refused);
    },
  });
  const atOnce = (take: () => void) => take();
  return new App(platform, new Store(atOnce, null), { fast: time, slow: time }, true);
}

export const [useApp, provideApp] = createContext<App>();

/** One command at a time, with its failure kept beside the control that began it. */
export class Action {
  busy = $state(false);
  problem = $state.raw<CommandError | null>(null);

  /** Gives what the command gave, or undefined where it failed or another one is still on its way. */
  async run<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    this.problem = null;
    try {
      return await command();
    } catch (failure) {
      this.problem = asProblem(failure);
      return undefined;
    } finally {
      this.busy = false;
    }
  }
}
