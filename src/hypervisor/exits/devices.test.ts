import { Code, Instruction, Register } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import type { Assembler } from '../../guest/assembler.js';
import { dword, EAX, EBX, ECX, EDX, ESI, qword, RAX, RBX } from '../../guest/operand.js';
import { APIC_ADDRESS, LOCAL_APIC } from '../../guest/memory-map.js';
import { emitWriteMsr } from '../../guest/programs/local-apic.js';
import { STEP, TICKS_PER_CYCLE } from '../../cost/step.js';
import * as X from '../../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { IoBus } from '../kernel-devices.js';
import {
  COUNTER,
  emitEnd,
  emitIcrWrite,
  HALTS,
  kvmMachine,
  VECTOR,
  type KvmMachine,
  type KvmMachineOptions,
} from '../test-support/kvm-machine.js';
import { QuietDevices } from '../test-support/quiet-devices.js';

const LONG = 1_000_000;
const KVM_6_12: KvmMachineOptions = { parameters: { version: '6.12' } };
const RESULT = COUNTER + 64;
const PIC = 0x21;
const EVENT_PORT = 0x90;
const EVENT_DATA = 0xfa;
/** In the page of the local APIC, which is a device in x2APIC mode with flexpriority off. */
const FAST_ADDRESS = LOCAL_APIC + 0x800;

/** A PIC's mask register, an eventfd with data at EVENT_PORT. */
class Devices extends QuietDevices {
  readonly log: string[] = [];
  #mask = 0;

  override claims(bus: IoBus, address: number): boolean {
    return bus === 'port' && address === PIC;
  }

  override read(): number {
    return this.#mask;
  }

  override write(_vcpu: number, _bus: IoBus, _address: number, _size: number, value: number): void {
    this.#mask = value & 0xff;
    this.log.push(`mask ${String(this.#mask)}`);
  }

  override listens(bus: IoBus, address: number): boolean {
    return bus === 'port' && address === EVENT_PORT;
  }

  override matches(_bus: IoBus, _address: number, _size: number, value: number): boolean {
    return value === EVENT_DATA;
  }

  override isFast(guestPhysical: number): boolean {
    return guestPhysical === FAST_ADDRESS;
  }
}

function run(body: (asm: Assembler) => void, options: KvmMachineOptions = {}): KvmMachine {
  const machine = kvmMachine({
    apicMode: 'x2apic',
    ...options,
    sender: (asm) => {
      body(asm);
      emitEnd(asm);
    },
  });
  expect(machine.run(LONG)).toBe(true);
  expect(machine.failures).toEqual([]);
  return machine;
}

const result = ({ kvm }: KvmMachine): bigint => kvm.guestMemory.read64(RESULT);
const charges = ({ hardware }: KvmMachine, step: number): number => hardware.meter.counts[step];
const exits = ({ sender }: KvmMachine, reason: number): number => sender.vcpu.exits[reason];

describe('ports', () => {
  it('of in-kernel devices do not leave to user space', () => {
    const devices = new Devices();
    const machine = run(
      (asm) => {
        asm.mov(EAX, 0xfb);
        asm.out(PIC);
      },
      { kernelDevices: devices },
    );
    expect(devices.log).toEqual(['mask 251']);
    expect(charges(machine, STEP.KERNEL_PORT_IO)).toBe(1);
    // The end of the run is one.
    expect(charges(machine, STEP.USER_SPACE_EXIT)).toBe(1);
  });

  it.each([
    ['matching data signals the eventfd', EVENT_DATA, 1, []],
    ['other data goes on to user space', 0x55, 0, [[EVENT_PORT, 0x55]]],
  ])('%s', (_, value, signals, writes) => {
    const machine = run(
      (asm) => {
        asm.mov(EAX, value);
        asm.out(EVENT_PORT);
      },
      { kernelDevices: new Devices() },
    );
    expect(charges(machine, STEP.EVENTFD_SIGNAL)).toBe(signals);
    expect(machine.writes).toEqual(writes);
    expect(charges(machine, STEP.USER_SPACE_EXIT)).toBe(writes.length + 1);
  });
});

