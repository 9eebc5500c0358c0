import { fireEvent, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import * as fixtures from '../../testing/fixtures';
import { refusal, Scripted } from '../../testing/scripted';
import { openWindow, settle } from '../../testing/window';

const now = Date.now();
const nobody = { session: null, report: null };

function at<T extends HTMLElement = HTMLElement>(testId: string): T {
  return screen.getByTestId<T>(testId);
}

async function press(testId: string) {
  await fireEvent.click(at(testId));
  await settle();
}

async function type(testId: string, text: string) {
  await fireEvent.input(at(testId), { target: { value: text } });
}

describe('practice', () => {
  it('begins with one press and goes to the room', async () => {
    const { scripted, show } = await openWindow(fixtures.app(now, nobody), 'start');
    await press('practice-start');
    expect(scripted.asked('startPractice')).toEqual([[{ name: 'You', bots: 3, lots: 6, timerSeconds: 15 }]]);
    await show(fixtures.app(now, { practice: true }));
    expect(at('screen-room')).toBeTruthy();
  });

  it('says what went wrong and stays where it is', async () => {
    const scripted = new Scripted({
      startPractice: () => {
        throw refusal('internal', 'The practice backend did not start: no free port.', 'Close another program and try again.');
      },
    });
    await openWindow(fixtures.app(now, nobody), 'start', scripted);
    await press('practice-start');
    expect(at('error-sentence').textContent).toContain('The practice backend did not start: no free port. Close another program');
    expect(at<HTMLButtonElement>('practice-start').disabled).toBe(false);
  });
});

describe('a server', () => {
  it('is checked, added, signed in to by mail, and connected', async () => {
    const { scripted, show } = await openWindow(fixtures.app(now, { ...nobody, servers: [] }), 'start');
    await press('server-new');
    expect(at<HTMLInputElement>('server-path').value).toBe('/api/socket.io/');
    await type('server-address', 'https://auction.example.org');
    await press('server-check');
    expect(at('server-found').textContent).toContain('It calls itself');
    await press('server-add');
    const saved = { id: 's-9', label: 'auction.example.org', address: 'https://auction.example.org', path: '/api/socket.io/', user: null };
    await show(fixtures.app(now, { ...nobody, servers: [saved] }));
    await type('signin-email', 'sam@example.org');
    await press('signin-request');
    await type('signin-token', 'token-from-mail');
    await press('signin-finish');
    expect(scripted.asked('finishSignIn')).toEqual([['s-9', 'sam@example.org', 'token-from-mail']]);
    expect(scripted.asked('connect')).toEqual([['s-9']]);
  });

  it('needs no token where a development backend signs in at once', async () => {
    const server = fixtures.app(now).servers[1]!;
    const scripted = new Scripted({ requestSignIn: () => ({ signedIn: { ...server, user: 'Sam' }, expiresInSeconds: 900 }) });
    await openWindow(fixtures.app(now, { ...nobody, servers: [server] }), 'start', scripted);
    await press('server-sign-in');
    await type('signin-email', 'sam@example.org');
    await press('signin-request');
    expect(screen.queryByTestId('signin-token')).toBeNull();
    expect(scripted.asked('connect')).toEqual([['s-2']]);
  });

  it('that is none gets a sentence and a way on, and what was typed stays', async () => {
    const scripted = new Scripted({
      checkServer: () => {
        throw refusal('notABackend', 'Something answered, but it is not an auction backend.', 'Check the address.');
      },
    });
    await openWindow(fixtures.app(now, nobody), 'start', scripted);
    await press('server-new');
    await type('server-address', 'https://example.org');
    await press('server-check');
    expect(at('error-sentence').textContent).toContain('Something answered, but it is not an auction backend. Check the address.');
    expect(at('error-sentence').dataset['code']).toBe('notABackend');
    expect(at<HTMLInputElement>('server-address').value).toBe('https://example.org');
    await type('server-address', 'https://auction.example.org');
    await settle();
    expect(screen.queryByTestId('error-sentence')).toBeNull();
  });

  it('can be connected to while the old session is still being closed', async () => {
    let closed: (value: unknown) => void = () => {};
    const scripted = new Scripted({ leave: () => new Promise((resolve) => (closed = resolve)) });
    const { app, show } = await openWindow(fixtures.app(now), 'room', scripted);
    await press('leave');
    await show(fixtures.app(now, nobody));
    await press('server-connect');
    await show(fixtures.app(now));
    expect(app.screen).toBe('lobby');
    closed(null);
    await settle();
    expect(app.screen).toBe('lobby');
  });

  it('is forgotten only after a second yes', async () => {
    const { scripted } = await openWindow(fixtures.app(now, nobody), 'start');
    await fireEvent.click(screen.getAllByTestId('server-forget')[0]!);
    await settle();
    expect(scripted.asked('forgetServer')).toEqual([]);
    await fireEvent.click(screen.getByText('Forget it'));
    await settle();
    expect(scripted.asked('forgetServer')).toEqual([['s-1']]);
  });
});

describe('the lobby', () => {
  it('opens an auction and goes to its room', async () => {
    const { app, scripted } = await openWindow(fixtures.app(now), 'lobby');
    await fireEvent.click(screen.getAllByTestId('league-open')[0]!);
    await settle();
    expect(scripted.asked('openAuction')).toEqual([['a-1']]);
    expect(app.screen).toBe('room');
  });

  it('joins by invite code and says why it cannot', async () => {
    const scripted = new Scripted({
      joinLeague: () => {
        throw refusal('refused', 'The invitation is wrong.', 'Ask the commissioner for a new one.');
      },
    });
    await openWindow(fixtures.app(now), 'lobby', scripted);
    await type('join-invite', 'NOPE');
    await press('join-league');
    expect(at('error-sentence').textContent).toContain('The invitation is wrong.');
    expect(at<HTMLInputElement>('join-invite').value).toBe('NOPE');
  });

  it('shows the commissioner the code to hand on, and nobody else', async () => {
    const { scripted } = await openWindow(fixtures.app(now), 'lobby');
    const codes = screen.getAllByLabelText('Copy the invite code');
    expect(codes).toHaveLength(2);
    await fireEvent.click(codes[0]!);
    await settle();
    expect(scripted.asked('copyText')).toEqual([['K7QP-2M4X']]);
  });

  it('offers a new sign-in where the server no longer takes the old one', async () => {
    const lobby = { readAt: null, leagues: [], trouble: 'You are signed out: the server no longer accepts this sign-in.', signedOut: true };
    const state = fixtures.app(now, { session: fixtures.session(now, { lobby }) });
    state.servers[0]!.address = state.session!.server.address;
    const { app, scripted, show } = await openWindow(state, 'lobby');
    await press('sign-in-anew');
    expect([scripted.asked('leave'), scripted.asked('signOut')]).toEqual([[[]], [['s-1']]]);
    await show({ ...state, session: null, servers: state.servers.map((one) => ({ ...one, user: null })) });
    expect([app.screen, screen.getAllByTestId('signin-email')]).toEqual(['start', [expect.anything()]]);
  });

  it('offers none where the server only cannot be read', async () => {
    const lobby = { readAt: null, leagues: [], trouble: 'The server did not answer in time.', signedOut: false };
    await openWindow(fixtures.app(now, { session: fixtures.session(now, { lobby }) }), 'lobby');
    expect(screen.queryByTestId('sign-in-anew')).toBeNull();
  });

  it('tells somebody without a league what to do', async () => {
    const session = fixtures.session(now, { lobby: { readAt: now, leagues: [], trouble: null, signedOut: false } });
    await openWindow(fixtures.app(now, { session }), 'lobby');
    expect(at('screen-lobby').textContent).toContain('Ask a commissioner for an invite code');
  });
});
