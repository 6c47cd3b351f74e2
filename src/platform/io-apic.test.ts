import { beforeEach, describe, expect, it } from 'vitest';
import type { ApicMessage } from '../hardware/apic/message.js';
import { IoApic } from './io-apic.js';

const EDGE = 0;
const LEVEL = 1 << 15;
const MASK = 1 << 16;
const REMOTE_IRR = 1 << 14;
const INPUT = 14;

let sent: ApicMessage[];
let ioApic: IoApic;
let changes: number;

function write(register: number, value: number): void {
  ioApic.write(0, register);
  ioApic.write(0x10, value);
}

function read(register: number): number {
  ioApic.write(0, register);
  return ioApic.read(0x10);
}

function redirect(low: number, high = 0): void {
  write(0x10 + 2 * INPUT, low);
  write(0x11 + 2 * INPUT, high);
}

function drive(...levels: boolean[]): void {
  for (const level of levels) ioApic.setLine(INPUT, level);
}

beforeEach(() => {
  sent = [];
  changes = 0;
  ioApic = new IoApic({ deliver: (message) => sent.push(message), redirectionChanged: () => changes++ });
});

describe('IoApic', () => {
  it('has a read-only version: 24 inputs, 11H', () => {
    write(1, 0);
    expect(read(1)).toBe(0x17_0011);
  });

  it('only bits 27:24 of the ID can be written, and the arbitration register follows', () => {
    write(0, 0xffff_ffff);
    write(2, 0);
    expect([read(0), read(2)]).toEqual([0x0f00_0000, 0x0f00_0000]);
  });

  it('inputs start masked', () => {
    expect(read(0x10)).toBe(MASK);
    drive(true);
    expect(sent).toEqual([]);
  });

  it('an edge sends a message with the fields of the entry', () => {
    redirect(0x0000_0976, 0x0500_0000);
    drive(true, true, false);
    expect(sent).toEqual([
      {
        vector: 0x76,
        deliveryMode: 1,
        logical: true,
        level: false,
        assert: true,
        shorthand: 0,
        destination: 5,
        x2apic: false,
      },
    ]);
  });

  it('each edge is an interrupt', () => {
    redirect(0x76 | EDGE);
    drive(true, false, true, false);
    expect(sent.length).toBe(2);
  });

  it('an edge at a masked input is lost, a level is not', () => {
    redirect(0x76 | EDGE | MASK);
    drive(true, false);
    redirect(0x76 | EDGE);
    expect(sent.length).toBe(0);
    redirect(0x76 | LEVEL | MASK);
    drive(true);
    redirect(0x76 | LEVEL);
    expect(sent.length).toBe(1);
  });

  it('a level interrupts once until its EOI, and again if the line is still high', () => {
    redirect(0x77 | LEVEL);
    drive(true, true);
    expect(sent.length).toBe(1);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(REMOTE_IRR);
    ioApic.endOfInterrupt(0x77);
    expect(sent.length).toBe(2);
    drive(false);
    ioApic.endOfInterrupt(0x77);
    expect(sent.length).toBe(2);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
  });

  it('an EOI of another vector ends nothing', () => {
    redirect(0x77 | LEVEL);
    drive(true);
    ioApic.endOfInterrupt(0x78);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(REMOTE_IRR);
  });

  it('a new destination leaves remote IRR alone, so the EOI still finds the entry', () => {
    redirect(0x77 | LEVEL);
    drive(true, false);
    write(0x11 + 2 * INPUT, 0x0100_0000);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(REMOTE_IRR);
    ioApic.endOfInterrupt(0x77);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
  });

  it('software cannot set remote IRR, and clears it by making the input edge-triggered', () => {
    redirect(0x77 | LEVEL | REMOTE_IRR);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
    drive(true);
    redirect(0x77 | EDGE);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
  });

  it('tells where interrupts that need an EOI broadcast go, and when that changes', () => {
    redirect(0x77 | LEVEL, 0x0300_0000);
    expect(ioApic.levelRoutes).toEqual([{ vector: 0x77, logical: false, destination: 3 }]);
    expect(changes).toBe(2);
    write(0, 0x0500_0000);
    expect(changes).toBe(2);
  });

  it('registers past the table read as ones and take nothing', () => {
    write(0x40, 0);
    expect(read(0x40)).toBe(0xffff_ffff);
  });
});
