import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { STEP, STEP_NAMES } from '../../cost/step.js';
import { APIC_ADDRESS } from '../../guest/memory-map.js';
import { dword, EAX, EBX, ECX, qword, RAX, RBX } from '../../guest/operand.js';
import { emitWriteMsr } from '../../guest/programs/local-apic.js';
import type { Assembler } from '../../guest/assembler.js';
import * as X from '../../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import {
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
  type KvmMachineOptions,
} from '../test-support/kvm-machine.js';

const LONG = 1_000_000;
const ASSERT = 1 << 14;
const LOGICAL = 1 << 11;
const BUSY = 1 << 12;
const RESULT = COUNTER + 64;
const X2APIC_ICR = 0x830;

/** `body`, then the end of the run. */
const program =
  (body: (asm: Assembler, apicMode: ApicMode) => void): Emit =>
  (asm, apicMode) => {
    body(asm, apicMode);
    emitEnd(asm);
  };

/** Runs `body` on vCPU 0 to its end. */
function run(body: (asm: Assembler, apicMode: ApicMode) => void, options: KvmMachineOptions = {}): KvmMachine {
  const machine = kvmMachine({ ...options, sender: program(body) });
  expect(machine.run(LONG)).toBe(true);
  return machine;
}

function exits({ sender }: KvmMachine, reason: number): number {
  return sender.vcpu.exits[reason];
}

function charges({ hardware }: KvmMachine, step: number, cpu = 0): number {
  return hardware.meter.counts[cpu * STEP_NAMES.length + step];
}

const result = ({ kvm }: KvmMachine): bigint => kvm.guestMemory.read64(RESULT);

/** An IPI to the target, and waiting for it. */
function ipi(low: number, destination = 1): (asm: Assembler, apicMode: ApicMode) => void {
  return (asm, apicMode) => {
    asm.mov(EBX, 1);
    emitIcrWrite(asm, apicMode, low | VECTOR, destination);
    const wait = asm.here('wait');
    asm.cmp(dword(COUNTER), EBX);
    asm.jcc('ne', wait);
  };
}

/** The target receives an IPI once it is up, so that the exits of its start are over. */
const READY: KvmMachineOptions = { target: HALTS };

describe('instructions', () => {
  it('CPUID: 40000000H is KVM, leaf 1 has the vCPU ID and the hypervisor bit', () => {
    const machine = run((asm) => {
      asm.mov(EAX, 1);
      asm.mov(ECX, 0);
      asm.plain(Code.Cpuid);
      asm.mov(dword(RESULT), ECX);
      asm.mov(dword(RESULT + 4), EBX);
    });
    const value = result(machine);
    expect((value >> 31n) & 1n).toBe(1n);
    expect(value >> 56n).toBe(0n);
    expect(exits(machine, X.EXIT_REASON_CPUID)).toBe(1);
    expect(charges(machine, STEP.CPUID_HANDLER)).toBe(1);
  });

  it('VMCALL of an unknown hypercall returns -KVM_ENOSYS', () => {
    const machine = run((asm) => {
      asm.mov(EAX, 99);
      asm.plain(Code.Vmcall);
      asm.mov(qword(RESULT), RAX);
    });
    expect(BigInt.asIntN(64, result(machine))).toBe(-1000n);
  });

  it('PAUSE in a loop exits and doubles the window', () => {
    const parameters = { pleGap: 1000, pleWindow: 4096 };
    const machine = kvmMachine({
      sender: (asm) => {
        const loop = asm.here('loop');
        asm.plain(Code.Pause);
        asm.jmp(loop);
      },
      parameters,
    });
    machine.run(60_000);
    const count = exits(machine, X.EXIT_REASON_PAUSE_INSTRUCTION);
    expect(count).toBeGreaterThan(1);
    expect(machine.sender.vcpu.pleWindow).toBe(4096 * 2 ** count);
    expect(machine.sender.cpu.vmx.vmread(VMCS_FIELD.PLE_WINDOW)).toBe(4096 * 2 ** count);
  });

  it('a PAUSE slower than the gap never exits', () => {
    const machine = kvmMachine({
      sender: (asm) => {
        const loop = asm.here('loop');
        asm.plain(Code.Pause);
        asm.jmp(loop);
      },
    });
    machine.run(60_000);
    expect(exits(machine, X.EXIT_REASON_PAUSE_INSTRUCTION)).toBe(0);
  });

  it('OUT and IN go to user space', () => {
    const machine = run((asm) => {
      asm.mov(EAX, 0x1234_5678);
      asm.out(0x80);
    });
    expect(machine.writes).toEqual([[0x80, 0x1234_5678]]);
    expect(charges(machine, STEP.USER_SPACE_EXIT)).toBe(2);
  });

  it('HLT with interrupts disabled sleeps for good', () => {
    const machine = kvmMachine({
      target: (asm) => {
        asm.plain(Code.Hlt);
      },
      parameters: { haltPollNs: 0 },
    });
    machine.run(LONG);
    machine.target.vcpu.descriptor.testAndSetPir(VECTOR);
    machine.target.vcpu.descriptor.on = true;
    machine.run(LONG);
    expect(machine.target.idle).toBe(true);
  });
});

