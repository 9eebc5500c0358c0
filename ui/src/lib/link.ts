/** What is shown of the link, in words. */
import type { Carrier, Connection, LinkPhase, Millis, TransportKind } from './platform/platform';

/** One word for each, for the bar and the diagnostics. */
export const phaseWord: Record<LinkPhase, string> = {
  idle: 'Connecting',
  resolving: 'Connecting',
  connecting: 'Connecting',
  handshaking: 'Connecting',
  online: 'Online',
  suspect: 'Checking',
  backoff: 'Offline',
  closed: 'Closed',
};

/** Each with a word of its own, for the history. */
export const phaseStep: Record<LinkPhase, string> = {
  ...phaseWord,
  idle: 'Idle',
  resolving: 'Looking up',
  handshaking: 'Greeting',
  suspect: 'Suspect',
};

export const transportWord: Record<TransportKind, string> = { rustSocketio: 'Standard', wire: 'Instrument' };
/** The same, for those who know what is inside. */
export const transportLibrary: Record<TransportKind, string> = { rustSocketio: 'rust_socketio', wire: 'Gavelscope’s own' };
export const carrierWord: Record<Carrier, string> = { websocket: 'websocket', polling: 'long polling' };

/** Whether events can arrive, though they may be in doubt. */
export function isUp(phase: LinkPhase): boolean {
  return phase === 'online' || phase === 'suspect';
}

/** Since when there has been a link, or none: a check of a link that stands, or another try, begins nothing new. */
export function heldSince(connection: Connection): Millis {
  const up = isUp(connection.phase);
  let since = connection.since;
  for (const step of connection.transitions.toReversed()) {
    if (isUp(step.phase) !== up) break;
    since = Math.min(since, step.at);
  }
  return since;
}

/** Since when there is no link; none while there is one. */
export function lostSince(connection: Connection): Millis | null {
  return isUp(connection.phase) ? null : heldSince(connection);
}
