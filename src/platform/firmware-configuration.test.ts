import { describe, expect, it } from 'vitest';
import { FirmwareConfiguration } from './firmware-configuration.js';

const device = new FirmwareConfiguration({ cpus: 300, memoryBytes: 0xc000_0000 });

function item(key: number, length: number): number[] {
  device.write(0, 2, key);
  return Array.from({ length }, () => device.read(1, 1));
}

describe('FirmwareConfiguration', () => {
  // prettier-ignore
  it.each([
    ['signature',         0x00, [0x51, 0x45, 0x4d, 0x55]],
    ['interface',         0x01, [1, 0, 0, 0]],
    ['memory size',       0x03, [0, 0, 0, 0xc0, 0, 0, 0, 0]],
    ['number of CPUs',    0x05, [0x2c, 1]],
    ['empty directory',   0x19, [0, 0, 0, 0]],
    ['a key without item', 0x11, [0, 0, 0, 0, 0, 0, 0, 0]],
  ])('%s', (_, key, bytes) => {
    expect(item(key, bytes.length)).toEqual(bytes);
  });

  it('selecting starts again at the first byte', () => {
    expect([item(5, 1), item(5, 1)]).toEqual([[0x2c], [0x2c]]);
  });

  it('reads zero past the end', () => {
    expect(item(5, 4)).toEqual([0x2c, 1, 0, 0]);
  });

  it('a byte write selects nothing', () => {
    item(5, 0);
    device.write(0, 1, 0);
    expect(device.read(1, 1)).toBe(0x2c);
  });
});
