import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flagsOnlyEngine, noHost } from '../../../test/support/engine.js';
import { Clock } from '../clock/clock.js';
import { PhysicalMemory } from '../memory/physical-memory.js';
import { TIMER_PERIODIC, TIMER_TSC_DEADLINE } from './registers.js';
import { ApicTimer } from './timer.js';

/** One tick per count at divide configuration 1011. */
const PERIOD = 1;
const DIVIDE_BY_1 = 0b1011;

function timer() {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 0x1000, trackedPages: 1, records: 1, codePages: 1 });
  const engine = flagsOnlyEngine(memory, noHost);
  const owner = { id: 0, now: 0, clock: new Clock(memory, engine, 0), memory, engine, block: memory.cpuBlock(0) };
  const fired: number[] = [];
  const apicTimer = new ApicTimer(
    owner,
    (at) => {
      owner.now = at;
      fired.push(at);
      if (fired.length === 3) owner.clock.stop();
    },
    PERIOD,
  );
  apicTimer.setDivide(DIVIDE_BY_1);
  return { apicTimer, owner, fired };
}

describe('APIC timer', () => {
  it.each([
    [0b0000, 2],
    [0b0001, 4],
    [0b0010, 8],
    [0b0011, 16],
    [0b1000, 32],
    [0b1001, 64],
    [0b1010, 128],
    [0b1011, 1],
  ])('divide configuration %i divides by %i', (configuration, divisor) => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setDivide(configuration);
    apicTimer.setInitialCount(10);
    owner.clock.run();
    expect(fired).toEqual([10 * divisor]);
  });

  it('one-shot: fires once and counts down to 0', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setInitialCount(100);
    owner.now = 30;
    expect(apicTimer.currentCount).toBe(70);
    owner.clock.run();
    expect(fired).toEqual([100]);
    expect(apicTimer.currentCount).toBe(0);
  });

  it('periodic: fires every initial count', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setMode(TIMER_PERIODIC);
    apicTimer.setInitialCount(100);
    owner.clock.run();
    expect(fired).toEqual([100, 200, 300]);
    owner.now = 330;
    expect(apicTimer.currentCount).toBe(70);
  });

  it('a new initial count starts anew, 0 stops', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setInitialCount(100);
    owner.now = 50;
    apicTimer.setInitialCount(100);
    owner.clock.run();
    expect(fired).toEqual([150]);
    apicTimer.setInitialCount(100);
    apicTimer.setInitialCount(0);
    owner.clock.run();
    expect(fired).toEqual([150]);
  });

  it('a new divide configuration goes on from the current count', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setInitialCount(100);
    owner.now = 40;
    apicTimer.setDivide(0b0000);
    expect(apicTimer.currentCount).toBe(60);
    owner.clock.run();
    expect(fired).toEqual([160]);
  });

  it('TSC deadline: fires when the TSC reaches it, then reads 0', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setMode(TIMER_TSC_DEADLINE);
    apicTimer.setDeadline(1000);
    expect(apicTimer.deadline).toBe(1000);
    owner.clock.run();
    expect(fired).toEqual([64_000]);
    expect(apicTimer.deadline).toBe(0);
  });

  it('TSC deadline: one in the past fires at once, 0 disarms', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setMode(TIMER_TSC_DEADLINE);
    owner.now = 64_000;
    apicTimer.setDeadline(10);
    owner.clock.run();
    apicTimer.setDeadline(2000);
    apicTimer.setDeadline(0);
    owner.clock.run();
    expect(fired).toEqual([64_000]);
  });

  it('TSC deadline: the initial count is ignored and the current count reads 0', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setInitialCount(100);
    apicTimer.setMode(TIMER_TSC_DEADLINE);
    apicTimer.setInitialCount(50);
    expect(apicTimer.currentCount).toBe(0);
    owner.clock.run();
    expect(fired).toEqual([]);
  });

  it('outside TSC-deadline mode IA32_TSC_DEADLINE is ignored', () => {
    const { apicTimer, owner, fired } = timer();
    apicTimer.setDeadline(1000);
    owner.clock.run();
    expect(fired).toEqual([]);
    expect(apicTimer.deadline).toBe(0);
  });

  it('the current count never exceeds the initial count and reaches 0 at expiry only', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 2000 }), (count, elapsed) => {
        const { apicTimer, owner } = timer();
        apicTimer.setInitialCount(count);
        owner.now = elapsed;
        expect(apicTimer.currentCount).toBe(Math.max(0, count - elapsed));
      }),
    );
  });
});
