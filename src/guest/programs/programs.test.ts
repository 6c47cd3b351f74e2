import { describe, expect, it } from 'vitest';
import { runBareGuest, runBareImage } from '../../../test/support/bare-guest.js';
import { buildGuest, type GuestImage, type GuestOptions } from '../guest-image.js';
import { KERNEL_CODE, MAILBOX_ACTIVE, MAILBOX_LOCK } from '../memory-map.js';
import { AP_HALT_POLICIES } from '../workloads.js';

const OPTIONS: GuestOptions = {
  workload: 'ipi',
  apicMode: 'x2apic',
  apHaltPolicy: 'spin',
  vcpus: 2,
  warmup: 4,
  apPhase: 0,
  iterations: 20,
};
const EXIT_INVALID_OPCODE = 0x106;

describe('built-in programs on bare processors', () => {
  for (const apicMode of ['xapic', 'x2apic'] as const) {
    it.each(AP_HALT_POLICIES)(`ipi runs to its end in ${apicMode} mode with idle policy %s`, (apHaltPolicy) => {
      const { exitCode, results, markers, hardware } = runBareGuest({ ...OPTIONS, apicMode, apHaltPolicy });
      expect(exitCode).toBe(0);
      expect(markers).toEqual([1, 2]);
      expect(results.iterations).toBe(20);
      expect(results.passes).toBe(1);
      expect(results.innerCycles).toBeGreaterThan(20 * 100);
      expect(results.cycles).toBeGreaterThan(results.innerCycles ?? 0);
      expect(hardware.memory.read32(MAILBOX_LOCK)).toBe(0);
      expect(hardware.memory.read32(MAILBOX_ACTIVE)).toBe(0);
    });

    it(`senduipi delivers every user interrupt in ${apicMode} mode`, () => {
      const { exitCode, results } = runBareGuest({ ...OPTIONS, workload: 'senduipi', apicMode });
      expect(exitCode).toBe(0);
      expect(results.iterations).toBe(20);
      expect(results.innerCycles).toBeGreaterThan(20 * 100);
    });
  }

  it('ipi-halt includes the settling time', () => {
    const { exitCode, results } = runBareGuest({ ...OPTIONS, workload: 'ipi-halt', apHaltPolicy: 'hlt' });
    expect(exitCode).toBe(0);
    expect(results.cycles).toBeGreaterThan(20 * 2000);
    expect(results.innerCycles).toBeNull();
  });

  it('cpuid runs alone', () => {
    const { exitCode, results } = runBareGuest({ ...OPTIONS, workload: 'cpuid', vcpus: 1 });
    expect(exitCode).toBe(0);
    expect(results.cycles).toBeGreaterThan(0);
  });

  it('reports an exception: VMCALL is invalid outside VMX operation', () => {
    expect(runBareGuest({ ...OPTIONS, workload: 'vmcall' }).exitCode).toBe(EXIT_INVALID_OPCODE);
  });

  it('idles on the CPUs that are not involved', () => {
    const { exitCode, hardware } = runBareGuest({ ...OPTIONS, vcpus: 5, apHaltPolicy: 'hlt' });
    expect(exitCode).toBe(0);
    expect(hardware.cpus.slice(2).map(({ state }) => state)).toEqual(
      hardware.cpus.slice(2).map(() => hardware.cpus[2].state),
    );
  });

  it('doubles the iterations from 64 until the goal has been reached', () => {
    const options: GuestOptions = { ...OPTIONS, iterations: 'kvm-unit-tests', warmup: 0 };
    const { exitCode, results, markers } = runBareImage(options, withGoal(buildGuest(options), 2 ** 19));
    expect(exitCode).toBe(0);
    expect(results.passes).toBeGreaterThan(1);
    expect(results.iterations).toBe(64 * 2 ** (results.passes - 1));
    expect(results.cycles).toBeGreaterThanOrEqual(2 ** 19);
    expect(results.cycles).toBeLessThan(2 ** 20);
    expect(markers).toHaveLength(results.passes * 2);
  });

  it('sets the goal to 2^30 cycles', () => {
    const guest = buildGuest({ ...OPTIONS, iterations: 'kvm-unit-tests' });
    expect(goalOffset(code(guest))).toBeGreaterThan(0);
  });
});

/** MOV RCX, 2^30 */
const GOAL = Buffer.from('48c7c100000040', 'hex');
const GOAL_IMMEDIATE = 3;

function code({ segments }: GuestImage): Buffer {
  return Buffer.from(segments.find(({ gpa }) => gpa === KERNEL_CODE)?.bytes ?? []);
}

function goalOffset(bytes: Buffer): number {
  return bytes.indexOf(GOAL);
}

/** The guest with a goal that takes less time to reach. */
function withGoal(guest: GuestImage, goal: number): GuestImage {
  const bytes = code(guest);
  bytes.writeInt32LE(goal, goalOffset(bytes) + GOAL_IMMEDIATE);
  return {
    ...guest,
    segments: guest.segments.map((segment) => (segment.gpa === KERNEL_CODE ? { ...segment, bytes } : segment)),
  };
}
