/**
 * One counter of an i8254 (Intel 8254 data sheet). Everything follows from the tick at which counting began.
 *
 * Left out: BCD counting, the clock that a new count takes to be loaded, and that a count written in the middle of a period
 * of modes 2 and 3 waits for its end: it starts a new one (KVM's i8254.c has it the same way).
 */

const ACCESS_LOW = 1;
const ACCESS_HIGH = 2;
const FULL_RANGE = 0x1_0000;

// Modes
const INTERRUPT_ON_TERMINAL_COUNT = 0;
const HARDWARE_ONE_SHOT = 1;
const RATE_GENERATOR = 2;
const SQUARE_WAVE = 3;
const HARDWARE_STROBE = 5;

export class PitChannel {
  #gate: boolean;
  #mode = 0;
  #access = 3;
  /** Count that was written, 1-65536. */
  #reload = FULL_RANGE;
  /** Tick at which counting began, or -1: not yet. */
  #start = -1;
  /** Ticks that had been counted when the gate fell, or -1: it counts. */
  #stoppedAfter = -1;
  #lowWritten = -1;
  #highReadNext = false;
  #latchedCount = -1;
  #latchedStatus = -1;

  constructor(gate: boolean) {
    this.#gate = gate;
  }

  get gate(): boolean {
    return this.#gate;
  }

  /**
   * Drives the gate at tick `tick`. Low, it stops the modes that software starts; high again, modes 0 and 4 go on, modes 2
   * and 3 begin anew. Its rising edge is what starts modes 1 and 5.
   */
  setGate(gate: boolean, tick: number): void {
    if (gate === this.#gate) return;
    this.#gate = gate;
    if (this.#needsTrigger) {
      if (gate) this.#start = tick;
    } else if (this.#start >= 0) {
      const counted = gate ? this.#stoppedAfter : tick - this.#start;
      this.#start = tick - (gate && this.#periodic ? 0 : counted);
      this.#stoppedAfter = gate ? -1 : counted;
    }
  }

  /** The control word of this channel, without its channel bits: access mode and counting mode. */
  control(word: number): void {
    this.#access = (word >>> 4) & 3;
    const mode = (word >>> 1) & 7;
    this.#mode = mode > HARDWARE_STROBE ? mode - 4 : mode;
    this.#start = -1;
    this.#stoppedAfter = -1;
    this.#lowWritten = -1;
    this.#highReadNext = false;
    this.#latchedCount = this.#latchedStatus = -1;
  }

  latchCount(tick: number): void {
    if (this.#latchedCount < 0) this.#latchedCount = this.#count(tick);
  }

  latchStatus(tick: number): void {
    if (this.#latchedStatus >= 0) return;
    const output = this.output(tick) ? 0x80 : 0;
    const nullCount = this.#start < 0 ? 0x40 : 0;
    this.#latchedStatus = output | nullCount | (this.#access << 4) | (this.#mode << 1);
  }

  /** Whether a count is complete and has been loaded. */
  write(value: number, tick: number): boolean {
    if (this.#access === ACCESS_LOW) return this.#load(value, tick);
    if (this.#access === ACCESS_HIGH) return this.#load(value << 8, tick);
    const low = this.#lowWritten;
    this.#lowWritten = low < 0 ? value : -1;
    return low >= 0 && this.#load(low | (value << 8), tick);
  }

  read(tick: number): number {
    if (this.#latchedStatus >= 0) {
      const status = this.#latchedStatus;
      this.#latchedStatus = -1;
      return status;
    }
    const count = this.#latchedCount < 0 ? this.#count(tick) : this.#latchedCount;
    const high = this.#access === ACCESS_HIGH || (this.#access !== ACCESS_LOW && this.#highReadNext);
    this.#highReadNext = this.#access !== ACCESS_LOW && this.#access !== ACCESS_HIGH && !high;
    if (!this.#highReadNext) this.#latchedCount = -1;
    return high ? count >>> 8 : count & 0xff;
  }

  /** Level of OUT at `tick`. */
  output(tick: number): boolean {
    if (this.#start < 0) return this.#mode !== INTERRUPT_ON_TERMINAL_COUNT;
    if (this.#stoppedAfter >= 0 && this.#periodic) return true;
    const elapsed = this.#elapsed(tick);
    switch (this.#mode) {
      case INTERRUPT_ON_TERMINAL_COUNT:
      case HARDWARE_ONE_SHOT:
        return elapsed >= this.#reload;
      case RATE_GENERATOR:
        return elapsed % this.#reload !== this.#reload - 1;
      case SQUARE_WAVE:
        return elapsed % this.#reload < (this.#reload + 1) >>> 1;
      default:
        return elapsed !== this.#reload;
    }
  }

  /** The first tick after `tick` at which the count runs out, or Infinity. */
  nextExpiry(tick: number): number {
    if (this.#start < 0 || this.#stoppedAfter >= 0) return Infinity;
    const first = this.#start + this.#reload;
    if (tick < first) return first;
    return this.#periodic ? tick - ((tick - first) % this.#reload) + this.#reload : Infinity;
  }

  /** Ticks from one end of the count to the next, or Infinity in modes that run out once. */
  get period(): number {
    return this.#periodic ? this.#reload : Infinity;
  }

  /** How often the count has run out from `expiry`, when it did, to `tick`. */
  expiries(expiry: number, tick: number): number {
    return this.#periodic ? Math.floor((tick - expiry) / this.#reload) + 1 : 1;
  }

  #elapsed(tick: number): number {
    return this.#stoppedAfter >= 0 ? this.#stoppedAfter : tick - this.#start;
  }

  get #periodic(): boolean {
    return this.#mode === RATE_GENERATOR || this.#mode === SQUARE_WAVE;
  }

  /** Modes that begin with a rising gate. */
  get #needsTrigger(): boolean {
    return this.#mode === HARDWARE_ONE_SHOT || this.#mode === HARDWARE_STROBE;
  }

  #load(count: number, tick: number): boolean {
    this.#reload = count === 0 ? FULL_RANGE : count;
    if (!this.#needsTrigger) {
      this.#start = tick;
      this.#stoppedAfter = this.#gate ? -1 : 0;
    }
    return true;
  }

  #count(tick: number): number {
    if (this.#start < 0) return 0;
    const elapsed = this.#elapsed(tick);
    if (this.#mode === SQUARE_WAVE) return this.#squareWaveCount(elapsed % this.#reload);
    if (this.#periodic) return (this.#reload - (elapsed % this.#reload)) % FULL_RANGE;
    return (((this.#reload - elapsed) % FULL_RANGE) + FULL_RANGE) % FULL_RANGE;
  }

  /** Each half of the wave counts down by twos from the count without its lowest bit. */
  #squareWaveCount(phase: number): number {
    const highHalf = (this.#reload + 1) >>> 1;
    const counted = phase < highHalf ? phase : phase - highHalf;
    return ((this.#reload & ~1) - 2 * counted) % FULL_RANGE;
  }
}
