/**
 * i8254 programmable interval timer: ports 40H-43H, and port 61H (system control port B), which belongs to its third
 * counter. Counter 0 reports whenever its count runs out.
 *
 * Left out: sound; counter 1 refreshes nothing.
 */
import type { IoDevice, TimedDevice } from './io-device.js';
import { Oscillator, PIT_HZ } from './oscillator.js';
import { PitChannel } from './pit-channel.js';

const NANOSECONDS_PER_KILOHERTZ = 1e6;
const CONTROL = 3;
const READ_BACK = 3;
const READ_BACK_NO_COUNT = 1 << 5;
const READ_BACK_NO_STATUS = 1 << 4;
const SPEAKER_CHANNEL = 2;
/** The refresh bit of port 61H changes every 15 us. */
const REFRESH_TICKS = 18;
/** Port 61H: gate of counter 2, speaker, and two enable bits of parity and channel checks, which never come. */
const PORT_B_WRITABLE = 0x0f;

/** What counter 0 tells. */
export interface PitListener {
  /** Its count has run out `times` times since it was last looked at. */
  expired(times: number): void;
  /** It has a new count. */
  loaded(): void;
}

export class Pit implements IoDevice, TimedDevice {
  readonly widest = 1;
  readonly #oscillator: Oscillator;
  readonly #listener: PitListener;
  readonly #channels = [new PitChannel(true), new PitChannel(true), new PitChannel(false)];
  readonly #leastPeriod: number;
  #portB = 0;
  /** When counter 0 runs out next, in TSC cycles, or Infinity. */
  #expiry = Infinity;

  /**
   * `leastPeriodNs`: counter 0 runs out for the first time when its count says so, from then on no more often than this
   * (create_pit_timer, i8254.c); 0 for a chip. What it counts in between stays the count's.
   */
  constructor(tscHertz: number, leastPeriodNs: number, listener: PitListener) {
    this.#oscillator = new Oscillator(PIT_HZ, tscHertz);
    this.#leastPeriod = Math.floor((leastPeriodNs * (tscHertz / 1000)) / NANOSECONDS_PER_KILOHERTZ);
    this.#listener = listener;
  }

  /** When `advance` has something to do, in TSC cycles, or Infinity. */
  get nextEventAt(): number {
    return this.#expiry;
  }

  /** Reports if counter 0 has run out by `now`. */
  advance(now: number): void {
    if (now < this.#expiry) return;
    const times = this.#isLimited ? this.#advanceLimited(now) : this.#advanceCounted(this.#oscillator.ticksAt(now));
    this.#listener.expired(times);
  }

  /** The count is over faster than KVM lets a periodic timer of the host run. */
  get #isLimited(): boolean {
    const { period } = this.#channels[0];
    return period !== Infinity && this.#oscillator.cyclesAt(period) < this.#leastPeriod;
  }

  #advanceLimited(now: number): number {
    const times = Math.floor((now - this.#expiry) / this.#leastPeriod) + 1;
    this.#expiry += times * this.#leastPeriod;
    return times;
  }

  #advanceCounted(tick: number): number {
    const times = this.#channels[0].expiries(this.#oscillator.ticksAt(this.#expiry), tick);
    this.#aim(tick);
    return times;
  }

  #aim(tick: number): void {
    const expiry = this.#channels[0].nextExpiry(tick);
    this.#expiry = expiry === Infinity ? Infinity : this.#oscillator.cyclesAt(expiry);
  }

  read(offset: number, _size: number, now: number): number {
    if (offset === CONTROL) return 0;
    return this.#channels[offset].read(this.#oscillator.ticksAt(now));
  }

  write(offset: number, _size: number, value: number, now: number): void {
    this.advance(now);
    const tick = this.#oscillator.ticksAt(now);
    if (offset === CONTROL) this.#control(value, tick);
    else if (this.#channels[offset].write(value, tick) && offset === 0) {
      this.#listener.loaded();
      this.#aim(tick);
    }
  }

  /** Port 61H. */
  readonly speakerPort: IoDevice = {
    widest: 1,
    read: (_offset, _size, now) => {
      const tick = this.#oscillator.ticksAt(now);
      const output = this.#channels[SPEAKER_CHANNEL].output(tick) ? 0x20 : 0;
      const refresh = Math.floor(tick / REFRESH_TICKS) % 2 === 0 ? 0 : 0x10;
      return output | refresh | this.#portB;
    },
    write: (_offset, _size, value, now) => {
      this.#portB = value & PORT_B_WRITABLE;
      this.#channels[SPEAKER_CHANNEL].setGate((value & 1) !== 0, this.#oscillator.ticksAt(now));
    },
  };

  #control(word: number, tick: number): void {
    const selected = word >>> 6;
    if (selected === READ_BACK) this.#readBack(word, tick);
    else if ((word & 0x30) === 0) this.#channels[selected].latchCount(tick);
    else {
      this.#channels[selected].control(word);
      if (selected === 0) this.#expiry = Infinity;
    }
  }

  #readBack(word: number, tick: number): void {
    this.#channels.forEach((channel, index) => {
      if ((word & (2 << index)) === 0) return;
      if ((word & READ_BACK_NO_COUNT) === 0) channel.latchCount(tick);
      if ((word & READ_BACK_NO_STATUS) === 0) channel.latchStatus(tick);
    });
  }
}
