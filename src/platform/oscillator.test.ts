import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Oscillator, PIT_HZ, PM_TIMER_HZ, RTC_HZ } from './oscillator.js';

const GHZ = 1_000_000_000;
const CYCLES = fc.integer({ min: 0, max: 2 ** 50 });
const TSC = fc.constantFrom(2 * GHZ, 2.1 * GHZ, 2_596_123_000, 5 * GHZ);
const HERTZ = fc.constantFrom(PIT_HZ, PM_TIMER_HZ, RTC_HZ);

describe('Oscillator', () => {
  it('counts its frequency in one second', () => {
    expect(new Oscillator(PM_TIMER_HZ, 2 * GHZ).ticksAt(2 * GHZ)).toBe(PM_TIMER_HZ);
    expect(new Oscillator(PM_TIMER_HZ, 2 * GHZ).ticksAt(2 * GHZ - 1)).toBe(PM_TIMER_HZ - 1);
  });

  it('is the exact integer quotient at any time and frequency', () => {
    fc.assert(
      fc.property(CYCLES, TSC, HERTZ, (cycles, tsc, hertz) => {
        const exact = (BigInt(cycles) * BigInt(hertz)) / BigInt(tsc);
        expect(new Oscillator(hertz, tsc).ticksAt(cycles)).toBe(Number(exact));
      }),
    );
  });

  it('a tick has passed at cyclesAt and not one cycle before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 35 }), TSC, HERTZ, (ticks, tsc, hertz) => {
        const oscillator = new Oscillator(hertz, tsc);
        const cycles = oscillator.cyclesAt(ticks);
        expect(oscillator.ticksAt(cycles)).toBe(ticks);
        expect(oscillator.ticksAt(cycles - 1)).toBe(ticks - 1);
      }),
    );
  });
});
