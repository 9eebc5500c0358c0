import { describe, expect, it } from 'vitest';

import { age, compactMoney, countdown, duration, money, typedAmount } from './format';

describe('money', () => {
  it('is written out in pounds, with pence only where there are any', () => {
    expect(money(5_000_000)).toBe('£5,000,000');
    expect(money(5_000_000.5)).toBe('£5,000,000.50');
    expect(money(0)).toBe('£0');
  });

  it('is short in dense lists', () => {
    expect(compactMoney(5_000_000)).toBe('£5m');
    expect(compactMoney(5_250_000)).toBe('£5.25m');
    expect(compactMoney(750_000)).toBe('£750k');
    expect(compactMoney(900)).toBe('£900');
    expect(compactMoney(999_999)).toBe('£1m');
  });

  it('is handed to a command in pounds, without a sign', () => {
    expect(typedAmount(6_500_000)).toBe('6500000');
    expect(typedAmount(6_500_000.05)).toBe('6500000.05');
  });
});

describe('the countdown', () => {
  it('shows tenths in the last ten seconds, then seconds, then minutes', () => {
    expect(countdown(9_940)).toBe('10');
    expect(countdown(9_900)).toBe('9.9');
    expect(countdown(10_000)).toBe('10');
    expect(countdown(10_001)).toBe('11');
    expect(countdown(59_400)).toBe('1:00');
    expect(countdown(61_000)).toBe('1:01');
  });

  it('rounds up, so that nothing left means over', () => {
    expect(countdown(1)).toBe('0.1');
    expect(countdown(0)).toBe('0.0');
    expect(countdown(-500)).toBe('0.0');
  });
});

describe('times', () => {
  it('are as long as they need to be', () => {
    expect(age(-5)).toBe('0 s');
    expect(age(59_999)).toBe('59 s');
    expect(age(134_000)).toBe('2 min');
    expect(age(7_500_000)).toBe('2 h 5 min');
  });

  it('show a dash where nothing was measured', () => {
    expect(duration(null)).toBe('–');
    expect(duration(0)).toBe('0 ms');
    expect(duration(1_420)).toBe('1.42 s');
  });
});
