/** What a diagnosis measured, as it is drawn. What it proves is the core's to say. */
import type { Light, Measured, Stage } from './platform/platform';

/** What it does now, in the order of doing. */
export const stages: { stage: Stage; word: string }[] = [
  { stage: 'path', word: 'The way to the server' },
  { stage: 'health', word: 'What the pods claim' },
  { stage: 'turns', word: 'How many pods take turns' },
  { stage: 'places', word: 'Sockets take their places' },
  { stage: 'room', word: 'Who hears whom' },
];

/** The word beside the light of the verdict. */
export const lightWord: Record<Light, string> = {
  green: 'Good',
  amber: 'Worth a look',
  red: 'Broken',
  grey: 'Not known',
};

/** How one socket hears another: all of it, some, nothing, never asked; `across` where the groups do not hear each other both ways. */
export type Hearing = 'all' | 'across' | 'some' | 'nothing' | 'unasked';

export type Cell = { hearing: Hearing; late: boolean; ms: number | null; words: string };
export type Row = {
  /** Counted from 1, in the order of the groups. */
  number: number;
  pod: string | null;
  /** The place of its group, the largest first. */
  group: number;
  letter: string;
  cells: Cell[];
};

export function letter(group: number): string {
  return String.fromCharCode(65 + (group % 26));
}

/** The delivery matrix with the sockets of a group beside each other, and within it those of a pod. */
export function deliveryRows({ probe, partition, late }: Measured): Row[] {
  const rows = probe.room?.matrix.rows ?? [];
  const podOf = (socket: number) => probe.room?.sockets[socket]?.pod ?? null;
  const order = partition.groups
    .flatMap((group) => group.toSorted((one, other) => (podOf(one) ?? '').localeCompare(podOf(other) ?? '') || one - other))
    .filter((socket) => socket < rows.length);
  const groupOf = new Map(partition.groups.flatMap((group, place) => group.map((socket) => [socket, place] as const)));
  return order.map((from, place) => {
    const group = groupOf.get(from) ?? 0;
    const cells = order.map((to): Cell => {
      const heard = rows[from]?.[to];
      if (heard === undefined || heard.said === 0) return { hearing: 'unasked', late: false, ms: null, words: 'not asked' };
      const part = `heard ${heard.heard} of ${heard.said}`;
      const words = heard.medianMs === null ? part : `${part}, after ${heard.medianMs} ms`;
      const hearing = heard.heard === 0 ? 'nothing' : heard.heard < heard.said ? 'some' : groupOf.get(to) === group ? 'all' : 'across';
      return { hearing, late: heard.heard > 0 && late.includes(to), ms: heard.medianMs, words };
    });
    return { number: place + 1, pod: podOf(from), group, letter: letter(group), cells };
  });
}

/** What the picture shows, in a sentence. */
export function deliverySentence({ probe, partition, late }: Measured): string {
  const sockets = probe.room?.matrix.rows.length ?? 0;
  const groups = partition.groups.length;
  if (partition.islands.length > 1) return `${sockets} sockets in ${partition.islands.length} groups that hear nothing of each other.`;
  if (partition.oneWay.length > 0) return `${sockets} sockets; some are heard and do not hear the others.`;
  if (partition.partial.length > 0) return `${sockets} sockets; some hear others only now and then.`;
  if (groups > 1 || !partition.complete) return `${sockets} sockets; not every pair could be asked.`;
  if (late.length > 0) return `All ${sockets} sockets hear each other; ${late.length} of them ${late.length === 1 ? 'hears' : 'hear'} late.`;
  // Where one pod holds them all, that proves nothing of the others.
  const held = new Set(probe.room?.sockets.map((socket) => socket.pod));
  if (held.size === 1 && !held.has(null)) return `All ${sockets} sockets hear each other; one pod holds them all.`;
  return `All ${sockets} sockets hear each other.`;
}

export type PodRow = { pod: string; socket: number; rest: number; probe: number };

/** Every pod that showed itself, in the session and in the diagnosis. */
export function podRows(seen: { pod: string; socket: number; rest: number }[], last: Measured | null): PodRow[] {
  const rows = new Map<string, PodRow>();
  const row = (pod: string) => {
    const known = rows.get(pod) ?? { pod, socket: 0, rest: 0, probe: 0 };
    rows.set(pod, known);
    return known;
  };
  for (const one of seen) Object.assign(row(one.pod), { socket: one.socket, rest: one.rest });
  const probe = last?.probe;
  for (const health of probe?.health ?? []) if (health.pod !== null) row(health.pod);
  for (const pod of probe?.turns?.pods ?? []) row(pod);
  for (const socket of probe?.room?.sockets ?? []) if (socket.pod !== null) row(socket.pod).probe += 1;
  // By name, with gaveld-10 after gaveld-9: in the order of being seen nobody finds one again.
  return [...rows.values()].toSorted((one, other) => one.pod.localeCompare(other.pod, 'en', { numeric: true }));
}
