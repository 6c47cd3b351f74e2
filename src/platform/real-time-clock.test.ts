import { beforeEach, describe, expect, it } from 'vitest';
import { RealTimeClock } from './real-time-clock.js';

const TSC_HZ = 2_000_000_000;
const DAY = 86_400;

let clock: RealTimeClock;

function read(index: number, seconds = 0): number {
  clock.write(0, 1, index);
  return clock.read(1, 1, seconds * TSC_HZ);
}

/** Century, year, month, day, hours, minutes, seconds as BCD digits. */
function date(seconds: number): string {
  return [0x32, 9, 8, 7, 4, 2, 0].map((index) => read(index, seconds).toString(16).padStart(2, '0')).join(' ');
}

beforeEach(() => {
  clock = new RealTimeClock(TSC_HZ, 256 * 2 ** 20);
});

describe('RealTimeClock', () => {
  it('starts at a fixed date and follows simulated time', () => {
    expect(date(0)).toBe('20 24 01 01 00 00 00');
    expect(date(12 * 3600 + 34 * 60 + 56.9)).toBe('20 24 01 01 12 34 56');
  });

  it('knows months and leap years', () => {
    expect(date(59 * DAY)).toBe('20 24 02 29 00 00 00');
    expect(date(366 * DAY)).toBe('20 25 01 01 00 00 00');
    expect(date(366 * DAY + 59 * DAY)).toBe('20 25 03 01 00 00 00');
  });

  it('counts days of the week from Sunday = 1', () => {
    expect([0, 5, 6].map((day) => read(6, day * DAY))).toEqual([2, 7, 1]);
  });

  it('register B chooses binary and 12-hour formats', () => {
    clock.write(0, 1, 0x0b);
    clock.write(1, 1, 0x04);
    expect([0, 9, 12, 23].map((hour) => read(4, hour * 3600))).toEqual([12, 9, 0x8c, 0x8b]);
  });

  it('an update is in progress only at the end of a second', () => {
    expect([0, 0.5, 0.9999].map((seconds) => read(0x0a, seconds))).toEqual([0x26, 0x26, 0xa6]);
  });

  it('its contents are valid and it never interrupts', () => {
    expect([read(0x0d), read(0x0c)]).toEqual([0x80, 0]);
  });

  it('tells the size of memory and keeps what is stored', () => {
    expect(read(0x34) | (read(0x35) << 8)).toBe(240 * 16);
    expect(read(0x30) | (read(0x31) << 8)).toBe(0xffff);
    clock.write(0, 1, 0x8f);
    clock.write(1, 1, 0x0a);
    expect(read(0x0f)).toBe(0x0a);
  });
});
