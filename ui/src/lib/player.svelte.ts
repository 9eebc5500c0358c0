import { SvelteMap } from 'svelte/reactivity';

import { asProblem, type CommandError, type OpenRecording, type Platform, type RecordedLine, type RecordingMoment } from './platform/platform';
import type { Ticking } from './ticker.svelte';

/** Lines are fetched so many at a time. */
export const PAGE = 200;
/** So many pages are kept; the oldest is forgotten. */
const PAGES_KEPT = 40;
/** How often a recording that plays moves on, ms. */
const BEAT_MS = 80;
export const RATES = [1, 4, 16] as const;
export type Rate = (typeof RATES)[number];

/** The time in a recording: it stands at a line, and goes on only while the recording plays. */
export class RecordedTime implements Ticking {
  now = $state(0);
  hold = () => () => {};
}

/** A recording that is open, and the place in it. It only reads. */
export class Player {
  readonly time = new RecordedTime();
  opened = $state.raw<OpenRecording | null>(null);
  /** The line that was asked for. */
  step = $state(0);
  /** The session at the newest line that was answered. */
  moment = $state.raw<RecordingMoment | null>(null);
  rate = $state<Rate | null>(null);
  problem = $state.raw<CommandError | null>(null);

  #platform: Pick<Platform, 'openRecording' | 'recordingLines' | 'recordingAt' | 'closeRecording'>;
  #pages = new SvelteMap<number, RecordedLine[]>();
  #asked = new Set<number>();
  #asking = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Where in the recording, and when, playing began; none while the line is not here yet. */
  #from: { afterMs: number; began: number } | null = null;

  constructor(platform: Pick<Platform, 'openRecording' | 'recordingLines' | 'recordingAt' | 'closeRecording'>) {
    this.#platform = platform;
  }

  get last(): number {
    return Math.max(0, (this.opened?.steps ?? 0) - 1);
  }

  async open(path: string): Promise<void> {
    this.#reset();
    try {
      this.opened = await this.#platform.openRecording(path);
      await this.#fetch(0);
      this.#look();
    } catch (failure) {
      this.problem = asProblem(failure);
    }
  }

  async close(): Promise<void> {
    this.#reset();
    try {
      await this.#platform.closeRecording();
    } catch (failure) {
      this.problem = asProblem(failure);
    }
  }

  /** A line in words, where it is here. Ask for it with `want`. */
  line(step: number): RecordedLine | undefined {
    return this.#pages.get(Math.floor(step / PAGE))?.[step % PAGE];
  }

  /** Fetches the lines from one to another, where they are not here. */
  want(from: number, to: number): void {
    for (let page = Math.floor(Math.max(0, from) / PAGE); page * PAGE <= Math.min(to, this.last); page += 1) void this.#fetch(page);
  }

  /** Goes to a line; where the recording plays, it plays on from there. */
  go(step: number): void {
    this.#stand(step);
    if (this.rate !== null) this.#begin();
  }

  play(rate: Rate): void {
    if (this.opened === null) return;
    if (this.step >= this.last) this.#stand(0);
    this.rate = rate;
    this.#begin();
    this.#timer ??= setInterval(() => this.#beat(), BEAT_MS);
  }

  pause(): void {
    this.rate = null;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #stand(step: number) {
    this.step = Math.min(Math.max(0, Math.round(step)), this.last);
    this.want(this.step, this.step + PAGE);
    this.#look();
  }

  #begin() {
    const line = this.line(this.step);
    this.#from = line === undefined ? null : { afterMs: line.afterMs, began: performance.now() };
  }

  #beat() {
    if (this.rate === null) return;
    const from = this.#from;
    if (from === null || (this.step < this.last && this.line(this.step + 1) === undefined)) {
      // The lines are on their way: the time of the recording waits for them.
      this.want(this.step, this.step + PAGE);
      this.#begin();
      return;
    }
    const afterMs = from.afterMs + (performance.now() - from.began) * this.rate;
    let step = this.step;
    for (let next = this.line(step + 1); next !== undefined && next.afterMs <= afterMs; next = this.line(step + 1)) step += 1;
    if (step !== this.step) this.#stand(step);
    const now = this.line(this.step);
    if (now !== undefined && this.moment?.line.step === this.step) this.time.now = now.at + Math.max(0, afterMs - now.afterMs);
    if (this.step >= this.last) this.pause();
  }

  /** Asks for the session at the line that is stood on: one question at a time, and the newest is the next. */
  #look() {
    if (this.#asking || this.opened === null) return;
    this.#asking = true;
    const asked = this.step;
    const opened = this.opened;
    void (async () => {
      try {
        const moment = await this.#platform.recordingAt(asked);
        if (this.opened === opened) {
          this.moment = moment;
          this.time.now = moment.line.at;
          this.problem = null;
        }
      } catch (failure) {
        if (this.opened === opened) {
          this.problem = asProblem(failure);
          this.pause();
        }
      } finally {
        this.#asking = false;
        if (this.opened !== null && (this.step !== asked || this.opened !== opened)) this.#look();
      }
    })();
  }

  async #fetch(page: number): Promise<void> {
    if (this.#asked.has(page)) return;
    this.#asked.add(page);
    const opened = this.opened;
    try {
      const lines = await this.#platform.recordingLines(page * PAGE, PAGE);
      if (this.opened !== opened) return;
      this.#pages.set(page, lines);
      const oldest = [...this.#pages.keys()][0];
      if (this.#pages.size > PAGES_KEPT && oldest !== undefined) {
        this.#pages.delete(oldest);
        this.#asked.delete(oldest);
      }
    } catch (failure) {
      this.#asked.delete(page);
      if (this.opened === opened) {
        this.problem = asProblem(failure);
        this.pause();
      }
    }
  }

  #reset() {
    this.pause();
    this.opened = null;
    this.moment = null;
    this.problem = null;
    this.step = 0;
    this.#pages.clear();
    this.#asked.clear();
  }
}
