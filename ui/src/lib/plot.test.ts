import { describe, expect, it } from 'vitest';

import { speakSome } from './plot';

describe('the language of the drawing library', () => {
  it('is one that formatters take, whatever the system calls its own', () => {
    const odd = { language: 'C' };
    speakSome(odd);
    expect(odd.language).toBe('en-GB');
    const usual = { language: 'de-AT' };
    speakSome(usual);
    expect(usual.language).toBe('de-AT');
  });
});
