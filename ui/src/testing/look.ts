/**
 * The window with scripted states, for the developer's eyes: `npm run dev`, then `/dev.html?look=bidding&theme=dark`.
 * No part of the build.
 */
import '@fontsource-variable/inter/wght.css';
import '../app.css';

import { mount } from 'svelte';

import Gavelscope from '../Gavelscope.svelte';
import { App, type Screen } from '../lib/app.svelte';
import { ourTime } from '../lib/our-time';
import type { AppState, AuctionView, Fate, SessionState } from '../lib/platform/platform';
import { diagnoses } from './diagnoses';
import * as fixtures from './fixtures';
import { recording } from './recorded';
import { refusal, Scripted } from './scripted';
import { afterwards, troubles } from './troubles';

const { pounds, sam, robin, ashley, jo } = fixtures;
const now = Date.now();
const asked = new URLSearchParams(location.search);
const look = asked.get('look') ?? 'bidding';
const theme = asked.get('theme');
if (theme !== null) document.documentElement.dataset['theme'] = theme;

function room(more: Partial<AuctionView> = {}, session: Partial<SessionState> = {}, app: Partial<AppState> = {}): AppState {
  return fixtures.app(now, { session: fixtures.session(now, { auctions: [fixtures.auction(now, more)], ...session }), ...app });
}

const base = fixtures.auction(now);
const lot = base.lot!;

function withFate(fate: Fate): AppState {
  return room({ bidding: { ...base.bidding, mine: fixtures.ledgerEntry(fate) } });
}

