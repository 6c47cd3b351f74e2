import { describe, expect, it } from 'vitest';
import { runUntil } from '../../../../test/support/engine.js';
import { CODE, DATA_32, HANDLERS, LegacyMachine, STACK } from '../../../../test/support/legacy-machine.js';
import { RFLAGS_RF, RFLAGS_TF } from '../rflags.js';
import { SEGMENT_CS } from '../segments.js';
import { DR6_BD, DR6_BS } from './debug-registers.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RSI = 6;
const RDI = 7;

const EXECUTION = 0;
const WRITE = 1;
const IO = 2;
const ACCESS = 3;
const LEN_1 = 0;
const LEN_4 = 3;
const DATA = 0x5000;
const CR4_DE = 8;
/** Offset of the handler of #DB, which returns. */
const HANDLER = HANDLERS + 16;

function protectedMode(code: string): LegacyMachine {
  const machine = new LegacyMachine().inProtectedMode(code).load(HANDLER, 'cf');
  for (const vector of [1, 3, 6, 13, 14, 0x40]) machine.setGate(vector);
  return machine;
}

/** Sets a breakpoint that is enabled locally. */
function arm(machine: LegacyMachine, index: number, kind: number, address: number, length = LEN_1): LegacyMachine {
  const { dr } = machine.cpu;
  dr.write(index, BigInt(address));
  dr.control |= (1 << (2 * index)) | (((length << 2) | kind) << (16 + 4 * index));
  return machine;
}

/** What a handler finds: where it was called from, and the bits of DR6 that are not fixed. */
function report(machine: LegacyMachine): { at: number; dr6: number; flags: number } {
  const dr6 = Number(machine.cpu.dr.read(6)) & 0xe00f;
  return { at: machine.stackWord(0), dr6, flags: machine.stackWord(2) };
}

describe('breakpoints on instructions', () => {
  it('are faults: the instruction has not been executed, RF is pushed as 0', () => {
    const machine = arm(protectedMode('43 43'), 2, EXECUTION, CODE + 1).intoHandler();
    const { at, dr6, flags } = report(machine);
    expect([at, dr6, flags & RFLAGS_RF, machine.cpu.gprLow(RBX)]).toEqual([CODE + 1, 4, 0, 1]);
  });

  it('do not hold the instruction that IRET returns to with RF set, but the next time they do', () => {
    const machine = arm(protectedMode('43 eb fd'), 0, EXECUTION, CODE);
    machine.intoHandler();
    machine.memory.write32(machine.cpu.gprLow(RSP) + 8, machine.stackWord(2) | RFLAGS_RF);
    machine.intoHandler();
    expect([report(machine).at, machine.cpu.gprLow(RBX)]).toEqual([CODE, 1]);
  });

  it('repeat for ever without RF', () => {
    const machine = arm(protectedMode('43'), 0, EXECUTION, CODE);
    machine.intoHandler().intoHandler();
    expect([report(machine).at, machine.cpu.gprLow(RBX)]).toEqual([CODE, 0]);
  });

  it('come before the faults of the instruction', () => {
    expect(arm(protectedMode('0f 0b'), 0, EXECUTION, CODE).intoHandler().cpu.rip).toBe(HANDLER);
  });

  it('leave the instruction alone whose fault has been handled', () => {
    const machine = arm(protectedMode('0f 0b'), 0, EXECUTION, CODE).load(HANDLERS + 6 * 16, '90');
    machine.cpu.rflags |= RFLAGS_RF;
    machine.intoHandler();
    expect([machine.cpu.rip, report(machine).flags & RFLAGS_RF]).toEqual([HANDLERS + 6 * 16, RFLAGS_RF]);
  });

  it('are suppressed behind MOV SS', () => {
    const machine = arm(arm(protectedMode('8e d0 90 90'), 0, EXECUTION, CODE + 2), 1, EXECUTION, CODE + 3);
    machine.cpu.setGprNumber(RAX, DATA_32);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 3, dr6: 2 });
  });

  it('count from the base of CS', () => {
    const machine = new LegacyMachine().inRealMode('90 90');
    machine.memory.write32(4, 0x0900);
    arm(machine, 0, EXECUTION, CODE + 1).cpu.idtr.limit = 0x3ff;
    machine.intoHandler();
    expect([machine.cpu.rip, machine.stackWord(0, 2)]).toEqual([0x900, 1]);
  });

  it('hold a repeated string instruction once, not at every element', () => {
    const machine = arm(protectedMode('f3 aa 90'), 0, EXECUTION, CODE);
    arm(machine, 1, EXECUTION, CODE + 2);
    machine.cpu.setGprNumber(RCX, 3);
    machine.cpu.setGprNumber(RDI, DATA);
    machine.intoHandler();
    machine.memory.write32(machine.cpu.gprLow(RSP) + 8, machine.stackWord(2) | RFLAGS_RF);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 2, dr6: 2 });
    expect(machine.cpu.gprLow(RCX)).toBe(0);
  });
});

