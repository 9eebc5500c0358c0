import { describe, expect, it } from 'vitest';

import { measured, oneWay, slow, split, sticky, whole } from '../testing/diagnoses';
import { deliveryRows, deliverySentence, podRows } from './diagnosis';

const now = 1_795_000_000_000;

/** A letter a cell: who is heard how. */
function picture(of: ReturnType<typeof measured>): string[] {
  return deliveryRows(of).map((row) => `${row.letter} ${row.cells.map((cell) => (cell.late ? 'L' : cell.hearing[0])).join('')}`);
}

describe('the delivery matrix', () => {
  it('puts those that hear each other side by side', () => {
    expect(picture(split(now))).toEqual([...Array(3).fill('A aaannnnn'), ...Array(3).fill('B nnnaaann'), ...Array(2).fill('C nnnnnnaa')]);
    expect(deliveryRows(split(now)).map((row) => row.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(deliverySentence(split(now))).toBe('8 sockets in 3 groups that hear nothing of each other.');
  });

  it('tells one direction from none', () => {
    // “a” is both: heard by its own group, and heard across.
    const rows = deliveryRows(oneWay(now));
    expect(rows[7]?.cells.map((cell) => cell.hearing)).toEqual([...Array(6).fill('across'), 'all', 'all']);
    expect(rows[0]?.cells.map((cell) => cell.hearing)).toEqual([...Array(6).fill('all'), 'nothing', 'nothing']);
  });

  it('shows who hears late, now and then, and who was never asked', () => {
    expect(picture(slow(now))[0]).toBe('A aaaaaaLL');
    expect(deliverySentence(slow(now))).toContain('2 of them hear late');
    const some = measured(now, [null, null], (from, to) => (from === to ? {} : from === 0 ? { heard: 1 } : { said: 0, heard: 0, medianMs: null }), {
      partition: { groups: [[0], [1]], islands: [[0, 1]], oneWay: [], partial: [{ from: 0, to: 1 }], mute: [], complete: false },
    });
    expect(picture(some)).toEqual(['A as', 'B ua']);
    expect(deliveryRows(some)[0]?.cells[1]?.words).toBe('heard 1 of 2, after 3 ms');
  });

  it('does not take one pod for all of them', () => {
    expect(deliverySentence(whole(now))).toBe('All 8 sockets hear each other.');
    expect(deliverySentence(sticky(now))).toContain('one pod holds them all');
  });
});

describe('the pods', () => {
  it('are listed once each, with what every source says of them', () => {
    const rows = podRows([{ pod: 'gaveld-7f3a', socket: 3, rest: 22 }, { pod: 'gone', socket: 1, rest: 0 }], split(now));
    expect(rows).toEqual([
      { pod: 'gaveld-7f3a', socket: 3, rest: 22, probe: 3 },
      { pod: 'gaveld-b210', socket: 0, rest: 0, probe: 3 },
      { pod: 'gaveld-c9e4', socket: 0, rest: 0, probe: 2 },
      { pod: 'gone', socket: 1, rest: 0, probe: 0 },
    ]);
  });

  it('are in the order of their names, in which ten comes after two', () => {
    const seen = ['pod-10', 'pod-1', 'pod-2'].map((pod) => ({ pod, socket: 1, rest: 0 }));
    expect(podRows(seen, null).map((row) => row.pod)).toEqual(['pod-1', 'pod-2', 'pod-10']);
  });
});
