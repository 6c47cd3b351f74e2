import { beforeEach, describe, expect, it } from 'vitest';
import { Oscillator, PIT_HZ } from './oscillator.js';
import { Pit } from './pit.js';

const TSC_HZ = 2_000_000_000;
const oscillator = new Oscillator(PIT_HZ, TSC_HZ);
const CONTROL = 3;

let interrupts: number;
let loads: number;
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
  interrupts = loads = 0;
  pit = new Pit(TSC_HZ, 0, { expired: (times) => (interrupts += times), loaded: () => loads++ });
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

  it('mode 3 counts by two, an odd count as the even one below, and is high for the longer half', () => {
    write(CONTROL, 0, 0x36);
    write(0, 0, 0, 0);
    expect(readWord(0, 0x100)).toBe(0xfe00);
    write(CONTROL, 0, 0xb6);
    pit.speakerPort.write(0, 1, 1, 0);
    write(2, 0, 5, 0);
    expect([0, 1, 2, 3, 4, 5].map((tick) => readWord(2, tick))).toEqual([4, 2, 0, 4, 2, 4]);
    const outputs = [0, 1, 2, 3, 4, 5].map((tick) => pit.speakerPort.read(0, 1, at(tick)) & 0x20);
    expect(outputs).toEqual([0x20, 0x20, 0x20, 0, 0, 0x20]);
  });

  it('mode 4 interrupts once and is low for one tick', () => {
    write(CONTROL, 0, 0x38);
    write(0, 0, 50, 0);
    expect(pit.nextEventAt).toBe(at(50));
    pit.advance(at(200));
    expect([interrupts, pit.nextEventAt]).toEqual([1, Infinity]);
    pit.speakerPort.write(0, 1, 1, 0);
    write(CONTROL, 0, 0xb8);
    write(2, 0, 50, 0);
    expect([49, 50, 51].map((tick) => pit.speakerPort.read(0, 1, at(tick)) & 0x20)).toEqual([0x20, 0, 0x20]);
  });

  describe('with a least period, as KVM has it', () => {
    const LEAST_NS = 200_000;
    const LEAST_CYCLES = 400_000;

    beforeEach(() => {
      pit = new Pit(TSC_HZ, LEAST_NS, { expired: (times) => (interrupts += times), loaded: () => loads++ });
    });

    it('a faster periodic count runs out for the first time as it says, from then on at the least period', () => {
      write(CONTROL, 0, 0x34);
      write(0, 0, 100, 0);
      const times = [pit.nextEventAt];
      pit.advance(pit.nextEventAt);
      times.push(pit.nextEventAt);
      pit.advance(pit.nextEventAt + LEAST_CYCLES);
      times.push(pit.nextEventAt);
      expect(times).toEqual([at(100), at(100) + LEAST_CYCLES, at(100) + 3 * LEAST_CYCLES]);
      expect(interrupts).toBe(3);
    });

    it('the count itself goes on as programmed', () => {
      write(CONTROL, 0, 0x34);
      write(0, 0, 100, 0);
      expect(readWord(0, 130)).toBe(70);
    });

    it('writes to other counters and latches leave the period alone', () => {
      write(CONTROL, 0, 0x34);
      write(0, 0, 100, 0);
      pit.advance(at(100));
      write(CONTROL, 110, 0x00);
      write(CONTROL, 110, 0xb4);
      write(2, 110, 1, 1);
      expect(pit.nextEventAt).toBe(at(100) + LEAST_CYCLES);
    });

    it('a count that runs out once, and a slow one, are as programmed', () => {
      write(CONTROL, 0, 0x30);
      write(0, 0, 100, 0);
      expect(pit.nextEventAt).toBe(at(100));
      write(CONTROL, 0, 0x34);
      write(0, 0, 239, 0);
      pit.advance(at(239));
      expect(pit.nextEventAt).toBe(at(2 * 239));
    });
  });

  it('tells how many periods have passed unnoticed', () => {
    write(CONTROL, 0, 0x34);
    write(0, 0, 100, 0);
    pit.advance(at(350));
    expect([interrupts, pit.nextEventAt]).toEqual([3, at(400)]);
  });

  it('tells when counter 0 is loaded, not before both bytes are there', () => {
    write(CONTROL, 0, 0x34);
    write(0, 0, 100);
    write(CONTROL, 0, 0xb4);
    write(2, 0, 1, 1);
    expect(loads).toBe(0);
    write(0, 0, 1);
    expect(loads).toBe(1);
  });

  it('a low gate stops mode 0, and it goes on when the gate rises: a counter loaded first and started by the gate', () => {
    const { speakerPort } = pit;
    write(CONTROL, 0, 0xb0);
    write(2, 0, 100, 0);
    expect(readWord(2, 500)).toBe(100);
    speakerPort.write(0, 1, 1, at(500));
    speakerPort.write(0, 1, 0, at(540));
    expect(readWord(2, 900)).toBe(60);
    speakerPort.write(0, 1, 1, at(1000));
    expect([1059, 1060].map((tick) => speakerPort.read(0, 1, at(tick)) & 0x20)).toEqual([0, 0x20]);
  });

  it('a low gate holds the output of mode 3 high, and the wave begins anew when it rises', () => {
    const { speakerPort } = pit;
    speakerPort.write(0, 1, 1, 0);
    write(CONTROL, 0, 0xb6);
    write(2, 0, 100, 0);
    speakerPort.write(0, 1, 0, at(60));
    expect(speakerPort.read(0, 1, at(70)) & 0x20).toBe(0x20);
    speakerPort.write(0, 1, 1, at(80));
    expect([129, 130].map((tick) => speakerPort.read(0, 1, at(tick)) & 0x20)).toEqual([0x20, 0]);
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

  it('port 61H keeps bits 3:0 and reads the checks of bits 7:6 as absent', () => {
    pit.speakerPort.write(0, 1, 0xff, 0);
    expect(pit.speakerPort.read(0, 1, 0) & 0xcf).toBe(0x0f);
  });

  it('the refresh bit of port 61H toggles', () => {
    const bits = [0, 18, 36].map((tick) => pit.speakerPort.read(0, 1, at(tick)) & 0x10);
    expect(bits).toEqual([0, 0x10, 0]);
  });
});
