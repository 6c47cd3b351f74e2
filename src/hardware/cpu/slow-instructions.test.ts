import { describe, expect, it } from 'vitest';
import {
  CODE,
  cpuFixture,
  DATA,
  GDT,
  HANDLERS,
  KERNEL_CODE,
  KERNEL_DATA,
  nonRoot,
  RSP,
  STACK,
  STEP_TICKS,
  TSS_SELECTOR,
  USER_CODE,
  USER_CODE_SELECTOR,
  USER_DATA,
  type Fixture,
} from '../../../test/support/cpu-fixture.js';
import { STEP } from '../../cost/step.js';
import { CR4_FIXED1 } from '../vmx/capability.js';
import * as E from '../vmx/exit-reason.js';
import { BLOCKING_BY_MOV_SS } from './activity.js';
import { CR4_PCIDE, CR4_UMIP } from './control-register-bits.js';
import { CPU_FS_BASE, CPU_GS_BASE, CPU_RDTSC_SLOW } from './layout.js';
import type { NonRoot } from './non-root.js';
import { DONE, PASS, REDIRECTED, type Outcome } from './outcome.js';
import { RFLAGS_CF, RFLAGS_ID, RFLAGS_IF, RFLAGS_IOPL } from './rflags.js';
import { UnimplementedInstructionError } from './unimplemented.js';
import { runUntil } from '../../../test/support/engine.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const R11 = 11;
const handler = (vector: number): number => HANDLERS + vector * 16;

/** A CPU about to execute `bytes`, at CPL 0. */
function about(...bytes: number[]): Fixture {
  const machine = cpuFixture();
  machine.load(CODE, ...bytes);
  return machine;
}

/** A CPU about to execute `bytes` at CPL 3. */
function aboutUser(...bytes: number[]): Fixture {
  const machine = cpuFixture();
  machine.load(USER_CODE, ...bytes);
  machine.enterUserMode();
  return machine;
}

/** Executes one instruction, and delivers what comes of it. */
function execute(machine: Fixture): void {
  runUntil(machine.cpu, machine.cpu.now + 1);
  if (machine.cpu.faulting || machine.cpu.injected !== null) machine.settle();
}

/** Did the instruction fault with `vector`? */
function expectFault(machine: Fixture, vector: number, errorCode?: number): void {
  const rip = machine.cpu.rip;
  execute(machine);
  expect(machine.cpu.rip).toBe(handler(vector));
  expect(machine.stackWord(errorCode === undefined && vector === 6 ? 0 : 1)).toBe(rip);
  if (errorCode !== undefined) expect(machine.stackWord(0)).toBe(errorCode);
}

const set = (machine: Fixture, register: number, value: bigint): void => {
  machine.cpu.setGpr(register, value);
};

describe('privilege', () => {
  it.each<[string, number[]]>([
    ['HLT', [0xf4]],
    ['RDMSR', [0x0f, 0x32]],
    ['WRMSR', [0x0f, 0x30]],
    ['MOV CR0', [0x0f, 0x22, 0xc0]],
    ['MOV DR7', [0x0f, 0x23, 0xf8]],
    ['CLTS', [0x0f, 0x06]],
    ['LGDT', [0x0f, 0x01, 0x10]],
    ['LTR', [0x0f, 0x00, 0xd8]],
    ['SWAPGS', [0x0f, 0x01, 0xf8]],
    ['INVLPG', [0x0f, 0x01, 0x38]],
    ['WBINVD', [0x0f, 0x09]],
    ['CLI', [0xfa]],
    ['STI', [0xfb]],
    ['IN AL, 60H', [0xe4, 0x60]],
    ['SYSRETQ', [0x48, 0x0f, 0x07]],
  ])('%s at CPL 3 is #GP(0)', (_, bytes) => {
    expectFault(aboutUser(...bytes), 13, 0);
  });

  it.each<[string, number[]]>([
    ['MONITOR at CPL 3', [0x0f, 0x01, 0xc8]],
    ['VMCALL outside VMX', [0x0f, 0x01, 0xc1]],
    ['UD2', [0x0f, 0x0b]],
    ['STUI without CR4.UINTR', [0xf3, 0x0f, 0x01, 0xef]],
    ['RDFSBASE without CR4.FSGSBASE', [0xf3, 0x48, 0x0f, 0xae, 0xc0]],
    ['SYSCALL without EFER.SCE', [0x0f, 0x05]],
    ['XGETBV without CR4.OSXSAVE', [0x0f, 0x01, 0xd0]],
    ['an invalid encoding', [0x0f, 0xff, 0xff]],
    ['VADDPS, which CPUID does not announce,', [0xc5, 0xf8, 0x58, 0xc1]],
    ['ENCLS, which CPUID does not announce,', [0x0f, 0x01, 0xcf]],
  ])('%s is #UD', (_, bytes) => {
    const machine = aboutUser(...bytes);
    machine.cpu.eferLow &= ~1;
    expectFault(machine, 6);
  });

  it('LOCK on an instruction without memory destination is #UD', () => {
    expectFault(about(0xf0, 0xf4), 6);
  });

  it('an instruction that has no handler is an error with name, bytes and RIP', () => {
    const machine = about(0x01, 0xc0); // an ADD that the interpreter has not executed
    expect(() => execute(machine)).toThrow(UnimplementedInstructionError);
    expect(() => execute(machine)).toThrow(/ADD \(01 c0\) at RIP 10000H/);
  });
});

