import { beforeEach, describe, expect, it } from 'vitest';
import { RealTimeClock } from './real-time-clock.js';

const TSC_HZ = 2_000_000_000;
const DAY = 86_400;

const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const SET = 0x80;
const PERIODIC = 0x40;
const ALARM = 0x20;
const UPDATE_ENDED = 0x10;
const HOURS_24 = 0x02;
const REQUEST = 0x80;

let clock: RealTimeClock;
let line: boolean[];

function read(index: number, seconds = 0): number {
  clock.write(0, 1, index, seconds * TSC_HZ);
  return clock.read(1, 1, seconds * TSC_HZ);
}

function write(index: number, value: number, seconds = 0): void {
  clock.write(0, 1, index, seconds * TSC_HZ);
  clock.write(1, 1, value, seconds * TSC_HZ);
}

/** Century, year, month, day, hours, minutes, seconds as BCD digits. */
function date(seconds: number): string {
  return [0x32, 9, 8, 7, 4, 2, 0].map((index) => read(index, seconds).toString(16).padStart(2, '0')).join(' ');
}

/** When the next interrupt comes, in seconds. */
function next(): number {
  return clock.nextEventAt / TSC_HZ;
}

/** Lets the clock come to its next interrupt; what register C says then. */
function interrupt(): number {
  const at = clock.nextEventAt;
  clock.advance(at);
  return read(REGISTER_C, at / TSC_HZ);
}

beforeEach(() => {
  line = [];
  clock = new RealTimeClock(TSC_HZ, 256 * 2 ** 20, (asserted) => line.push(asserted));
});

describe('time and date', () => {
  it('start at a fixed date and follow simulated time', () => {
    expect(date(0)).toBe('20 24 01 01 00 00 00');
    expect(date(12 * 3600 + 34 * 60 + 56.9)).toBe('20 24 01 01 12 34 56');
  });

  it('know months and leap years', () => {
    expect(date(59 * DAY)).toBe('20 24 02 29 00 00 00');
    expect(date(366 * DAY)).toBe('20 25 01 01 00 00 00');
    expect(date(366 * DAY + 59 * DAY)).toBe('20 25 03 01 00 00 00');
  });

  it('count days of the week from Sunday = 1', () => {
    expect([0, 5, 6].map((day) => read(6, day * DAY))).toEqual([2, 7, 1]);
  });

  it('register B chooses binary and 12-hour formats', () => {
    write(REGISTER_B, 0x04);
    expect([0, 9, 12, 23].map((hour) => read(4, hour * 3600))).toEqual([12, 9, 0x8c, 0x8b]);
  });

  it('SET holds them while they are written, and they go on from there', () => {
    write(REGISTER_B, HOURS_24 | SET, 10.25);
    [0x59, 0x59, 0x23, 7, 0x31, 0x12, 0x99].forEach((value, i) => write([0, 2, 4, 6, 7, 8, 9][i], value, 10.5));
    expect(date(20.5)).toBe('20 99 12 31 23 59 59');
    write(REGISTER_B, HOURS_24, 20.5);
    expect(date(20.9)).toBe('20 99 12 31 23 59 59');
    write(0x32, 0x21, 20.9);
    expect(date(21)).toBe('22 00 01 01 00 00 00');
    expect(read(6, 21)).toBe(1);
  });

  it('can be set in 12-hour format', () => {
    write(REGISTER_B, SET);
    write(4, 0x92);
    write(REGISTER_B, 0);
    write(REGISTER_B, HOURS_24);
    expect(read(4)).toBe(0x12);
  });

  it('a byte that is written while the clock runs counts from then on', () => {
    write(2, 0x30, 5.5);
    expect(date(6)).toBe('20 24 01 01 00 30 06');
  });

  it('stand still while the divider is held, and the first update comes half a second after it starts', () => {
    write(REGISTER_A, 0x76, 3.25);
    expect(date(100)).toBe('20 24 01 01 00 00 03');
    write(REGISTER_A, 0x26, 100);
    expect([100.4999, 100.5, 101.5].map((seconds) => read(0, seconds))).toEqual([3, 4, 5]);
  });
});