describe('MSRs', () => {
  it('an unknown MSR is #GP', () => {
    const machine = kvmMachine({
      sender: (asm) => {
        emitWriteMsr(asm, 0x1234, 0);
      },
    });
    machine.run(LONG);
    // There is no handler for #GP: double fault, triple fault.
    expect(machine.failures).toEqual([{ kind: 'shutdown' }]);
    expect(exits(machine, X.EXIT_REASON_MSR_WRITE)).toBe(1);
  });

  it('IA32_APIC_BASE: from xAPIC to x2APIC mode', () => {
    const machine = run(() => undefined, { apicMode: 'x2apic' });
    expect(machine.sender.vcpu.apic.x2apic).toBe(true);
    expect(machine.sender.vcpu.vmcs.msrBitmap.interceptsWrite(X2APIC_ICR)).toBe(false);
  });

  it('99: x2APIC without IPIv: a physical fixed ICR write takes the fastpath', () => {
    const machine = run(ipi(ASSERT), { ...READY, apicMode: 'x2apic', parameters: { enableIpiv: false } });
    const before = run(() => undefined, { ...READY, apicMode: 'x2apic', parameters: { enableIpiv: false } });
    expect(exits(machine, X.EXIT_REASON_MSR_WRITE) - exits(before, X.EXIT_REASON_MSR_WRITE)).toBe(1);
    expect(charges(machine, STEP.MSR_HANDLER)).toBe(charges(before, STEP.MSR_HANDLER));
  });

  it.each(['v1', '5.19', '6.12'] as const)('99: a logical one takes the slow path (%s)', (version) => {
    const options = { ...READY, apicMode: 'x2apic', parameters: { enableIpiv: false, version } } as const;
    const machine = run(ipi(ASSERT | LOGICAL, 2), options);
    const before = run(() => undefined, options);
    expect(charges(machine, STEP.MSR_HANDLER)).toBe(charges(before, STEP.MSR_HANDLER) + 1);
  });

  it.each([
    ['5.19', 1],
    ['6.12', 0],
  ] as const)('the ICR fastpath of %s leaves the run loop %i time', (version, tails) => {
    const options = { ...READY, apicMode: 'x2apic', parameters: { enableIpiv: false, version } } as const;
    const tail = charges(run(ipi(ASSERT), options), STEP.EXIT_TAIL);
    // The IPI's own wait loop reads a page that the other run does not touch: one EPT violation more.
    const touch = run((asm) => {
      asm.mov(EBX, dword(COUNTER));
    }, options);
    expect(tail - charges(touch, STEP.EXIT_TAIL)).toBe(tails);
  });
});

describe('APIC exits', () => {
  it('56: without IPIv an xAPIC ICR write exits after the store', () => {
    const machine = run(ipi(ASSERT), { ...READY, parameters: { enableIpiv: false } });
    expect(exits(machine, X.EXIT_REASON_APIC_WRITE)).toBe(2);
    expect(charges(machine, STEP.IPI_REQUEST)).toBe(1);
  });

  it('56: a logical IPI exits with IPIv, in x2APIC mode as APIC write and not as WRMSR', () => {
    const options = { ...READY, apicMode: 'x2apic' } as const;
    const machine = run(ipi(ASSERT | LOGICAL, 2), options);
    const before = run(() => undefined, options);
    expect(exits(machine, X.EXIT_REASON_APIC_WRITE)).toBe(1);
    expect(exits(machine, X.EXIT_REASON_MSR_WRITE)).toBe(exits(before, X.EXIT_REASON_MSR_WRITE));
  });

  it.each([
    ['v1', 0, 1],
    ['5.19', BUSY, 0],
    ['6.12', 0, 0],
  ] as const)('77: %s leaves the busy bit of a declined ICR as %i, and ICR2 as %i', (version, busy, icr2) => {
    const machine = run(ipi(ASSERT | BUSY), { ...READY, apicMode: 'x2apic', parameters: { version } });
    const { page } = machine.sender.vcpu.apic;
    expect([page.read(0x300) & BUSY, page.read(0x304), page.read(0x310)]).toEqual([busy, 1, icr2]);
    expect(exits(machine, X.EXIT_REASON_APIC_WRITE)).toBe(1);
  });

  it('110: without APICv every register access is an APIC-access exit, the EOI a fast one', () => {
    const parameters = { enableApicv: false };
    const machine = run(ipi(ASSERT), { target: SPINS, parameters });
    expect(exits(machine, X.EXIT_REASON_APIC_ACCESS)).toBe(3);
    expect(charges(machine, STEP.INSTRUCTION_EMULATION)).toBe(3);
  });

  it('without flexpriority the APIC page is emulated MMIO', () => {
    const parameters = { enableApicv: false, flexpriority: false };
    const machine = run(ipi(ASSERT), { target: HALTS, parameters });
    expect(exits(machine, X.EXIT_REASON_APIC_ACCESS)).toBe(0);
    expect(exits(machine, X.EXIT_REASON_EPT_MISCONFIG)).toBe(3);
  });

  it('reads of the APIC are emulated', () => {
    const machine = run(
      (asm) => {
        asm.mov(RAX, qword(APIC_ADDRESS));
        asm.mov(EBX, dword(RAX, 0x30));
        asm.mov(qword(RESULT), RBX);
      },
      { parameters: { enableApicv: false } },
    );
    expect(result(machine)).toBe(0x5_0014n);
  });
});

describe('VM entry that fails', () => {
  it('ends the vCPU with the exit reason, bit 31 set', () => {
    const machine = kvmMachine();
    machine.sender.cpu.vmx.vmwrite(VMCS_FIELD.GUEST_RFLAGS, 0);
    machine.run(LONG);
    expect(machine.failures).toEqual([{ kind: 'fail-entry', hardwareReason: 0x8000_0021 }]);
    expect(machine.sender.vcpu.dead).toBe(true);
  });

  it('ends the vCPU with the VM-instruction error', () => {
    const machine = kvmMachine();
    machine.sender.cpu.vmx.vmwrite(VMCS_FIELD.PIN_BASED_VM_EXEC_CONTROL, 0);
    machine.run(LONG);
    expect(machine.failures).toEqual([{ kind: 'fail-entry', hardwareReason: 7 }]);
  });
});
