import { describe, expect, it } from 'vitest';
import { STEP } from '../cost/step.js';
import { adjustHaltPoll, nanosecondsOf, poll, ticksOf } from './halt.js';
import type { HostCpu } from './host-cpu.js';
import { kvmParameters, type KvmParameters } from './kvm-parameters.js';

/** The window after a halt of `haltNs` with the window at `window`. */
function windowAfter(window: number, haltNs: number, parameters: Partial<KvmParameters> = {}): number {
  const vcpu = { haltPollNs: window };
  adjustHaltPoll(vcpu, haltNs, kvmParameters(parameters));
  return vcpu.haltPollNs;
}

describe('halt-polling window', () => {
  // prettier-ignore
  it.each([
    ['starts at 10 us after the first short halt',  0,       5_000,   {},                            10_000],
    ['keeps when polling was long enough',          10_000,  10_000,  {},                            10_000],
    ['doubles after a short halt that it missed',   10_000,  15_000,  {},                            20_000],
    ['grows to the maximum',                        160_000, 180_000, {},                            200_000],
    ['stays at the maximum',                        200_000, 199_999, {},                            200_000],
    ['falls to 0 after a halt beyond the maximum',  40_000,  200_001, {},                            0],
    ['stays 0 after a halt beyond the maximum',     0,       200_001, {},                            0],
    ['keeps after a halt of exactly the maximum',   40_000,  200_000, {},                            40_000],
    ['is divided where a divisor is set',           80_000,  300_000, { haltPollNsShrink: 2 },       40_000],
    ['is 0 below the start when divided',           16_000,  300_000, { haltPollNsShrink: 2 },       0],
    ['does not grow with a factor of 0',            10_000,  15_000,  { haltPollNsGrow: 0 },         10_000],
    ['is 0 with polling turned off',                10_000,  5_000,   { haltPollNs: 0 },             0],
  ])('%s', (_, window, haltNs, parameters, expected) => {
    expect(windowAfter(window, haltNs, parameters)).toBe(expected);
  });

  it('converts nanoseconds and ticks by the TSC frequency', () => {
    expect(ticksOf(10_000, 2)).toBe(10_000 * 2 * 64);
    expect(nanosecondsOf(ticksOf(200_000, 2.5), 2.5)).toBe(200_000);
  });
});

describe('halt polling', () => {
  const ITERATION = 60;
  const WINDOW = 600;

  /** Polls on a CPU that another one precedes from time `behind` on; how often, and whether it has to look again. */
  function polled(behind: number, unchanged: boolean, requestsService = false): [iterations: number, looks: boolean] {
    const charged: number[] = [];
    const cpu = {
      now: 0,
      charge(step: number): void {
        charged.push(step);
        this.now += ITERATION;
      },
      clock: { mustWait: ({ now }: { now: number }) => now >= behind },
      apic: { requestsService },
    };
    const looks = poll({ cpu } as unknown as HostCpu, WINDOW, unchanged);
    expect(charged.every((step) => step === STEP.HALT_POLL_ITERATION)).toBe(true);
    return [charged.length, looks];
  }

  it('goes on to the end of the window while nobody else can act', () => {
    expect(polled(Infinity, true)).toEqual([WINDOW / ITERATION, false]);
  });

  it('looks again when somebody else is next', () => {
    expect(polled(3 * ITERATION, true)).toEqual([3, true]);
  });

  it('looks at once when somebody may have acted since the last look', () => {
    expect(polled(Infinity, false)).toEqual([1, true]);
  });

  it('looks at once when an interrupt is pending', () => {
    expect(polled(Infinity, true, true)).toEqual([1, true]);
  });
});