describe('breakpoints on data', () => {
  const STORE = 'a3 00 50 00 00 90'; // mov [5000H], eax

  it('are traps: the instruction has been executed', () => {
    const machine = arm(protectedMode(STORE), 1, WRITE, DATA, LEN_4);
    machine.cpu.setGprNumber(RAX, 7);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 5, dr6: 2 });
    expect(machine.memory.read32(DATA)).toBe(7);
  });

  it('of stores are not met by loads', () => {
    const machine = arm(protectedMode('a1 00 50 00 00 a3 00 50 00 00'), 0, WRITE, DATA, LEN_4);
    expect(report(machine.intoHandler()).at).toBe(CODE + 10);
  });

  it('of all accesses are met by loads, not by fetches', () => {
    const machine = arm(protectedMode('a1 00 50 00 00'), 0, ACCESS, DATA, LEN_4);
    arm(machine, 1, ACCESS, CODE, LEN_4);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 5, dr6: 1 });
  });

  it('are not met by an instruction that faults', () => {
    const machine = arm(protectedMode('a3 00 50 00 00'), 0, WRITE, DATA, LEN_4);
    machine.cpu.segments[3].limit = 0xfff;
    expect(machine.intoHandler().cpu.rip).toBe(HANDLERS + 13 * 16);
    expect([machine.cpu.debugExceptions.pending, machine.cpu.dr.read(6)]).toEqual([0, 0xffff_0ff0n]);
  });

  it.each([
    ['PUSH', '50', STACK - 4],
    ['POP', '58', STACK],
    ['CALL', 'e8 00 00 00 00', STACK - 4],
    ['an index', '8b 04 9d 00 50 00 00', DATA + 8],
    ['an exchange', '87 05 00 50 00 00', DATA],
    ['a bit string', '0f a3 0d 00 50 00 00', DATA + 4],
    ['XLAT', 'd7', 2],
    ['the second operand of MOVS', 'a4', DATA + 0x100],
  ])('are met by %s', (_, code, address) => {
    const machine = arm(protectedMode(code), 0, ACCESS, address);
    machine.cpu.setGprNumber(RBX, 2);
    machine.cpu.setGprNumber(RCX, 35);
    machine.cpu.setGprNumber(RSI, DATA);
    machine.cpu.setGprNumber(RDI, DATA + 0x100);
    expect(report(machine.intoHandler())).toMatchObject({ dr6: 1 });
  });

  it('are met by 16-bit stacks and addresses', () => {
    const machine = new LegacyMachine().inRealMode('50').load(0x900, '90');
    machine.memory.write32(4, 0x0900);
    machine.cpu.idtr.limit = 0x3ff;
    machine.cpu.setGprWords(RSP, 0, 0x1_0000);
    arm(machine, 0, WRITE, 0xfffe).intoHandler();
    expect([machine.cpu.rip, machine.cpu.gprLow(RSP) & 0xffff]).toEqual([0x900, 0xfff8]);
  });

  it('are met in a segment that begins within a page', () => {
    const machine = new LegacyMachine().inRealMode('90').load(CODE + 0x10, '50');
    machine.memory.write32(4, 0x0900);
    machine.cpu.idtr.limit = 0x3ff;
    machine.cpu.segments[SEGMENT_CS].base = CODE + 0x10;
    arm(machine, 0, WRITE, STACK - 2).intoHandler();
    expect([machine.cpu.rip, machine.stackWord(0, 2)]).toEqual([0x900, 1]);
  });

  it('come behind the element of a repeated string instruction that meets them, with RF pushed as 1', () => {
    const machine = arm(protectedMode('f3 aa'), 0, WRITE, DATA + 1);
    machine.cpu.setGprNumber(RCX, 4);
    machine.cpu.setGprNumber(RDI, DATA);
    const { at, flags } = report(machine.intoHandler());
    expect([at, flags & RFLAGS_RF, machine.cpu.gprLow(RCX)]).toEqual([CODE, RFLAGS_RF, 2]);
  });

  it('come behind the last element as behind any instruction', () => {
    const machine = arm(protectedMode('f3 aa'), 0, WRITE, DATA);
    machine.cpu.setGprNumber(RCX, 1);
    machine.cpu.setGprNumber(RDI, DATA);
    const { at, flags } = report(machine.intoHandler());
    expect([at, flags & RFLAGS_RF]).toEqual([CODE + 2, 0]);
  });

  it('are not met by a repeated string instruction without elements', () => {
    const machine = arm(protectedMode('f3 aa 88 07'), 0, WRITE, DATA);
    machine.cpu.setGprNumber(RDI, DATA);
    expect(report(machine.intoHandler()).at).toBe(CODE + 4);
  });

  it('are held back by MOV SS for one instruction', () => {
    const machine = arm(protectedMode('8e 15 00 50 00 00 90 90'), 0, ACCESS, DATA);
    machine.memory.write32(DATA, DATA_32);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 7, dr6: 1 });
  });

  it('that MOV SS holds back come at the first instruction of what INT calls', () => {
    const machine = arm(protectedMode('8e 15 00 50 00 00 cd 40'), 0, ACCESS, DATA);
    machine.memory.write32(DATA, DATA_32);
    machine.intoHandler().intoHandler();
    expect(report(machine)).toMatchObject({ at: HANDLERS + 0x400, dr6: 1 });
  });

  it('that MOV SS holds back and INT1 make one exception', () => {
    const machine = arm(protectedMode('8e 15 00 50 00 00 f1'), 0, ACCESS, DATA);
    machine.memory.write32(DATA, DATA_32);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 7, dr6: 1 });
    expect(machine.cpu.debugExceptions.isDue).toBe(false);
  });

  it('and the single-step trap make one exception', () => {
    const machine = arm(protectedMode(STORE), 0, WRITE, DATA, LEN_4);
    machine.cpu.rflags |= RFLAGS_TF;
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 5, dr6: DR6_BS | 1 });
  });

  it('come before the breakpoint on the next instruction', () => {
    const machine = arm(protectedMode(STORE), 0, WRITE, DATA, LEN_4);
    arm(machine, 1, EXECUTION, CODE + 5).intoHandler();
    expect(report(machine).dr6).toBe(1);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 5, dr6: 2 });
  });
});