describe('memory', () => {
  it('a write to the fast MMIO bus is not decoded', () => {
    const machine = run(
      (asm) => {
        asm.mov(RAX, qword(APIC_ADDRESS));
        asm.mov(dword(RAX, 0x800), EBX);
        asm.mov(dword(RAX, 0x800), EBX);
      },
      { kernelDevices: new Devices(), parameters: { flexpriority: false, enableApicv: false } },
    );
    expect(charges(machine, STEP.EVENTFD_SIGNAL)).toBe(2);
    expect(charges(machine, STEP.INSTRUCTION_EMULATION)).toBe(0);
    expect(exits(machine, X.EXIT_REASON_EPT_MISCONFIG)).toBe(2);
  });
});

describe('instructions', () => {
  it('WBINVD and INVD have no effect', () => {
    const machine = run((asm) => {
      asm.plain(Code.Wbinvd);
      asm.plain(Code.Invd);
    });
    expect([exits(machine, X.EXIT_REASON_WBINVD), exits(machine, X.EXIT_REASON_INVD)]).toEqual([1, 1]);
    expect(charges(machine, STEP.WBINVD_HANDLER)).toBe(1);
  });

  it.each([
    ['RDPMC', Code.Rdpmc, X.EXIT_REASON_RDPMC],
    ['VMLAUNCH', Code.Vmlaunch, X.EXIT_REASON_VMLAUNCH],
  ])('%s is a fault', (_, code, reason) => {
    const machine = kvmMachine({
      sender: (asm) => {
        asm.plain(code);
      },
    });
    machine.run(LONG);
    // There is no handler: double fault, triple fault.
    expect(machine.failures).toEqual([{ kind: 'shutdown' }]);
    expect(exits(machine, reason)).toBe(1);
  });
});

describe('XSETBV', () => {
  const CR4_OSXSAVE = 0x4_0000;
  const setXcr0 = (asm: Assembler, value: number): void => {
    asm.emit(() => Instruction.createRegReg(Code.Mov_r64_cr, Register.RAX, Register.CR4));
    asm.or(EAX, CR4_OSXSAVE);
    asm.emit(() => Instruction.createRegReg(Code.Mov_cr_r64, Register.CR4, Register.RAX));
    asm.xor(ECX, ECX);
    asm.xor(EDX, EDX);
    asm.mov(EAX, value);
    asm.plain(Code.Xsetbv);
  };

  it('exits, and sets XCR0 to what the guest has been told of', () => {
    const machine = run((asm) => {
      setXcr0(asm, 1);
      asm.plain(Code.Xgetbv);
      asm.mov(dword(RESULT), EAX);
    });
    expect(result(machine)).toBe(1n);
    expect(exits(machine, X.EXIT_REASON_XSETBV)).toBe(1);
    const without = charges(
      run(() => undefined),
      STEP.MSR_HANDLER,
    );
    expect(charges(machine, STEP.MSR_HANDLER) - without).toBe(1);
  });

  it.each([
    ['without x87', 2],
    ['with AVX, which CPUID does not announce', 7],
  ])('is a fault %s', (_, value) => {
    const machine = kvmMachine({
      sender: (asm) => {
        setXcr0(asm, value);
      },
    });
    machine.run(LONG);
    expect(machine.failures).toEqual([{ kind: 'shutdown' }]);
    expect(exits(machine, X.EXIT_REASON_XSETBV)).toBe(1);
  });
});

it('an NMI of the host exits with reason 0, and is none of the guest', () => {
  const machine = kvmMachine({
    apicMode: 'x2apic',
    sender: (asm) => {
      asm.mov(ECX, 1000);
      const loop = asm.here('loop');
      asm.dec(ECX);
      asm.jcc('ne', loop);
      emitEnd(asm);
    },
    nmi: (asm) => {
      asm.mov(dword(RESULT), 1);
    },
  });
  const { hardware, sender } = machine;
  let entriesBefore = 0;
  // By then the guest is in its loop.
  hardware.clock.schedule(8000 * TICKS_PER_CYCLE, sender.cpu.id, (at) => {
    entriesBefore = charges(machine, STEP.HOST_IRQ_ENTRY);
    sender.cpu.nmiPending = true;
    sender.cpu.wake(at);
  });
  expect(machine.run(LONG)).toBe(true);
  expect(exits(machine, X.EXIT_REASON_EXCEPTION_NMI)).toBe(1);
  expect(charges(machine, STEP.HOST_IRQ_ENTRY) - entriesBefore).toBe(1);
  expect(charges(machine, STEP.EVENT_INJECTION)).toBe(0);
  expect(result(machine)).toBe(0n);
});

