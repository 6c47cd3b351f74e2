import { beforeEach, describe, expect, it } from 'vitest';
import type { BoardEnd } from './debug-exit.js';
import { PciConfiguration } from './pci-configuration.js';
import { PciFunction } from './pci-function.js';

const ENABLE = 0x8000_0000;

let ends: BoardEnd[];
let ports: PciConfiguration;

beforeEach(() => {
  ends = [];
  const identity = { vendor: 0x1234, device: 0x5678, classCode: 0, revision: 0, subsystemVendor: 0, subsystem: 0 };
  ports = new PciConfiguration(new Map([[0x10, new PciFunction(identity, [])]]), (end) => ends.push(end));
});

function read(address: number, offset: number, size: number): number {
  ports.write(0, 4, address);
  return ports.read(4 + offset, size);
}

describe('PciConfiguration', () => {
  it('reads the selected function through the data port, also in parts', () => {
    expect(read(ENABLE + 0x1000, 0, 4)).toBe(0x5678_1234);
    expect(read(ENABLE + 0x1000, 2, 2)).toBe(0x5678);
    expect(read(ENABLE + 0x1000, 1, 1)).toBe(0x12);
  });

  it('bits 1:0 of the address select within the register, as the data port does', () => {
    expect(read(ENABLE + 0x1002, 0, 2)).toBe(0x5678);
  });

  // prettier-ignore
  it.each([
    ['a function that does not exist', ENABLE + 0x0800],
    ['another bus',                    ENABLE + 0x1_1000],
    ['the address without its enable bit', 0x1000],
  ])('%s reads as ones', (_, address) => {
    expect([read(address, 0, 4), read(address, 0, 2)]).toEqual([0xffff_ffff, 0xffff]);
  });

  it('writes the selected register', () => {
    ports.write(0, 4, ENABLE + 0x103c);
    ports.write(4, 1, 0x0b);
    expect(read(ENABLE + 0x103c, 0, 1)).toBe(0x0b);
  });

  it('the address reads back; bytes do not write it', () => {
    ports.write(0, 4, ENABLE + 0x103c);
    ports.write(0, 1, 0);
    expect(ports.read(0, 4)).toBe(ENABLE + 0x103c);
  });

  it('port CF9H resets', () => {
    ports.write(1, 1, 0x02);
    expect(ends).toEqual([]);
    ports.write(1, 1, 0x06);
    expect(ends).toEqual([{ kind: 'reset' }]);
    expect(ports.read(1, 1)).toBe(0x02);
  });
});
