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
let accepted: boolean;
let watched: string[];

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
  accepted = true;
  watched = [];
  const bus = {
    deliver: (message: ApicMessage) => sent.push(message) > 0 && accepted,
    redirectionChanged: () => changes++,
  };
  ioApic = new IoApic(bus, {
    ended: (line) => watched.push(`ended ${String(line)}`),
    maskChanged: (line, masked) => watched.push(`${masked ? 'masked' : 'unmasked'} ${String(line)}`),
  });
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
    ioApic.endOfInterrupt(0x77, true);
    expect(sent.length).toBe(2);
    drive(false);
    ioApic.endOfInterrupt(0x77, true);
    expect(sent.length).toBe(2);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
  });

  it('an EOI of another vector ends nothing', () => {
    redirect(0x77 | LEVEL);
    drive(true);
    ioApic.endOfInterrupt(0x78, true);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(REMOTE_IRR);
  });

  it('a new destination leaves remote IRR alone, so the EOI still finds the entry', () => {
    redirect(0x77 | LEVEL);
    drive(true, false);
    write(0x11 + 2 * INPUT, 0x0100_0000);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(REMOTE_IRR);
    ioApic.endOfInterrupt(0x77, true);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
  });

  it('software cannot set remote IRR, and clears it by making the input edge-triggered', () => {
    redirect(0x77 | LEVEL | REMOTE_IRR);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
    drive(true);
    redirect(0x77 | EDGE);
    expect(read(0x10 + 2 * INPUT) & REMOTE_IRR).toBe(0);
  });

  it('a level interrupt that no APIC takes leaves remote IRR clear and is sent again', () => {
    accepted = false;
    redirect(0x77 | LEVEL);
    drive(true);
    expect([sent.length, read(0x10 + 2 * INPUT) & REMOTE_IRR]).toEqual([1, 0]);
    accepted = true;
    drive(true, true);
    expect([sent.length, read(0x10 + 2 * INPUT) & REMOTE_IRR]).toEqual([2, REMOTE_IRR]);
  });

  it('the EOI of an edge-triggered interrupt is for the watcher alone', () => {
    redirect(0x77);
    drive(true);
    ioApic.endOfInterrupt(0x77, false);
    expect([sent.length, watched]).toEqual([1, ['unmasked 14', 'ended 14']]);
  });

  it('the watcher hears of an input that is masked or unmasked, not of other changes', () => {
    redirect(0x77);
    redirect(0x78 | LEVEL);
    redirect(0x78 | LEVEL | MASK);
    expect(watched).toEqual(['unmasked 14', 'masked 14']);
  });

  it.each([
    ['NMI', 4],
    ['ExtINT', 7],
  ])('delivery mode %s goes into the message, which is edge-triggered', (_, mode) => {
    redirect((mode << 8) | 0x02, 0x0100_0000);
    drive(true, false);
    expect(sent).toMatchObject([{ deliveryMode: mode, level: false, destination: 1 }]);
  });

  it('tells where interrupts go, and when that changes', () => {
    redirect(0x77 | LEVEL, 0x0300_0000);
    const route = { input: INPUT, level: true, vector: 0x77, logical: false, destination: 3 };
    expect(ioApic.routes[INPUT]).toEqual(route);
    expect(ioApic.routes[0]).toMatchObject({ level: false, vector: 0 });
    expect(changes).toBe(2);
    write(0, 0x0500_0000);
    expect(changes).toBe(2);
  });

  it('registers past the table read as ones and take nothing', () => {
    write(0x40, 0);
    expect(read(0x40)).toBe(0xffff_ffff);
  });
});
