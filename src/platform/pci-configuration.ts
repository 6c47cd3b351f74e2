/**
 * PCI configuration mechanism 1 (PCI Local Bus Specification 3.0, section 3.2.2.3.2): address port CF8H, data ports
 * CFCH-CFFH, one bus. Functions that do not exist read as ones. Port CF9H is the reset control register.
 */
import type { BoardEnd } from './debug-exit.js';
import { allOnes, type IoDevice } from './io-device.js';
import type { PciFunction } from './pci-function.js';

const DATA = 4;
const RESET_CONTROL = 1;
const RESET_CPU = 1 << 2;
const ENABLE = 2 ** 31;

export class PciConfiguration implements IoDevice {
  readonly widest = 4;
  readonly #functions: ReadonlyMap<number, PciFunction>;
  readonly #end: (end: BoardEnd) => void;
  #address = 0;
  #resetControl = 0;

  /** `functions` of bus 0 by device number * 8 + function number. */
  constructor(functions: ReadonlyMap<number, PciFunction>, end: (end: BoardEnd) => void) {
    this.#functions = functions;
    this.#end = end;
  }

  read(offset: number, size: number): number {
    if (offset >= DATA) return this.#target?.read(this.#register(offset), size) ?? allOnes(size);
    if (offset === 0 && size === 4) return this.#address;
    return offset === RESET_CONTROL && size === 1 ? this.#resetControl : allOnes(size);
  }

  write(offset: number, size: number, value: number): void {
    if (offset >= DATA) this.#target?.write(this.#register(offset), size, value);
    else if (offset === 0 && size === 4) this.#address = value;
    else if (offset === RESET_CONTROL && size === 1) this.#writeResetControl(value);
  }

  get #target(): PciFunction | undefined {
    if (this.#address < ENABLE || ((this.#address >>> 16) & 0xff) !== 0) return undefined;
    return this.#functions.get((this.#address >>> 8) & 0xff);
  }

  /** As in QEMU, bits 1:0 of the address count: there are guests that select a word so and read at CFCH. */
  #register(offset: number): number {
    return (this.#address & 0xff) | (offset - DATA);
  }

  #writeResetControl(value: number): void {
    this.#resetControl = value & ~RESET_CPU;
    if ((value & RESET_CPU) !== 0) this.#end({ kind: 'reset' });
  }
}