describe('user-mode instruction prevention', () => {
  const PREVENTED: [string, number[]][] = [
    ['SGDT', [0x0f, 0x01, 0x03]],
    ['SIDT', [0x0f, 0x01, 0x0b]],
    ['SLDT', [0x0f, 0x00, 0xc0]],
    ['STR', [0x0f, 0x00, 0xc8]],
    ['SMSW', [0x0f, 0x01, 0xe0]],
  ];

  it.each(PREVENTED)('%s at CPL 3 is #GP(0)', (_, bytes) => {
    const machine = aboutUser(...bytes);
    machine.cpu.cr4 |= CR4_UMIP;
    expectFault(machine, 13, 0);
  });

  it.each(PREVENTED)('%s at CPL 0 is executed', (_, bytes) => {
    const machine = about(...bytes);
    machine.cpu.cr4 |= CR4_UMIP;
    set(machine, RBX, BigInt(DATA));
    execute(machine);
    expect(machine.cpu.rip).toBe(CODE + bytes.length);
  });
});

describe('INVPCID', () => {
  const INSTRUCTION = [0x66, 0x0f, 0x38, 0x82, 0x03]; // INVPCID RAX, [RBX]
  const NOT_CANONICAL = 1n << 47n;

  function invalidate(type: bigint, pcid: bigint, address: bigint, pcids: boolean): Fixture {
    const machine = about(...INSTRUCTION);
    machine.memory.write64(DATA, pcid);
    machine.memory.write64(DATA + 8, address);
    if (pcids) machine.cpu.cr4 |= CR4_PCIDE;
    set(machine, RAX, type);
    set(machine, RBX, BigInt(DATA));
    return machine;
  }

  it.each<[string, bigint, bigint, bigint, boolean]>([
    ['an address', 0n, 5n, 0x1000n, true],
    ['an address without PCIDs', 0n, 0n, 0x1000n, false],
    ['a PCID', 1n, 5n, NOT_CANONICAL, true],
    ['all contexts', 2n, 5n, NOT_CANONICAL, false],
    ['all but globals', 3n, 5n, NOT_CANONICAL, false],
  ])('takes %s', (_, type, pcid, address, pcids) => {
    const machine = invalidate(type, pcid, address, pcids);
    execute(machine);
    expect(machine.cpu.rip).toBe(CODE + INSTRUCTION.length);
  });

  it.each<[string, bigint, bigint, bigint, boolean]>([
    ['type 4', 4n, 0n, 0n, true],
    ['reserved bits in the descriptor', 2n, 0x1000n, 0n, true],
    ['a PCID without CR4.PCIDE', 1n, 5n, 0n, false],
    ['an address that is not canonical', 0n, 5n, NOT_CANONICAL, true],
  ])('with %s is #GP(0)', (_, type, pcid, address, pcids) => {
    expectFault(invalidate(type, pcid, address, pcids), 13, 0);
  });

  it('is privileged', () => {
    expectFault(aboutUser(...INSTRUCTION), 13, 0);
  });
});

