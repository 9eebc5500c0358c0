/** One digit of the countdown, ms: less than this is never seen. */
const DIGIT_MS = 100;

/**
 * What a countdown shows of the time that is left. Time does not come back: where a better estimate of the server's
 * clock would raise the digits by no more than its error, they stand still until the time has caught up. Only a hammer
 * that was moved, or an estimate that contradicts the old one, is followed upwards.
 */
export class CountdownFace {
  #hammer = '';
  #shown = 0;

  /** `hammer` names what is counted down to; another one is a new countdown. Times in ms. */
  show(hammer: string, left: number, error: number): number {
    const known = hammer === this.#hammer;
    this.#hammer = hammer;
    const rise = left - this.#shown;
    if (known && rise > 0 && rise <= Math.max(error, DIGIT_MS)) return this.#shown;
    this.#shown = left;
    return left;
  }
}