describe('without APICv', () => {
  it('43: lowering CR8 below the class of a request exits, and the interrupt comes', () => {
    const machine = run(
      (asm) => {
        asm.plain(Code.Sti);
        asm.mov(EAX, 4);
        asm.movControl(Code.Mov_cr_r64, Register.CR8, Register.RAX);
        emitIcrWrite(asm, 'x2apic', (1 << 18) | VECTOR, 0);
        asm.mov(EAX, 0);
        asm.movControl(Code.Mov_cr_r64, Register.CR8, Register.RAX);
        const wait = asm.here('wait');
        asm.mov(EBX, 1);
        asm.cmp(dword(COUNTER), EBX);
        asm.jcc('ne', wait);
      },
      { parameters: { enableApicv: false } },
    );
    expect(exits(machine, X.EXIT_REASON_TPR_BELOW_THRESHOLD)).toBe(1);
    expect(machine.counter()).toBe(1);
  });

  it('7: an interrupt that comes while IF = 0 waits for an interrupt window', () => {
    const machine = run(
      (asm) => {
        emitIcrWrite(asm, 'x2apic', (1 << 18) | VECTOR, 0);
        asm.plain(Code.Sti);
        const wait = asm.here('wait');
        asm.mov(EBX, 1);
        asm.cmp(dword(COUNTER), EBX);
        asm.jcc('ne', wait);
      },
      { parameters: { enableApicv: false } },
    );
    expect(exits(machine, X.EXIT_REASON_INTERRUPT_WINDOW)).toBe(1);
    expect(charges(machine, STEP.INTERRUPT_WINDOW_HANDLER)).toBe(1);
  });
});

describe('debug registers', () => {
  it('are given to the guest at the first access, until the next exit', () => {
    const machine = run((asm) => {
      asm.mov(EAX, 0x400);
      asm.movControl(Code.Mov_dr_r64, Register.DR7, Register.RAX);
      asm.movControl(Code.Mov_dr_r64, Register.DR0, Register.RAX);
      asm.movControl(Code.Mov_r64_dr, Register.RBX, Register.DR0);
      asm.mov(qword(RESULT), RBX);
      asm.plain(Code.Vmcall);
      asm.movControl(Code.Mov_r64_dr, Register.RBX, Register.DR0);
    });
    expect(exits(machine, X.EXIT_REASON_DR_ACCESS)).toBe(2);
    expect(charges(machine, STEP.DR_ACCESS_HANDLER)).toBe(2);
    expect(result(machine)).toBe(0x400n);
  });
});

