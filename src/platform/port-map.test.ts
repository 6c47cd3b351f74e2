import { beforeEach, describe, expect, it } from 'vitest';
import { allOnes, type IoDevice } from './io-device.js';
import { PortMap } from './port-map.js';

let log: string[];
let map: PortMap;

function device(name: string, widest: 1 | 2 | 4): IoDevice {
  return {
    widest,
    read: (offset, size) => {
      log.push(`${name} read ${offset} ${size}`);
      return allOnes(size) & (0x1111 * (offset + 1));
    },
    write: (offset, size, value) => log.push(`${name} write ${offset} ${size} ${value.toString(16)}`),
  };
}

beforeEach(() => {
  log = [];
  map = new PortMap({ widest: 1, read: () => 0xff, write: (port) => log.push(`nothing at ${port.toString(16)}`) });
  map.add(0x10, 8, device('byte', 1));
  map.add(0x20, 4, device('wide', 4));
});

describe('PortMap', () => {
  it('reads ones of every width where nothing is', () => {
    expect([1, 2, 4].map((size) => map.read(0x1234, size, 0))).toEqual([0xff, 0xffff, 0xffff_ffff]);
  });

  it('gives a wide device the whole access', () => {
    map.write(0x20, 4, 0xdead_beef, 0);
    map.write(0x22, 2, 0xdead, 0);
    expect(log).toEqual(['wide write 0 4 deadbeef', 'wide write 2 2 dead']);
  });

  it('splits for a narrow device, lowest address first', () => {
    map.write(0x10, 4, 0xdead_beef, 0);
    expect(log).toEqual(['byte write 0 1 ef', 'byte write 1 1 be', 'byte write 2 1 ad', 'byte write 3 1 de']);
    expect(map.read(0x11, 2, 0)).toBe(0x3322);
  });

  it('splits an access that leaves the range', () => {
    map.write(0x22, 4, 0xdead_beef, 0);
    expect(log).toEqual(['wide write 2 2 beef', 'nothing at 24', 'nothing at 25']);
    map.read(0xf, 2, 0);
    expect(log[3]).toBe('byte read 0 1');
  });

  it('wraps at the last port', () => {
    map.write(0xffff, 2, 0, 0);
    expect(log).toEqual(['nothing at ffff', 'nothing at 0']);
  });
});
