import { SvelteSet } from 'svelte/reactivity';

import type { LedgerEntry } from './platform/platform';

/**
 * The bids whose fate was ever unknown. Such a bid stays in sight, whichever lot or screen is open: until it is known
 * what became of it, and then until somebody has read it.
 */
export class OpenBids {
  #watched = new SvelteSet<string>();

  /** Looks out for bids whose fate is unknown. */
  watch(bids: readonly LedgerEntry[]): void {
    for (const bid of bids) if (isOpen(bid)) this.#watched.add(bid.key);
  }

  /** Those to show, oldest first. */
  among(bids: readonly LedgerEntry[]): LedgerEntry[] {
    return bids.filter((bid) => isOpen(bid) || this.#watched.has(bid.key));
  }

  /** Somebody has read what became of it. */
  dismiss(key: string): void {
    this.#watched.delete(key);
  }
}

/** Whether nobody knows yet what became of it: no answer, or the application ended before one. */
export function isOpen(bid: LedgerEntry): boolean {
  return bid.fate === 'unknown' || (bid.earlier && (bid.fate === 'sent' || bid.fate === 'draft'));
}
