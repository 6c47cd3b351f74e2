/**
 * How a guest ends its machine: QEMU's isa-debug-exit, and the port that takes the word "Shutdown" (Bochs).
 */
import { allOnes, type IoDevice } from './io-device.js';

/** Why the board stops the machine. */
export type BoardEnd =
  /** The guest wrote `code` to the exit port. QEMU's process would end with (code << 1) | 1. */
  | { readonly kind: 'exit'; readonly code: number }
  /** Soft off: the word "Shutdown", or ACPI's S5. */
  | { readonly kind: 'power-off' }
  /** The reset control register or port 92H. */
  | { readonly kind: 'reset' };

/** Port F4H, four bytes: the value is the exit code. */
export class DebugExit implements IoDevice {
  readonly widest = 4;
  readonly #end: (end: BoardEnd) => void;

  constructor(end: (end: BoardEnd) => void) {
    this.#end = end;
  }

  read(_offset: number, size: number): number {
    return allOnes(size);
  }

  write(_offset: number, _size: number, value: number): void {
    this.#end({ kind: 'exit', code: value });
  }
}

const WORD = 'Shutdown';

/** Port 8900H: the letters of "Shutdown", one by one, switch the machine off. */
export class ShutdownPort implements IoDevice {
  readonly widest = 1;
  readonly #end: (end: BoardEnd) => void;
  #matched = 0;

  constructor(end: (end: BoardEnd) => void) {
    this.#end = end;
  }

  read(): number {
    return allOnes(1);
  }

  write(_offset: number, _size: number, value: number): void {
    if (value !== WORD.charCodeAt(this.#matched)) this.#matched = 0;
    if (value === WORD.charCodeAt(this.#matched)) this.#matched++;
    if (this.#matched < WORD.length) return;
    this.#matched = 0;
    this.#end({ kind: 'power-off' });
  }
}
