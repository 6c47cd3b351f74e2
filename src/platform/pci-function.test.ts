import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { PciFunction } from './pci-function.js';

const IDENTITY = {
  vendor: 0x1b36,
  device: 5,
  classCode: 0xff_0000,
  revision: 3,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
};

let pci: PciFunction;

beforeEach(() => {
  pci = new PciFunction(IDENTITY, [
    { space: 'memory', size: 4096, address: 0xfebf_f000 },
    { space: 'io', size: 256, address: 0xc000 },
  ]);
});

describe('PciFunction', () => {
  it('identifies itself', () => {
    expect([pci.read(0, 4), pci.read(8, 4), pci.read(0x2c, 4)]).toEqual([0x0005_1b36, 0xff00_0003, 0x1100_1af4]);
  });

  it('a base address tells its space, and its size after all ones', () => {
    expect([pci.read(0x10, 4), pci.read(0x14, 4)]).toEqual([0xfebf_f000, 0xc001]);
    pci.write(0x10, 4, 0xffff_ffff);
    pci.write(0x14, 4, 0xffff_ffff);
    expect([pci.read(0x10, 4), pci.read(0x14, 4)]).toEqual([0xffff_f000, 0xffff_ff01]);
  });

  it('a base address that does not exist is zero', () => {
    pci.write(0x18, 4, 0xffff_ffff);
    expect(pci.read(0x18, 4)).toBe(0);
  });

  it('finds its ranges where they were moved', () => {
    pci.write(0x10, 4, 0xe000_0000);
    expect(pci.decode('memory', 0xe000_0804)).toEqual({ bar: 0, offset: 0x804 });
    expect(pci.decode('memory', 0xfebf_f804)).toBeNull();
    expect(pci.decode('io', 0xc0ff)).toEqual({ bar: 1, offset: 0xff });
    expect(pci.decode('io', 0xc100)).toBeNull();
  });

  it('the command register switches a space off', () => {
    pci.write(4, 2, 1);
    expect([pci.decode('memory', 0xfebf_f000), pci.address(0), pci.address(1)]).toEqual([null, -1, 0xc000]);
  });

  it('identification cannot be written, whatever the access', () => {
    fc.assert(
      fc.property(fc.nat(0xff), fc.constantFrom(1, 2, 4), fc.nat(0xffff_ffff), (offset, size, value) => {
        pci.write(offset, size, value);
        expect([pci.read(0, 4), pci.read(8, 4), pci.read(0x2c, 4)]).toEqual([0x0005_1b36, 0xff00_0003, 0x1100_1af4]);
      }),
    );
  });
});