type Look = { state: AppState; screen: Screen; then?: (app: App) => void };
const looks: Record<string, () => Look> = {
  ...Object.fromEntries(Object.entries(troubles).map(([name, state]) => [name, () => ({ state: state(now), screen: 'room' as const })])),
  'scope-save': () => ({ state: diagnoses['scope-red']!(now), screen: 'room', then: (app) => { tenMinutes(app); click('report-save'); } }),
  'scope-compare': () => ({
    state: diagnoses['scope-green']!(now), screen: 'room',
    then: (app) => {
      tenMinutes(app);
      click('report-compare');
      setTimeout(() => click('compare-file'), 300);
    },
  }),
  // The first finding unfolded.
  'scope-finding': () => ({ state: diagnoses['scope-red']!(now), screen: 'room', then: (app) => { tenMinutes(app); click('finding'); } }),
  ...Object.fromEntries(
    Object.entries(diagnoses).map(([name, state]) => [name, () => ({ state: state(now), screen: 'room' as const, then: (app: App) => tenMinutes(app) })]),
  ),
  start: () => ({ state: fixtures.app(now, { session: null, report: null, keeping: 'memory' }), screen: 'start' }),
  'start-empty': () => ({ state: fixtures.app(now, { session: null, report: null, servers: [] }), screen: 'start' }),
  'start-add': () => ({
    state: fixtures.app(now, { session: null, report: null, servers: [] }),
    screen: 'start',
    then: () => {
      click('server-new');
      setTimeout(() => {
        type('server-address', 'https://example.org');
        click('server-check');
      }, 50);
    },
  }),
  'start-found': () => ({
    state: fixtures.app(now, { session: null, report: null, servers: [] }),
    screen: 'start',
    then: () => {
      click('server-new');
      setTimeout(() => {
        type('server-address', 'https://auction.example.org');
        click('server-check');
      }, 50);
    },
  }),
  'start-token': () => ({
    state: fixtures.app(now, { session: null, report: null }),
    screen: 'start',
    then: () => {
      click('server-sign-in');
      setTimeout(() => {
        type('signin-email', 'sam@example.org');
        click('signin-request');
      }, 50);
    },
  }),
  lobby: () => ({
    state: fixtures.app(now, {
      session: fixtures.session(now, { auctions: [fixtures.auction(now, { id: 'a-2', phase: 'waiting', waitingRoom: [sam, jo] })] }),
    }),
    screen: 'lobby',
  }),
  'lobby-empty': () => ({ state: room({}, { auctions: [], lobby: { readAt: now, leagues: [], trouble: null, signedOut: false } }), screen: 'lobby' }),
  waiting: () => ({
    state: room(
      {
        phase: 'waiting', lot: null, isCommissioner: true, waitingRoom: [sam, robin, ashley, jo], lastSale: null, clubs: fixtures.clubs(-1),
        leagueName: 'Practice auction',
        managers: [sam, robin, ashley, jo].map((person) => fixtures.manager(person, 150_000_000, 0, [], { isMe: person === sam })),
      },
      {}, { practice: true },
    ),
    screen: 'room',
  }),
  bidding: () => ({ state: room({ isCommissioner: true }), screen: 'room' }),
  leading: () => ({
    state: room({
      lot: { ...lot, leader: sam, leading: true, price: pounds(6_500_000), endsAt: now + 5_600, extendedAt: null, bids: [fixtures.bidRow(sam, 6_500_000, now), ...lot.bids] },
      managers: base.managers.map((one) => ({ ...one, leading: one.isMe })),
      bidding: { ...base.bidding, blocked: fixtures.blocked('leading', 'You lead: there is nobody to outbid but yourself.', 'You lead'), mine: fixtures.ledgerEntry('confirmed', { amount: pounds(6_500_000) }) },
    }),
    screen: 'room',
  }),
  confirm: () => ({ state: room(), screen: 'room', then: () => click('bid-step-5') }),
  moved: () => ({
    state: room(),
    screen: 'room',
    then: () => {
      click('bid-step-5');
      setTimeout(() => click('bid-confirm'), 200);
    },
  }),
  'fate-sent': () => ({ state: withFate('sent'), screen: 'room' }),
  'fate-unknown': () => ({ state: withFate('unknown'), screen: 'room' }),
  'fate-refused': () => ({ state: withFate('refused'), screen: 'room' }),
  'fate-accepted': () => ({ state: withFate('accepted'), screen: 'room' }),
  'fate-notStored': () => ({ state: withFate('notStored'), screen: 'room' }),
  between: () => ({
    state: room({
      phase: 'between', countdown: 3, lot: { ...lot, endsAt: null },
      lastSale: { club: lot.club, winner: robin, mine: false, price: pounds(6_000_000), at: now },
      bidding: { ...base.bidding, blocked: fixtures.blocked('noLot', 'The hammer has fallen. The next lot starts in a moment.', 'Hammer') },
    }),
    screen: 'room',
  }),
  paused: () => ({
    state: room({
      phase: 'paused', isCommissioner: true, lot: { ...lot, endsAt: null, stoppedAtMs: 7_300 },
      bidding: { ...base.bidding, blocked: fixtures.blocked('paused', 'The auction is paused. Bids are taken again when the commissioner resumes it.', 'Paused') },
    }),
    screen: 'room',
  }),
  completed: () => ({
    state: room({
      phase: 'completed', ending: 'All lots were offered.', clubs: fixtures.clubs(12),
      managers: [
        fixtures.manager(sam, 120_500_000, 29_500_000, [2, 5, 9], { isMe: true }),
        fixtures.manager(robin, 110_000_000, 40_000_000, [0, 4, 8, 10]),
        fixtures.manager(ashley, 131_000_000, 19_000_000, [6, 3]),
        fixtures.manager(jo, 150_000_000, 0, []),
      ],
    }, {}, { practice: true }),
    screen: 'room',
  }),
  feed: () => ({ state: room(), screen: 'room', then: (app) => { app.pane = 'feed'; setTimeout(() => (document.querySelectorAll('[data-testid=feed-row] button')[2] as HTMLElement)?.click(), 200); } }),
  drawer: () => ({ state: room(), screen: 'room', then: (app) => { app.drawer = true; } }),
  bad: () => ({ state: room({}, {}, { report: fixtures.badReport }), screen: 'room', then: () => (document.querySelector('[data-testid=finding]') as HTMLElement)?.click() }),
  recordings: () => ({ state: room({}, { recording: fixtures.recordingNow }), screen: 'recordings' }),
  'recordings-none': () => ({ state: fixtures.app(now, { session: null, report: null }), screen: 'recordings', then: () => {} }),
  recording: () => ({
    state: room({}, { recording: fixtures.recordingNow }),
    screen: 'recordings',
    then: () => {
      click('recording-open');
      setTimeout(() => {
        const slider = at('recording-slider') as HTMLInputElement;
        slider.value = '7412';
        slider.dispatchEvent(new Event('input', { bubbles: true }));
      }, 300);
    },
  }),
  gap: () => ({ state: troubles['discontinuity']!(now), screen: 'room', then: (app) => { app.pane = 'feed'; } }),
  'too-late-typed': () => ({ state: troubles['too-late']!(now), screen: 'room', then: () => type('bid-input', '7.5m') }),
  'lobby-lost': () => ({ state: troubles['reconnecting']!(now), screen: 'lobby' }),
  keys: () => ({ state: room(), screen: 'room', then: (app) => { app.keysOpen = true; } }),
  settings: () => ({ state: room({}, {}, { keeping: 'memory' }), screen: 'room', then: (app) => { app.settingsOpen = true; } }),
};

