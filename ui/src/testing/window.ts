/** The whole window on a scripted platform, for tests. */
import { render } from '@testing-library/svelte';
import { tick } from 'svelte';

import Gavelscope from '../Gavelscope.svelte';
import { App, type Screen } from '../lib/app.svelte';
import type { AppState, AuctionView, FeedItem } from '../lib/platform/platform';
import { Store } from '../lib/store.svelte';
import * as fixtures from './fixtures';
import { Scripted } from './scripted';

export type Opened = {
  app: App;
  scripted: Scripted;
  /** Sends a state and waits until it is on the page. */
  show(state: AppState | null, feed?: FeedItem[], dropped?: number): Promise<void>;
};

/** Takes in at once what arrives: tests wait for no frame. */
const atOnce = (take: () => void) => queueMicrotask(take);

export async function openWindow(state: AppState, screen: Screen = 'room', scripted = new Scripted()): Promise<Opened> {
  const app = new App(scripted.platform, new Store(atOnce));
  await app.store.start(scripted.platform);
  app.screen = screen;
  render(Gavelscope, { app });
  const show: Opened['show'] = async (next, feed = [], dropped = 0) => {
    scripted.send(next, feed, dropped);
    await settle();
  };
  await show(state);
  return { app, scripted, show };
}

/** Lets promises and effects run out. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 8; round += 1) {
    await Promise.resolve();
    await tick();
  }
}

/** A state whose one auction differs from the fixture in what is given. */
export function inRoom(now: number, more: Partial<AuctionView> = {}): AppState {
  return fixtures.app(now, { session: fixtures.session(now, { auctions: [fixtures.auction(now, more)] }) });
}
