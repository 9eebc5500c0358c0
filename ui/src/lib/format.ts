/** Numbers and times as people read them. Formatting only: nothing here decides anything. */
import type { Confidence, Light, Millis, Money, Outcome } from './platform/platform';

const grouped = new Intl.NumberFormat('en-GB');

/** `£5,000,000`; pence only where there are any. */
export function money(amount: Money): string {
  // Pounds cross the channel, as on the wire; a double does not hold every penny exactly.
  const all = Math.round(amount * 100);
  const pounds = Math.floor(all / 100);
  const pence = all % 100;
  return `£${grouped.format(pounds)}${pence === 0 ? '' : `.${String(pence).padStart(2, '0')}`}`;
}

/** `£5m`, `£5.25m`, `£750k`, `£900`: for dense lists; the exact amount belongs in the title. */
export function compactMoney(amount: Money): string {
  if (amount >= 999_995) return `£${shorten(amount / 1_000_000)}m`;
  if (amount >= 1_000) return `£${shorten(amount / 1_000)}k`;
  return money(amount);
}

function shorten(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** An amount as a command takes it: pounds, without sign or grouping. */
export function typedAmount(amount: Money): string {
  return Number.isInteger(amount) ? String(amount) : amount.toFixed(2);
}

/**
 * What is left on the clock: tenths in the last ten seconds, seconds, then minutes. Rounded up: 0 means over. No tenths
 * where they would say more than is known.
 */
export function countdown(leftMs: number, tenthsKnown = true): string {
  const tenths = Math.ceil(Math.max(0, leftMs) / 100);
  if (tenths === 0 || (tenthsKnown && tenths < 100)) return tenthsKnown ? (tenths / 10).toFixed(1) : '0';
  const seconds = Math.ceil(leftMs / 1000);
  if (seconds < 60) return String(seconds);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `3 s`, `4 min`, `2 h 5 min`: how long something lasts or how old it is. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** `12 ms`, `1.42 s`; a dash where nothing was measured. */
export function duration(ms: number | null): string {
  if (ms === null) return '–';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** `0.5 s`, `2 s`: how often something happens. */
export function every(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** `± 40 ms`, `± 1.3 s`: how far something may be off, rounded up. */
export function spread(ms: number): string {
  return ms < 100 ? `± ${Math.ceil(ms)} ms` : `± ${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
}

/** `20:14:07`. */
export function clockTime(at: Millis): string {
  return new Date(at).toLocaleTimeString('en-GB', { hour12: false });
}

/** `25 Nov 2026`. */
export function day(at: Millis): string {
  return new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** `812 B`, `14 kB`, `3.2 MB`. */
export function bytes(size: number): string {
  if (size < 1_000) return `${size} B`;
  return size < 1_000_000 ? `${Math.round(size / 1_000)} kB` : `${(size / 1_000_000).toFixed(1)} MB`;
}

/** `20:14:07.031`. */
export function exactTime(at: Millis): string {
  return `${clockTime(at)}.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`;
}

/** `1 manager`, `3 managers`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${grouped.format(number)} ${number === 1 ? one : many}`;
}

/** `1,204`. */
export function whole(number: number): string {
  return grouped.format(number);
}

/** The word that stands beside the light. */
export const outcomeWord: Record<Outcome, string> = {
  pass: 'Good',
  warn: 'Worth a look',
  fail: 'Broken',
  inconclusive: 'Not known yet',
  skipped: 'Not looked at',
  crashed: 'The check broke',
};

export const confidenceWord: Record<Confidence, string> = {
  certain: 'Certain',
  likely: 'Likely',
  weak: 'Not very',
};

/** The light of a report as an outcome: it has the same colours. */
export const lightOutcome: Record<Light, Outcome> = {
  green: 'pass',
  amber: 'warn',
  red: 'fail',
  grey: 'inconclusive',
};