describe('MSRs', () => {
  it('RDMSR of an unknown MSR is #GP(0)', () => {
    const machine = about(0x0f, 0x32);
    set(machine, RCX, 0x492n);
    expectFault(machine, 13, 0);
  });

  it('WRMSR and RDMSR go to the same place and cost native steps', () => {
    const machine = about(0x0f, 0x30, 0x0f, 0x32);
    set(machine, RCX, 0xc000_0102n);
    set(machine, RAX, 0x1234_5000n);
    set(machine, RDX, 0xffff_8000n);
    execute(machine);
    set(machine, RAX, ~0n);
    execute(machine);
    expect([machine.cpu.gpr(RDX), machine.cpu.gpr(RAX)]).toEqual([0xffff_8000n, 0x1234_5000n]);
    expect([machine.charged(STEP.NATIVE_WRMSR), machine.charged(STEP.NATIVE_RDMSR)]).toEqual([1, 1]);
  });

  it.each<[string, Outcome, number]>([
    ['virtualized', DONE, 0],
    ['not virtualized', PASS, 5],
  ])('WRMSR in non-root operation, %s', (_, outcome, expected) => {
    const machine = about(0x0f, 0x30);
    const wrmsr: NonRoot['wrmsr'] = () => {
      machine.cpu.now += STEP_TICKS;
      return outcome;
    };
    machine.cpu.nonRoot = nonRoot({ wrmsr });
    set(machine, RCX, 0xc000_0102n);
    set(machine, RAX, 5n);
    execute(machine);
    expect(machine.cpu.msrs.kernelGsBase).toBe(expected);
    expect(machine.cpu.rip).toBe(CODE + 2);
  });

  it('RDTSCP returns IA32_TSC_AUX in ECX', () => {
    const machine = about(0x0f, 0x01, 0xf9);
    machine.cpu.msrs.tscAux = 7;
    machine.cpu.now = 64_000;
    execute(machine);
    expect([machine.cpu.gpr(RAX), machine.cpu.gpr(RCX)]).toEqual([1000n, 7n]);
    expect(machine.charged(STEP.RDTSC)).toBe(1);
  });
});

