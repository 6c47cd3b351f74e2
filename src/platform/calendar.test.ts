import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateTimeOf, secondsOf } from './calendar.js';

const START_2024 = secondsOf({ year: 2024, month: 1, day: 1, hour: 0, minute: 0, second: 0 });

describe('calendar', () => {
  it('agrees with the Gregorian calendar of ECMAScript at any second of years 1 to 9999', () => {
    const first = new Date('0001-01-01T00:00:00Z').valueOf() / 1000;
    const last = new Date('9999-12-31T23:59:59Z').valueOf() / 1000;
    fc.assert(
      fc.property(fc.integer({ min: first, max: last }), (unix) => {
        const date = new Date(unix * 1000);
        const fields = {
          year: date.getUTCFullYear(),
          month: date.getUTCMonth() + 1,
          day: date.getUTCDate(),
          hour: date.getUTCHours(),
          minute: date.getUTCMinutes(),
          second: date.getUTCSeconds(),
        };
        const seconds = secondsOf(fields);
        expect(seconds - START_2024).toBe(unix - Date.UTC(2024, 0, 1) / 1000);
        expect(dateTimeOf(seconds)).toEqual({ ...fields, weekday: date.getUTCDay() + 1 });
      }),
    );
  });

  it('year 0 begins at second 0 and has a leap day', () => {
    expect(secondsOf({ year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0 })).toBe(0);
    expect(dateTimeOf(59 * 86_400)).toMatchObject({ year: 0, month: 2, day: 29, weekday: 3 });
  });

  it('fields beyond their ranges carry over', () => {
    const seconds = secondsOf({ year: 2023, month: 12, day: 32, hour: 23, minute: 59, second: 60 });
    expect(seconds - START_2024).toBe(86_400);
  });
});
