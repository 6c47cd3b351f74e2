import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reaches, x2apicLogicalId, type Destination } from './destination.js';
import type { ApicMessage } from './message.js';

function message(fields: Partial<ApicMessage>): ApicMessage {
  return {
    vector: 0x20,
    deliveryMode: 0,
    logical: false,
    level: false,
    assert: true,
    shorthand: 0,
    destination: 0,
    x2apic: false,
    ...fields,
  };
}

const flat = (physicalId: number, logicalId = 0): Destination => ({
  physicalId,
  x2apic: false,
  ldr: (logicalId << 24) >>> 0,
  dfr: 0xffff_ffff,
});
const cluster = (physicalId: number, logicalId: number): Destination => ({
  ...flat(physicalId, logicalId),
  dfr: 0x0fff_ffff,
});
const x2apic = (physicalId: number): Destination => ({
  physicalId,
  x2apic: true,
  ldr: x2apicLogicalId(physicalId),
  dfr: 0,
});

const byte = fc.integer({ min: 0, max: 255 });
const id = fc.integer({ min: 0, max: 0xffff_fffe });

describe('destinations', () => {
  it('physical xAPIC: the 8-bit ID, FFH is everybody', () => {
    fc.assert(
      fc.property(byte, byte, (destination, apicId) => {
        const expected = destination === 0xff || destination === apicId;
        expect(reaches(message({ destination }), flat(apicId), false)).toBe(expected);
      }),
    );
  });

  it('physical x2APIC: the 32-bit ID, FFFFFFFFH is everybody, FFH is not', () => {
    fc.assert(
      fc.property(id, id, (destination, apicId) => {
        expect(reaches(message({ destination, x2apic: true }), x2apic(apicId), false)).toBe(destination === apicId);
      }),
    );
    expect(reaches(message({ destination: 0xffff_ffff, x2apic: true }), x2apic(7), false)).toBe(true);
    expect(reaches(message({ destination: 0xff, x2apic: true }), x2apic(7), false)).toBe(false);
  });

  it('logical flat: any common bit', () => {
    fc.assert(
      fc.property(byte, byte, (destination, logicalId) => {
        const expected = destination === 0xff || (destination & logicalId) !== 0;
        expect(reaches(message({ destination, logical: true }), flat(0, logicalId), false)).toBe(expected);
      }),
    );
  });

  it('logical cluster: the same cluster and any common member', () => {
    fc.assert(
      fc.property(byte, byte, (destination, logicalId) => {
        const expected =
          destination === 0xff || (destination >> 4 === logicalId >> 4 && (destination & logicalId & 15) !== 0);
        expect(reaches(message({ destination, logical: true }), cluster(0, logicalId), false)).toBe(expected);
      }),
    );
  });

  it('logical x2APIC: an ID reaches itself by its derived LDR, and only its cluster', () => {
    const clusterId = fc.integer({ min: 0, max: 0xf_fff0 });
    fc.assert(
      fc.property(clusterId, clusterId, (mine, other) => {
        const ldr = x2apicLogicalId(mine);
        const logical = message({ destination: ldr, logical: true, x2apic: true });
        expect(reaches(logical, x2apic(mine), false)).toBe(true);
        expect(reaches(logical, x2apic(other), false)).toBe(other === mine);
      }),
    );
  });

  it('x2APIC LDR: cluster in bits 31:16, one of sixteen members in bits 15:0', () => {
    expect(x2apicLogicalId(0x25)).toBe(0x0002_0020);
    expect(x2apicLogicalId(0xf_ffff)).toBe(0xffff_8000);
  });

  it.each([
    [1, true, false],
    [2, true, true],
    [3, false, true],
  ])('shorthand %i: self %s, others %s', (shorthand, self, others) => {
    expect(reaches(message({ shorthand, destination: 9 }), flat(0), true)).toBe(self);
    expect(reaches(message({ shorthand, destination: 9 }), flat(1), false)).toBe(others);
  });
});
