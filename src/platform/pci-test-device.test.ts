import { beforeEach, describe, expect, it } from 'vitest';
import { PciTestDevice } from './pci-test-device.js';

let device: PciTestDevice;

function word(offset: number): number {
  return [3, 2, 1, 0].reduce((value, byte) => value * 256 + device.read(offset + byte), 0);
}

function name(): string {
  let text = '';
  for (let at = 16; device.read(at) !== 0; at++) text += String.fromCharCode(device.read(at));
  return text;
}

beforeEach(() => {
  device = new PciTestDevice();
});

describe('PciTestDevice', () => {
  // prettier-ignore
  it.each([
    [0, 0, 'mmio-no-eventfd',          2048, 0xfa, null],
    [0, 1, 'mmio-wildcard-eventfd',    2049, 0xce, { space: 'memory', address: 0xfebf_f801, size: 0, match: null }],
    [0, 2, 'mmio-datamatch-eventfd',   2050, 0xfa, { space: 'memory', address: 0xfebf_f802, size: 1, match: 0xfa }],
    [1, 0, 'portio-no-eventfd',        131,  0xfa, null],
    [1, 1, 'portio-wildcard-eventfd',  132,  0xce, { space: 'io', address: 0xc084, size: 1, match: null }],
    [1, 2, 'portio-datamatch-eventfd', 133,  0xfa, { space: 'io', address: 0xc085, size: 1, match: 0xfa }],
  ])('base address %d, test %d is %s', (bar, test, title, offset, data, eventFd) => {
    device.write(bar, 0, test);
    expect([name(), device.read(1), word(4), word(8)]).toEqual([title, 1, offset, data]);
    expect(device.eventFd).toEqual(eventFd);
  });

  it('a test that does not exist has width 0', () => {
    device.write(0, 0, 1);
    device.write(0, 0, 3);
    expect([device.read(1), device.eventFd]).toEqual([0, null]);
  });

  it('reads as zero before a test is started', () => {
    expect([device.read(1), word(4)]).toEqual([0, 0]);
  });

  it('counts the writes that match, and starts again with the test', () => {
    device.write(0, 0, 0);
    device.write(0, 2048, 0xfa);
    device.write(0, 2048, 0xfb);
    device.write(0, 2049, 0xfa);
    device.write(0, 2048, 0xfa);
    expect(word(12)).toBe(2);
    device.write(0, 0, 0);
    expect(word(12)).toBe(0);
  });

  it('the eventfd moves with the base address and goes when the space is switched off', () => {
    device.write(0, 0, 1);
    device.configuration.write(0x10, 4, 0xe000_0000);
    expect(device.eventFd?.address).toBe(0xe000_0801);
    device.configuration.write(4, 2, 0);
    expect(device.eventFd).toBeNull();
  });
});
