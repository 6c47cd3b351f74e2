/**
 * Two single ports of the PC: 80H, where firmware shows how far it came, and 92H, system control port A, with the fast
 * reset. Address line 20 is never masked, whatever bit 1 says.
 */
import type { BoardEnd } from './debug-exit.js';
import type { IoDevice } from './io-device.js';

const FAST_RESET = 1 << 0;
const A20_GATE = 1 << 1;

/** Port 80H: keeps the last byte. */
export class PostCode implements IoDevice {
  readonly widest = 1;
  #code = 0;

  read(): number {
    return this.#code;
  }

  write(_offset: number, _size: number, value: number): void {
    this.#code = value;
  }
}

/** Port 92H: bit 0 going from 0 to 1 resets the machine. */
export class SystemControlPortA implements IoDevice {
  readonly widest = 1;
  readonly #end: (end: BoardEnd) => void;
  #value = A20_GATE;

  constructor(end: (end: BoardEnd) => void) {
    this.#end = end;
  }

  read(): number {
    return this.#value;
  }

  write(_offset: number, _size: number, value: number): void {
    const resets = (value & ~this.#value & FAST_RESET) !== 0;
    this.#value = value;
    if (resets) this.#end({ kind: 'reset' });
  }
}
