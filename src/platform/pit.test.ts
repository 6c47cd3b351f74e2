import { beforeEach, describe, expect, it } from 'vitest';
import { Oscillator, PIT_HZ } from './oscillator.js';
import { Pit } from './pit.js';

const TSC_HZ = 2_000_000_000;
const oscillator = new Oscillator(PIT_HZ, TSC_HZ);
const CONTROL = 3;

let interrupts: number;
let pit: Pit;

/** The time `tick` ticks after the start. */
function at(tick: number): number {
  return oscillator.cyclesAt(tick);
}

function write(offset: number, tick: number, ...values: number[]): void {
  for (const value of values) pit.write(offset, 1, value, at(tick));
}

function readWord(channel: number, tick: number): number {
  return pit.read(channel, 1, at(tick)) | (pit.read(channel, 1, at(tick)) << 8);
}

beforeEach(() => {
  interrupts = 0;
  pit = new Pit(TSC_HZ, (asserted) => (interrupts += asserted ? 1 : 0));
});

describe('Pit', () => {
  it('does nothing until it is programmed', () => {
    expect(pit.nextEventAt).toBe(Infinity);
    pit.advance(at(1_000_000));
    expect(interrupts).toBe(0);
  });

  it('mode 0 interrupts once, when the count runs out', () => {
    write(CONTROL, 10, 0x30);
    write(0, 10, 0x00, 0x10);
    expect(pit.nextEventAt).toBe(at(10 + 0x1000));
    pit.advance(at(10 + 0x1000) - 1);
    expect(interrupts).toBe(0);
    pit.advance(at(10 + 0x1000));
    expect([interrupts, pit.nextEventAt]).toEqual([1, Infinity]);
  });

  it('mode 2 interrupts once a period, for good', () => {
    write(CONTROL, 0, 0x34);
    write(0, 0, 100, 0);
    for (let period = 1; period <= 5; period++) {
      expect(pit.nextEventAt).toBe(at(100 * period));
      pit.advance(pit.nextEventAt);
    }
    expect(interrupts).toBe(5);
  });

  it('count 0 means 65536', () => {
    write(CONTROL, 0, 0x34);
    write(0, 0, 0, 0);
    expect(pit.nextEventAt).toBe(at(65536));
  });

  it('counts down, low byte first', () => {
    write(CONTROL, 0, 0x34);
    write(0, 0, 0x00, 0x20);
    expect(readWord(0, 0x10)).toBe(0x1ff0);
    expect(readWord(0, 0x2001)).toBe(0x1fff);
  });

  it('mode 3 counts by two', () => {
    write(CONTROL, 0, 0x36);
    write(0, 0, 0, 0);
    expect(readWord(0, 0x100)).toBe(0xfe00);
  });

  it('a latched count stays until it is read', () => {
    write(CONTROL, 0, 0x34);
    write(0, 0, 0x00, 0x20);
    write(CONTROL, 0x10, 0x00);
    expect(readWord(0, 0x500)).toBe(0x1ff0);
    expect(readWord(0, 0x500)).toBe(0x1b00);
  });

  it('read-back latches the status, then the count', () => {
    write(CONTROL, 0, 0x36);
    write(0, 0, 0x00, 0x20);
    write(CONTROL, 0x800, 0xc2);
    expect(pit.read(0, 1, at(0x900))).toBe(0xb6);
    expect(readWord(0, 0x900)).toBe(0x1000);
  });

  it('port 61H gates counter 2 and shows its output: how a TSC is calibrated', () => {
    const { speakerPort } = pit;
    speakerPort.write(0, 1, 0, 0);
    write(CONTROL, 5, 0xb0);
    speakerPort.write(0, 1, 1, at(5));
    write(2, 5, 0x00, 0x10);
    expect(speakerPort.read(0, 1, at(5 + 0xfff)) & 0x21).toBe(0x01);
    expect(speakerPort.read(0, 1, at(5 + 0x1000)) & 0x21).toBe(0x21);
  });

  it('mode 1 starts with the gate', () => {
    write(CONTROL, 0, 0xb2);
    write(2, 0, 100, 0);
    expect(pit.speakerPort.read(0, 1, at(500)) & 0x20).toBe(0x20);
    pit.speakerPort.write(0, 1, 1, at(500));
    expect(pit.speakerPort.read(0, 1, at(599)) & 0x20).toBe(0);
    expect(pit.speakerPort.read(0, 1, at(600)) & 0x20).toBe(0x20);
  });

  it('the refresh bit of port 61H toggles', () => {
    const bits = [0, 18, 36].map((tick) => pit.speakerPort.read(0, 1, at(tick)) & 0x10);
    expect(bits).toEqual([0, 0x10, 0]);
  });
});
