/** A recording as the core reads it: a lot on which the price rises with every tenth line. */
import type { Platform, RecordedKind, RecordedLine, RecordingFile, RecordingMoment } from '../lib/platform/platform';
import * as fixtures from './fixtures';

export const recordingFiles = (now: number): RecordingFile[] =>
  [0, 1, 2, 3].map((index) => ({
    path: `/home/sam/.local/share/gavelscope/recordings/20261125-20140${index}.jsonl`,
    name: `20261125-20140${index}.jsonl`,
    bytes: [8_388_100, 3_120_400, 912_300, 640][index]!,
    at: now - index * 5_400_000,
    server: index === 3 ? 'https://staging.auction.example.org:8443' : 'http://127.0.0.1:43121',
    userId: 'u-sam',
    recording: `r-${index}`,
    part: index === 0 ? 2 : 1,
    application: '0.1.0',
  }));

const kinds: [RecordedKind, string, string][] = [
  ['event', 'tick', '11.4 s left'],
  ['event', 'bid_update', '£6,000,000 by Robin (no. 23)'],
  ['sent', 'call', 'Call 17: POST /api/auction/a-1/bid'],
  ['answer', 'answer', 'Call 17: 200 after 9 ms'],
  ['bid', 'bid', '£6,500,000 counts: the room has seen it.'],
  ['link', 'ping', 'The server’s heartbeat.'],
  ['state', 'clock', 'The server’s clock is 3 ms ahead of ours, give or take 4 ms.'],
  ['malformed', 'bid_update', 'Not what the contract says: amount is not a number.'],
  ['unknown', 'league_mood', 'An event that this version does not know.'],
  ['note', 'gap', '2 bids were missed before no. 23; reading the state anew.'],
];

/** So many lines, one every `everyMs`; the first was written at `began`. */
export function recording(began: number, steps: number, everyMs = 250) {
  const line = (step: number): RecordedLine => {
    const [kind, name, summary] = step === 0 ? (['note', 'recording', 'The recording begins.'] as const) : kinds[step % kinds.length]!;
    return { step, at: began + step * everyMs, afterMs: step * everyMs, kind, name, auctionId: kind === 'link' ? null : 'a-1', summary };
  };
  const moment = (step: number): RecordingMoment => {
    const at = began + step * everyMs;
    const base = fixtures.auction(at);
    const price = 6_000_000 + Math.floor(step / 10) * 100_000;
    const lot = { ...base.lot!, price, endsAt: began + Math.ceil((at - began + 1) / 15_000) * 15_000 };
    return {
      line: line(step),
      raw: JSON.stringify({ us: step * everyMs * 1_000, at, kind: line(step).kind, name: line(step).name, body: { step } }, null, 2),
      session: fixtures.session(at, { auctions: [fixtures.auction(at, { lot })] }),
    };
  };
  const file = recordingFiles(began)[0]!;
  return {
    listRecordings: () => ({ folder: '/home/sam/.local/share/gavelscope/recordings', files: recordingFiles(began) }),
    openRecording: () => ({ file, steps, isCut: false }),
    recordingLines: (from: number, count: number) =>
      Array.from({ length: Math.max(0, Math.min(count, steps - from)) }, (_, index) => line(from + index)),
    recordingAt: (step: number) => moment(step),
  } satisfies Partial<Record<keyof Platform, unknown>>;
}
