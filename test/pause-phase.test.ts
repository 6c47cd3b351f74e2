import { describe, expect, it } from 'vitest';
import { STEP, TICKS_PER_CYCLE } from '../src/cost/step.js';
import { buildMachine } from '../src/machine/machine.js';
import { defaultCosts, machineInputs, machineOptions, runCase, type CaseOptions } from './support/whole-machine.js';

const CASE: CaseOptions = { apicMode: 'x2apic', ipiv: true, iterations: 32, warmup: 8 };
/** NOPs as long as a tenth of a PAUSE and more. */
const PHASES = [0, 61, 122, 183, 244, 305, 366, 427, 488, 549];

const average = (options: CaseOptions): number => runCase({ ...CASE, ...options }).outer;

describe('the phase of the idle loop', () => {
  const costs = defaultCosts();
  const pause = costs.stepTicks[STEP.PAUSE] / TICKS_PER_CYCLE;
  const spin = average({ apHaltPolicy: 'spin' });
  const paused = PHASES.map((apPhase) => average({ apHaltPolicy: 'pause', apPhase }));

  it('decides how late a PAUSE loop answers: from at once to one pass later', () => {
    expect(Math.max(...paused) - Math.min(...paused)).toBeGreaterThan(pause * 0.8);
    for (const each of paused) {
      expect(each).toBeGreaterThan(spin - 2);
      expect(each).toBeLessThan(spin + pause + 4);
    }
  });

  it('moves with the NOPs behind the handler, one for one', () => {
    const nop = costs.classTicks[0] / TICKS_PER_CYCLE;
    expect(average({ apHaltPolicy: 'pause', apPhase: 8 }) - paused[0]).toBeCloseTo(8 * nop, 1);
  });

  it('does not matter to a loop without PAUSE', () => {
    expect(Math.abs(average({ apHaltPolicy: 'spin', apPhase: 244 }) - spin)).toBeLessThan(1);
  });

  it('is the same wherever the loop starts: each IPI sets it anew', () => {
    const startedLate = (cycles: number): number => {
      const { hardware, guest, kvm } = buildMachine(
        machineOptions({ ...CASE, apHaltPolicy: 'pause' }),
        machineInputs(),
      );
      hardware.cpus[1].now += cycles * TICKS_PER_CYCLE;
      hardware.clock.run();
      const results = guest.readResults((gpa) => Number(kvm.guestMemory.read64(gpa)));
      return results.cycles / results.iterations;
    };
    for (const cycles of [0, 37, 74, 111]) expect(Math.abs(startedLate(cycles) - paused[0])).toBeLessThan(1);
  });
});
