import { SvelteSet } from 'svelte/reactivity';

import type { AuctionId, AuctionView } from './platform/platform';

/** How little time makes a lot elsewhere worth a look, ms. */
export const CLOSING_MS = 5_000;

/** In which of the auctions that are open but not on the table I was outbid since I last looked. */
export class Attention {
  #outbid = new SvelteSet<AuctionId>();
  #before = new Map<AuctionId, { lot: number; leading: boolean }>();

  /** Compares with what was seen before. `looking` is the auction on the table. */
  take(auctions: readonly AuctionView[], looking: AuctionId | null): void {
    for (const auction of auctions) {
      const now = { lot: auction.lot?.number ?? 0, leading: auction.lot?.leading ?? false };
      const old = this.#before.get(auction.id);
      this.#before.set(auction.id, now);
      const lost = old !== undefined && old.lot === now.lot && old.leading && !now.leading;
      if (lost && auction.phase === 'bidding' && auction.id !== looking) this.#outbid.add(auction.id);
      // The mark is about this lot: it goes when I lead again, when the lot goes, and when I look.
      if (now.leading || old?.lot !== now.lot || auction.phase !== 'bidding' || auction.id === looking) this.#outbid.delete(auction.id);
    }
    for (const id of this.#before.keys()) {
      if (auctions.some((auction) => auction.id === id)) continue;
      this.#before.delete(id);
      this.#outbid.delete(id);
    }
  }

  outbid(id: AuctionId): boolean {
    return this.#outbid.has(id);
  }

  get any(): boolean {
    return this.#outbid.size > 0;
  }
}

/** What is left on an auction's clock by our time, ms; none where no clock runs. */
export function leftOn(auction: AuctionView, now: number): number | null {
  if (auction.phase === 'paused') return auction.lot?.stoppedAtMs ?? null;
  if (auction.phase !== 'bidding' || auction.lot?.endsAt == null) return null;
  return Math.max(0, auction.lot.endsAt - now);
}