describe('control registers', () => {
  it.each<[string, bigint]>([
    ['PG without PE', 0x8000_0000n],
    ['NW without CD', 0xa000_0031n],
    ['clearing PG in 64-bit mode', 0x31n],
    ['bits 63:32', 0x1_8000_0031n],
  ])('MOV to CR0: %s is #GP(0)', (_, value) => {
    const machine = about(0x0f, 0x22, 0xc0);
    set(machine, RAX, value);
    expectFault(machine, 13, 0);
  });

  it.each<[string, bigint]>([
    ['a reserved bit', 0x8000_0020n],
    ['clearing PAE in long mode', 0n],
  ])('MOV to CR4: %s is #GP(0)', (_, value) => {
    const machine = about(0x0f, 0x22, 0xe0);
    set(machine, RAX, value);
    expectFault(machine, 13, 0);
  });

  it('MOV to CR4 with TSD makes RDTSC slow', () => {
    const machine = about(0x0f, 0x22, 0xe0);
    set(machine, RAX, 0x24n);
    execute(machine);
    expect([machine.cpu.cr4, machine.cpu.word(CPU_RDTSC_SLOW)]).toEqual([0x24, 1]);
  });

  it('MOV to CR3 above MAXPHYADDR is #GP(0)', () => {
    const machine = about(0x0f, 0x22, 0xd8);
    set(machine, RAX, 1n << 46n);
    expectFault(machine, 13, 0);
  });

  it.each<[string, number, bigint, boolean]>([
    ['with PCID 0 in CR3', 0, 0x2_0020n, true],
    ['with another PCID in CR3', 1, 0x2_0020n, false],
  ])('MOV to CR4 enables PCIDs %s', (_, pcid, value, enables) => {
    const machine = about(0x0f, 0x22, 0xe0);
    machine.cpu.cr3 += pcid;
    set(machine, RAX, value);
    if (enables) {
      execute(machine);
      expect(machine.cpu.cr4 & CR4_PCIDE).toBe(CR4_PCIDE);
    } else expectFault(machine, 13, 0);
  });

  it.each(Array.from({ length: 32 }, (_, bit) => bit))(
    'MOV to CR4 sets bit %i if IA32_VMX_CR4_FIXED1 allows it',
    (bit) => {
      const machine = about(0x0f, 0x22, 0xe0);
      const value = (machine.cpu.cr4 | (1 << bit)) >>> 0;
      set(machine, RAX, BigInt(value));
      execute(machine);
      expect(machine.cpu.cr4 === value).toBe((CR4_FIXED1 & (1 << bit)) !== 0);
    },
  );

  it('with PCIDs bit 63 of a source for CR3 is not stored, and paging stays on', () => {
    const machine = about(0x0f, 0x22, 0xd8, 0x0f, 0x22, 0xc0);
    const cr3 = BigInt(machine.cpu.cr3) + 5n;
    machine.cpu.cr4 |= CR4_PCIDE;
    set(machine, RAX, (1n << 63n) | cr3);
    execute(machine);
    expect(BigInt(machine.cpu.cr3)).toBe(cr3);
    set(machine, RAX, 0x31n);
    expectFault(machine, 13, 0);
  });

  it('keeps host-owned bits and shows the read shadow in non-root operation', () => {
    const machine = about(0x0f, 0x22, 0xe0, 0x0f, 0x20, 0xe3); // MOV CR4, RAX; MOV RBX, CR4
    machine.cpu.nonRoot = nonRoot({ mergedCr: (_cr, _actual, written) => written | 0x2000n, shadowedCr: () => 0x77n });
    set(machine, RAX, 0x20n);
    execute(machine);
    execute(machine);
    expect([machine.cpu.cr4, machine.cpu.gpr(RBX)]).toEqual([0x2020, 0x77n]);
  });

  it('CR-access exits say register, direction and GPR', () => {
    const machine = about(0x0f, 0x20, 0xdb); // MOV RBX, CR3
    const exits: number[][] = [];
    machine.cpu.nonRoot = nonRoot({
      intercept: (reason, qualification, length) => {
        exits.push([reason, qualification, length]);
        return PASS;
      },
    });
    execute(machine);
    expect(exits).toEqual([[E.EXIT_REASON_CR_ACCESS, 0x313, 3]]);
  });

  it('MOV to CR8 sets the TPR, MOV from CR8 reads it', () => {
    const machine = about(0x44, 0x0f, 0x22, 0xc0, 0x44, 0x0f, 0x20, 0xc3);
    set(machine, RAX, 5n);
    execute(machine);
    expect(machine.cpu.apic.readRegister(0x80)).toBe(0x50);
    execute(machine);
    expect(machine.cpu.gpr(RBX)).toBe(5n);
  });

  it('LMSW cannot clear PE; CLTS clears TS', () => {
    const machine = about(0x0f, 0x01, 0xf0, 0x0f, 0x06);
    set(machine, RAX, 8n);
    execute(machine);
    expect(machine.cpu.cr0 & 15).toBe(9);
    execute(machine);
    expect(machine.cpu.cr0 & 15).toBe(1);
  });

  it('DR4 is DR6 without CR4.DE and #UD with it', () => {
    const machine = about(0x0f, 0x21, 0xe3, 0x0f, 0x21, 0xe3);
    execute(machine);
    expect(machine.cpu.gpr(RBX)).toBe(0xffff_0ff0n);
    machine.cpu.cr4 |= 8;
    expectFault(machine, 6);
  });
});