describe('breakpoints on I/O', () => {
  it.each([
    ['IN with DX', 'ec', 0x41],
    ['OUT with an immediate', 'e7 40', 0x43],
    ['INS', '6c', 0x41],
    ['OUTS', '6f', 0x44],
  ])('are met by %s', (_, code, port) => {
    const machine = arm(protectedMode(code), 0, IO, port);
    machine.cpu.cr4 |= CR4_DE;
    machine.cpu.setGprNumber(RDX, 0x41);
    machine.cpu.setGprNumber(RSI, DATA);
    machine.cpu.setGprNumber(RDI, DATA);
    expect(report(machine.intoHandler())).toMatchObject({ dr6: 1 });
  });

  it('are undefined without CR4.DE: nothing meets them', () => {
    const machine = arm(protectedMode('e6 41 a2 41 00 00 00'), 0, IO, 0x41).step(2);
    expect(machine.cpu.debugExceptions.pending).toBe(0);
  });
});

describe('the single-step trap', () => {
  it('follows every instruction', () => {
    const machine = protectedMode('43 43');
    machine.cpu.rflags |= RFLAGS_TF;
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 1, dr6: DR6_BS });
  });

  it('does not follow an XBEGIN whose transaction aborts before it retires', () => {
    const machine = protectedMode('c7 f8 03 00 00 00 90 90 90 43'); // xbegin, to the inc ebx
    machine.cpu.rflags |= RFLAGS_TF;
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 10, dr6: DR6_BS });
  });
});

