import type { Millis } from './platform/platform';

/** How long a state counts as a witness of how far the core's clock is from ours, ms. */
const WINDOW_MS = 10_000;
/** A state that seems this late was not late: the core's clock was set back, ms. */
const SET_BACK_MS = 1_500;

/**
 * What time it is by the core's clock, told by a clock that nobody can set. Every state carries the core's time; it
 * holds from the moment the state arrives, and from there `performance.now()` goes on. So a wall clock that is set
 * while a lot is closing moves no countdown.
 *
 * A state can arrive late and never early: of the states of the last seconds the least delayed one is believed.
 */
export class OurTime {
  /** Offsets that can still become the greatest, newest last and falling. */
  #witnesses: { offset: number; arrived: number }[] = [];
  #offset = Date.now() - performance.now();

  /** A state that the core dated `at` has just arrived. */
  hear(at: Millis): void {
    const arrived = performance.now();
    const offset = at - arrived;
    if (this.#witnesses.length > 0 && this.#offset - offset > SET_BACK_MS) this.#witnesses = [];
    this.#witnesses = this.#witnesses.filter((one) => one.offset > offset && arrived - one.arrived <= WINDOW_MS);
    this.#witnesses.push({ offset, arrived });
    this.#offset = this.#witnesses[0]!.offset;
  }

  now(): Millis {
    return this.#offset + performance.now();
  }
}

/** The time of this window. */
export const ourTime = new OurTime();
