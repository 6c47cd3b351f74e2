import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { STEP, STEP_NAMES } from '../cost/step.js';
import type { Assembler } from '../guest/assembler.js';
import { APIC_ADDRESS } from '../guest/memory-map.js';
import { dword, EAX, ECX, qword, RAX } from '../guest/operand.js';
import { emitWriteMsr } from '../guest/programs/local-apic.js';
import * as X from '../hardware/vmx/exit-reason.js';
import { LOCAL_TIMER_VECTOR } from './host-interrupt-vectors.js';
import { COUNTER, kvmMachine, VECTOR, type ApicMode, type Emit, type KvmMachine } from './test-support/kvm-machine.js';

const RESULT = COUNTER + 64;
const PERIODIC = 1 << 17;
const TSC_DEADLINE = 2 << 17;
const MASKED = 1 << 16;
const BY_ONE = 0xb;
const CYCLES_PER_NS = 2;
const WITH_DEADLINE = { x2apic: true, tscDeadline: true, paravirtual: false };

function writeApic(asm: Assembler, apicMode: ApicMode, offset: number, value: number): void {
  if (apicMode === 'x2apic') {
    emitWriteMsr(asm, 0x800 + offset / 16, value);
    return;
  }
  asm.mov(RAX, qword(APIC_ADDRESS));
  asm.mov(dword(RAX, offset), value);
}

/** Starts the timer with `count` nanoseconds and goes on with `then`. */
const timer =
  (lvt: number, count: number, then: (asm: Assembler) => void): Emit =>
  (asm, apicMode) => {
    writeApic(asm, apicMode, 0x320, lvt);
    writeApic(asm, apicMode, 0x3e0, BY_ONE);
    asm.plain(Code.Sti);
    writeApic(asm, apicMode, 0x380, count);
    then(asm);
  };

const spin = (asm: Assembler): void => {
  const loop = asm.here('loop');
  asm.jmp(loop);
};
const halt = (asm: Assembler): void => {
  const loop = asm.here('loop');
  asm.plain(Code.Hlt);
  asm.jmp(loop);
};
const haltWithoutInterrupts = (asm: Assembler): void => {
  asm.plain(Code.Cli);
  halt(asm);
};

/** TSC deadline `cycles` from now. */
const deadline =
  (cycles: number, then: (asm: Assembler) => void): Emit =>
  (asm, apicMode) => {
    writeApic(asm, apicMode, 0x320, TSC_DEADLINE | VECTOR);
    asm.plain(Code.Sti);
    asm.plain(Code.Rdtsc);
    asm.add(EAX, cycles);
    asm.mov(ECX, 0x6e0);
    asm.plain(Code.Wrmsr);
    then(asm);
  };

const exits = ({ sender }: KvmMachine, reason: number): number => sender.vcpu.exits[reason];
const charges = ({ hardware }: KvmMachine, step: number): number => hardware.meter.counts[step];

describe.each(['xapic', 'x2apic'] as const)('one-shot timer, %s', (apicMode) => {
  it.each([
    ['with APICv', true],
    ['without APICv', false],
  ])('of a running vCPU expires on the preemption timer, once, %s', (_, enableApicv) => {
    const machine = kvmMachine({ apicMode, sender: timer(VECTOR, 10_000, spin), parameters: { enableApicv } });
    machine.run(100_000);
    expect(machine.counter()).toBe(1);
    expect(exits(machine, X.EXIT_REASON_PREEMPTION_TIMER)).toBe(1);
    expect(machine.sender.interrupts[LOCAL_TIMER_VECTOR]).toBe(0);
    expect(machine.sender.vcpu.timer.deadline).toBe(0);
  });

  it('of a halted vCPU expires on a host timer and wakes it', () => {
    const machine = kvmMachine({ apicMode, sender: timer(VECTOR, 100_000, halt), parameters: { haltPollNs: 0 } });
    machine.run(400_000);
    expect(machine.counter()).toBe(1);
    expect(machine.sender.interrupts[LOCAL_TIMER_VECTOR]).toBe(1);
    expect(exits(machine, X.EXIT_REASON_PREEMPTION_TIMER)).toBe(0);
  });

  it('without the preemption timer runs on a host timer, whose interrupt exits', () => {
    const parameters = { preemptionTimer: false };
    const machine = kvmMachine({ apicMode, sender: timer(VECTOR, 10_000, spin), parameters });
    machine.run(100_000);
    expect(machine.counter()).toBe(1);
    expect(exits(machine, X.EXIT_REASON_PREEMPTION_TIMER)).toBe(0);
    expect(exits(machine, X.EXIT_REASON_EXTERNAL_INTERRUPT)).toBe(1);
  });
});

