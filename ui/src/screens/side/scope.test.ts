import { fireEvent, screen, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import Drawn from '../../testing/drawn';
import { diagnoses } from '../../testing/diagnoses';
import * as fixtures from '../../testing/fixtures';
import { refusal, Scripted } from '../../testing/scripted';
import { openWindow, settle } from '../../testing/window';

const now = Date.now();

function said(testId: string): string {
  return (screen.getByTestId(testId).textContent ?? '').replace(/\s+/g, ' ').trim();
}

/** The cells of a row. */
function cells(row: HTMLElement): string[] {
  return [...row.children].map((cell) => (cell.textContent ?? '').replace(/\s+/g, ' ').trim());
}

describe('running a diagnosis', () => {
  it('is offered, shows how far it has come, and can be cancelled', async () => {
    const { scripted, show } = await openWindow(fixtures.app(now));
    expect(said('diag-age')).toContain('never bids');
    await fireEvent.click(screen.getByTestId('diag-start'));
    expect(scripted.asked('runDiagnosis')).toHaveLength(1);
    await show(diagnoses['scope-running']!(now));
    expect(screen.queryByTestId('diag-start')).toBeNull();
    const progress = screen.getByTestId('diag-progress');
    expect([progress.getAttribute('aria-valuenow'), progress.getAttribute('aria-valuetext')]).toEqual(['3', 'Sockets take their places']);
    await fireEvent.click(screen.getByTestId('diag-cancel'));
    expect(scripted.asked('cancelDiagnosis')).toHaveLength(1);
    await show(fixtures.app(now));
    expect(screen.getByTestId('diag-start').textContent).toBe('Run diagnosis');
  });

  it('says why it cannot begin', async () => {
    const sentence = 'A diagnosis is running already.';
    const scripted = new Scripted({ runDiagnosis: () => Promise.reject(refusal('diagnosis', sentence, 'Wait for it, or cancel it.')) });
    await openWindow(fixtures.app(now), 'room', scripted);
    await fireEvent.click(screen.getByTestId('diag-start'));
    await settle();
    expect(said('error-sentence')).toContain(sentence);
  });

  it('leaves its age and its cost, and grows old', async () => {
    const state = diagnoses['scope-red']!(Date.now());
    const { show } = await openWindow(state);
    expect(said('diag-age')).toMatch(/Diagnosed \d+ s ago in 7 s\. It cost the server 27 connections\./);
    const later = structuredClone(state);
    later.diagnosis.last!.probe.beganAt -= 3_600_000;
    await show(later);
    expect(said('diag-age')).toContain('things may have changed');
  });

  it('says when it no longer counts, because the connection was lost', async () => {
    const state = diagnoses['scope-red']!(Date.now());
    state.diagnosis.outdated = true;
    await openWindow(state);
    expect(said('diag-age')).toContain('before the connection was lost: it no longer counts');
    expect(screen.getByTestId('diag-start').className).not.toContain('quiet');
  });

  it('puts what to do on a line of its own', async () => {
    await openWindow(diagnoses['scope-red']!(now));
    const lines = [...screen.getByTestId('diag-verdict').querySelectorAll('p:not([aria-hidden])')].map((line) => line.textContent);
    expect(lines).toEqual([expect.stringMatching(/do not share rooms\.$/), expect.stringMatching(/^Fix: set REDIS_URL/)]);
  });

  it('does the same with what would settle what is not known', async () => {
    await openWindow(diagnoses['scope-grey']!(now));
    const lines = [...screen.getByTestId('diag-verdict').querySelectorAll('p:not([aria-hidden])')].map((line) => line.textContent);
    expect(lines).toEqual([expect.stringMatching(/^Only one of 3 pods/), expect.stringMatching(/^To find out: run the diagnosis/)]);
  });
});

describe('the findings', () => {
  it('that call for nobody are counted and folded away, and the verdict’s own is not', async () => {
    await openWindow(diagnoses['scope-grey']!(now));
    const outside = screen.getAllByTestId('finding').filter((finding) => finding.closest('details') === null);
    expect(outside.map((finding) => finding.dataset['outcome'])).toEqual(['inconclusive']);
    // Its sentence stands above, in the verdict.
    expect(said('diag-verdict')).toContain('Only one of 3 pods can be reached');
    expect(outside[0]?.textContent).toContain('Why, how to find out');
    expect(screen.getByTestId('findings-open').querySelector('summary')?.textContent).toBe('1 check not known');
    expect(screen.getByTestId('findings-passed').querySelector('summary')?.textContent).toBe('1 check passed');
    expect(screen.queryByTestId('findings-skipped')).toBeNull();
  });
});

describe('what follows from the verdict', () => {
  it('is counted by how bad it is, and stays one press away', async () => {
    const state = diagnoses['scope-red']!(now);
    const report = structuredClone(state.report!);
    const warn = report.findings.find((finding) => finding.outcome === 'warn')!;
    report.findings.splice(1, 0, { ...warn, code: 'GS-ECHO', outcome: 'fail' }, { ...warn, code: 'GS-GAPS' });
    await openWindow({ ...state, report });
    expect(screen.getByTestId('findings-more').querySelector('summary')?.textContent).toBe('1 more broken, 2 worth a look');
    const outside = screen.getAllByTestId('finding').filter((finding) => finding.closest('details') === null);
    expect(outside).toHaveLength(1);
    expect(within(screen.getByTestId('findings-more')).getAllByTestId('finding')).toHaveLength(3);
  });
});

describe('what was measured', () => {
  it('is a picture that can be read as a table', async () => {
    await openWindow(diagnoses['scope-red']!(now));
    expect(said('diag-matrix-says')).toBe('8 sockets in 3 groups that hear nothing of each other.');
    const table = within(screen.getByTestId('diag-matrix')).getByRole('table');
    expect(within(table).getAllByRole('rowheader')).toHaveLength(8);
    const cells = within(table).getAllByRole('cell');
    expect(cells).toHaveLength(64);
    expect(cells[0]?.textContent).toContain('heard 2 of 2, after 2 ms');
    expect(cells[7]?.textContent).toBe('heard 0 of 2');
    expect([cells[0]?.dataset['group'], cells[63]?.dataset['group'], cells[7]?.dataset['group']]).toEqual(['0', '2', undefined]);
  });

  it('is not shown where there is none, and says why where it came to nothing', async () => {
    const { show } = await openWindow(fixtures.app(now));
    expect(screen.queryByTestId('diag-matrix')).toBeNull();
    const state = diagnoses['scope-red']!(now);
    state.diagnosis.last!.probe.room = { scratch: null, sockets: [], matrix: { rows: [] }, strangers: 0, lost: 0, trouble: 'the probe room was refused' };
    await show(state);
    expect(said('diag-matrix')).toContain('the probe room was refused');
  });

  it('stands beside what is claimed', async () => {
    await openWindow(diagnoses['scope-red']!(now));
    expect(cells(screen.getByTestId('diag-claim'))).toEqual(['Health', 'healthy', 'Broken']);
    expect(cells(screen.getByTestId('diag-claim-rooms'))).toEqual(['Shared rooms', 'redis, ready for several pods', '3 groups apart']);
    expect(cells(screen.getByTestId('diag-claim-room'))).toEqual(['Room size, diagnosis', '0', '8 sockets in it']);
  });

  it('is not made up where nobody measured', async () => {
    await openWindow(fixtures.app(now));
    expect(said('diag-claim-rooms')).toContain('not measured');
    expect(screen.queryByTestId('diag-claim-pods')).toBeNull();
  });

  it('lists the pods with what each carried', async () => {
    await openWindow(diagnoses['scope-red']!(now));
    expect(screen.getAllByTestId('diag-pod-row').map(cells)).toEqual([
      ['gaveld-7f3amine', '3', '22', '3'],
      ['gaveld-b210', '0', '19', '3'],
      ['gaveld-c9e4', '0', '21', '2'],
    ]);
    expect(said('diag-pods-counted')).toBe('3');
  });

  it('calls an estimate one, and counts the pods that said their name', async () => {
    const app = diagnoses['scope-red']!(now);
    app.diagnosis.last!.pods = { turns: 'drawn', likely: 4, least: 2, most: 9 };
    await openWindow(app);
    expect(said('diag-pods-counted')).toBe('about 4, from 2 to 9');
    expect(cells(screen.getByTestId('diag-claim-pods')).at(-1)).toBe('3 answer');
  });
});

describe('the charts', () => {
  it('draw what was sampled, and say it in words', async () => {
    const { app } = await openWindow(fixtures.app(now));
    for (let second = 3; second > 0; second -= 1) app.store.trace.sample(now - second * 1000);
    await settle();
    await expect.poll(() => Drawn.charts.length).toBe(4);
    expect(Drawn.charts.map((chart) => chart.data[0].length)).toEqual([3, 3, 3, 3]);
    expect(Drawn.charts[3]?.data[1]).toEqual([4, 4, 4]);
    expect(within(screen.getByTestId('chart-clock')).getByRole('img').getAttribute('aria-label')).toBe(
      'Clock error over the last minute: now ± 4 ms, between ± 4 ms and ± 4 ms.',
    );
    expect(within(screen.getByTestId('chart-echo')).getByRole('img').getAttribute('aria-label')).toContain('nothing measured');
  });

  it('are gone with the pane', async () => {
    const { app } = await openWindow(fixtures.app(now));
    await expect.poll(() => Drawn.charts.length).toBe(4);
    app.pane = 'feed';
    await settle();
    expect(Drawn.charts).toHaveLength(0);
  });

  it('list what happened in between', async () => {
    const { show } = await openWindow(fixtures.app(now));
    expect(screen.queryByTestId('chart-marks')).toBeNull();
    const session = fixtures.session(now);
    session.connection.pod = 'gaveld-b210';
    await show(fixtures.app(now, { session }));
    expect(said('chart-marks')).toContain('Now on pod gaveld-b210');
  });
});

describe('the light in the room', () => {
  it('tells the verdict beside price and clock, and opens the diagnostics', async () => {
    const { app } = await openWindow(diagnoses['scope-red']!(now));
    app.pane = 'feed';
    await settle();
    const light = screen.getByTestId('trust-light');
    expect(light.dataset['light']).toBe('red');
    expect(light.textContent).toContain('do not share rooms');
    await fireEvent.click(light);
    await settle();
    expect([app.pane, app.drawer]).toEqual(['diagnostics', true]);
    expect(screen.getByTestId('diag-verdict')).toBeTruthy();
  });

  it('gives the keyboard to the pane, and back when that is closed', async () => {
    const { app } = await openWindow(diagnoses['scope-red']!(now));
    const light = screen.getByTestId('trust-light');
    light.focus();
    await fireEvent.click(light);
    await settle();
    expect(document.activeElement).toBe(screen.getByTestId('tab-diagnostics'));
    await fireEvent.keyDown(document.activeElement!, { key: 'Escape' });
    await settle();
    expect([app.drawer, document.activeElement]).toEqual([false, light]);
  });

  it('is not lit before anything is known', async () => {
    await openWindow(fixtures.app(now, { report: null }));
    expect(screen.queryByTestId('trust-light')).toBeNull();
  });
});
