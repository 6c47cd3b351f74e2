/**
 * fw_cfg through its I/O ports: a 16-bit selector at offset 0, from which data are read byte by byte at offset 1
 * (QEMU's specification docs/specs/fw_cfg). Unknown keys and the bytes past an item's end read as zero.
 *
 * Left out: writing items, files, and the DMA interface, whose bit in the ID is 0. One write to its port would read and write
 * guest memory at once, and there an access takes cache lines, one after the other, in the order of all CPUs: every way to a
 * port would have to be left and taken up again in the middle.
 */
import type { IoDevice } from './io-device.js';

const SIGNATURE = 0x00;
const ID = 0x01;
const RAM_SIZE = 0x03;
const NOGRAPHIC = 0x04;
const NB_CPUS = 0x05;
const MAX_CPUS = 0x0f;
const FILE_DIRECTORY = 0x19;

/** Interface bit 0: the traditional one. */
const TRADITIONAL_INTERFACE = 1;

export interface FirmwareConfigurationOptions {
  readonly cpus: number;
  readonly memoryBytes: number;
}

export class FirmwareConfiguration implements IoDevice {
  readonly widest = 2;
  readonly #items: ReadonlyMap<number, Uint8Array>;
  #selected = SIGNATURE;
  #position = 0;

  constructor({ cpus, memoryBytes }: FirmwareConfigurationOptions) {
    this.#items = new Map([
      [SIGNATURE, new TextEncoder().encode('QEMU')],
      [ID, number(TRADITIONAL_INTERFACE, 4)],
      [RAM_SIZE, number(memoryBytes, 8)],
      [NOGRAPHIC, number(1, 2)],
      [NB_CPUS, number(cpus, 2)],
      [MAX_CPUS, number(cpus, 2)],
      [FILE_DIRECTORY, number(0, 4)],
    ]);
  }

  /** Any byte of the range reads the next byte of the item. */
  read(_offset: number, size: number): number {
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.#next() << (8 * byte);
    return value;
  }

  /** A 16-bit write selects; bytes would be data and are ignored. */
  write(_offset: number, size: number, value: number): void {
    if (size !== 2) return;
    this.#selected = value;
    this.#position = 0;
  }

  #next(): number {
    const item = this.#items.get(this.#selected);
    const at = this.#position++;
    return item !== undefined && at < item.length ? item[at] : 0;
  }
}

function number(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes.subarray(0, size);
}