/** Ten minutes of an evening, for the charts: a second at a time, all of it long past. */
function tenMinutes(app: App) {
  const { trace } = app.store;
  const state = app.store.app!;
  const before = state.session!;
  let reconnects = 0;
  for (let second = -600; second < 0; second += 1) {
    const time = now + second * 1000;
    const lost = second >= -322 && second < -309;
    if (second === -309) reconnects += 1;
    const heardAt = lost ? now - 322_000 : time - 120 - ((second * second) % 900);
    const bids = Math.floor((second + 600) / 27);
    const session: SessionState = {
      ...before,
      at: time,
      revision: 1,
      connection: { ...before.connection, phase: lost && second > -318 ? 'backoff' : 'online', heardAt, reconnects, pod: second < -309 ? 'gaveld-b210' : before.connection.pod },
      clock: { ...before.clock, errorMs: second < -520 ? 40 - (second + 600) / 4 : 4 + Math.abs(Math.sin(second / 60)) * 3 },
      measurements: {
        ...before.measurements, events: before.measurements.events + second * 5 + Math.round(8 * Math.sin(second / 9)),
        gaps: second > -305 ? 2 : 0, echo: { ...before.measurements.echo, count: bids, last: 11 + ((bids * 7) % 23) },
      },
    };
    trace.take({ ...state, session, diagnosis: { running: second > -22 && second < -14 ? { stage: 'path', beganAt: time, atMostMs: 30_000 } : null, last: null, outdated: false } });
    trace.sample(time);
  }
  trace.take(state);
  // It goes on, as the last state says.
  setInterval(() => {
    const time = ourTime.now();
    const { connection, measurements } = before;
    scripted.send({ ...state, session: { ...before, at: time, connection: { ...connection, heardAt: time - 300 }, measurements: { ...measurements, events: measurements.events + Math.round((time - now) / 200) } } });
  }, 500);
}

function at(testId: string): HTMLElement | null {
  return document.querySelector(`[data-testid="${testId}"]`);
}

function click(testId: string) {
  at(testId)?.click();
}

function type(testId: string, text: string) {
  const field = at(testId) as HTMLInputElement | null;
  if (field === null) return;
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

const scripted = new Scripted({
  ...recording(now - 3_600_000, 15_332),
  checkServer: (address, path) => {
    if (String(address).includes('//example.org')) {
      throw refusal('notABackend', 'Something answered at https://example.org, but it is not an auction backend.', 'Check the address with the person who runs the auction.');
    }
    return { address, path, mode: 'redis', pod: 'gaveld-7f3a', status: 'healthy', handshakeMs: 31 };
  },
  placeBid: () => {
    throw refusal('priceMoved', 'The price has moved to £6,000,000 since you pressed.', 'Look at the new price and confirm once more, or cancel.');
  },
});
const app = new App(scripted.platform);
void app.store.start(scripted.platform);
const chosen = (looks[look] ?? looks['bidding']!)();
app.screen = chosen.screen;
mount(Gavelscope, { target: document.getElementById('app')!, props: { app } });
scripted.send(chosen.state, look === 'gap' ? fixtures.feedWithGap(now) : fixtures.feedItems(400, now), 12);
// A look of two moments: what happened elsewhere in between is marked.
if (look in afterwards) setTimeout(() => scripted.send(afterwards[look]!(Date.now())), 100);
// What is polled is read again and again.
if (look === 'polled') setInterval(() => scripted.send(troubles[look]!(Date.now())), 1_000);
if (chosen.then) {
  const then = chosen.then;
  setTimeout(() => then(app), 150);
}

// `?storm=1000`: so many events a second, to see whether the window keeps breathing (frames a second, on the console).
const storm = Number(asked.get('storm') ?? 0);
if (storm > 0) {
  let next = 401;
  let frames = 0;
  const frame = () => {
    frames += 1;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  setInterval(() => {
    console.info(`${frames} frames, ${document.querySelectorAll('*').length} elements`);
    frames = 0;
  }, 1000);
  setInterval(() => {
    const batch = Math.round(storm / 60);
    const time = Date.now();
    const session = chosen.state.session === null ? null : { ...chosen.state.session, at: time };
    scripted.send({ ...chosen.state, session }, fixtures.feedItems(batch, time, next), 12);
    next += batch;
  }, 16);
}