describe('descriptor tables and segments', () => {
  it('LIDT and SIDT move limit and base', () => {
    const machine = about(0x0f, 0x01, 0x18, 0x0f, 0x01, 0x0b); // LIDT [RAX]; SIDT [RBX]
    machine.memory.write32(DATA, 0xbeef_0123);
    machine.memory.write32(DATA + 4, 0x0000_dead);
    set(machine, RAX, BigInt(DATA));
    set(machine, RBX, BigInt(DATA + 0x100));
    execute(machine);
    expect(machine.cpu.idtr).toMatchObject({ base: 0xdead_beef, limit: 0x123 });
    execute(machine);
    expect([machine.memory.read32(DATA + 0x100), machine.memory.read32(DATA + 0x104)]).toEqual([0xbeef_0123, 0xdead]);
  });

  it('LTR marks the TSS busy, and a busy TSS is #GP', () => {
    const machine = about(0x0f, 0x00, 0xd8, 0x0f, 0x00, 0xd8);
    set(machine, RAX, BigInt(TSS_SELECTOR));
    execute(machine);
    expect((machine.memory.read32(GDT + TSS_SELECTOR + 4) >>> 8) & 15).toBe(11);
    expectFault(machine, 13, TSS_SELECTOR);
  });

  it('MOV SS starts a shadow; a null SS is allowed at CPL 0', () => {
    const machine = about(0x8e, 0xd0, 0x8e, 0xd3);
    set(machine, RAX, BigInt(KERNEL_DATA));
    execute(machine);
    expect([machine.cpu.segments[2].selector, machine.cpu.shadow]).toEqual([KERNEL_DATA, BLOCKING_BY_MOV_SS]);
    execute(machine);
    expect(machine.cpu.segments[2].selector).toBe(0);
  });

  it('MOV DS of a code segment beyond the table is #GP with the selector', () => {
    const machine = about(0x8e, 0xd8);
    set(machine, RAX, 0x80n);
    expectFault(machine, 13, 0x80);
  });

  it('loading FS takes the base of the descriptor into the state block', () => {
    const machine = about(0x8e, 0xe0);
    machine.memory.write64(GDT + 0x30, 0x12cf_9334_5678_ffffn);
    set(machine, RAX, 0x30n);
    execute(machine);
    expect(machine.cpu.long(CPU_FS_BASE)).toBe(0x1234_5678);
  });

  it('SWAPGS exchanges GS base and KERNEL_GS_BASE', () => {
    const machine = about(0x0f, 0x01, 0xf8);
    machine.cpu.setLong(CPU_GS_BASE, 0x1000);
    machine.cpu.msrs.kernelGsBase = -4096;
    execute(machine);
    expect([machine.cpu.long(CPU_GS_BASE), machine.cpu.msrs.kernelGsBase]).toEqual([-4096, 0x1000]);
  });

  it('WRGSBASE of a non-canonical address is #GP(0)', () => {
    const machine = about(0xf3, 0x48, 0x0f, 0xae, 0xd8);
    machine.cpu.cr4 |= 0x1_0000;
    set(machine, RAX, 1n << 47n);
    expectFault(machine, 13, 0);
  });
});

describe('control flow', () => {
  it('far RET pops RIP and CS and releases parameters', () => {
    const machine = about(0x48, 0xca, 0x10, 0x00);
    machine.cpu.setGprNumber(RSP, STACK - 64);
    machine.memory.write64(STACK - 64, BigInt(CODE + 0x100));
    machine.memory.write64(STACK - 56, BigInt(KERNEL_CODE));
    execute(machine);
    expect([machine.cpu.rip, machine.cpu.gprNumber(RSP)]).toEqual([CODE + 0x100, STACK - 64 + 16 + 16]);
  });

  it('far CALL pushes CS and the next RIP', () => {
    const machine = about(0x48, 0xff, 0x18); // CALL FAR [RAX]
    machine.memory.write64(DATA, BigInt(CODE + 0x200));
    machine.memory.write32(DATA + 8, KERNEL_CODE);
    set(machine, RAX, BigInt(DATA));
    execute(machine);
    expect([machine.cpu.rip, machine.stackWord(0), machine.stackWord(1)]).toEqual([
      CODE + 0x200,
      CODE + 3,
      KERNEL_CODE,
    ]);
  });

  it('INT n enters its gate with the address behind it', () => {
    const machine = about(0xcd, 64);
    execute(machine);
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([handler(64), CODE + 2]);
  });

  it('INT3 is offered to the exception bitmap as a software exception', () => {
    const machine = about(0xcc);
    const asked: number[][] = [];
    machine.cpu.nonRoot = nonRoot({
      exception: (vector, _error, _address, type, length) => {
        asked.push([vector, type, length]);
        return PASS;
      },
    });
    execute(machine);
    expect(asked).toEqual([[3, 6, 1]]);
    expect(machine.cpu.rip).toBe(handler(3));
  });

  it('SYSCALL and SYSRETQ change levels by STAR', () => {
    const machine = aboutUser(0x0f, 0x05);
    const { cpu } = machine;
    cpu.eferLow |= 1;
    cpu.msrs.starHigh = 0x0013_0008;
    cpu.msrs.lstar = CODE;
    cpu.msrs.fmask = RFLAGS_IF;
    cpu.rflags = RFLAGS_IF | 2;
    machine.load(CODE, 0x48, 0x0f, 0x07);
    execute(machine);
    expect([cpu.rip, cpu.cpl, cpu.gprNumber(RCX), cpu.gprLow(R11), cpu.rflags]).toEqual([
      CODE,
      0,
      USER_CODE + 2,
      RFLAGS_IF | 2,
      2,
    ]);
    expect([cpu.segments[1].selector, cpu.segments[2].selector]).toEqual([KERNEL_CODE, KERNEL_DATA]);
    execute(machine);
    expect([cpu.rip, cpu.cpl, cpu.rflags]).toEqual([USER_CODE + 2, 3, RFLAGS_IF | 2]);
    expect([cpu.segments[1].selector, cpu.segments[2].selector]).toEqual([USER_CODE_SELECTOR, USER_DATA]);
  });
});

