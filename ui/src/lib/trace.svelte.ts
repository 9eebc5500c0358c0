/** What the live charts show: a sample a second of the last ten minutes, and what happened in between. */
import { isUp } from './link';
import { ourTime } from './our-time';
import type { AppState, Millis, SessionState } from './platform/platform';

/** How far back it goes, ms. */
export const KEPT_MS = 600_000;
/** Between two samples, ms. */
export const SAMPLE_EVERY_MS = 1_000;
/** More would be a blur: the newest are kept. */
export const MARKS_KEPT = 60;
/** Where nothing was sampled for so long, the line is broken. */
const HOLE_MS = 3_500;

/** One second. What is null was not there to be measured. */
export type Sample = {
  at: Millis;
  /** How long nothing had been heard on the socket, ms. */
  silenceMs: number | null;
  /** The slowest echo of a bid of mine in that second, ms. */
  echoMs: number | null;
  /** Events a second. */
  events: number | null;
  /** How far the server's clock may be off what is believed, ms. */
  clockMs: number | null;
};

export type MarkKind = 'lost' | 'back' | 'pod' | 'gap' | 'diagnosis';
export type Mark = { at: Millis; kind: MarkKind; text: string };

/** Bounded: 600 samples and 60 marks. It only remembers what was published. */
export class Trace {
  /** Oldest first. */
  samples = $state.raw<readonly Sample[]>([]);
  /** Oldest first. */
  marks = $state.raw<readonly Mark[]>([]);
  #session: SessionState | null = null;
  #wasRunning = false;
  #pod: string | null = null;
  #echoes = 0;
  #echoMs: number | null = null;
  #counted: { at: Millis; events: number } | null = null;

  /** A state that was just taken in. */
  take(app: AppState): void {
    const { session } = app;
    const before = this.#session;
    if (session === null || (before !== null && session.revision < before.revision)) this.#reset();
    if (session === null) return;
    const known = this.#session;
    const { connection, measurements } = session;
    if (known !== null) {
      const wasUp = isUp(known.connection.phase);
      const up = isUp(connection.phase);
      if (wasUp && !up) this.#mark(session.at, 'lost', 'Connection lost');
      else if ((!wasUp && up && connection.wasOnline && known.connection.wasOnline) || connection.reconnects > known.connection.reconnects) {
        this.#mark(session.at, 'back', 'Connected again');
      }
      const gaps = measurements.gaps - known.measurements.gaps;
      if (gaps > 0) this.#mark(session.at, 'gap', gaps === 1 ? '1 bid missed' : `${gaps} bids missed`);
    }
    if (connection.pod !== null) {
      if (this.#pod !== null && this.#pod !== connection.pod) this.#mark(session.at, 'pod', `Now on pod ${connection.pod}`);
      this.#pod = connection.pod;
    }
    const running = app.diagnosis.running !== null;
    if (running && !this.#wasRunning) this.#mark(session.at, 'diagnosis', 'Diagnosis began');
    this.#wasRunning = running;
    const { echo } = measurements;
    // The count of samples stands still once as many are kept as are kept at all; then a new time tells.
    const isNew = echo.count > this.#echoes || (known !== null && echo.last !== known.measurements.echo.last);
    if (known !== null && isNew && echo.last !== null) this.#echoMs = Math.max(this.#echoMs ?? 0, echo.last);
    this.#echoes = echo.count;
    this.#session = session;
  }

  /** Takes a sample of what is known now. */
  sample(now: Millis): void {
    const session = this.#session;
    if (session === null) return;
    const { connection, clock, measurements } = session;
    const counted = this.#counted;
    const passed = counted === null ? 0 : now - counted.at;
    const sample: Sample = {
      at: now,
      silenceMs: connection.heardAt === null || !isUp(connection.phase) ? null : Math.max(0, now - connection.heardAt),
      echoMs: this.#echoMs,
      events: counted === null || passed <= 0 ? measurements.eventsPerSecond : ((measurements.events - counted.events) * 1000) / passed,
      clockMs: clock.errorMs,
    };
    this.#counted = { at: now, events: measurements.events };
    this.#echoMs = null;
    const last = this.samples.at(-1);
    const kept = this.samples.filter((one) => one.at > now - KEPT_MS && one.at < now);
    if (last !== undefined && now - last.at > HOLE_MS) {
      kept.push({ at: last.at + 1, silenceMs: null, echoMs: null, events: null, clockMs: null });
    }
    kept.push(sample);
    this.samples = kept;
    if (this.marks.some((mark) => mark.at <= now - KEPT_MS)) this.marks = this.marks.filter((mark) => mark.at > now - KEPT_MS);
  }

  /** Samples until the returned function is called. */
  run(now: () => Millis = () => ourTime.now()): () => void {
    const timer = setInterval(() => this.sample(now()), SAMPLE_EVERY_MS);
    return () => clearInterval(timer);
  }

  #mark(at: Millis, kind: MarkKind, text: string) {
    this.marks = [...this.marks, { at, kind, text }].slice(-MARKS_KEPT);
  }

  #reset() {
    if (this.#session === null && this.samples.length === 0) return;
    this.samples = [];
    this.marks = [];
    this.#session = null;
    this.#wasRunning = false;
    this.#pod = null;
    this.#echoes = 0;
    this.#echoMs = null;
    this.#counted = null;
  }
}
