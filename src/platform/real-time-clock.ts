/**
 * Real-time clock and CMOS memory (Motorola MC146818A data sheet), ports 70H-71H. The machine always starts at the same
 * date; simulated time moves it on, and the guest may set it.
 *
 * Every update sets UF, every period PF, and an update at which the three alarm bytes match AF, whether or not their
 * interrupts are enabled. A flag with its enable bit holds the interrupt line until register C is read.
 *
 * Left out: the square-wave output, daylight saving, time bases other than 32.768 kHz (they run as that one).
 */
import { dateTimeOf, secondsOf, type DateTime } from './calendar.js';
import type { InterruptLine, IoDevice, TimedDevice } from './io-device.js';
import { Oscillator, RTC_HZ } from './oscillator.js';

// Indices
const SECONDS = 0x00;
const SECONDS_ALARM = 0x01;
const MINUTES = 0x02;
const MINUTES_ALARM = 0x03;
const HOURS = 0x04;
const HOURS_ALARM = 0x05;
const DAY_OF_WEEK = 0x06;
const DAY_OF_MONTH = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const CENTURY = 0x32;
const TIME_AND_DATE = [SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY] as const;

// Register A
const UPDATE_IN_PROGRESS = 0x80;
/** 32.768 kHz time base, periodic rate 1024 Hz. */
const REGISTER_A_RESET = 0x26;
/** Dividers from here on do not run. */
const DIVIDER_TEST = 3;
// Register B
const SET = 1 << 7;
const UPDATE_ENDED_ENABLE = 1 << 4;
const BINARY = 1 << 2;
const HOURS_24 = 1 << 1;
// Register C; registers B and C have the three interrupts at the same bits
const INTERRUPT_REQUEST = 1 << 7;
const PERIODIC = 1 << 6;
const ALARM = 1 << 5;
const UPDATE_ENDED = UPDATE_ENDED_ENABLE;
// Register D
const VALID_RAM_AND_TIME = 0x80;

const PM = 0x80;
/** Alarm bytes from here on match anything. */
const ANY = 0xc0;
/** UIP comes up 244 us before an update. */
const UPDATE_TICKS = 8;
const INDEX_MASK = 0x7f;

// The date at which every machine starts
const START: DateTime = { year: 2024, month: 1, day: 1, weekday: 2, hour: 0, minute: 0, second: 0 };
const DAY = 86_400;

const KIB = 1024;
const MIB = 1024 * KIB;

export class RealTimeClock implements IoDevice, TimedDevice {
  readonly widest = 1;
  readonly #oscillator: Oscillator;
  readonly #interrupt: InterruptLine;
  /** While the clock is held, time and date stand here, too. */
  readonly #memory = new Uint8Array(INDEX_MASK + 1);
  #index = 0;
  #flags = 0;
  #asserted = false;
  /** Seconds of the calendar, up to the last update. */
  #seconds = secondsOf(START);
  /** How many days the guest's days of the week are ahead of the calendar's. */
  #weekdayShift = 0;
  /** Tick of the last update, or of the one that a held clock leaves out. */
  #updated = 0;
  /** Tick up to which the flags are right. */
  #tick = 0;

  /** `interrupt`: IRQ 8. */
  constructor(tscHertz: number, memoryBytes: number, interrupt: InterruptLine) {
    this.#oscillator = new Oscillator(RTC_HZ, tscHertz);
    this.#interrupt = interrupt;
    this.#memory[REGISTER_A] = REGISTER_A_RESET;
    this.#memory[REGISTER_B] = HOURS_24;
    this.#storeMemorySize(memoryBytes);
  }