describe('timer', () => {
  it('does not wake a vCPU that halts with interrupts disabled', () => {
    const machine = kvmMachine({ sender: timer(VECTOR, 20_000, haltWithoutInterrupts), parameters: { haltPollNs: 0 } });
    machine.run(400_000);
    expect(machine.counter()).toBe(0);
    expect(machine.sender.idle).toBe(true);
    expect(exits(machine, X.EXIT_REASON_HLT)).toBe(1);
  });

  it('with a masked entry expires without an interrupt', () => {
    const machine = kvmMachine({ sender: timer(MASKED | VECTOR, 10_000, spin) });
    machine.run(100_000);
    expect(machine.counter()).toBe(0);
    expect(charges(machine, STEP.TIMER_EXPIRY)).toBe(1);
  });

  it('periodic: comes again, running and halted', () => {
    const period = 250_000;
    for (const then of [spin, halt]) {
      const machine = kvmMachine({ sender: timer(PERIODIC | VECTOR, period, then) });
      machine.run(4.2 * period * CYCLES_PER_NS);
      expect(machine.counter()).toBe(4);
    }
  });

  it('periodic: no faster than every 200 us (min_timer_period_us)', () => {
    const machine = kvmMachine({ sender: timer(PERIODIC | VECTOR, 1000, spin) });
    machine.run(3.3 * 200_000 * CYCLES_PER_NS);
    expect(machine.counter()).toBe(3);
  });

  it('counts down, read as an exit even with APICv', () => {
    const machine = kvmMachine({
      apicMode: 'x2apic',
      sender: timer(MASKED | VECTOR, 1_000_000, (asm) => {
        asm.mov(ECX, 0x839);
        asm.plain(Code.Rdmsr);
        asm.mov(dword(RESULT), EAX);
        spin(asm);
      }),
    });
    machine.run(100_000);
    const count = Number(machine.kvm.guestMemory.read64(RESULT) & 0xffff_ffffn);
    expect(count).toBeLessThan(1_000_000);
    expect(count).toBeGreaterThan(990_000);
  });

  it('writing 0 stops it', () => {
    const machine = kvmMachine({
      sender: timer(VECTOR, 50_000, (asm) => {
        writeApic(asm, 'xapic', 0x380, 0);
        spin(asm);
      }),
    });
    machine.run(300_000);
    expect(machine.counter()).toBe(0);
    expect(machine.sender.vcpu.timer.onPreemptionTimer).toBe(false);
  });
});

describe('IA32_TSC_DEADLINE', () => {
  it.each([
    ['spinning, APICv', spin, true, 1],
    ['spinning, no APICv', spin, false, 1],
    ['halted, APICv', halt, true, 0],
  ] as const)('%s: expires once', (_, then, enableApicv, preemptions) => {
    const sender = deadline(200_000, then);
    const parameters = { enableApicv, haltPollNs: 0 };
    const machine = kvmMachine({ apicMode: 'x2apic', sender, parameters, guestFeatures: WITH_DEADLINE });
    machine.run(600_000);
    expect(machine.counter()).toBe(1);
    expect(exits(machine, X.EXIT_REASON_PREEMPTION_TIMER)).toBe(preemptions);
  });

  it('is written on the fastpath: the handler never runs', () => {
    const machine = kvmMachine({ apicMode: 'x2apic', sender: deadline(20_000, spin), guestFeatures: WITH_DEADLINE });
    const without = kvmMachine({ apicMode: 'x2apic', sender: timer(VECTOR, 10_000, spin) });
    for (const each of [machine, without]) each.run(100_000);
    // Enabling the APIC, LVT entry; without: divide configuration and initial count, too.
    expect(charges(machine, STEP.MSR_HANDLER)).toBe(charges(without, STEP.MSR_HANDLER) - 2);
    expect(machine.counter()).toBe(1);
  });

  it('in the past expires at once, without the preemption timer', () => {
    const machine = kvmMachine({ apicMode: 'x2apic', sender: deadline(0, spin), guestFeatures: WITH_DEADLINE });
    machine.run(100_000);
    expect(machine.counter()).toBe(1);
    expect(exits(machine, X.EXIT_REASON_PREEMPTION_TIMER)).toBe(0);
  });

  it('without the feature in CPUID cannot be chosen', () => {
    const machine = kvmMachine({ apicMode: 'x2apic', sender: deadline(20_000, spin) });
    machine.run(100_000);
    expect(machine.counter()).toBe(0);
    expect(machine.sender.vcpu.timer.usesDeadline).toBe(false);
  });

  it('compares with the TSC that the guest has set', () => {
    const sender: Emit = (asm, apicMode) => {
      emitWriteMsr(asm, 0x10, 0x1000_0000);
      deadline(20_000, spin)(asm, apicMode);
    };
    const machine = kvmMachine({ apicMode: 'x2apic', sender, guestFeatures: WITH_DEADLINE });
    machine.run(100_000);
    expect(machine.counter()).toBe(1);
  });
});

it('does not depend on how far CPUs run ahead', () => {
  const run = (lookaheadShare: number): number[] => {
    const sender = timer(PERIODIC | VECTOR, 250_000, halt);
    const machine = kvmMachine({ sender, target: timer(PERIODIC | VECTOR, 230_000, spin), lookaheadShare });
    machine.run(2_000_000);
    return [machine.counter(), ...machine.hardware.meter.counts.slice(0, 2 * STEP_NAMES.length)];
  };
  expect(run(0)).toEqual(run(1));
});
