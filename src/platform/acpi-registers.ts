/**
 * The fixed hardware of ACPI (ACPI 6.5, section 4.8.3): PM1 event and control blocks and the 24-bit power-management
 * timer. The hardware is always in ACPI mode.
 *
 * Left out: the system control interrupt; no event ever comes.
 */
import type { BoardEnd } from './debug-exit.js';
import type { IoDevice } from './io-device.js';
import { Oscillator, PM_TIMER_HZ } from './oscillator.js';

export const ACPI_PORTS = 0x600;
export const ACPI_PORTS_SIZE = 12;
// Offsets from ACPI_PORTS
export const PM1_EVENT = 0;
export const PM1_CONTROL = 4;
export const PM_TIMER = 8;

/** The sleep type of S5 in the DSDT's _S5 object. */
export const SLEEP_TYPE_SOFT_OFF = 0;

const PM1_ENABLE = 2;
const TIMER_MASK = 0xff_ffff;
const SCI_EN = 1 << 0;
const SLP_EN = 1 << 13;
const SLEEP_TYPE_SHIFT = 10;

export class AcpiRegisters implements IoDevice {
  readonly widest = 4;
  readonly #oscillator: Oscillator;
  readonly #end: (end: BoardEnd) => void;
  #enable = 0;
  #control = 0;

  constructor(tscHertz: number, end: (end: BoardEnd) => void) {
    this.#oscillator = new Oscillator(PM_TIMER_HZ, tscHertz);
    this.#end = end;
  }

  read(offset: number, size: number, now: number): number {
    const register = this.#register(offset & ~3, now);
    const value = register >>> (8 * (offset & 3));
    return size === 4 ? value : value & (2 ** (8 * size) - 1);
  }

  /** Status bits are cleared by writing ones: none is ever set. The timer cannot be written. */
  write(offset: number, size: number, value: number): void {
    if (offset === PM1_ENABLE) this.#enable = value & 0xffff;
    else if (offset === PM1_EVENT && size === 4) this.#enable = value >>> 16;
    else if (offset === PM1_CONTROL) this.#writeControl(value);
  }

  #register(offset: number, now: number): number {
    if (offset === PM_TIMER) return this.#oscillator.ticksAt(now) & TIMER_MASK;
    return offset === PM1_CONTROL ? this.#control | SCI_EN : (this.#enable << 16) >>> 0;
  }

  #writeControl(value: number): void {
    this.#control = value & 0xffff & ~SLP_EN;
    const sleepType = (value >>> SLEEP_TYPE_SHIFT) & 7;
    if ((value & SLP_EN) !== 0 && sleepType === SLEEP_TYPE_SOFT_OFF) this.#end({ kind: 'power-off' });
  }
}