describe('general detect', () => {
  it.each([
    ['to', '0f 23 c0'],
    ['from', '0f 21 c0'],
  ])('MOV %s a debug register faults, with RF pushed as 1; the handler may use the registers', (_, code) => {
    const machine = protectedMode(code);
    machine.cpu.dr.control |= 0x2000;
    const { at, dr6, flags } = report(machine.intoHandler());
    expect([at, dr6, flags & RFLAGS_RF, machine.cpu.dr.control & 0x2000]).toEqual([CODE, DR6_BD, RFLAGS_RF, 0]);
  });
});

describe('a breakpoint that is never met', () => {
  /** mov ecx, 20; again: push ecx; imul ebx, ecx; rep stosb; mov cl, [esp]; pop ecx; loop again; cpuid */
  const PROGRAM = 'b9 14 00 00 00 51 0f af d9 f3 aa 8a 0c 24 59 e2 f4 0f a2';

  it('changes neither time nor anything else', () => {
    const [free, watched] = [false, true].map((isArmed) => {
      const machine = protectedMode(PROGRAM);
      machine.cpu.setGprNumber(RDI, DATA);
      if (isArmed) arm(arm(machine, 0, EXECUTION, 0x9_0000), 1, ACCESS, 0x9_0000, LEN_4);
      machine.step(20 * 5 + 20);
      const { cpu } = machine;
      return [cpu.rip, cpu.now, cpu.rflags, ...[RAX, RBX, RCX, RDX, RSP, RDI].map((each) => cpu.gprLow(each))];
    });
    expect(watched).toEqual(free);
  });
});

describe('MOV of debug registers', () => {
  it('DR4 and DR5 are DR6 and DR7 without CR4.DE', () => {
    const machine = protectedMode('0f 23 e8 0f 21 eb 0f 21 e1'); // mov dr5, eax; mov ebx, dr5; mov ecx, dr4
    machine.cpu.setGprWords(RAX, 0, 0x300);
    machine.step(3);
    expect([machine.cpu.gprLow(RBX), machine.cpu.gprLow(RCX)]).toEqual([0x700, 0xffff_0ff0]);
  });

  it('a breakpoint works from the next instruction on', () => {
    const machine = protectedMode('0f 23 f8 90 90'); // mov dr7, eax
    machine.cpu.dr.write(0, BigInt(CODE + 3));
    machine.cpu.setGprWords(RAX, 0, 1);
    expect(report(machine.intoHandler())).toMatchObject({ at: CODE + 3, dr6: 1 });
  });

  it('INIT gives the registers their first values', () => {
    const machine = arm(protectedMode('90'), 0, EXECUTION, CODE + 0x100);
    machine.cpu.debugExceptions.pending = 1;
    machine.cpu.initPending = true;
    machine.cpu.attention = true;
    runUntil(machine.cpu, machine.cpu.now + 1);
    expect([machine.cpu.dr.control, machine.cpu.dr.read(0), machine.cpu.debugExceptions.pending]).toEqual([
      0x400,
      0n,
      0,
    ]);
  });
});