  /** When `advance` can assert the line, in TSC cycles, or Infinity. */
  get nextEventAt(): number {
    if (this.#asserted) return Infinity;
    const enabled = this.#memory[REGISTER_B];
    let next = Infinity;
    const period = this.#period;
    if ((enabled & PERIODIC) !== 0 && period > 0) {
      next = this.#tick - ((this.#tick - this.#updated) % period) + period;
    }
    if ((enabled & UPDATE_ENDED) !== 0 && this.#runs) next = Math.min(next, this.#updated + RTC_HZ);
    if ((enabled & ALARM) !== 0 && this.#runs) {
      next = Math.min(next, this.#updated + (this.#nextAlarm() - this.#seconds) * RTC_HZ);
    }
    return next === Infinity ? Infinity : this.#oscillator.cyclesAt(next);
  }

  /** Sets the flags of what has happened by `now`. */
  advance(now: number): void {
    const tick = this.#oscillator.ticksAt(now);
    const period = this.#period;
    if (period > 0 && tick - this.#tick >= period - ((this.#tick - this.#updated) % period)) this.#flags |= PERIODIC;
    this.#tick = tick;
    const updates = Math.floor((tick - this.#updated) / RTC_HZ);
    if (updates > 0 && this.#runs) {
      this.#flags |= UPDATE_ENDED;
      if (this.#nextAlarm() <= this.#seconds + updates) this.#flags |= ALARM;
      this.#seconds += updates;
    }
    this.#updated += updates * RTC_HZ;
    this.#drive();
  }

  /** The index port cannot be read. */
  read(offset: number, _size: number, now: number): number {
    if (offset === 0) return 0xff;
    this.advance(now);
    return this.#readIndexed();
  }

  /** Bit 7 of the index port masks NMIs, which nothing here sends. */
  write(offset: number, _size: number, value: number, now: number): void {
    if (offset === 0) {
      this.#index = value & INDEX_MASK;
      return;
    }
    this.advance(now);
    this.#writeIndexed(value);
    this.#drive();
  }

  #readIndexed(): number {
    switch (this.#index) {
      case REGISTER_A:
        return this.#memory[REGISTER_A] | (this.#isUpdating ? UPDATE_IN_PROGRESS : 0);
      case REGISTER_C: {
        const flags = this.#flags | (this.#asserted ? INTERRUPT_REQUEST : 0);
        this.#flags = 0;
        this.#drive();
        return flags;
      }
      case REGISTER_D:
        return VALID_RAM_AND_TIME;
      default:
        return this.#field(this.#index);
    }
  }

  #field(index: number): number {
    return (this.#runs ? this.#dateField(index, this.#seconds) : null) ?? this.#memory[index];
  }

  #writeIndexed(value: number): void {
    switch (this.#index) {
      case REGISTER_A:
        this.#control(value & ~UPDATE_IN_PROGRESS, this.#memory[REGISTER_B]);
        break;
      case REGISTER_B:
        this.#control(this.#memory[REGISTER_A], (value & SET) === 0 ? value : value & ~UPDATE_ENDED_ENABLE);
        break;
      case REGISTER_C:
      case REGISTER_D:
        break;
      default:
        this.#store(value);
    }
  }

  /** Time and date of a running clock are set one byte at a time, too. */
  #store(value: number): void {
    const sets = this.#runs && TIME_AND_DATE.some((index) => index === this.#index);
    if (sets) this.#hold();
    this.#memory[this.#index] = value;
    if (sets) this.#release();
  }

  /** SET holds the clock, not the divider. When the divider starts, the first update is half a second away. */
  #control(registerA: number, registerB: number): void {
    const [ran, divided] = [this.#runs, this.#divides];
    if (ran) this.#hold();
    this.#memory[REGISTER_A] = registerA;
    this.#memory[REGISTER_B] = registerB;
    if (!divided && this.#divides) this.#updated = this.#tick - RTC_HZ / 2;
    if (!ran && this.#runs) this.#release();
  }

  get #divides(): boolean {
    return ((this.#memory[REGISTER_A] >>> 4) & 7) < DIVIDER_TEST;
  }

  get #runs(): boolean {
    return this.#divides && (this.#memory[REGISTER_B] & SET) === 0;
  }

  get #isUpdating(): boolean {
    return this.#runs && this.#tick - this.#updated >= RTC_HZ - UPDATE_TICKS;
  }

  /** Ticks of the periodic interrupt, or 0: none. */
  get #period(): number {
    const rate = this.#memory[REGISTER_A] & 0xf;
    if (rate === 0 || !this.#divides) return 0;
    return 1 << (rate <= 2 ? rate + 6 : rate - 1);
  }

  #drive(): void {
    const enabled = this.#memory[REGISTER_B] & (PERIODIC | ALARM | UPDATE_ENDED);
    const asserted = (this.#flags & enabled) !== 0;
    if (asserted === this.#asserted) return;
    this.#asserted = asserted;
    this.#interrupt(asserted);
  }

  /** The next second after this one at which the alarm bytes match, or Infinity. */
  #nextAlarm(): number {
    const matches = (alarm: number, index: number, at: number): boolean =>
      this.#memory[alarm] >= ANY || this.#memory[alarm] === this.#dateField(index, at);
    const last = this.#seconds + DAY;
    for (let at = this.#seconds + 1; at <= last;) {
      if (!matches(HOURS_ALARM, HOURS, at)) at += 3600 - (at % 3600);
      else if (!matches(MINUTES_ALARM, MINUTES, at)) at += 60 - (at % 60);
      else if (!matches(SECONDS_ALARM, SECONDS, at)) at++;
      else return at;
    }
    return Infinity;
  }

  /** What the byte at `index` reads as at `seconds`; null where it has nothing to do with time and date. */
  #dateField(index: number, seconds: number): number | null {
    const { year, month, day, weekday, hour, minute, second } = dateTimeOf(seconds);
    switch (index) {
      case SECONDS:
        return this.#encode(second);
      case MINUTES:
        return this.#encode(minute);
      case HOURS:
        return this.#encodeHour(hour);
      case DAY_OF_WEEK:
        return this.#encode(((weekday - 1 + this.#weekdayShift) % 7) + 1);
      case DAY_OF_MONTH:
        return this.#encode(day);
      case MONTH:
        return this.#encode(month);
      case YEAR:
        return this.#encode(year % 100);
      case CENTURY:
        return this.#encode(Math.floor(year / 100) % 100);
      default:
        return null;
    }
  }

  /** The fields go to their bytes, which software may now write. */
  #hold(): void {
    for (const index of TIME_AND_DATE) this.#memory[index] = this.#dateField(index, this.#seconds) ?? 0;
  }

  /** The clock goes on from what the bytes say. */
  #release(): void {
    const field = (index: number): number => this.#decode(this.#memory[index]);
    this.#seconds = secondsOf({
      year: field(CENTURY) * 100 + field(YEAR),
      month: field(MONTH),
      day: field(DAY_OF_MONTH),
      hour: this.#decodeHour(this.#memory[HOURS]),
      minute: field(MINUTES),
      second: field(SECONDS),
    });
    this.#weekdayShift = (field(DAY_OF_WEEK) + 7 - dateTimeOf(this.#seconds).weekday) % 7;
  }

  #encode(value: number): number {
    return (this.#memory[REGISTER_B] & BINARY) !== 0 ? value : Math.floor(value / 10) * 16 + (value % 10);
  }

  #decode(byte: number): number {
    return (this.#memory[REGISTER_B] & BINARY) !== 0 ? byte : (byte >>> 4) * 10 + (byte & 15);
  }

  #encodeHour(hour: number): number {
    if ((this.#memory[REGISTER_B] & HOURS_24) !== 0) return this.#encode(hour);
    return this.#encode(hour % 12 === 0 ? 12 : hour % 12) | (hour < 12 ? 0 : PM);
  }

  #decodeHour(byte: number): number {
    if ((this.#memory[REGISTER_B] & HOURS_24) !== 0) return this.#decode(byte);
    return (this.#decode(byte & ~PM) % 12) + ((byte & PM) === 0 ? 0 : 12);
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
