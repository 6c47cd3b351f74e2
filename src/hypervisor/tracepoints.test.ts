import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import type { Assembler } from '../guest/assembler.js';
import { dword, EAX, EBX, ECX, qword, RAX } from '../guest/operand.js';
import { APIC_ADDRESS } from '../guest/memory-map.js';
import { emitWriteMsr } from '../guest/programs/local-apic.js';
import type { TraceEvent } from '../trace/event.js';
import {
  COUNTER,
  emitEnd,
  emitIcrWrite,
  HALTS,
  kvmMachine,
  SPINS,
  VECTOR,
  type ApicMode,
  type KvmMachineOptions,
} from './test-support/kvm-machine.js';

const LONG = 1_000_000;
const ASSERT = 1 << 14;
const LOGICAL = 1 << 11;
const SELF = 1 << 18;
const BUSY = 1 << 12;

type Body = (asm: Assembler, apicMode: ApicMode) => void;

/** What vCPU 0 reports while it runs `body` to the end of the run, from the first event named `from` on. */
function traced(body: Body, options: KvmMachineOptions, from: TraceEvent['name']): TraceEvent[] {
  const machine = kvmMachine({
    ...options,
    sender: (asm, apicMode) => {
      body(asm, apicMode);
      emitEnd(asm);
    },
  });
  const events: TraceEvent[] = [];
  machine.sender.cpu.trace = (event) => {
    events.push(event);
  };
  machine.run(LONG);
  const first = events.findIndex(({ name }) => name === from);
  return first < 0 ? [] : events.slice(first);
}

/** Names of KVM's events up to the next entry, which is the last. */
function untilEntry(events: readonly TraceEvent[]): string[] {
  const names = events.map(({ name }) => name).filter((name) => name.startsWith('kvm_'));
  return names.slice(0, names.indexOf('kvm_entry') + 1);
}

/** An IPI to the target, and waiting for it. */
const ipi =
  (low: number, destination = 1): Body =>
  (asm, apicMode) => {
    asm.mov(EBX, 1);
    emitIcrWrite(asm, apicMode, low | VECTOR, destination);
    const wait = asm.here('wait');
    asm.cmp(dword(COUNTER), EBX);
    asm.jcc('ne', wait);
  };

const ACCEPTED = ['kvm_apic_accept_irq', 'kvm_apicv_accept_irq'];
const OFF = { target: HALTS, parameters: { enableIpiv: false } } as const;

describe('the order of the tracepoints of an IPI', () => {
  it('in xAPIC mode: the register, the IPI, its acceptance', () => {
    const events = traced(ipi(ASSERT), OFF, 'kvm_apic_ipi');
    expect(untilEntry(events)).toEqual(['kvm_apic_ipi', ...ACCEPTED, 'kvm_entry']);
    const before = traced(ipi(ASSERT), OFF, 'kvm_exit').map(({ name }) => name);
    expect(before[before.indexOf('kvm_apic_ipi') - 1]).toBe('kvm_apic');
  });

  it.each([
    ['in the fastpath', ASSERT, 1],
    ['through the handler', ASSERT | LOGICAL, 2],
  ])('of a WRMSR %s: the register and the MSR come last', (_, low, destination) => {
    const events = traced(ipi(low, destination), { ...OFF, apicMode: 'x2apic' }, 'kvm_apic_ipi');
    expect(untilEntry(events)).toEqual(['kvm_apic_ipi', ...ACCEPTED, 'kvm_apic', 'kvm_msr', 'kvm_entry']);
  });

  it('of an APIC-write exit in x2APIC mode: the register comes last, and no MSR', () => {
    const events = traced(ipi(ASSERT | BUSY), { target: HALTS, apicMode: 'x2apic' }, 'kvm_apic_ipi');
    expect(untilEntry(events)).toEqual(['kvm_apic_ipi', ...ACCEPTED, 'kvm_apic', 'kvm_entry']);
  });

  it('without APICv: nothing is accepted by APICv', () => {
    const events = traced(ipi(ASSERT), { target: SPINS, parameters: { enableApicv: false } }, 'kvm_apic_ipi');
    expect(untilEntry(events)).toEqual(['kvm_apic_ipi', 'kvm_apic_accept_irq', 'kvm_entry']);
  });
});

describe('tracepoints have', () => {
  it('the ICR as it was requested, in both modes', () => {
    for (const apicMode of ['xapic', 'x2apic'] as const) {
      const [event] = traced(ipi(ASSERT | LOGICAL, 2), { ...OFF, apicMode }, 'kvm_apic_ipi');
      expect(event).toEqual({ name: 'kvm_apic_ipi', icr: ASSERT | LOGICAL | VECTOR, destination: 2 });
    }
  });

  it('the self shorthand of a self-IPI', () => {
    const body: Body = (asm) => {
      emitWriteMsr(asm, 0x83f, VECTOR);
    };
    const options = { apicMode: 'x2apic', parameters: { enableApicv: false } } as const;
    const [event] = traced(body, options, 'kvm_apic_ipi');
    expect(event).toMatchObject({ icr: SELF | ASSERT | VECTOR });
  });

  it('what an MSR is given and what it holds', () => {
    const body: Body = (asm) => {
      emitWriteMsr(asm, 0x3b, 0x1234);
      asm.mov(ECX, 0x3b);
      asm.plain(Code.Rdmsr);
    };
    const accesses = traced(body, {}, 'kvm_msr').filter((event) => event.name === 'kvm_msr' && event.msr === 0x3b);
    expect(accesses).toEqual([
      { name: 'kvm_msr', write: true, msr: 0x3b, value: 0x1234n, exception: false },
      { name: 'kvm_msr', write: false, msr: 0x3b, value: 0x1234n, exception: false },
    ]);
  });

  it('#GP for an MSR that does not exist', () => {
    const body: Body = (asm) => {
      emitWriteMsr(asm, 0x1234, 5);
    };
    const events = traced(body, {}, 'kvm_msr').filter((event) => event.name === 'kvm_msr' && event.msr === 0x1234);
    expect(events).toEqual([{ name: 'kvm_msr', write: true, msr: 0x1234, value: 5n, exception: true }]);
  });

  it('the reason for not using APICv', () => {
    const body: Body = (asm) => {
      asm.mov(RAX, qword(APIC_ADDRESS));
      asm.mov(dword(RAX, 0x20), 0x0700_0000);
    };
    const parameters = { version: '6.12' } as const;
    const [event] = traced(body, { parameters }, 'kvm_apicv_inhibit_changed');
    expect(event).toEqual({ name: 'kvm_apicv_inhibit_changed', reason: 5, set: true, inhibits: 0x20 });
  });

  it('the guest and the exit as the VMCS has them', () => {
    const body: Body = (asm) => {
      asm.mov(EAX, 0);
      asm.plain(Code.Cpuid);
    };
    const events = traced(body, {}, 'kvm_exit');
    const exit = events.find((event) => event.name === 'kvm_exit' && event.reasonName === 'CPUID');
    const entry = events[events.findIndex((event) => event === exit) + 1];
    expect(exit).toMatchObject({ vcpu: 0, reason: 10, failedEntry: false, info2: 0, interruption: 0, errorCode: 0 });
    const cpuidLength = 2;
    expect(entry).toEqual({ name: 'kvm_entry', vcpu: 0, rip: exit?.name === 'kvm_exit' ? exit.rip + cpuidLength : -1 });
  });
});
