/**
 * Conformance statements that concern a whole machine: guest code, KVM and the hardware together. The other numbers are
 * tested beside the code; docs/conformance.md lists all of them.
 */
import { describe, expect, it } from 'vitest';
import { STEP, STEP_NAMES, TICKS_PER_CYCLE, type CostTable } from '../src/cost/step.js';
import { dword, EBX } from '../src/guest/operand.js';
import * as X from '../src/hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../src/hardware/vmx/vmcs-field.js';
import { APIC_SPIV } from '../src/hypervisor/lapic/registers.js';
import {
  COUNTER,
  emitEnd,
  emitIcrWrite,
  HALTS,
  kvmMachine,
  SPINS,
  VECTOR,
  type Emit,
  type KvmMachine,
} from '../src/hypervisor/test-support/kvm-machine.js';
import { observeSteps } from '../src/hypervisor/test-support/run-loop-steps.js';
import { Code } from 'iced-x86';
import { impossibilities } from '../src/machine/impossible.js';
import { loggedRun } from './support/charge-log.js';
import { defaultCosts, machineOptions, perIteration, runCase, type CaseOptions } from './support/whole-machine.js';

const ICR_ASSERT = 1 << 14;
const ICR_LOGICAL = 1 << 11;
const MODES = ['xapic', 'x2apic'] as const;
const LONG = 1_000_000;

/** Sends one IPI with vector 31H and ends the run when the guest has handled `handled` of them. */
const sends =
  (icr: number, destination: number, handled: number): Emit =>
  (asm, apicMode) => {
    asm.plain(Code.Sti);
    asm.mov(EBX, handled);
    emitIcrWrite(asm, apicMode, icr | VECTOR, destination);
    const wait = asm.here('wait');
    asm.cmp(dword(COUNTER), EBX);
    asm.jcc('b', wait);
    emitEnd(asm);
  };

function charged({ hardware }: KvmMachine, cpu: number, step: number): number {
  return hardware.meter.counts[cpu * STEP_NAMES.length + step];
}

