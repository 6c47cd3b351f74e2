import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuFixture, DATA, NOT_PRESENT, type Fixture } from '../../../test/support/cpu-fixture.js';
import { ASLEEP } from './layout.js';
import { ACCESS_READ, ACCESS_WRITE, PRIVILEGE_SUPERVISOR } from './layout.js';
import { canonical, highWord, isCanonical, isCanonicalPair, LinearRange } from './linear-access.js';
import { DONE, FAULT, WAIT } from './outcome.js';

describe('canonical addresses', () => {
  it('a pair is canonical exactly when bits 63:47 agree, and its number is exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), fc.boolean(), (wide, narrow) => {
        const value = narrow ? BigInt.asIntN(48, wide) : wide;
        const hi = Number(BigInt.asUintN(64, value) >> 32n);
        const lo = Number(BigInt.asUintN(32, value));
        expect(isCanonicalPair(hi)).toBe(BigInt.asIntN(48, value) === value);
        if (!isCanonicalPair(hi)) return;
        expect(BigInt(canonical(hi, lo))).toBe(value);
        expect(isCanonical(canonical(hi, lo))).toBe(true);
        expect(highWord(canonical(hi, lo))).toBe(hi);
      }),
    );
  });
});

describe('linear ranges', () => {
  it('reads and writes what bytes say, at any alignment and across pages', () => {
    const { cpu, memory } = cpuFixture();
    const range = new LinearRange();
    fc.assert(
      fc.property(fc.integer({ min: DATA + 4064, max: DATA + 4100 }), fc.maxSafeInteger(), (va, value) => {
        expect(range.map(cpu, va, 16, ACCESS_WRITE, PRIVILEGE_SUPERVISOR)).toBe(DONE);
        range.writeSigned(memory, 3, value);
        expect(Number(memory.view.getBigInt64(memory.ram + va + 3, true))).toBe(value);
        expect([range.readSigned(memory, 3), range.read16(memory, 5)]).toEqual([
          value,
          memory.view.getUint16(memory.ram + va + 5, true),
        ]);
      }),
    );
  });

  it('faults on the page that is missing, with its first byte as address', () => {
    const { cpu } = cpuFixture();
    expect(new LinearRange().map(cpu, NOT_PRESENT - 8, 16, ACCESS_WRITE, PRIVILEGE_SUPERVISOR)).toBe(FAULT);
    expect(cpu.fault).toMatchObject({ vector: 14, address: NOT_PRESENT, errorCode: 2 });
  });

  /** Lets CPU 0 repeat `attempt` until it no longer waits. */
  function complete(machine: Fixture, attempt: () => number): number {
    for (let tries = 1; tries < 20; tries++) {
      machine.cpus[1].state = ASLEEP;
      if (attempt() !== WAIT) return tries;
    }
    throw new Error('the operation never gets its lines');
  }

  it('gets the lines of a range that another CPU owns, one transfer each', () => {
    const machine = cpuFixture({ cpus: 2 });
    const [first, second] = machine.cpus;
    const range = new LinearRange();
    machine.lines.hold(second, DATA, true);
    let transfers = 0;
    machine.lines.onTransfer = ({ pa }) => {
      if (pa >= DATA && pa < DATA + 4096) transfers++;
    };
    complete(machine, () => range.map(first, DATA + 0x30, 0x40, ACCESS_WRITE, PRIVILEGE_SUPERVISOR));
    expect(transfers).toBeGreaterThanOrEqual(2);
    expect(machine.lines.trackedIndex(DATA)).toBeGreaterThanOrEqual(0);
  });

  it('keeps the lines it has while page tables are walked again', () => {
    const machine = cpuFixture({ cpus: 2, quantum: 0 });
    const [first, second] = machine.cpus;
    const range = new LinearRange();
    machine.lines.hold(second, DATA, true);
    machine.lines.hold(second, DATA + 4096, true);
    machine.clock.run = () => true;
    second.now = 0;
    const outcomes: number[] = [];
    for (let tries = 0; tries < 10; tries++) {
      const outcome = range.map(first, DATA + 4096 - 8, 16, ACCESS_READ, PRIVILEGE_SUPERVISOR);
      outcomes.push(outcome);
      if (outcome === DONE) break;
      second.now = first.now;
      first.flushTlbs();
    }
    expect(outcomes.at(-1)).toBe(DONE);
  });
});
