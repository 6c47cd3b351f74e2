/**
 * Configuration space of a PCI function, header type 0 (PCI Local Bus Specification 3.0, chapter 6): identification,
 * command register and base addresses.
 *
 * Left out: capabilities, interrupts, 64-bit base addresses, expansion ROMs.
 */

const SIZE = 256;
const VENDOR_ID = 0x00;
const DEVICE_ID = 0x02;
const COMMAND = 0x04;
const CLASS_REVISION = 0x08;
const CACHE_LINE_SIZE = 0x0c;
const BASE_ADDRESS_0 = 0x10;
const SUBSYSTEM_VENDOR_ID = 0x2c;
const SUBSYSTEM_ID = 0x2e;
const INTERRUPT_LINE = 0x3c;

const COMMAND_IO = 1 << 0;
const COMMAND_MEMORY = 1 << 1;
/** I/O space, memory space, bus master, parity and SERR enable, interrupt disable. */
const COMMAND_WRITABLE = 0x0547;
const SPACE_IO = 1;

/** A range that a base address register places. */
export interface PciBar {
  readonly space: 'memory' | 'io';
  /** A power of two. */
  readonly size: number;
  /** Where it is placed at first. */
  readonly address: number;
}

export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  /** Class, subclass and programming interface, 24 bits. */
  readonly classCode: number;
  readonly revision: number;
  readonly subsystemVendor: number;
  readonly subsystem: number;
}

export class PciFunction {
  readonly #bytes = new Uint8Array(SIZE);
  readonly #writable = new Uint8Array(SIZE);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #bars: readonly PciBar[];

  /** Starts as firmware leaves it: ranges placed and enabled. */
  constructor(identity: PciIdentity, bars: readonly PciBar[]) {
    this.#bars = bars;
    const masks = new DataView(this.#writable.buffer);
    this.#view.setUint16(VENDOR_ID, identity.vendor, true);
    this.#view.setUint16(DEVICE_ID, identity.device, true);
    this.#view.setUint32(CLASS_REVISION, (identity.classCode << 8) | identity.revision, true);
    this.#view.setUint16(SUBSYSTEM_VENDOR_ID, identity.subsystemVendor, true);
    this.#view.setUint16(SUBSYSTEM_ID, identity.subsystem, true);
    this.#view.setUint16(COMMAND, COMMAND_IO | COMMAND_MEMORY, true);
    masks.setUint16(COMMAND, COMMAND_WRITABLE, true);
    masks.setUint8(CACHE_LINE_SIZE, 0xff);
    masks.setUint8(INTERRUPT_LINE, 0xff);
    bars.forEach(({ space, size, address }, index) => {
      const at = BASE_ADDRESS_0 + 4 * index;
      this.#view.setUint32(at, address | (space === 'io' ? SPACE_IO : 0), true);
      masks.setUint32(at, -size, true);
    });
  }

  /** Reads `size` bytes of configuration space. */
  read(offset: number, size: number): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.#bytes[(offset + i) % SIZE];
    return value;
  }

  /** Read-only bits stay as they are. */
  write(offset: number, size: number, value: number): void {
    for (let i = 0; i < size; i++) {
      const at = (offset + i) % SIZE;
      const mask = this.#writable[at];
      this.#bytes[at] = (this.#bytes[at] & ~mask) | ((value >>> (8 * i)) & mask);
    }
  }

  /** Which range `address` of a space falls into: its index and the offset in it, or null. */
  decode(space: PciBar['space'], address: number): { bar: number; offset: number } | null {
    for (let bar = 0; bar < this.#bars.length; bar++) {
      const base = this.#bars[bar].space === space ? this.address(bar) : -1;
      const offset = address - base;
      if (base >= 0 && offset >= 0 && offset < this.#bars[bar].size) return { bar, offset };
    }
    return null;
  }

  /** Where a range is now, or -1 while the command register switches its space off. */
  address(bar: number): number {
    const io = this.#bars[bar].space === 'io';
    const enabled = this.#view.getUint16(COMMAND, true) & (io ? COMMAND_IO : COMMAND_MEMORY);
    if (enabled === 0) return -1;
    return (this.#view.getUint32(BASE_ADDRESS_0 + 4 * bar, true) & (io ? ~3 : ~15)) >>> 0;
  }
}