describe('registers', () => {
  it('A: an update is in progress only at the end of a second, and never while SET holds the clock', () => {
    expect([0, 0.5, 0.9999].map((seconds) => read(REGISTER_A, seconds))).toEqual([0x26, 0x26, 0xa6]);
    write(REGISTER_B, SET, 1.5);
    expect(read(REGISTER_A, 1.9999)).toBe(0x26);
  });

  it('B: SET clears the enable bit of the update-ended interrupt', () => {
    write(REGISTER_B, SET | UPDATE_ENDED | PERIODIC);
    expect(read(REGISTER_B)).toBe(SET | PERIODIC);
  });

  it('C: flags are set without an enable bit, request nothing, and end with the read', () => {
    write(REGISTER_A, 0x2f);
    write(1, 0x01);
    expect([0.4999, 0.5].map((seconds) => read(REGISTER_C, seconds))).toEqual([0, PERIODIC]);
    expect(read(REGISTER_C, 1)).toBe(PERIODIC | UPDATE_ENDED | ALARM);
    expect(read(REGISTER_C, 1)).toBe(0);
    expect(line).toEqual([]);
  });

  it('C and D cannot be written; D says that contents are valid', () => {
    write(REGISTER_C, 0xff);
    write(0x0d, 0);
    expect([read(REGISTER_C), read(0x0d)]).toEqual([0, 0x80]);
  });

  it('tell the size of memory and keep what is stored', () => {
    expect(read(0x34) | (read(0x35) << 8)).toBe(240 * 16);
    expect(read(0x30) | (read(0x31) << 8)).toBe(0xffff);
    write(0x8f, 0x0a);
    expect(read(0x0f)).toBe(0x0a);
  });
});

describe('interrupts', () => {
  it('there are none until one is enabled', () => {
    expect(next()).toBe(Infinity);
  });

  // prettier-ignore
  it.each([[1, 256], [2, 128], [3, 8192], [6, 1024], [15, 2]])('rate %i: %i periods a second', (rate, hertz) => {
    write(REGISTER_A, 0x20 | rate);
    write(REGISTER_B, HOURS_24 | PERIODIC);
    for (let period = 1; period <= 3; period++) {
      expect(clock.nextEventAt).toBe(Math.ceil((period * TSC_HZ) / hertz));
      expect(interrupt() & ~UPDATE_ENDED & ~ALARM).toBe(REQUEST | PERIODIC);
    }
  });

  it('rate 0: no period', () => {
    write(REGISTER_A, 0x20);
    write(REGISTER_B, HOURS_24 | PERIODIC);
    expect(next()).toBe(Infinity);
  });

  it('hold the line until register C is read, and the next one comes only then', () => {
    write(REGISTER_B, HOURS_24 | PERIODIC);
    clock.advance(clock.nextEventAt);
    expect([line, next()]).toEqual([[true], Infinity]);
    expect(read(REGISTER_C, 0.75)).toBe(REQUEST | PERIODIC);
    expect([line, next()]).toEqual([[true, false], 0.75 + 1 / 1024]);
  });

  it('an update-ended one comes every second', () => {
    write(REGISTER_A, 0x20);
    write(REGISTER_B, HOURS_24 | UPDATE_ENDED);
    write(1, 0x30);
    expect([next(), interrupt(), next()]).toEqual([1, REQUEST | UPDATE_ENDED, 2]);
  });

  // prettier-ignore
  it.each([
    ['a time of day',    [0x30, 0x15, 0x06], 6 * 3600 + 15 * 60 + 30],
    ['once an hour',     [0x05, 0x10, 0xff], 10 * 60 + 5],
    ['once a minute',    [0x59, 0xc0, 0xff], 59],
    ['every second',     [0xff, 0xff, 0xff], 1],
    ['this very second', [0x00, 0x00, 0x00], DAY],
    ['no time at all',   [0x00, 0x60, 0xff], Infinity],
  ])('the alarm matches %s', (_, [second, minute, hour], expected) => {
    write(1, second);
    write(3, minute);
    write(5, hour);
    write(REGISTER_B, HOURS_24 | ALARM);
    expect(next()).toBe(expected);
  });

  it('the alarm sets its flag with the update', () => {
    write(REGISTER_A, 0x20);
    write(1, 0x02);
    write(3, 0xff);
    write(5, 0xff);
    write(REGISTER_B, HOURS_24 | ALARM);
    expect([next(), interrupt(), next()]).toEqual([2, REQUEST | ALARM | UPDATE_ENDED, 62]);
  });

  it('a flag that stands when its interrupt is enabled requests at once', () => {
    write(REGISTER_A, 0x20);
    write(REGISTER_B, HOURS_24 | UPDATE_ENDED, 1);
    expect(line).toEqual([true]);
  });
});
