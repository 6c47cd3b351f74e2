import { describe, expect, it } from 'vitest';
import type { Assembler } from '../guest/assembler.js';
import { dword, EBX, ECX } from '../guest/operand.js';
import type { HostCpu } from './host-cpu.js';
import { POSTED_INTR_VECTOR, RESCHEDULE_VECTOR } from './host-interrupt-vectors.js';
import type { KvmVersion } from './kvm-parameters.js';
import { APIC_IRR } from './lapic/registers.js';
import { RUN_LOOP_STEPS } from './run-loop.js';
import {
  CALLS,
  COUNTER,
  emitEnd,
  emitIcrWrite,
  HALTS,
  kvmMachine,
  SPINS,
  VECTOR,
  type ApicMode,
  type Emit,
  type KvmMachine,
} from './test-support/kvm-machine.js';
import { observeSteps } from './test-support/run-loop-steps.js';
import { IN_GUEST_MODE, KVM_REQ_EVENT } from './vcpu.js';
import { requestExit } from './wake.js';

const ICR_ASSERT = 1 << 14;
const VERSIONS: readonly KvmVersion[] = ['v1', '5.19', '6.12'];
const STEPS = RUN_LOOP_STEPS.map((name, index) => ({ name, step: index + 1 }));
const WARM_UP_CYCLES = 150_000;

/** IPI virtualization of some other CPU: PIR, then ON and a notification by NV unless suppressed. */
function postByHardware(host: HostCpu): void {
  const { descriptor, cpu } = host.vcpu;
  descriptor.testAndSetPir(VECTOR);
  if (descriptor.on || descriptor.sn) return;
  descriptor.on = true;
  cpu.apic.accept(descriptor.nv, false);
}

/** KVM on some other CPU: PIR, ON, a notification if the target is in guest mode, else a wake-up. */
function postBySoftware(host: HostCpu): void {
  const { descriptor, cpu, mode } = host.vcpu;
  if (descriptor.testAndSetPir(VECTOR) || descriptor.on) return;
  descriptor.on = true;
  if (mode === IN_GUEST_MODE) cpu.apic.accept(POSTED_INTR_VECTOR, false);
  else wake(host);
}

/** KVM without APICv on some other CPU: IRR, event request, kick. */
function setIrr(host: HostCpu): void {
  const { vcpu } = host;
  vcpu.apic.page.setVector(APIC_IRR, VECTOR);
  vcpu.requests |= KVM_REQ_EVENT;
  if (vcpu.mode === IN_GUEST_MODE) {
    requestExit(host, vcpu);
    vcpu.cpu.apic.accept(RESCHEDULE_VECTOR, false);
  } else {
    wake(host);
  }
}

function wake(host: HostCpu): void {
  host.vcpu.sleeping = false;
  if (host.idle) host.cpu.apic.accept(RESCHEDULE_VECTOR, false);
}

/** A target that is at `step` for the first time after warming up receives an interrupt; how many it handles. */
function handledAfterPostAt(step: number, post: (host: HostCpu) => void, machine: KvmMachine): number {
  machine.run(WARM_UP_CYCLES);
  let posted = false;
  observeSteps(machine.target, (at) => {
    if (posted || at !== step) return;
    posted = true;
    post(machine.target);
  });
  machine.run(WARM_UP_CYCLES);
  expect(posted).toBe(true);
  return machine.counter();
}

describe('a notification at any step of the run loop loses no interrupt', () => {
  describe.each(VERSIONS)('KVM %s', (version) => {
    it.each(STEPS)('step $step, $name: from a hardware sender', ({ step }) => {
      expect(handledAfterPostAt(step, postByHardware, kvmMachine({ target: CALLS, parameters: { version } }))).toBe(1);
    });

    it.each(STEPS)('step $step, $name: from KVM on another CPU', ({ step }) => {
      const machine = kvmMachine({ target: CALLS, parameters: { version, enableIpiv: false } });
      expect(handledAfterPostAt(step, postBySoftware, machine)).toBe(1);
    });
  });

  it.each(STEPS)('step $step, $name: without APICv', ({ step }) => {
    const machine = kvmMachine({ target: CALLS, parameters: { enableApicv: false, enableIpiv: false } });
    expect(handledAfterPostAt(step, setIrr, machine)).toBe(1);
  });
});

const SENT = 200;
const SWEEP_CYCLES = 20_000_000;

/** Sends SENT interrupts; before each it waits 64 cycles longer, after each until it has been handled. */
function emitSweep(asm: Assembler, apicMode: ApicMode): void {
  asm.mov(EBX, 0);
  const next = asm.here('next');
  asm.inc(EBX);
  asm.mov(ECX, EBX);
  asm.shl(ECX, 6);
  const delay = asm.here('delay');
  asm.dec(ECX);
  asm.jcc('ne', delay);
  emitIcrWrite(asm, apicMode, ICR_ASSERT | VECTOR, 1);
  const wait = asm.here('wait');
  asm.cmp(dword(COUNTER), EBX);
  asm.jcc('ne', wait);
  asm.cmp(EBX, SENT);
  asm.jcc('ne', next);
  emitEnd(asm);
}

const MODES: readonly ApicMode[] = ['xapic', 'x2apic'];
const PATHS = [
  { path: 'APICv, IPI virtualization', enableApicv: true, enableIpiv: true },
  { path: 'APICv', enableApicv: true, enableIpiv: false },
  { path: 'neither', enableApicv: false, enableIpiv: false },
];
const TARGETS: readonly (readonly [name: string, target: Emit, haltPollNs: number])[] = [
  ['spins', SPINS, 0],
  ['exits all the time', CALLS, 0],
  ['halts and blocks', HALTS, 0],
  ['halts and polls', HALTS, 200_000],
];

describe.each(VERSIONS)('KVM %s delivers IPIs sent at every phase of a target', (version) => {
  describe.each(MODES)('in %s mode', (apicMode) => {
    describe.each(PATHS)('with $path', ({ enableApicv, enableIpiv }) => {
      it.each(TARGETS)('that %s', (_, target, haltPollNs) => {
        const parameters = { version, enableApicv, enableIpiv, haltPollNs };
        const machine = kvmMachine({ apicMode, sender: emitSweep, target, parameters });
        expect(machine.run(SWEEP_CYCLES)).toBe(true);
        expect(machine.counter()).toBe(SENT);
        expect(machine.failures).toEqual([]);
      });
    });
  });
});

describe('results of host code', () => {
  /** Clocks, exits and charges of both CPUs. */
  const outcome = (lookaheadShare: number, enableIpiv: boolean): unknown => {
    const { run, hardware, sender, target } = kvmMachine({
      sender: emitSweep,
      target: HALTS,
      parameters: { haltPollNs: 2000, enableIpiv },
      lookaheadShare,
    });
    run(SWEEP_CYCLES);
    return [
      hardware.cpus.map((cpu) => [cpu.now, cpu.sleepTicks]),
      [sender, target].map(({ vcpu, interrupts }) => [
        ...vcpu.exits,
        vcpu.halts,
        vcpu.haltPollSuccesses,
        ...interrupts,
      ]),
      [...hardware.meter.counts],
      [...hardware.meter.ticks],
    ];
  };

  it.each([true, false])('do not depend on how far CPUs run ahead (IPI virtualization: %s)', (enableIpiv) => {
    const inOrder = outcome(0, enableIpiv);
    expect(outcome(0.5, enableIpiv)).toEqual(inOrder);
    expect(outcome(1, enableIpiv)).toEqual(inOrder);
  });
});
