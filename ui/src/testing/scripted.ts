/** A platform that says what it is told to say and writes down what it was asked. */
import type { AppState, CommandError, FeedItem, Platform, Update } from '../lib/platform/platform';
import { comparison, savedReports } from './diagnoses';
import { ledgerEntry, pounds } from './fixtures';

export type Call = { command: keyof Platform; given: unknown[] };
type Script = { [Command in keyof Platform]?: (...given: Parameters<Platform[Command]>) => unknown };

export function refusal(code: CommandError['code'], sentence: string, way: string): CommandError {
  return { code, sentence, way };
}

export class Scripted {
  readonly calls: Call[] = [];
  readonly script: Script;
  readonly platform: Platform;
  #onUpdate: (update: Update) => void = () => {};

  constructor(script: Script = {}) {
    this.script = script;
    this.platform = new Proxy({} as Platform, {
      get: (_, command: keyof Platform) => (...given: unknown[]) => this.#answer(command, given),
    });
  }

  /** What was asked under this name, oldest first. */
  asked(command: keyof Platform): unknown[][] {
    return this.calls.filter((call) => call.command === command).map((call) => call.given);
  }

  /** A message of the channel. */
  send(state: AppState | null, feed: FeedItem[] = [], feedDropped = 0): void {
    this.#onUpdate({ state, feed, feedDropped });
  }

  async #answer(command: keyof Platform, given: unknown[]): Promise<unknown> {
    this.calls.push({ command, given });
    if (command === 'subscribe') {
      this.#onUpdate = given[0] as (update: Update) => void;
      return null;
    }
    const scripted = this.script[command] as ((...given: unknown[]) => unknown) | undefined;
    if (scripted !== undefined) return scripted(...given);
    return defaults[command]?.(...given) ?? null;
  }
}

const defaults: Partial<Record<keyof Platform, (...given: unknown[]) => unknown>> = {
  startPractice: () => 'a-1',
  checkServer: (address, path) => ({ address, path, mode: 'in-memory', pod: 'gaveld-7f3a', status: 'healthy', handshakeMs: 31 }),
  addServer: (label, address, path) => ({ id: 's-9', label: label || address, address, path, user: null }),
  requestSignIn: () => ({ signedIn: null, expiresInSeconds: 900 }),
  finishSignIn: (id) => ({ id, label: 'Server', address: 'https://auction.example.org', path: '/api/socket.io/', user: 'Sam' }),
  joinLeague: () => 'l-9',
  checkBid: (_, typed) => {
    const amount = pounds(Number(typed));
    return { amount, needsConfirm: amount > pounds(10_000_000), sentence: `Bid £${Number(typed).toLocaleString('en-GB')} for Brighton & Hove Albion` };
  },
  placeBid: () => ledgerEntry('sent'),
  previewReport: () => ({
    parts: [
      { what: 'The server’s address', said: 'https://auction.example.org' },
      { what: 'The verdict', said: '17 findings with what they rest on' },
      { what: 'The session', said: 'counts and times, 2 changes of the connection with their reasons, 3 pods by name' },
      { what: 'The diagnosis', said: 'the way there, 3 answers of /health, who of 8 sockets hears whom' },
      { what: 'Not in it', said: 'names of people and leagues, amounts, e-mail addresses, tokens' },
    ],
    text: '{\n  "schema": 1,\n  "exit": 2,\n  "report": {}\n}\n',
  }),
  saveReport: () => ({ folder: '/home/sam/.local/share/gavelscope/reports', json: '20261125T201400Z.json', html: '20261125T201400Z.html' }),
  listReports: () => ({ folder: '/home/sam/.local/share/gavelscope/reports', files: savedReports }),
  compareReport: () => comparison,
  feedRaw: (id) => JSON.stringify({ lotId: 'a-1-lot-4', amount: 6000000.0, bidder: { userId: 'u-robin', displayName: 'Robin' }, seq: id }, null, 2),
};
