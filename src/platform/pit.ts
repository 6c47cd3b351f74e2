/**
 * i8254 programmable interval timer: ports 40H-43H, and port 61H, which belongs to its third counter. Counter 0 pulses
 * IRQ 0 whenever its count runs out (KVM's i8254.c, pit_timer_fn).
 *
 * Left out: sound; counter 1 refreshes nothing.
 */
import type { InterruptLine, IoDevice } from './io-device.js';
import { Oscillator, PIT_HZ } from './oscillator.js';
import { PitChannel } from './pit-channel.js';

const CONTROL = 3;
const READ_BACK = 3;
const READ_BACK_NO_COUNT = 1 << 5;
const READ_BACK_NO_STATUS = 1 << 4;
const SPEAKER_CHANNEL = 2;
/** The refresh bit of port 61H changes every 15 us. */
const REFRESH_TICKS = 18;

export class Pit implements IoDevice {
  readonly widest = 1;
  readonly #oscillator: Oscillator;
  readonly #interrupt: InterruptLine;
  readonly #channels = [new PitChannel(true), new PitChannel(true), new PitChannel(false)];
  #speaker = 0;
  /** Tick at which counter 0 runs out next, or Infinity. */
  #expiry = Infinity;

  /** `interrupt`: IRQ 0. */
  constructor(tscHertz: number, interrupt: InterruptLine) {
    this.#oscillator = new Oscillator(PIT_HZ, tscHertz);
    this.#interrupt = interrupt;
  }

  /** When `advance` has something to do, in TSC cycles, or Infinity. */
  get nextEventAt(): number {
    return this.#expiry === Infinity ? Infinity : this.#oscillator.cyclesAt(this.#expiry);
  }

  /** Pulses IRQ 0 if counter 0 has run out by `now`. Expiries that nobody waited for are one pulse. */
  advance(now: number): void {
    const tick = this.#oscillator.ticksAt(now);
    if (tick < this.#expiry) return;
    this.#expiry = this.#channels[0].nextExpiry(tick);
    this.#interrupt(true);
    this.#interrupt(false);
  }

  read(offset: number, _size: number, now: number): number {
    if (offset === CONTROL) return 0;
    return this.#channels[offset].read(this.#oscillator.ticksAt(now));
  }

  write(offset: number, _size: number, value: number, now: number): void {
    this.advance(now);
    const tick = this.#oscillator.ticksAt(now);
    if (offset === CONTROL) this.#control(value, tick);
    else this.#channels[offset].write(value, tick);
    this.#expiry = this.#channels[0].nextExpiry(tick);
  }

  /** Port 61H. */
  readonly speakerPort: IoDevice = {
    widest: 1,
    read: (_offset, _size, now) => {
      const tick = this.#oscillator.ticksAt(now);
      const output = this.#channels[SPEAKER_CHANNEL].output(tick) ? 0x20 : 0;
      const refresh = Math.floor(tick / REFRESH_TICKS) % 2 === 0 ? 0 : 0x10;
      return output | refresh | this.#speaker;
    },
    write: (_offset, _size, value, now) => {
      this.#speaker = value & 3;
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
