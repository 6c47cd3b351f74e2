import { Code, Register } from 'iced-x86';
import { describe, expect, it, vi } from 'vitest';
import { STEP } from '../../cost/step.js';
import type { Assembler } from '../../guest/assembler.js';
import { dword, EAX, EBX, qword, RAX, RBX, RSP } from '../../guest/operand.js';
import * as X from '../../hardware/vmx/exit-reason.js';
import { MEMORY_DIRECTORY } from '../../guest/memory-map.js';
import { CR0_WP } from '../../hardware/cpu/control-register-bits.js';
import { COUNTER, emitEnd, kvmMachine, type KvmMachine } from '../test-support/kvm-machine.js';
import { INTR_INFO_DELIVER_CODE, INTR_INFO_VALID, INTR_TYPE_HARD_EXCEPTION } from '../vcpu.js';
import { handleExceptionOrNmi } from './events.js';
import { EXIT_CONTINUES } from './exit-result.js';

const LONG = 1_000_000;
/** How often the handler has run, and the error code and the CR2 that it has found. */
const COUNT = COUNTER + 64;
const ERROR = COUNT + 8;
const LINEAR = COUNT + 16;
const RESULT = COUNT + 24;

const BP = 3;
const UD = 6;
const PF = 14;
const AC = 17;
const MC = 18;
/** Canonical, and mapped by nothing. */
const UNMAPPED = 0x7000_0000;
const PRESENT = 1;
const WRITE_OF_SUPERVISOR = 2;
/** In the entry that maps the guest's code. */
const WRITABLE = 2;
const KVM_ENOSYS = 1000;

const counts = (asm: Assembler): void => {
  asm.inc(dword(COUNT));
};

/** Passes over an instruction of `length` bytes. */
const skips =
  (length: number) =>
  (asm: Assembler): void => {
    counts(asm);
    asm.add(qword(RSP, 0), length);
  };

function run(
  body: (asm: Assembler) => void,
  vector: number,
  handler: (asm: Assembler) => void,
): KvmMachine & { readonly word: (address: number) => number; readonly charges: (step: number) => number } {
  const machine = kvmMachine({
    apicMode: 'x2apic',
    exceptions: [[vector, handler]],
    sender: (asm) => {
      body(asm);
      emitEnd(asm);
    },
  });
  expect(machine.run(LONG)).toBe(true);
  expect(machine.failures).toEqual([]);
  return {
    ...machine,
    word: (address) => Number(machine.kvm.guestMemory.read64(address)),
    charges: (step) => machine.hardware.meter.counts[step],
  };
}

describe('#UD', () => {
  it('exits, is decoded and goes back into the guest', () => {
    const once = run((asm) => asm.plain(Code.Ud2), UD, skips(2));
    // The first delivery has EPT violations on its way.
    const twice = run(
      (asm) => {
        asm.plain(Code.Ud2);
        asm.plain(Code.Ud2);
      },
      UD,
      skips(2),
    );
    expect([once.word(COUNT), twice.word(COUNT)]).toEqual([1, 2]);
    expect(twice.sender.vcpu.exits[X.EXIT_REASON_EXCEPTION_NMI]).toBe(2);
    for (const step of [STEP.INSTRUCTION_EMULATION, STEP.EVENT_INJECTION]) {
      expect(twice.charges(step) - once.charges(step)).toBe(1);
    }
  });

  it('of VMMCALL makes it VMCALL, which is executed', () => {
    const { word, kvm, sender } = run(
      (asm) => {
        asm.mov(EAX, 77);
        asm.plain(Code.Vmmcall);
        asm.mov(qword(RESULT), RAX);
      },
      UD,
      skips(3),
    );
    expect(word(COUNT)).toBe(0);
    expect(BigInt.asIntN(64, kvm.guestMemory.read64(RESULT))).toBe(BigInt(-KVM_ENOSYS));
    expect(sender.vcpu.exits[X.EXIT_REASON_EXCEPTION_NMI]).toBe(1);
    expect(sender.vcpu.exits[X.EXIT_REASON_VMCALL]).toBe(1);
  });
});

it('VMMCALL in code that is not writable is #PF', () => {
  const { word, sender } = run(
    (asm) => {
      asm.and(dword(MEMORY_DIRECTORY), ~WRITABLE);
      asm.movControl(Code.Mov_r64_cr, Register.RAX, Register.CR3);
      asm.movControl(Code.Mov_cr_r64, Register.CR3, Register.RAX);
      asm.plain(Code.Vmmcall);
    },
    PF,
    (asm) => {
      counts(asm);
      asm.pop(RAX);
      asm.mov(qword(ERROR), RAX);
      asm.movControl(Code.Mov_r64_cr, Register.RAX, Register.CR0);
      asm.and(RAX, ~CR0_WP);
      asm.movControl(Code.Mov_cr_r64, Register.CR0, Register.RAX);
    },
  );
  expect([word(COUNT), word(ERROR)]).toEqual([1, WRITE_OF_SUPERVISOR | PRESENT]);
  expect(sender.vcpu.exits[X.EXIT_REASON_VMCALL]).toBe(1);
});

describe('exceptions that KVM does not intercept', () => {
  it('#BP is delivered in the guest', () => {
    const { word, sender } = run((asm) => asm.plain(Code.Int3), BP, counts);
    expect(word(COUNT)).toBe(1);
    expect(sender.vcpu.exits[X.EXIT_REASON_EXCEPTION_NMI]).toBe(0);
  });

  it('#PF is delivered in the guest, with EPT', () => {
    const { word, sender } = run(
      (asm) => {
        asm.mov(EBX, UNMAPPED);
        asm.mov(dword(RBX, 0), EAX);
      },
      PF,
      (asm) => {
        counts(asm);
        asm.pop(RAX);
        asm.mov(qword(ERROR), RAX);
        asm.movControl(Code.Mov_r64_cr, Register.RAX, Register.CR2);
        asm.mov(qword(LINEAR), RAX);
        asm.add(qword(RSP, 0), 2);
      },
    );
    expect([word(COUNT), word(ERROR), word(LINEAR)]).toEqual([1, WRITE_OF_SUPERVISOR, UNMAPPED]);
    expect(sender.vcpu.exits[X.EXIT_REASON_EXCEPTION_NMI]).toBe(0);
  });
});

describe('exit 0 that the emulated processor never has, as KVM handles it', () => {
  /** What the handler makes of an exit with this interruption information. */
  function eventAfter(info: number): number {
    const { sender } = kvmMachine();
    const information = INTR_INFO_VALID | INTR_TYPE_HARD_EXCEPTION | info;
    vi.spyOn(sender.vcpu, 'exitInterruption', 'get').mockReturnValue(information);
    expect(handleExceptionOrNmi(sender)).toBe(EXIT_CONTINUES);
    return sender.vcpu.event.info;
  }

  it('#AC goes back into the guest with its error code', () => {
    const event = INTR_INFO_VALID | INTR_TYPE_HARD_EXCEPTION | INTR_INFO_DELIVER_CODE | AC;
    expect(eventAfter(INTR_INFO_DELIVER_CODE | AC)).toBe(event);
  });

  it('#MC is the business of the host, and the guest goes on', () => {
    expect(eventAfter(MC)).toBe(0);
  });
});
