import { expect, it } from 'vitest';
import { runCase } from '../../test/support/whole-machine.js';

it('the time of an exit is what the host does between reading it and the next entry', () => {
  const { cpus, iterations } = runCase({ workload: 'vmcall', vcpus: 1 });
  const [{ exits, exitTimes, steps }] = cpus;
  const beforeOrAfter = ['vm-exit', 'exit-stub', 'vm-entry', 'rdtsc'];
  const between = Object.entries(steps).filter(([name]) => !beforeOrAfter.includes(name));
  const cycles = between.reduce((sum, [, total]) => sum + total.cycles, 0);
  expect(exits).toEqual({ VMCALL: iterations });
  expect(exitTimes).toEqual({ VMCALL: { count: iterations, cycles } });
});

it('the time of a halt is the time until the vCPU runs again', () => {
  const { cpus, outer, iterations } = runCase({ workload: 'ipi-halt', apHaltPolicy: 'hlt', apicMode: 'x2apic' });
  const { count, cycles } = cpus[1].exitTimes['HLT'];
  expect(count).toBe(iterations);
  expect(cycles / count).toBeGreaterThan(2000);
  expect(cycles / count).toBeLessThan(outer);
});
