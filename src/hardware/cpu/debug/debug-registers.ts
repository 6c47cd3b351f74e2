/**
 * The debug registers (SDM vol. 3, 19.2): what software can write to them, and what a debug exception leaves in DR6.
 *
 * Left out: debug exceptions in RTM regions, which always abort, so that DR6.RTM is 0 only where software has cleared it;
 * bus-lock detection (bit 11 of DR6 is always 1).
 */

/** B3-B0: the condition of a breakpoint is met. */
export const DR6_BREAKPOINTS = 0xf;
/** A debug register was to be accessed while DR7.GD was set. */
export const DR6_BD = 1 << 13;
/** Single step. */
export const DR6_BS = 1 << 14;
/** 0: the exception came in an RTM region. */
const DR6_RTM = 1 << 16;
const DR6_FIXED = 0xfffe_0ff0;
const DR6_CLEAR = 1 << 12;

/** L0 to G3. */
const DR7_ENABLES = 0xff;
/** General detect. */
const DR7_GD = 1 << 13;
const DR7_FIXED = 1 << 10;
const DR7_CLEAR = (1 << 12) | (1 << 14) | (1 << 15);

const STATUS = 6 * 2;
const CONTROL = 7 * 2;

export class DebugRegisters {
  readonly #values = new BigUint64Array(8);
  /** The same as words: conditions and control have no more than 32 bits. */
  readonly #words = new Uint32Array(this.#values.buffer);

  constructor() {
    this.reset();
  }

  /** As after power-up and INIT. */
  reset(): void {
    this.#values.fill(0n);
    this.#words[STATUS] = DR6_FIXED | DR6_RTM;
    this.control = DR7_FIXED;
  }

  read(register: number): bigint {
    return this.#values[register];
  }

  /** DR6 and DR7 have fixed bits; their bits 63:32 must be 0. */
  write(register: number, value: bigint): void {
    if (register === 6) this.#words[STATUS] = (Number(value) | DR6_FIXED) & ~DR6_CLEAR;
    else if (register === 7) this.control = Number(value);
    else this.#values[register] = value;
  }

  /** DR7. */
  get control(): number {
    return this.#words[CONTROL];
  }

  set control(value: number) {
    this.#words[CONTROL] = (value | DR7_FIXED) & ~DR7_CLEAR;
  }

  /** Is a breakpoint enabled, locally or globally? */
  get isArmed(): boolean {
    return (this.#words[CONTROL] & DR7_ENABLES) !== 0;
  }

  /** DR7 is not what it is after power-up. */
  get isControlled(): boolean {
    return this.#words[CONTROL] !== DR7_FIXED;
  }

  get detectsAccess(): boolean {
    return (this.#words[CONTROL] & DR7_GD) !== 0;
  }

  /** A debug exception is delivered: earlier breakpoints are forgotten, other bits stay; its handler may use the registers. */
  report(conditions: number): void {
    this.#words[STATUS] = (this.#words[STATUS] & ~DR6_BREAKPOINTS) | DR6_RTM | conditions;
    this.#words[CONTROL] &= ~DR7_GD;
  }
}
