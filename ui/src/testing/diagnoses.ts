/** What diagnoses measured, for the tests and for the developer's page. */
import type { AppState, Comparison, Finding, Heard, Measured, Report, ReportFile, SessionState } from '../lib/platform/platform';
import * as fixtures from './fixtures';

type Hears = (from: number, to: number) => Partial<Heard>;

/** Sockets on pods, and what each heard of each, unless all of it after 3 ms. */
export function measured(now: number, pods: (string | null)[], hears: Hears, more: Partial<Measured> = {}, ago = 12_000): Measured {
  const rows = pods.map((_, from) => pods.map((__, to): Heard => ({ said: 2, heard: 2, medianMs: 2 + ((from * 3 + to) % 4), ...hears(from, to) })));
  const names = [...new Set(pods.filter((pod) => pod !== null))];
  return {
    probe: {
      beganAt: now - ago - 7_400,
      tookMs: 7_400,
      cutShort: null,
      cost: { connections: 27, requests: 21, messages: 24 },
      path: null,
      health: names.map((pod) => ({ code: 200, status: 'healthy', pod, mode: 'redis', multiPodReady: true, adapter: null, pods: null, reason: null, tookMs: 4 })),
      turns: { searches: Array.from({ length: 4 }, () => ({ requests: names.length, found: true })), withCookies: false, keptAlive: false, pods: names, trouble: null },
      room: {
        scratch: 'probeRoom',
        sockets: pods.map((pod, place) => ({ pod, claimed: 0, claimedCluster: null, joinedAs: place + 1, connectMs: 9, joinMs: 3 })),
        matrix: { rows },
        strangers: 0,
        lost: 0,
        trouble: null,
      },
    },
    partition: { groups: [pods.map((_, place) => place)], islands: [pods.map((_, place) => place)], oneWay: [], partial: [], mute: [], complete: true },
    late: [],
    pods: { turns: 'strict', likely: names.length, least: names.length, most: names.length },
    ...more,
  };
}

const pods = ['gaveld-7f3a', 'gaveld-b210', 'gaveld-c9e4'];
/** As a balancer deals them out. */
const dealt = [0, 1, 2, 0, 1, 2, 0, 1].map((pod) => pods[pod]!);
const groupsOf = pods.map((pod) => dealt.flatMap((one, place) => (one === pod ? [place] : [])));

/** No pod hears another. */
export function split(now: number): Measured {
  const deaf = { heard: 0, medianMs: null };
  return measured(now, dealt, (from, to) => (dealt[from] === dealt[to] ? {} : deaf), {
    partition: { groups: groupsOf, islands: groupsOf, oneWay: [], partial: [], mute: [], complete: true },
  });
}

/** Everybody hears everybody. */
export function whole(now: number): Measured {
  return measured(now, dealt, () => ({}));
}

/** The last pod is told late. */
export function slow(now: number): Measured {
  const late = groupsOf[2]!;
  return measured(now, dealt, (from, to) => (late.includes(to) ? { medianMs: 402 + ((from + to) % 3) * 3 } : {}), { late });
}

/** The last pod speaks and does not hear. */
export function oneWay(now: number): Measured {
  const deaf = groupsOf[2]!;
  const pairs = deaf.flatMap((from) => dealt.flatMap((_, to) => (deaf.includes(to) ? [] : [{ from, to }])));
  return measured(now, dealt, (from, to) => (deaf.includes(to) && !deaf.includes(from) ? { heard: 0, medianMs: null } : {}), {
    partition: { groups: [[...groupsOf[0]!, ...groupsOf[1]!].sort(), deaf], islands: [dealt.map((_, place) => place)], oneWay: pairs, partial: [], mute: [], complete: true },
  });
}

/** All sockets were led to one pod. */
export function sticky(now: number): Measured {
  const one = dealt.map(() => pods[0]!);
  return { ...measured(now, one, () => ({})), pods: { turns: 'none', likely: 1, least: 1, most: 1 } };
}

function finding(code: string, outcome: Finding['outcome'], sentence: string, more: Partial<Finding> = {}): Finding {
  return { ...fixtures.goodReport.findings[0]!, code, outcome, sentence, confidence: 'certain', restsOn: 'every pair of sockets, asked more than once', evidence: [], anchor: code.toLowerCase(), ...more };
}

