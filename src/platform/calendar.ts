/** The Gregorian calendar as a real-time clock counts it: seconds since the beginning of year 0, and their fields. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** The calendar repeats after 400 years. */
const ERA_YEARS = 400;
const ERA_DAYS = 146_097;
/** Year 0 began on a Saturday; Sunday is 1. */
const FIRST_WEEKDAY = 7;

/** Months and days of the month count from 1, days of the week from Sunday = 1. */
export interface DateTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** The fields of a time in seconds, not negative. */
export function dateTimeOf(seconds: number): DateTime {
  const days = Math.floor(seconds / DAY);
  let year = Math.floor(days / ERA_DAYS) * ERA_YEARS;
  let rest = days % ERA_DAYS;
  for (; rest >= 365 + leapDay(year); year++) rest -= 365 + leapDay(year);
  let month = 1;
  for (; rest >= daysIn(year, month); month++) rest -= daysIn(year, month);
  return {
    year,
    month,
    day: rest + 1,
    weekday: ((FIRST_WEEKDAY - 1 + days) % 7) + 1,
    hour: Math.floor(seconds / HOUR) % 24,
    minute: Math.floor(seconds / MINUTE) % 60,
    second: seconds % 60,
  };
}

/** The time that the fields say; those beyond their ranges carry over. The day of the week does not count. */
export function secondsOf({ year, month, day, hour, minute, second }: Omit<DateTime, 'weekday'>): number {
  let days = daysBefore(year) + Math.max(0, day - 1);
  for (let before = 1; before < Math.min(month, 12); before++) days += daysIn(year, before);
  return days * DAY + hour * HOUR + minute * MINUTE + second;
}

/** Days from the beginning of year 0 to that of `year`. */
function daysBefore(year: number): number {
  if (year === 0) return 0;
  const last = year - 1;
  return 365 * year + 1 + Math.floor(last / 4) - Math.floor(last / 100) + Math.floor(last / ERA_YEARS);
}

function daysIn(year: number, month: number): number {
  return MONTH_DAYS[month - 1] + (month === 2 ? leapDay(year) : 0);
}

function leapDay(year: number): number {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
}
