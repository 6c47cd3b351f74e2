import { describe, expect, it } from 'vitest';
import { differentiatedDescription } from './differentiated-description.js';

const aml = differentiatedDescription();
const view = new DataView(aml.buffer);

function indexOf(text: string): number {
  return Buffer.from(aml).indexOf(text);
}

/** Where the package ends whose length stands at `at`. */
function packageEnd(at: number): number {
  const first = aml[at];
  return first < 0x40 ? at + first : at + (first & 15) + (aml[at + 1] << 4);
}

/** The resource descriptors of _CRS: large and small items up to the end tag. */
function resources(): { readonly tag: number; readonly at: number }[] {
  const items = [];
  // Behind the name: BufferOp, PkgLength of two bytes, BytePrefix, size.
  let at = indexOf('_CRS') + 4 + 5;
  for (; aml[at] !== 0x79; at += aml[at] < 0x80 ? 1 + (aml[at] & 7) : 3 + view.getUint16(at + 1, true)) {
    items.push({ tag: aml[at], at });
  }
  expect(at + 2).toBe(aml.length);
  return items;
}

describe('differentiatedDescription', () => {
  it('has \\_S5 with the sleep type that switches the machine off', () => {
    expect([...aml.subarray(0, 15)]).toEqual([8, 0x5f, 0x53, 0x35, 0x5f, 0x12, 10, 4, 10, 0, 10, 0, 10, 0, 10]);
  });

  it('scope, device and buffer end where their lengths say: at the end', () => {
    const [scope, device, buffer] = [indexOf('\\_SB_') - 2, indexOf('PCI0') - 2, indexOf('_CRS') + 5];
    expect([aml[scope - 1], aml[device - 1], aml[buffer - 1]]).toEqual([0x10, 0x82, 0x11]);
    expect([scope, device, buffer].map(packageEnd)).toEqual(Array(3).fill(aml.length));
  });

  it('the device is a PCI bus', () => {
    const id = indexOf('_HID') + 4;
    expect([...aml.subarray(id, id + 5)]).toEqual([0x0c, 0x41, 0xd0, 0x0a, 0x03]);
  });

  it('decodes all buses, all I/O ports but the configuration ports, and memory up to the I/O APIC', () => {
    const ranges = resources().map(({ tag, at }) => {
      if (tag === 0x47) return [view.getUint16(at + 2, true), aml[at + 7]];
      const word = (offset: number): number =>
        tag === 0x88 ? view.getUint16(at + 6 + 2 * offset, true) : view.getUint32(at + 6 + 4 * offset, true);
      return [word(1), word(4)];
    });
    expect(ranges).toEqual([
      [0, 0x100],
      [0xcf8, 8],
      [0, 0xcf8],
      [0xd00, 0xf300],
      [0xc000_0000, 0x3ec0_0000],
    ]);
  });
});
