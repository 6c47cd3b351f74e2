/**
 * QEMU's pci-testdev, PCI device 1B36H:0005H (docs/specs/pci-testdev): tells the guest addresses at which accesses cost
 * something worth measuring. Base address 0 is memory, base address 1 I/O ports. Each begins with a header:
 *
 *   0  test    write the number of a test to start it     8  data    value to write
 *   1  width   of the access, 1; 0 = no such test        12  count   matching writes that arrived here
 *   4  offset  where to write                            16  name    ends in zero
 *
 * The second and third test of a range register an eventfd with KVM, which then completes matching writes itself.
 *
 * Left out: base address 2 (memory that is backed), a signal's receiver.
 */
import { PciFunction, type PciBar } from './pci-function.js';

/** A write that KVM completes in the kernel (KVM_IOEVENTFD). */
export interface EventFd {
  readonly space: PciBar['space'];
  readonly address: number;
  /** Bytes of the access; 0 = any (KVM_CAP_IOEVENTFD_ANY_LENGTH, which goes through the fast MMIO bus). */
  readonly size: number;
  /** The value that must be written, or null: any. */
  readonly match: number | null;
}

const MEMORY_BAR = 0;
const BAR_PLACES: readonly PciBar[] = [
  { space: 'memory', size: 4096, address: 0xfebf_f000 },
  { space: 'io', size: 256, address: 0xc000 },
];
const IDENTITY = {
  vendor: 0x1b36,
  device: 0x0005,
  classCode: 0xff_0000,
  revision: 0,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
};

// Header
const TEST = 0;
const COUNT = 12;
const NAME = 16;
const WIDTH = 1;

const DATA_TO_MATCH = 0xfa;
const DATA_OF_WILDCARD = 0xce;

interface Test {
  readonly number: number;
  readonly bar: number;
  readonly offset: number;
  /** The header as the guest reads it, but for the count. */
  readonly header: Uint8Array;
  /** Whether a write counts only with DATA_TO_MATCH. */
  readonly matches: boolean;
  readonly eventFd: boolean;
}

/** Tests by base address register and number. Their offsets are all different. */
const TESTS = BAR_PLACES.map(({ size, space }, bar) =>
  ['no-eventfd', 'wildcard-eventfd', 'datamatch-eventfd'].map((kind, number): Test => {
    const index = bar * 3 + number;
    const matches = kind !== 'wildcard-eventfd';
    const offset = size / 2 + index;
    const name = `${space === 'memory' ? 'mmio' : 'portio'}-${kind}`;
    return { number, bar, offset, header: header(index, offset, matches, name), matches, eventFd: number > 0 };
  }),
);

function header(test: number, offset: number, matches: boolean, name: string): Uint8Array {
  const bytes = new Uint8Array(NAME + name.length + 1);
  const view = new DataView(bytes.buffer);
  view.setUint8(TEST, test);
  view.setUint8(1, WIDTH);
  view.setUint32(4, offset, true);
  view.setUint8(8, matches ? DATA_TO_MATCH : DATA_OF_WILDCARD);
  bytes.set(new TextEncoder().encode(name), NAME);
  return bytes;
}

export class PciTestDevice {
  readonly configuration = new PciFunction(IDENTITY, BAR_PLACES);
  #current: Test | null = null;
  #count = 0;

  /** Byte `offset` of a range: both show the header of the running test. */
  read(offset: number): number {
    if (this.#current === null) return 0;
    if (offset >= COUNT && offset < NAME) return (this.#count >>> (8 * (offset - COUNT))) & 0xff;
    const { header } = this.#current;
    return offset < header.length ? header[offset] : 0;
  }

  /** Writes byte `offset` of a range. */
  write(bar: number, offset: number, value: number): void {
    if (offset === TEST) this.#start(TESTS[bar][value] ?? null);
    else if (this.#current?.offset === offset && (!this.#current.matches || value === DATA_TO_MATCH)) this.#count++;
  }

  /** The eventfd of the running test, or null. */
  get eventFd(): EventFd | null {
    const test = this.#current;
    if (test === null || !test.eventFd) return null;
    const base = this.configuration.address(test.bar);
    if (base < 0) return null;
    const wildcard = !test.matches;
    return {
      space: BAR_PLACES[test.bar].space,
      address: base + test.offset,
      size: wildcard && test.bar === MEMORY_BAR ? 0 : WIDTH,
      match: wildcard ? null : DATA_TO_MATCH,
    };
  }

  #start(test: Test | null): void {
    this.#current = test;
    this.#count = 0;
  }
}
