import { Code, Register } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import type { Assembler, Label } from '../../guest/assembler.js';
import { dword, EAX, EDX, qword, RAX, RBX, RCX, RSP } from '../../guest/operand.js';
import * as X from '../../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { COUNTER, emitEnd, kvmMachine, type KvmMachine } from '../test-support/kvm-machine.js';

const LONG = 1_000_000;
/** What the handler of #DB has found last: how often it ran, DR6, return address, flags. */
const COUNT = COUNTER + 64;
const DR6 = COUNT + 8;
const RIP = COUNT + 16;
const RFLAGS = COUNT + 24;
/** Where the test expects it to return to. */
const EXPECTED_RIP = COUNT + 32;
const DATA = COUNT + 64;

const TF = 1 << 8;
const RF = 1 << 16;
const ON_INSTRUCTION = 0x401;
const ON_STORE = 0xd_0401;
const BS = 0x4000n;
const BD = 0x2000n;

const stack = (offset: number): ReturnType<typeof qword> => qword(RSP, offset);

/** Notes what it finds, ends stepping and lets the instruction at a breakpoint pass. */
function handler(asm: Assembler): void {
  asm.movControl(Code.Mov_r64_dr, Register.RBX, Register.DR6);
  asm.mov(qword(DR6), RBX);
  asm.mov(RBX, stack(0));
  asm.mov(qword(RIP), RBX);
  asm.mov(RBX, stack(16));
  asm.mov(qword(RFLAGS), RBX);
  asm.inc(dword(COUNT));
  asm.and(stack(16), ~TF);
  asm.or(stack(16), RF);
}

/** Runs a guest of which `body` gives the instruction that #DB is to return to. */
function run(body: (asm: Assembler) => Label): KvmMachine {
  const machine = kvmMachine({
    apicMode: 'x2apic',
    debug: handler,
    sender: (asm) => {
      const expected = body(asm);
      asm.address(EAX, expected);
      asm.mov(qword(EXPECTED_RIP), RAX);
      emitEnd(asm);
    },
  });
  expect(machine.run(LONG)).toBe(true);
  expect(machine.failures).toEqual([]);
  return machine;
}

function setDebugRegister(asm: Assembler, register: Register, value: number): void {
  asm.mov(EAX, value);
  asm.movControl(Code.Mov_dr_r64, register, Register.RAX);
}

function setTrapFlag(asm: Assembler): void {
  asm.push(2 | TF);
  asm.plain(Code.Popfq);
}

const word = ({ kvm }: KvmMachine, address: number): bigint => kvm.guestMemory.read64(address);
const exits = ({ sender }: KvmMachine, reason: number): number => sender.vcpu.exits[reason];

/** One #DB with these bits of DR6, returning where it should. */
function expectOne(machine: KvmMachine, conditions: bigint): void {
  expect(word(machine, COUNT)).toBe(1n);
  expect(word(machine, DR6) & 0xe00fn).toBe(conditions);
  expect(word(machine, RIP)).toBe(word(machine, EXPECTED_RIP));
}

describe('#DB of a guest', () => {
  it('behind a store exits and is injected, with DR6 as a processor leaves it', () => {
    const machine = run((asm) => {
      setDebugRegister(asm, Register.DR0, DATA);
      setDebugRegister(asm, Register.DR7, ON_STORE);
      asm.mov(dword(DATA), EAX);
      return asm.here('behind');
    });
    expectOne(machine, 1n);
    expect(exits(machine, X.EXIT_REASON_EXCEPTION_NMI)).toBe(1);
  });

  it('before an instruction comes once: IRET brings RF back', () => {
    const machine = run((asm) => {
      const at = asm.label('at');
      asm.address(EAX, at);
      asm.movControl(Code.Mov_dr_r64, Register.DR1, Register.RAX);
      setDebugRegister(asm, Register.DR7, ON_INSTRUCTION << 2);
      asm.bind(at);
      asm.plain(Code.Cld);
      return at;
    });
    expectOne(machine, 2n);
    expect(word(machine, RFLAGS) & BigInt(RF)).toBe(0n);
  });

  it('breakpoints outlive exits', () => {
    const machine = run((asm) => {
      setDebugRegister(asm, Register.DR0, DATA);
      setDebugRegister(asm, Register.DR7, ON_STORE);
      asm.plain(Code.Vmcall);
      asm.mov(dword(DATA), EAX);
      return asm.here('behind');
    });
    expectOne(machine, 1n);
  });

  it('of general detect is raised by KVM, whose exit comes first, and DR7.GD is cleared', () => {
    const machine = run((asm) => {
      setDebugRegister(asm, Register.DR7, 0x2400);
      asm.plain(Code.Vmcall);
      const at = asm.here('at');
      asm.movControl(Code.Mov_r64_dr, Register.RAX, Register.DR7);
      return at;
    });
    expectOne(machine, BD);
    expect(exits(machine, X.EXIT_REASON_EXCEPTION_NMI)).toBe(0);
    expect(machine.sender.cpu.vmx.vmread(VMCS_FIELD.GUEST_DR7)).toBe(0x400);
  });

  it('INT1 returns behind itself', () => {
    expectOne(
      run((asm) => {
        asm.plain(Code.Int1);
        return asm.here('behind');
      }),
      0n,
    );
  });
});

describe('single step', () => {
  it('comes behind an instruction that KVM emulates', () => {
    const machine = run((asm) => {
      setTrapFlag(asm);
      asm.plain(Code.Cpuid);
      return asm.here('behind');
    });
    expectOne(machine, BS);
    expect(exits(machine, X.EXIT_REASON_EXCEPTION_NMI)).toBe(0);
  });

  it('comes behind an IPI that the fastpath sends', () => {
    const machine = run((asm) => {
      asm.mov(RCX, 0x830);
      asm.mov(EAX, 0x4031);
      asm.mov(EDX, 1);
      setTrapFlag(asm);
      asm.plain(Code.Wrmsr);
      return asm.here('behind');
    });
    expectOne(machine, BS);
  });

  it('comes behind STI, whose blocking VM entry wants to see pending', () => {
    expectOne(
      run((asm) => {
        setTrapFlag(asm);
        asm.plain(Code.Sti);
        return asm.here('behind');
      }),
      BS,
    );
  });
});