describe('IPI virtualization', () => {
  it.each([
    ['48', 'xapic', { 'apic-page-read': 1, 'apic-page-write': 2 }],
    ['72', 'x2apic', { mfence: 1 }],
  ] as const)('%s: in %s mode an IPI posts and notifies by microcode, without an exit', (_, apicMode, accesses) => {
    const [sender, target] = perIteration({ apicMode, ipiv: true });
    const microcode = { 'ipiv-eligibility': 1, 'ipiv-pir-set': 1, 'ipiv-on-update': 1, 'ipiv-icr-write': 1 };
    expect(sender.exits).toEqual({});
    expect(sender.steps).toMatchObject({ ...accesses, ...microcode, 'ipi-flight': 1 });
    expect(sender.steps).not.toHaveProperty('vm-exit');
    expect(target.steps['pi-processing']).toBe(1);
  });

  it('53: software posting that finds PIR set and ON clear sets no ON and notifies nobody', () => {
    const parameters = { enableIpiv: false };
    const machine = kvmMachine({ sender: sends(ICR_ASSERT, 1, 0), target: SPINS, parameters });
    const { apic, descriptor } = machine.target.vcpu;
    descriptor.testAndSetPir(VECTOR);
    apic.page.write(APIC_SPIV, 0x1ff); // software enabled, although its guest has not started yet
    machine.target.cpu.now = LONG * TICKS_PER_CYCLE;
    expect(machine.run(LONG)).toBe(true);
    expect([descriptor.pirEmpty, descriptor.on]).toEqual([false, false]);
    const counts = [STEP.PIR_POST, STEP.ON_POST, STEP.IPI_FLIGHT].map((step) => charged(machine, 0, step));
    expect(counts).toEqual([1, 0, 0]);
  });

  it('68: an xAPIC broadcast exits, and KVM sends it to everybody', () => {
    const machine = kvmMachine({ sender: sends(ICR_ASSERT, 0xff, 2) });
    expect(machine.run(LONG)).toBe(true);
    expect(charged(machine, 0, STEP.IPIV_PIR_SET)).toBe(0);
    expect(charged(machine, 0, STEP.IPI_REQUEST)).toBe(1);
    expect(charged(machine, 0, STEP.APIC_ACCEPT)).toBe(2);
  });

  it('78: a logical IPI in x2APIC mode is an APIC-write exit, without the fastpath, and arrives', () => {
    const machine = kvmMachine({ apicMode: 'x2apic', sender: sends(ICR_ASSERT | ICR_LOGICAL, 2, 1) });
    expect(machine.run(LONG)).toBe(true);
    expect(machine.sender.vcpu.exits[X.EXIT_REASON_APIC_WRITE]).toBe(1);
    expect(charged(machine, 0, STEP.APIC_WRITE_HANDLER)).toBe(1);
  });

  it('84: without it no ICR write of a guest in x2APIC mode reaches the physical ICR', () => {
    const [sender] = perIteration({ apicMode: 'x2apic', ipiv: false });
    expect(sender.exits).toEqual({ MSR_WRITE: 1 });
    expect(sender.steps).not.toHaveProperty('native-wrmsr');
    expect(sender.steps).toMatchObject({ 'notification-send': 1, 'ipi-flight': 1 });
  });

  it('96: an IPI to a runnable vCPU that is not loaded (SN=1) only sets PIR; loading it makes up for it', () => {
    const machine = kvmMachine({ sender: sends(ICR_ASSERT, 1, 1), target: SPINS });
    const { sender, target } = machine;
    const seen: unknown[] = [];
    target.cpu.now = (LONG / 2) * TICKS_PER_CYCLE;
    const stopObserving = observeSteps(target, (step) => {
      const { vcpu, cpu } = target;
      const rvi = cpu.vmx.vmread(VMCS_FIELD.GUEST_INTR_STATUS) & 0xff;
      if (step === 1 || step === 9) seen.push([vcpu.descriptor.sn, vcpu.descriptor.on, rvi]);
      if (step === 9) stopObserving();
    });
    expect(machine.run(LONG)).toBe(true);
    expect(charged(machine, 0, STEP.IPIV_PIR_SET)).toBe(1);
    expect(charged(machine, 0, STEP.IPIV_ICR_WRITE)).toBe(0);
    expect(seen).toEqual([
      [false, true, 0], // loaded
      [false, false, VECTOR], // synced before entry
    ]);
    expect(sender.vcpu.exits[X.EXIT_REASON_APIC_WRITE]).toBe(1); // of the register that enables the APIC
  });

  it('97: F2H in root mode is counted and wakes nobody', () => {
    const parameters = { haltPollNs: 0, enableIpiv: false };
    const machine = kvmMachine({ target: HALTS, parameters });
    machine.run(LONG);
    const { halts } = machine.target.vcpu;
    machine.interrupt(machine.target, 0xf2);
    machine.run(LONG);
    expect([machine.target.interrupts[0xf2], machine.target.idle, machine.target.vcpu.halts]).toEqual([1, true, halts]);
    expect(charged(machine, 1, STEP.NOTIFICATION_HANDLER)).toBe(1);
  });
});

