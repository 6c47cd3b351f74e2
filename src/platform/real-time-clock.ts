/**
 * Real-time clock and CMOS memory (Motorola MC146818A data sheet), ports 70H-71H. The machine always starts at the same
 * date, and simulated time moves it on.
 *
 * Left out: setting the clock, alarm, periodic and update interrupts.
 */
import type { IoDevice } from './io-device.js';

// Indices
const SECONDS = 0x00;
const MINUTES = 0x02;
const HOURS = 0x04;
const DAY_OF_WEEK = 0x06;
const DAY_OF_MONTH = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const CENTURY = 0x32;

const UPDATE_IN_PROGRESS = 0x80;
/** 32.768 kHz time base, periodic rate 1024 Hz. */
const REGISTER_A_RESET = 0x26;
const HOURS_24 = 1 << 1;
const BINARY = 1 << 2;
const VALID_RAM_AND_TIME = 0x80;
const PM = 0x80;
/** The update cycle takes the last 244 us of each second. */
const UPDATES_A_SECOND = 4096;
const INDEX_MASK = 0x7f;

// The date at which every machine starts: Monday, 1 January 2024
const START_YEAR = 2024;
const START_DAY_OF_WEEK = 2;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const KIB = 1024;
const MIB = 1024 * KIB;

export class RealTimeClock implements IoDevice {
  readonly widest = 1;
  readonly #tscHertz: number;
  readonly #memory = new Uint8Array(INDEX_MASK + 1);
  #index = 0;

  constructor(tscHertz: number, memoryBytes: number) {
    this.#tscHertz = tscHertz;
    this.#memory[REGISTER_A] = REGISTER_A_RESET;
    this.#memory[REGISTER_B] = HOURS_24;
    this.#storeMemorySize(memoryBytes);
  }

  /** The index port cannot be read. */
  read(offset: number, _size: number, now: number): number {
    return offset === 0 ? 0xff : this.#readIndexed(now);
  }

  /** Bit 7 of the index port masks NMIs, which nothing here sends. */
  write(offset: number, _size: number, value: number): void {
    if (offset === 0) this.#index = value & INDEX_MASK;
    else this.#memory[this.#index] = value;
  }

  #readIndexed(now: number): number {
    const field = this.#dateField(Math.floor(now / this.#tscHertz));
    if (field !== null) return field;
    switch (this.#index) {
      case REGISTER_A: {
        const updating = (now % this.#tscHertz) * UPDATES_A_SECOND >= this.#tscHertz * (UPDATES_A_SECOND - 1);
        return (this.#memory[REGISTER_A] & ~UPDATE_IN_PROGRESS) | (updating ? UPDATE_IN_PROGRESS : 0);
      }
      case REGISTER_C:
        return 0;
      case REGISTER_D:
        return VALID_RAM_AND_TIME;
      default:
        return this.#memory[this.#index];
    }
  }

  #dateField(seconds: number): number | null {
    switch (this.#index) {
      case SECONDS:
        return this.#encode(seconds % 60);
      case MINUTES:
        return this.#encode(Math.floor(seconds / MINUTE) % 60);
      case HOURS:
        return this.#encodeHour(Math.floor(seconds / HOUR) % 24);
      case DAY_OF_WEEK:
        return this.#encode(((START_DAY_OF_WEEK - 1 + Math.floor(seconds / DAY)) % 7) + 1);
      default:
        return this.#calendarField(Math.floor(seconds / DAY));
    }
  }

  #calendarField(days: number): number | null {
    const { year, month, day } = dateAfter(days);
    switch (this.#index) {
      case DAY_OF_MONTH:
        return this.#encode(day);
      case MONTH:
        return this.#encode(month);
      case YEAR:
        return this.#encode(year % 100);
      case CENTURY:
        return this.#encode(Math.floor(year / 100));
      default:
        return null;
    }
  }

  #encode(value: number): number {
    return (this.#memory[REGISTER_B] & BINARY) !== 0 ? value : Math.floor(value / 10) * 16 + (value % 10);
  }

  #encodeHour(hour: number): number {
    if ((this.#memory[REGISTER_B] & HOURS_24) !== 0) return this.#encode(hour);
    return this.#encode(hour % 12 === 0 ? 12 : hour % 12) | (hour < 12 ? 0 : PM);
  }

  /** Where a PC's firmware leaves the sizes of memory: base and extended in KiB, above 16 MiB in units of 64 KiB. */
  #storeMemorySize(bytes: number): void {
    const word = (index: number, value: number): void => {
      this.#memory[index] = value & 0xff;
      this.#memory[index + 1] = value >>> 8;
    };
    const extended = Math.min(Math.max(0, bytes - MIB) / KIB, 0xffff);
    word(0x15, 640);
    word(0x17, extended);
    word(0x30, extended);
    word(0x34, Math.min(Math.max(0, bytes - 16 * MIB) / (64 * KIB), 0xffff));
  }
}

/** The date `days` days after the start. */
function dateAfter(days: number): { year: number; month: number; day: number } {
  let rest = days;
  let year = START_YEAR;
  for (; rest >= 365 + leapDay(year); year++) rest -= 365 + leapDay(year);
  let month = 0;
  for (; rest >= daysIn(year, month); month++) rest -= daysIn(year, month);
  return { year, month: month + 1, day: rest + 1 };
}

function daysIn(year: number, month: number): number {
  return MONTH_DAYS[month] + (month === 1 ? leapDay(year) : 0);
}

function leapDay(year: number): number {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
}
