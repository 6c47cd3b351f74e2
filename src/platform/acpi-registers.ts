/**
 * The fixed hardware of ACPI (ACPI 6.5, section 4.8.3): PM1 event and control blocks and the 24-bit power-management
 * timer. The hardware is always in ACPI mode. The only event is the timer's: its status bit is set whenever bit 23 of the
 * timer changes, and with its enable bit holds the system control interrupt until it is cleared.
 *
 * Left out: buttons, the global lock, the wake status.
 */
import type { BoardEnd } from './debug-exit.js';
import type { InterruptLine, IoDevice, TimedDevice } from './io-device.js';
import { Oscillator, PM_TIMER_HZ } from './oscillator.js';

export const ACPI_PORTS = 0x600;
export const ACPI_PORTS_SIZE = 12;
// Offsets from ACPI_PORTS
export const PM1_EVENT = 0;
const PM1_STATUS = PM1_EVENT;
const PM1_ENABLE = PM1_EVENT + 2;
export const PM1_CONTROL = 4;
export const PM_TIMER = 8;

/** The sleep type of S5 in the DSDT's _S5 object. */
export const SLEEP_TYPE_SOFT_OFF = 0;

const TIMER_MASK = 0xff_ffff;
/** Between changes of the timer's highest bit. */
const HALF_RANGE = 2 ** 23;
/** Bit of the timer in the status and enable registers. */
const TMR = 1 << 0;
const SCI_EN = 1 << 0;
const SLP_EN = 1 << 13;
const SLEEP_TYPE_SHIFT = 10;

export class AcpiRegisters implements IoDevice, TimedDevice {
  readonly widest = 4;
  readonly #oscillator: Oscillator;
  readonly #end: (end: BoardEnd) => void;
  readonly #interrupt: InterruptLine;
  /** PM1 status, enable and control registers. */
  readonly #bytes = new Uint8Array(6);
  readonly #view = new DataView(this.#bytes.buffer);
  #halves = 0;
  #asserted = false;

  /** `interrupt`: the system control interrupt. */
  constructor(tscHertz: number, end: (end: BoardEnd) => void, interrupt: InterruptLine) {
    this.#oscillator = new Oscillator(PM_TIMER_HZ, tscHertz);
    this.#end = end;
    this.#interrupt = interrupt;
  }

  get nextEventAt(): number {
    if ((this.#enabled & TMR) === 0 || (this.#status & TMR) !== 0) return Infinity;
    return this.#oscillator.cyclesAt((this.#halves + 1) * HALF_RANGE);
  }

  advance(now: number): void {
    const halves = Math.floor(this.#oscillator.ticksAt(now) / HALF_RANGE);
    if (halves > this.#halves) this.#bytes[PM1_STATUS] |= TMR;
    this.#halves = halves;
    this.#drive();
  }

  read(offset: number, size: number, now: number): number {
    this.advance(now);
    const register = this.#register(offset & ~3, now);
    const value = register >>> (8 * (offset & 3));
    return size === 4 ? value : value & (2 ** (8 * size) - 1);
  }

  /** Status bits are cleared by writing ones. The timer cannot be written. */
  write(offset: number, size: number, value: number, now: number): void {
    this.advance(now);
    for (let i = 0; i < size; i++) this.#writeByte(offset + i, (value >>> (8 * i)) & 0xff);
    if (offset <= PM1_CONTROL + 1 && offset + size > PM1_CONTROL + 1) this.#sleep();
    this.#drive();
  }

  get #status(): number {
    return this.#view.getUint16(PM1_STATUS, true);
  }

  get #enabled(): number {
    return this.#view.getUint16(PM1_ENABLE, true);
  }

  #register(offset: number, now: number): number {
    if (offset === PM_TIMER) return this.#oscillator.ticksAt(now) & TIMER_MASK;
    return offset === PM1_CONTROL ? this.#view.getUint16(PM1_CONTROL, true) | SCI_EN : this.#view.getUint32(0, true);
  }

  #writeByte(offset: number, value: number): void {
    if (offset < PM1_ENABLE) this.#bytes[offset] &= ~value;
    else if (offset < this.#bytes.length) this.#bytes[offset] = value;
  }

  /** SLP_EN in the upper byte starts the sleep of the type beside it; it is not stored. */
  #sleep(): void {
    const control = this.#view.getUint16(PM1_CONTROL, true);
    if ((control & SLP_EN) === 0) return;
    this.#view.setUint16(PM1_CONTROL, control & ~SLP_EN, true);
    if (((control >>> SLEEP_TYPE_SHIFT) & 7) === SLEEP_TYPE_SOFT_OFF) this.#end({ kind: 'power-off' });
  }

  #drive(): void {
    const asserted = (this.#status & this.#enabled & TMR) !== 0;
    if (asserted === this.#asserted) return;
    this.#asserted = asserted;
    this.#interrupt(asserted);
  }
}
