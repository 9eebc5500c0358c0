import { describe, expect, it } from 'vitest';

import { CountdownFace } from './countdown-face';

describe('the face of a countdown', () => {
  it('stands still where a better estimate would turn it back by no more than the error', () => {
    const face = new CountdownFace();
    expect(face.show('lot 4', 5_000, 300)).toBe(5_000);
    expect(face.show('lot 4', 5_250, 300)).toBe(5_000);
    expect(face.show('lot 4', 5_010, 300)).toBe(5_000);
    expect(face.show('lot 4', 4_900, 300)).toBe(4_900);
  });

  it('never rises while the estimate wavers within its error', () => {
    const face = new CountdownFace();
    let last = Infinity;
    for (let at = 0; at < 5_000; at += 80) {
      const wavering = Math.round(Math.sin(at) * 60);
      const shown = face.show('lot 4', 5_000 - at + wavering, 120);
      expect(shown).toBeLessThanOrEqual(last);
      last = shown;
    }
  });

  it('follows a hammer that was moved, however little', () => {
    const face = new CountdownFace();
    face.show('lot 4', 3_000, 500);
    expect(face.show('lot 4, extended', 3_200, 500)).toBe(3_200);
  });

  it('follows an estimate that contradicts the old one', () => {
    const face = new CountdownFace();
    face.show('lot 4', 3_000, 50);
    expect(face.show('lot 4', 6_000, 50)).toBe(6_000);
  });
});
