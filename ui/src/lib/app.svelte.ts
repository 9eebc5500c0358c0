import { createContext } from 'svelte';

import { asProblem, type AuctionId, type AuctionView, type CommandError, type Platform } from './platform/platform';
import { Store } from './store.svelte';

export type Screen = 'start' | 'lobby' | 'room';
export type Pane = 'diagnostics' | 'feed';

/** What the window itself knows: which screen is open, what failed last. The rest is the store's. */
export class App {
  readonly store: Store;
  readonly platform: Platform;
  screen = $state<Screen>('start');
  pane = $state<Pane>('diagnostics');
  /** Whether the side pane is pulled out, where the window is too narrow to show it always. */
  drawer = $state(false);
  keysOpen = $state(false);
  settingsOpen = $state(false);
  /** A failure that no part of the page has claimed. */
  problem = $state.raw<CommandError | null>(null);
  #chosen = $state<AuctionId | null>(null);

  constructor(platform: Platform, store: Store = new Store()) {
    this.platform = platform;
    this.store = store;
  }

  get session() {
    return this.store.app?.session ?? null;
  }

  /** The auction on the table: the chosen one, or the last that was opened. */
  get auction(): AuctionView | null {
    const auctions = this.session?.auctions ?? [];
    return auctions.find((auction) => auction.id === this.#chosen) ?? auctions.at(-1) ?? null;
  }

  showRoom(auctionId: AuctionId) {
    this.#chosen = auctionId;
    this.screen = 'room';
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

  /** Ends the session and goes back to the start. */
  async leave() {
    if (await this.run(() => this.platform.leave())) {
      this.#chosen = null;
      this.screen = 'start';
    }
  }
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