describe('MSRs', () => {
  it('IA32_TSC_ADJUST moves the TSC, and follows writes to it', () => {
    const machine = run((asm) => {
      emitWriteMsr(asm, 0x3b, 0x1000_0000);
      asm.mov(ECX, 0x3b);
      asm.plain(Code.Rdmsr);
      asm.mov(dword(RESULT), EAX);
      asm.mov(dword(RESULT + 4), EDX);
    });
    expect(result(machine)).toBe(0x1000_0000n);
    expect(machine.sender.cpu.vmx.vmread(VMCS_FIELD.TSC_OFFSET)).toBe(0x1000_0000);
    expect(machine.sender.cpu.msrs.tscAdjust).toBe(0);
  });

  it('IA32_SPEC_CTRL exits until it is set for the first time', () => {
    const writes = (count: number): number => {
      const machine = run((asm) => {
        for (let i = 0; i < count; i++) emitWriteMsr(asm, 0x48, 1);
      });
      return exits(machine, X.EXIT_REASON_MSR_WRITE);
    };
    expect(writes(5)).toBe(writes(1));
  });

  it('IA32_MISC_ENABLE is storage of the guest, but for what says that there is no performance monitoring', () => {
    const XD_DISABLE = 4;
    const machine = run((asm) => {
      asm.mov(ECX, 0x1a0);
      asm.mov(EAX, 0x00c5_0089);
      asm.mov(EDX, XD_DISABLE);
      asm.plain(Code.Wrmsr);
      asm.plain(Code.Rdmsr);
      asm.mov(dword(RESULT), EAX);
      asm.mov(dword(RESULT + 4), EDX);
    }, KVM_6_12);
    expect(result(machine)).toBe(0x4_00c5_0009n);
  });

  it.each([
    ['6.12', false],
    ['5.19', true],
  ] as const)('under %s IA32_MISC_ENABLE.BTS_UNAVAIL can be changed: %s', (version, changes) => {
    const machine = kvmMachine({
      apicMode: 'x2apic',
      parameters: { version },
      sender: (asm) => {
        emitWriteMsr(asm, 0x1a0, 1 << 11);
        emitEnd(asm);
      },
    });
    machine.run(LONG);
    expect(machine.failures).toEqual(changes ? [] : [{ kind: 'shutdown' }]);
  });

  it('an APIC moved from its default address inhibits APICv', () => {
    const machine = run(
      (asm) => {
        emitWriteMsr(asm, 0x1b, 0xfed4_0900);
      },
      { apicMode: 'xapic' },
    );
    expect(machine.kvm.effective).toEqual({ apicv: false, ipiv: false });
    expect(machine.sender.vcpu.apicvActive).toBe(false);
  });

  it('a disabled APIC deactivates APICv for its vCPU only', () => {
    const machine = run(
      (asm) => {
        emitWriteMsr(asm, 0x1b, 0xfee0_0100);
      },
      { apicMode: 'xapic' },
    );
    expect(machine.sender.vcpu.apicvActive).toBe(false);
    expect(machine.kvm.effective.apicv).toBe(true);
  });

  it('x2APIC mode is #GP where CPUID does not show it', () => {
    const machine = kvmMachine({
      apicMode: 'xapic',
      guestFeatures: { x2apic: false, tscDeadline: false, paravirtual: false },
      sender: (asm) => {
        emitWriteMsr(asm, 0x1b, 0xfee0_0d00);
      },
    });
    machine.run(LONG);
    // There is no handler for #GP: double fault, triple fault.
    expect(machine.failures).toEqual([{ kind: 'shutdown' }]);
  });
});

describe('hypercalls', () => {
  const call = (number: number, setUp: (asm: Assembler) => void, options: KvmMachineOptions = {}): KvmMachine =>
    run((asm) => {
      setUp(asm);
      asm.mov(EAX, number);
      asm.plain(Code.Vmcall);
      asm.mov(qword(RESULT), RAX);
    }, options);
  const sendIpi =
    (bitmap: number, first: number, icr: number) =>
    (asm: Assembler): void => {
      asm.mov(EBX, bitmap);
      asm.mov(ECX, 0);
      asm.mov(EDX, first);
      asm.mov(ESI, icr);
    };

  // prettier-ignore
  it.each([
    ['nobody',                         0b10, 0xffff_ffff, VECTOR,         0n],
    ['vCPU 1',                         0b10, 0,           VECTOR,         1n],
    ['vCPU 1, counted from its ID',    0b1,  1,           VECTOR,         1n],
    ['nobody with a logical ICR',      0b10, 0,           VECTOR | 0x800, -22n],
  ])('KVM_HC_SEND_IPI reaches %s', (_, bitmap, first, icr, expected) => {
    const machine = call(10, sendIpi(bitmap, first, icr), { target: HALTS });
    expect(BigInt.asIntN(64, result(machine))).toBe(expected);
    machine.run(LONG);
    expect(machine.counter()).toBe(expected === 1n ? 1 : 0);
  });

  it('KVM_HC_VAPIC_POLL_IRQ does nothing', () => {
    expect(result(call(1, () => undefined))).toBe(0n);
  });

  it('CPUID shows the paravirtual IPI where user space wants it', () => {
    const eax = (paravirtual: boolean): bigint =>
      result(
        run(
          (asm) => {
            asm.mov(EAX, 0x4000_0001);
            asm.plain(Code.Cpuid);
            asm.mov(qword(RESULT), RAX);
            asm.mov(RBX, 0);
          },
          { guestFeatures: { x2apic: true, tscDeadline: false, paravirtual } },
        ),
      );
    expect([eax(false), eax(true)]).toEqual([0n, 0x802n]);
  });
});
