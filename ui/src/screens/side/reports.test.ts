import { fireEvent, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import { comparison, diagnoses } from '../../testing/diagnoses';
import { refusal, Scripted } from '../../testing/scripted';
import { openWindow, settle } from '../../testing/window';

const now = Date.now();

function said(testId: string): string {
  return (screen.getByTestId(testId).textContent ?? '').replace(/\s+/g, ' ').trim();
}

async function press(testId: string) {
  await fireEvent.click(screen.getAllByTestId(testId)[0]!);
  await settle();
}

describe('saving a report', () => {
  it('shows what is in it before anything is written, and then where it is', async () => {
    const { scripted } = await openWindow(diagnoses['scope-red']!(now));
    await press('report-save');
    expect(said('report-parts')).toContain('names of people and leagues, amounts, e-mail addresses, tokens');
    expect(said('report-text')).toContain('"schema": 1');
    expect(scripted.asked('saveReport')).toHaveLength(0);
    await press('report-write');
    expect(said('report-folder')).toBe('/home/sam/.local/share/gavelscope/reports');
    expect(said('report-saved')).toContain('.html');
    expect(screen.queryByTestId('report-write')).toBeNull();
  });

  it('says why it was not written, and can be tried again', async () => {
    const scripted = new Scripted({ saveReport: () => Promise.reject(refusal('storage', 'The report could not be stored: the disk is full.', 'Make room.')) });
    await openWindow(diagnoses['scope-red']!(now), 'room', scripted);
    await press('report-save');
    await press('report-write');
    expect(said('error-sentence')).toContain('the disk is full');
    expect((screen.getByTestId('report-write') as HTMLButtonElement).disabled).toBe(false);
  });
});

describe('comparing', () => {
  it('lists what was saved and shows which findings and figures changed, and which way', async () => {
    const { scripted } = await openWindow(diagnoses['scope-green']!(now));
    await press('report-compare');
    expect(screen.getAllByTestId('compare-file')).toHaveLength(2);
    await press('compare-file');
    expect(scripted.asked('compareReport')).toEqual([['/reports/20261124T190211Z.json']]);
    expect(said('compare-lights')).toMatch(/Broken.*Good/);
    expect(screen.getAllByTestId('compare-finding').map((row) => row.dataset['drift'])).toEqual(['better', 'other']);
    expect(screen.getAllByTestId('compare-finding')[0]?.textContent).toMatch(/GS-ROOM-SPLIT\s*Broken → Good\s*better/);
    expect(screen.getAllByTestId('compare-figure').map((row) => [...row.children].map((cell) => cell.textContent))).toEqual([
      ['Groups that hear nothing of each other', '3', '1', 'better'],
      ['Usually heard after', '3 ms', '401 ms', 'worse'],
      ['Clock error', 'not measured', '4 ms', 'different'],
    ]);
    expect(said('compare-why-different')).toContain('too little was measured');
    expect(said('compare-same')).toBe('15 findings came to the same.');
    await press('compare-back');
    expect(screen.getAllByTestId('compare-file')).toHaveLength(2);
  });

  it('says that nothing is saved yet', async () => {
    await openWindow(diagnoses['scope-green']!(now), 'room', new Scripted({ listReports: () => ({ folder: '/reports', files: [] }) }));
    await press('report-compare');
    expect(said('compare-none')).toContain('No report is saved yet.');
  });

  it('warns where the earlier one is of another server, and says so where one cannot be read', async () => {
    const other = new Scripted({ compareReport: () => ({ ...comparison, otherServer: 'http://elsewhere' }) });
    const { scripted } = await openWindow(diagnoses['scope-green']!(now), 'room', other);
    await press('report-compare');
    await press('compare-file');
    expect(said('compare-other')).toContain('http://elsewhere');
    await press('compare-back');
    scripted.script.compareReport = () => Promise.reject(refusal('report', 'This report cannot be read: it is gone.', 'Choose another one.'));
    await press('compare-file');
    expect(said('error-sentence')).toContain('it is gone');
  });
});