describe('flags', () => {
  it('POPFQ at CPL 3 leaves IF and IOPL', () => {
    const machine = aboutUser(0x9d);
    machine.cpu.rflags = RFLAGS_IF | 2;
    machine.memory.write64(machine.cpu.gprNumber(RSP), BigInt(RFLAGS_IOPL | RFLAGS_ID | RFLAGS_CF));
    execute(machine);
    expect(machine.cpu.rflags).toBe(RFLAGS_IF | RFLAGS_ID | RFLAGS_CF | 2);
  });

  it('STI with IF already set starts no shadow', () => {
    const machine = about(0xfb);
    machine.cpu.rflags = RFLAGS_IF | 2;
    execute(machine);
    expect(machine.cpu.shadow).toBe(0);
  });
});

describe('interception', () => {
  it.each<[string, number[], number, number]>([
    ['CPUID', [0x0f, 0xa2], E.EXIT_REASON_CPUID, 0],
    ['HLT', [0xf4], E.EXIT_REASON_HLT, 0],
    ['VMCALL', [0x0f, 0x01, 0xc1], E.EXIT_REASON_VMCALL, 0],
    ['RDTSC', [0x0f, 0x31], E.EXIT_REASON_RDTSC, 0],
    ['WBINVD', [0x0f, 0x09], E.EXIT_REASON_WBINVD, 0],
    ['MWAIT', [0x0f, 0x01, 0xc9], E.EXIT_REASON_MWAIT_INSTRUCTION, 0],
    ['OUT 80H, AL', [0xe6, 0x80], E.EXIT_REASON_IO_INSTRUCTION, 0x80_0040],
    ['IN EAX, DX', [0xed], E.EXIT_REASON_IO_INSTRUCTION, 0x3f8_000b],
    ['REP OUTSB', [0xf3, 0x6e], E.EXIT_REASON_IO_INSTRUCTION, 0x3f8_0030],
    ['INVLPG [RBX]', [0x0f, 0x01, 0x3b], E.EXIT_REASON_INVLPG, DATA],
  ])('%s exits before it does or costs anything', (_, bytes, reason, qualification) => {
    const machine = about(...bytes);
    set(machine, RDX, 0x3f8n);
    set(machine, RBX, BigInt(DATA));
    const exits: number[][] = [];
    machine.cpu.nonRoot = nonRoot({
      intercept: (...exit) => {
        exits.push(exit.slice(0, 3) as number[]);
        machine.cpu.now += STEP_TICKS;
        return REDIRECTED;
      },
    });
    execute(machine);
    expect(exits).toEqual([[reason, qualification, bytes.length]]);
    expect([machine.cpu.rip, machine.cpu.now]).toEqual([CODE, STEP_TICKS]);
  });

  it('MOV from DR7 exits before it faults for its privilege level', () => {
    const machine = aboutUser(0x0f, 0x21, 0xf8);
    const reasons: number[] = [];
    machine.cpu.nonRoot = nonRoot({
      intercept: (reason) => {
        reasons.push(reason);
        machine.cpu.now += STEP_TICKS;
        return REDIRECTED;
      },
    });
    execute(machine);
    expect(reasons).toEqual([E.EXIT_REASON_DR_ACCESS]);
  });
});

describe('ports', () => {
  it('IN and OUT reach the ports of the CPU in their width', () => {
    const machine = about(0xe6, 0x80, 0x66, 0xed);
    const written: number[][] = [];
    machine.cpu.ports = { read: () => 0x1_2345, write: (port, size, value) => written.push([port, size, value]) };
    set(machine, RAX, 0xffff_ffff_ffff_ff12n);
    set(machine, RDX, 0x60n);
    execute(machine);
    execute(machine);
    expect(written).toEqual([[0x80, 1, 0x12]]);
    expect(machine.cpu.gpr(RAX)).toBe(0xffff_ffff_ffff_2345n);
  });
});