describe('the harness', () => {
  it('103: ipi with one vCPU cannot run', () => {
    expect(impossibilities(machineOptions({ vcpus: 1 })).map(({ path }) => path)).toEqual([['vcpus']]);
  });

  it.each([
    [{ workload: 'ipi', apicMode: 'x2apic', ipiv: true }, /^ipi (\d+)$/, /^ {2}ipi ipi (\d+)$/],
    [{ workload: 'ipi-halt', apHaltPolicy: 'hlt' }, /^ipi_halt (\d+)$/, null],
    [{ workload: 'vmcall', vcpus: 1 }, /^vmcall (\d+)$/, null],
  ] as const)('104: prints what kvm-unit-tests prints: %o', (options, outer, inner) => {
    const result = runCase(options);
    const [first, second] = result.console;
    expect(Number(outer.exec(first)?.[1])).toBe(Math.floor(result.outer));
    if (inner === null) expect(result.console).toHaveLength(1);
    else expect(Number(inner.exec(second)?.[1])).toBe(Math.floor(result.inner ?? NaN));
  });

  it.each(MODES)('105: iterations double from 64 until a pass takes 2^30 cycles, %s', (apicMode) => {
    const slow = slowerBy(64);
    const { machine } = loggedRun({ apicMode, ipiv: true, iterations: 'kvm-unit-tests' }, {}, slow);
    const { iterations, passes, cycles } = results(machine);
    expect(iterations).toBe(64 * 2 ** (passes - 1));
    expect(cycles).toBeGreaterThanOrEqual(2 ** 30);
    expect(cycles / 2).toBeLessThan(2 ** 30); // the pass before it, of half as many iterations, was too short
    const fixed = results(loggedRun({ apicMode, ipiv: true, iterations: 1024, warmup: 64 }, {}, slow).machine);
    expect(Math.abs(cycles / iterations - fixed.cycles / fixed.iterations)).toBeLessThan(1);
  });

  it.each([
    ['xapic', { 'apic-page-read': 1, 'apic-page-write': 2, 'ipiv-eligibility': 1 }, { 'apic-page-write': 1 }],
    ['x2apic', { mfence: 1, 'ipiv-eligibility': 1 }, { 'virtualized-msr-write': 1 }],
  ] as const)('106: an iteration in %s mode touches no other APIC register', (apicMode, onSender, onTarget) => {
    const accesses = /^apic-page|msr|^mfence$|^ipiv-eligibility$/;
    const [sender, target] = perIteration({ apicMode, ipiv: true }).map(({ steps }) =>
      Object.fromEntries(Object.entries(steps).filter(([step]) => accesses.test(step))),
    );
    expect([sender, target]).toEqual([onSender, onTarget]);
  });

  it.each(MODES)('107: with IPI virtualization and a target that spins nothing exits, %s', (apicMode) => {
    const [sender, target] = runCase({ apicMode, ipiv: true }).cpus;
    expect([sender.exits, target.exits]).toEqual([{}, {}]);
  });

  it.each([
    ['xapic', 'APIC_WRITE'],
    ['x2apic', 'MSR_WRITE'],
  ] as const)('108: without it the sender exits once per iteration, the target never, %s', (apicMode, reason) => {
    const { cpus, iterations } = runCase({ apicMode });
    expect([cpus[0].exits, cpus[1].exits]).toEqual([{ [reason]: iterations }, {}]);
  });

  it.each(MODES.flatMap((apicMode) => [false, true].map((ipiv) => ({ apicMode, ipiv }))))(
    '109: a target that halts exits once per iteration of ipi_halt, at most once per iteration of ipi, %o',
    (options) => {
      const halting: CaseOptions = { ...options, apHaltPolicy: 'hlt' };
      const [, afterSettling] = perIteration({ ...halting, workload: 'ipi-halt' });
      expect(afterSettling.exits).toEqual({ HLT: 1 });
      const [, target] = perIteration(halting);
      expect(Object.keys(target.exits)).toEqual(['HLT']);
      expect(target.exits.HLT).toBeLessThanOrEqual(1);
    },
  );

  it('110: without APICv an xAPIC sender exits three times per IPI, the target at least twice', () => {
    const [sender, target] = perIteration({ kvm: { enableApicv: false } });
    expect(sender.exits).toEqual({ APIC_ACCESS: 3 });
    expect(Object.values(target.exits).reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(2);
  });

  it('111: with the default profile the four published averages come out within one cycle', () => {
    const average = (apicMode: 'xapic' | 'x2apic', ipiv: boolean): number =>
      runCase({ apicMode, ipiv, iterations: 1024, warmup: 64, kvm: { version: 'v1' } }).outer;
    const [xapic, xapicIpiv, x2apic, x2apicIpiv] = MODES.flatMap((mode) => [average(mode, false), average(mode, true)]);
    const published = [6059.0, 4713.1, 4337.85, 3644.8];
    [xapic, xapicIpiv, x2apic, x2apicIpiv].forEach((cycles, index) => {
      expect(Math.abs(cycles - published[index])).toBeLessThan(1);
    });
    expect(100 * (1 - xapicIpiv / xapic)).toBeCloseTo(22.21, 1);
    expect(100 * (1 - x2apicIpiv / x2apic)).toBeCloseTo(15.98, 1);
  });
});

function results({ guest, kvm }: ReturnType<typeof loggedRun>['machine']) {
  return guest.readResults((gpa) => Number(kvm.guestMemory.read64(gpa)));
}

/** The default costs with every step `factor` times as expensive, so that few iterations take many cycles. */
function slowerBy(factor: number): CostTable {
  const costs = defaultCosts();
  return { ...costs, stepTicks: costs.stepTicks.map((ticks) => ticks * factor) };
}
