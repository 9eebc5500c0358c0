import { ourTime } from './our-time';

/** What shows a time or an age needs: the time, kept moving while it is held. */
export type Ticking = { readonly now: number; hold(): () => void };

/** The two paces of a window. */
export type Time = { fast: Ticking; slow: Ticking };

/**
 * The time by the core's clock, for whatever shows a countdown or an age. It moves only while something on the page
 * holds it and the page is visible, and only just before a paint: a hidden window costs nothing.
 */
export class Ticker implements Ticking {
  now = $state(ourTime.now());
  #everyMs: number;
  #holders = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame: number | undefined;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Keeps the time moving until the returned function is called. For `$effect(() => ticker.hold())`. */
  hold(): () => void {
    if (this.#holders++ === 0) {
      document.addEventListener('visibilitychange', this.#visibility);
      this.now = ourTime.now();
      this.#start();
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#holders === 0) {
        document.removeEventListener('visibilitychange', this.#visibility);
        this.#stop();
      }
    };
  }

  #visibility = () => (document.hidden ? this.#stop() : this.#start());

  #start() {
    this.#stop();
    if (document.hidden) return;
    this.#frame = requestAnimationFrame(this.#step);
  }

  #stop() {
    clearTimeout(this.#timer);
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
  }

  #step = () => {
    this.now = ourTime.now();
    this.#timer = setTimeout(() => {
      this.#frame = requestAnimationFrame(this.#step);
    }, this.#everyMs);
  };
}

/** For countdowns. */
export const fast = new Ticker(80);
/** For ages. */
export const slow = new Ticker(1000);
