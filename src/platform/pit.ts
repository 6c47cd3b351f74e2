/**
 * i8254 programmable interval timer: ports 40H-43H, and port 61H (system control port B), which belongs to its third
 * counter. Counter 0 reports whenever its count runs out.
 *
 * Left out: sound; counter 1 refreshes nothing.
 */
import type { IoDevice, TimedDevice } from './io-device.js';
import { Oscillator, PIT_HZ } from './oscillator.js';
import { PitChannel } from './pit-channel.js';

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
  #portB = 0;
  /** Tick at which counter 0 runs out next, or Infinity. */
  #expiry = Infinity;

  constructor(tscHertz: number, listener: PitListener) {
    this.#oscillator = new Oscillator(PIT_HZ, tscHertz);
    this.#listener = listener;
  }

  /** When `advance` has something to do, in TSC cycles, or Infinity. */
  get nextEventAt(): number {
    return this.#expiry === Infinity ? Infinity : this.#oscillator.cyclesAt(this.#expiry);
  }

  /** Reports if counter 0 has run out by `now`. */
  advance(now: number): void {
    const tick = this.#oscillator.ticksAt(now);
    if (tick < this.#expiry) return;
    const times = this.#channels[0].expiries(this.#expiry, tick);
    this.#expiry = this.#channels[0].nextExpiry(tick);
    this.#listener.expired(times);
  }

  read(offset: number, _size: number, now: number): number {
    if (offset === CONTROL) return 0;
    return this.#channels[offset].read(this.#oscillator.ticksAt(now));
  }

  write(offset: number, _size: number, value: number, now: number): void {
    this.advance(now);
    const tick = this.#oscillator.ticksAt(now);
    if (offset === CONTROL) this.#control(value, tick);
    else if (this.#channels[offset].write(value, tick) && offset === 0) this.#listener.loaded();
    this.#expiry = this.#channels[0].nextExpiry(tick);
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
    else this.#channels[selected].control(word);
  }

  #readBack(word: number, tick: number): void {
    this.#channels.forEach((channel, index) => {
      if ((word & (2 << index)) === 0) return;
      if ((word & READ_BACK_NO_COUNT) === 0) channel.latchCount(tick);
      if ((word & READ_BACK_NO_STATUS) === 0) channel.latchStatus(tick);
    });
  }
}
