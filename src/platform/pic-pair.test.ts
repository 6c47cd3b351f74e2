import { beforeEach, describe, expect, it } from 'vitest';
import type { IoDevice } from './io-device.js';
import { PicPair } from './pic-pair.js';

let changes: boolean[];
let pics: PicPair;

function write(ports: IoDevice, offset: number, ...values: number[]): void {
  for (const value of values) ports.write(offset, 1, value, 0);
}

function read(ports: IoDevice, offset: number): number {
  return ports.read(offset, 1, 0);
}

function pulse(irq: number): void {
  pics.setLine(irq, true);
  pics.setLine(irq, false);
}

/** Vectors 30H-37H and 38H-3FH, everything unmasked, as an operating system does it. */
beforeEach(() => {
  changes = [];
  pics = new PicPair((asserted) => changes.push(asserted));
  for (const [ports, base, cascade] of [
    [pics.masterPorts, 0x30, 4],
    [pics.slavePorts, 0x38, 2],
  ] as const) {
    write(ports, 0, 0x11);
    write(ports, 1, base, cascade, 0x01, 0);
  }
});

describe('PicPair', () => {
  it('an edge raises INTR, acknowledging lowers it and gives the vector', () => {
    pulse(1);
    expect(pics.output).toBe(true);
    expect(pics.acknowledge()).toBe(0x31);
    expect(changes).toEqual([true, false]);
  });

  it('a slave interrupt comes through the cascade with the vector of the slave', () => {
    pulse(12);
    expect(pics.acknowledge()).toBe(0x3c);
    write(pics.masterPorts, 0, 0x0b);
    write(pics.slavePorts, 0, 0x0b);
    expect([read(pics.masterPorts, 0), read(pics.slavePorts, 0)]).toEqual([0x04, 0x10]);
  });

  it('a slave interrupt of higher priority waits for the end of the one in service in the master', () => {
    pulse(12);
    pics.acknowledge();
    pulse(9);
    expect(pics.output).toBe(false);
    write(pics.masterPorts, 0, 0x20);
    expect(pics.acknowledge()).toBe(0x39);
  });

  it('masked requests wait', () => {
    write(pics.masterPorts, 1, 0xff);
    pulse(1);
    expect(pics.output).toBe(false);
    write(pics.masterPorts, 1, 0xfd);
    expect(pics.output).toBe(true);
    expect(read(pics.masterPorts, 1)).toBe(0xfd);
  });

  it('the lowest input number is served first and blocks the others until its EOI', () => {
    pulse(5);
    pulse(3);
    expect(pics.acknowledge()).toBe(0x33);
    expect(pics.output).toBe(false);
    write(pics.masterPorts, 0, 0x20);
    expect(pics.acknowledge()).toBe(0x35);
  });

  it('a specific EOI ends the named one only', () => {
    pulse(3);
    pics.acknowledge();
    pulse(1);
    pics.acknowledge();
    write(pics.masterPorts, 0, 0x63, 0x0b);
    expect(read(pics.masterPorts, 0)).toBe(0x02);
  });

  it('a rotating EOI gives the served input the lowest priority', () => {
    pulse(1);
    pics.acknowledge();
    write(pics.masterPorts, 0, 0xa0);
    pulse(1);
    pulse(6);
    expect(pics.acknowledge()).toBe(0x36);
  });

  it('automatic EOI keeps nothing in service', () => {
    write(pics.masterPorts, 0, 0x11);
    write(pics.masterPorts, 1, 0x30, 4, 0x03, 0);
    pulse(1);
    pics.acknowledge();
    write(pics.masterPorts, 0, 0x0b);
    expect(read(pics.masterPorts, 0)).toBe(0);
  });

  it('ELCR makes an input level-triggered: it asks again while high, and no more once low', () => {
    write(pics.elcrPorts, 0, 0xff);
    write(pics.elcrPorts, 1, 0xff);
    expect([read(pics.elcrPorts, 0), read(pics.elcrPorts, 1)]).toEqual([0xf8, 0xde]);
    pics.setLine(5, true);
    pics.acknowledge();
    write(pics.masterPorts, 0, 0x20);
    expect(pics.output).toBe(true);
    pics.setLine(5, false);
    expect(pics.output).toBe(false);
  });

  it('acknowledging without a cause gives the spurious vector', () => {
    expect(pics.acknowledge()).toBe(0x37);
    write(pics.masterPorts, 0, 0x0b);
    expect(read(pics.masterPorts, 0)).toBe(0);
  });

  it('special mask mode lets a masked one in service block nobody', () => {
    pulse(3);
    pics.acknowledge();
    pulse(5);
    write(pics.masterPorts, 1, 0x08);
    expect(pics.output).toBe(false);
    write(pics.masterPorts, 0, 0x68);
    expect(pics.acknowledge()).toBe(0x35);
  });

  it('a poll names the pending input and acknowledges it', () => {
    pulse(4);
    write(pics.masterPorts, 0, 0x0c);
    expect(read(pics.masterPorts, 0)).toBe(0x84);
    expect(read(pics.masterPorts, 0)).toBe(0);
  });

  it('initialization clears requests, mask and service', () => {
    pulse(1);
    write(pics.masterPorts, 0, 0x11);
    write(pics.masterPorts, 1, 0x40, 4, 0x01);
    expect([pics.output, read(pics.masterPorts, 1)]).toEqual([false, 0]);
  });
});
