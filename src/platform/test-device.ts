/**
 * What QEMU's pc-testdev offers a guest that tests its hypervisor: a data register at ports E0H-E3H and, byte by byte,
 * E8H-EBH; interrupt lines at 2000H-2017H; memory without a slot at FF000000H.
 *
 * Left out: the port that unmaps and maps a page (E4H) takes a write and does nothing, as no page is ever unmapped.
 */
import { allOnes, type IoDevice } from './io-device.js';

export const TEST_MEMORY_BASE = 0xff00_0000;
export const TEST_MEMORY_SIZE = 0x1_0000;

/** Four bytes that hold what was written. Two views share them: one takes 4 bytes at once, the other only single ones. */
export class TestRegister implements IoDevice {
  readonly widest: 1 | 4;
  readonly #bytes: Uint8Array;

  constructor(widest: 1 | 4, bytes: Uint8Array) {
    this.widest = widest;
    this.#bytes = bytes;
  }

  read(offset: number, size: number): number {
    return readLittleEndian(this.#bytes, offset, size);
  }

  write(offset: number, size: number, value: number): void {
    writeLittleEndian(this.#bytes, offset, size, value);
  }
}

/** One port per interrupt line: a write of anything but zero asserts it, zero takes it back. */
export class TestInterruptLines implements IoDevice {
  readonly widest = 1;
  readonly #drive: (line: number, asserted: boolean) => void;

  constructor(drive: (line: number, asserted: boolean) => void) {
    this.#drive = drive;
  }

  read(): number {
    return allOnes(1);
  }

  write(offset: number, _size: number, value: number): void {
    this.#drive(offset, value !== 0);
  }
}

/** The page-flush port: nothing to do. */
export class TestPageFlush implements IoDevice {
  readonly widest = 4;

  read(_offset: number, size: number): number {
    return allOnes(size);
  }

  write(): void {
    // No page of the guest is ever unmapped behind its back.
  }
}

/** Memory that only user space has: every access leaves the guest. */
export class TestMemory {
  readonly #bytes = new Uint8Array(TEST_MEMORY_SIZE);

  read(offset: number, data: Uint8Array): void {
    for (let i = 0; i < data.length; i++) data[i] = this.#bytes[(offset + i) % TEST_MEMORY_SIZE];
  }

  write(offset: number, data: Uint8Array): void {
    for (let i = 0; i < data.length; i++) this.#bytes[(offset + i) % TEST_MEMORY_SIZE] = data[i];
  }
}

/** `size` bytes as an unsigned number. */
export function readLittleEndian(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[(offset + i) % bytes.length];
  return value;
}

function writeLittleEndian(bytes: Uint8Array, offset: number, size: number, value: number): void {
  for (let i = 0; i < size; i++) bytes[(offset + i) % bytes.length] = value >>> (8 * i);
}
