import { describe, expect, it } from 'vitest';
import {
  CODE,
  cpuFixture,
  DATA,
  HANDLERS,
  LINE_LATENCY,
  STEP_TICKS,
  type Fixture,
} from '../../../../test/support/cpu-fixture.js';
import { STEP } from '../../../cost/step.js';
import { ASLEEP, RUNNING } from '../layout.js';
import { ACTIVITY_ACTIVE, ACTIVITY_MWAIT } from '../activity.js';
import { RFLAGS_IF } from '../rflags.js';

const RAX = 0;
const RCX = 1;
const MONITOR = [0x0f, 0x01, 0xc8];
const MWAIT = [0x0f, 0x01, 0xc9];

/** CPU 0 waits for the line of DATA; CPU 1 sleeps. */
function waiting(flags = 2, extensions = 0n): Fixture {
  const machine = cpuFixture({ cpus: 2 });
  const [cpu, other] = machine.cpus;
  machine.load(CODE, ...MONITOR, ...MWAIT, 0x90, 0xf4);
  other.state = ASLEEP;
  cpu.rflags = flags;
  cpu.setGpr(RAX, BigInt(DATA + 8));
  machine.step(cpu);
  cpu.setGpr(RCX, extensions);
  machine.clock.run();
  expect([cpu.activity, cpu.state]).toEqual([ACTIVITY_MWAIT, ASLEEP]);
  return machine;
}

/** CPU 1 gets the line of `pa` at time `at`. */
function access(machine: Fixture, pa: number, write: boolean, at: number): void {
  const other = machine.cpus[1];
  other.now = at;
  while (!machine.lines.hold(other, pa, write)) machine.clock.run();
}

describe('MONITOR and MWAIT', () => {
  it('a store of another CPU to the line wakes at the arrival of the line', () => {
    const machine = waiting();
    access(machine, DATA + 48, true, 1_000_000);
    expect(machine.cpu.activity).toBe(ACTIVITY_ACTIVE);
    expect(machine.cpu.now).toBe(1_000_000 + LINE_LATENCY + STEP_TICKS);
    expect(machine.charged(STEP.MWAIT_WAKE)).toBe(1);
  });

  it('a load of the line does not wake', () => {
    const machine = waiting();
    access(machine, DATA, false, 1_000_000);
    expect(machine.cpu.activity).toBe(ACTIVITY_MWAIT);
  });

  it('a store to the next line does not wake', () => {
    const machine = waiting();
    access(machine, DATA + 64, true, 1_000_000);
    expect(machine.cpu.activity).toBe(ACTIVITY_MWAIT);
  });

  it('MWAIT after the line has been lost does not sleep', () => {
    const machine = cpuFixture({ cpus: 2 });
    const [cpu, other] = machine.cpus;
    machine.load(CODE, ...MONITOR, ...MWAIT, 0x90);
    other.state = ASLEEP;
    cpu.setGpr(RAX, BigInt(DATA));
    machine.step(cpu);
    cpu.state = ASLEEP;
    access(machine, DATA, true, 1_000_000);
    cpu.state = RUNNING;
    machine.step(cpu);
    expect([cpu.activity, cpu.rip]).toEqual([ACTIVITY_ACTIVE, CODE + 6]);
  });

  it('MWAIT without MONITOR does not sleep', () => {
    const machine = cpuFixture();
    machine.load(CODE, ...MWAIT, 0x90);
    machine.step();
    expect([machine.cpu.activity, machine.cpu.rip]).toEqual([ACTIVITY_ACTIVE, CODE + 3]);
  });

  it('an interrupt wakes and is delivered', () => {
    const machine = waiting(RFLAGS_IF | 2);
    machine.cpu.apic.accept(32, false);
    machine.cpu.wake(5_000_000);
    machine.clock.run();
    expect(machine.cpu.rip).toBe(HANDLERS + 32 * 16 + 2);
    expect(machine.charged(STEP.MWAIT_WAKE)).toBe(1);
  });

  it.each([
    ['sleeps on', 0n, CODE + 6],
    ['goes on behind MWAIT with ECX[0] = 1', 1n, CODE + 8],
  ])('an interrupt while IF is 0: %s', (_, extensions, rip) => {
    const machine = waiting(2, extensions);
    machine.cpu.apic.accept(32, false);
    machine.cpu.wake(5_000_000);
    machine.clock.run();
    expect(machine.cpu.rip).toBe(rip);
  });
});