const amber: Report = {
  at: 0,
  light: 'amber',
  code: 'GS-SLOW-POD',
  verdict: 'One of the pods is slow: what you see through gaveld-c9e4 comes 405 ms later than through the others. Fix: look at the load of gaveld-c9e4, and at its network.',
  findings: [
    finding('GS-SLOW-POD', 'warn', 'One of the pods is slow: what you see through gaveld-c9e4 comes 405 ms later than through the others.', {
      confidence: 'likely', restsOn: 'everything that was heard through it', meaning: 'While you are connected to it, do not wait for the last second: bid earlier.',
      fix: 'Operator: look at the load of gaveld-c9e4, and at its network.',
      evidence: [{ label: 'Usually heard after', value: '3 ms', claimed: false }, { label: 'Heard through it after', value: '408 ms', claimed: false }, { label: 'Slow', value: 'gaveld-c9e4', claimed: false }],
    }),
    ...fixtures.goodReport.findings.slice(1),
    finding('GS-ROOM-SPLIT', 'pass', 'What is said on one pod is heard on all 3.'),
  ],
};

const grey: Report = {
  at: 0,
  light: 'grey',
  code: 'GS-ROOM-SPLIT',
  verdict: 'Only one of 3 pods can be reached from here, so nothing is known of the others. To find out: run the diagnosis from several networks, or read each pod’s /health.',
  findings: [
    finding('GS-ROOM-SPLIT', 'inconclusive', 'Only one of 3 pods can be reached from here, so nothing is known of the others.', {
      confidence: 'weak', restsOn: 'one pod of several', fix: 'Operator: run the diagnosis from several networks, or read each pod’s /health.',
    }),
    finding('GS-STICKY', 'inconclusive', 'The balancer keeps this address on one pod: the others cannot be tried from here.'),
    fixtures.badReport.findings[2]!,
  ],
};

function state(now: number, report: Report, last: Measured | null, session: Partial<SessionState> = {}): AppState {
  return fixtures.app(now, { report, diagnosis: { running: null, last, outdated: false }, session: fixtures.session(now, session) });
}

const seen = (now: number) => ({
  server: { ...fixtures.session(now).server, claim: { ...fixtures.session(now).server.claim!, mode: 'redis', multiPodReady: true, adapter: null } },
  measurements: {
    ...fixtures.session(now).measurements,
    pods: [
      { pod: pods[0]!, socket: 3, rest: 22, at: now - 400 },
      { pod: pods[1]!, socket: 0, rest: 19, at: now - 900 },
      { pod: pods[2]!, socket: 0, rest: 21, at: now - 1_300 },
    ],
  },
});

/** One for each colour, and one that runs. */
export const diagnoses: Record<string, (now: number) => AppState> = {
  'scope-red': (now) => state(now, fixtures.badReport, split(now), seen(now)),
  'scope-green': (now) => state(now, { ...fixtures.goodReport, code: 'GS-ROOM-SPLIT', findings: fixtures.goodReport.findings.slice(1) }, whole(now), seen(now)),
  'scope-grey': (now) => state(now, grey, sticky(now)),
  'scope-amber': (now) => state(now, amber, slow(now), seen(now)),
  'scope-one-way': (now) => state(now, fixtures.badReport, oneWay(now), seen(now)),
  'scope-running': (now) => ({
    ...state(now, { ...grey, code: null, findings: fixtures.goodReport.findings, verdict: 'Nothing is wrong so far. Whether bids come back is known after your first one, or when you run the diagnosis.' }, null),
    diagnosis: { running: { stage: 'places', beganAt: now - 4_200, atMostMs: 30_000 }, last: null, outdated: false },
  }),
};

const yesterday = Date.UTC(2026, 10, 24, 19, 2, 11);

/** Reports that were saved, newest first. */
export const savedReports: ReportFile[] = [
  { name: '20261124T190211Z.json', path: '/reports/20261124T190211Z.json', at: yesterday, server: 'https://auction.example.org', light: 'red', probed: true },
  { name: '20261123T210540Z.json', path: '/reports/20261123T210540Z.json', at: yesterday - 78_991_000, server: 'https://auction.example.org', light: 'grey', probed: false },
];

/** Since somebody set REDIS_URL. */
export const comparison: Comparison = {
  beforeAt: yesterday,
  afterAt: yesterday + 86_400_000,
  before: 'red',
  after: 'green',
  beforeVerdict: fixtures.badReport.verdict,
  otherServer: null,
  findings: [
    { code: 'GS-ROOM-SPLIT', before: 'fail', after: 'pass', sentence: 'What is said on one pod is heard on all 3.', drift: 'better' },
    { code: 'GS-STICKY', before: 'pass', after: 'inconclusive', sentence: 'The balancer keeps this address on one pod: the others cannot be tried from here.', drift: 'other' },
  ],
  sameFindings: 15,
  figures: [
    { label: 'Groups that hear nothing of each other', unit: '', before: 3, after: 1, drift: 'better' },
    { label: 'Usually heard after', unit: 'ms', before: 3, after: 401, drift: 'worse' },
    { label: 'Clock error', unit: 'ms', before: null, after: 4, drift: 'other' },
  ],
};
