import { asProblem, type AuctionId, type BidCheck, type CommandError, type Money, type Platform } from './platform/platform';

/** What stood on the block when somebody decided to bid. */
export type Seen = { lot: number; price: Money | null };

/** A bid that waits for its second yes. It carries exactly what was typed, so nothing can change in between. */
export type Pending = { check: BidCheck; typed: string; seen: Seen; insist: boolean };

/**
 * A bid before it is one: what is typed, what is wrong with it, and the second question for large amounts. Whether it
 * is legal, whether it needs confirming and whether the price has moved is the core's to say.
 */
export class BidDraft {
  typed = $state('');
  pending = $state.raw<Pending | null>(null);
  problem = $state.raw<CommandError | null>(null);
  /** What was typed, where it was turned down only because it would come too late: it can be insisted on. */
  late = $state<string | null>(null);
  busy = $state(false);

  #platform: Pick<Platform, 'checkBid' | 'placeBid'>;
  #auctionId: AuctionId;
  #look: () => Seen | null;
  #looked: Seen | null = null;

  /** `look` tells what is on the block now. */
  constructor(platform: Pick<Platform, 'checkBid' | 'placeBid'>, auctionId: AuctionId, look: () => Seen | null) {
    this.#platform = platform;
    this.#auctionId = auctionId;
    this.#look = look;
  }

  /**
   * First step: asks whether this can be bid; places it, or asks for a second yes. `insist` bids though there is less
   * time left than a bid needs.
   */
  async propose(typed: string, insist = false): Promise<void> {
    const seen = this.#look();
    if (this.busy || seen === null || typed.trim() === '') return;
    await this.#alone(async () => {
      this.#forget();
      await this.#check(typed, seen, insist);
    });
  }

  /** Second step: places exactly what was shown. */
  async confirm(): Promise<void> {
    const pending = this.pending;
    if (this.busy || pending === null) return;
    await this.#alone(async () => {
      this.#forget();
      try {
        await this.#place(pending.typed, pending.seen, pending.insist);
      } catch (failure) {
        const problem = asProblem(failure);
        this.pending = null;
        const seen = this.#look();
        // Somebody was faster: ask again with what is on the block now, and say why.
        if (problem.code === 'priceMoved' && seen !== null && seen.lot === pending.seen.lot) {
          await this.#check(pending.typed, seen, pending.insist, true);
        }
        if (this.problem === null) this.#fail(problem, pending.typed);
      }
    });
  }

  /** Somebody has read what went wrong. */
  dismiss(): void {
    this.#forget();
  }

  /** Back to the field; what was typed stays. */
  cancel(): void {
    this.pending = null;
    this.#forget();
  }

  /**
   * What stands on the block now, whenever that changes. An unconfirmed bid was for the lot that it was made for; and what
   * the rules had against a bid ("you lead") they had at the price of that moment.
   */
  see(seen: Seen | null): void {
    const before = this.#looked;
    this.#looked = seen;
    if (before === null) return;
    if (seen?.lot !== before.lot) {
      this.typed = '';
      this.pending = null;
      this.#forget();
    } else if (seen.price !== before.price && this.problem?.code === 'bidRefused') this.#forget();
  }

  async #check(typed: string, seen: Seen, insist: boolean, askAnyway = false): Promise<void> {
    try {
      const check = await this.#platform.checkBid(this.#auctionId, typed, insist);
      // The lot may have gone while the question was on its way; then the answer is about nothing.
      if (this.#look()?.lot !== seen.lot) return;
      if (check.needsConfirm || askAnyway) this.pending = { check, typed, seen, insist };
      else await this.#place(typed, seen, insist);
    } catch (failure) {
      this.#fail(asProblem(failure), typed);
    }
  }

  #fail(problem: CommandError, typed: string) {
    this.problem = problem;
    this.late = problem.code === 'tooLate' ? typed : null;
  }

  #forget() {
    this.problem = null;
    this.late = null;
  }

  async #place(typed: string, seen: Seen, insist: boolean): Promise<void> {
    await this.#platform.placeBid(this.#auctionId, typed, seen.price, insist);
    this.typed = '';
    this.pending = null;
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    try {
      await work();
    } finally {
      this.busy = false;
    }
  }
}
