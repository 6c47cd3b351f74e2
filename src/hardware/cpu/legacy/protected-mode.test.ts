import { describe, expect, it } from 'vitest';
import {
  ABSENT,
  CODE,
  CODE_16,
  CODE_32,
  CONFORMING,
  DATA_16,
  DATA_32,
  EXPAND_DOWN,
  GDT,
  HANDLERS,
  LegacyMachine,
  SMALL_DATA,
  SPARE,
  STACK,
  TSS_32,
  USER_CODE_32,
  USER_DATA_32,
} from '../../../../test/support/legacy-machine.js';
import { RFLAGS_IF } from '../rflags.js';
import { SEGMENT_CS, SEGMENT_DS, SEGMENT_ES, SEGMENT_FS, SEGMENT_LDTR, SEGMENT_SS, SEGMENT_TR } from '../segments.js';
import { UnimplementedError } from '../unimplemented.js';

const RAX = 0;
const RBX = 3;
const RSP = 4;

function protectedMode(code: string, selector = CODE_32): LegacyMachine {
  const machine = new LegacyMachine();
  machine.inProtectedMode(code, selector);
  for (const vector of [0, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14]) machine.setGate(vector);
  return machine;
}

/** Error code of the exception `vector` that the code raises. */
function errorOf(machine: LegacyMachine, vector: number): number {
  machine.intoHandler();
  expect(machine.cpu.rip).toBe(HANDLERS + vector * 16);
  return machine.stackWord(0);
}

/** Continues at privilege level 3. */
function asUser(machine: LegacyMachine): LegacyMachine {
  machine.setSegment(SEGMENT_CS, USER_CODE_32);
  machine.setSegment(SEGMENT_SS, USER_DATA_32);
  machine.cpu.cpl = 3;
  return machine;
}

describe('segments in protected mode', () => {
  it('are loaded from the descriptor table, which is marked accessed', () => {
    const machine = protectedMode('8e d8'); // mov ds, eax
    machine.memory.write64(GDT + SPARE, 0x0040_9212_3456_00ffn);
    machine.cpu.setGprNumber(RAX, SPARE);
    machine.step();
    expect(machine.cpu.segments[SEGMENT_DS]).toMatchObject({
      selector: SPARE,
      base: 0x12_3456,
      limit: 0xff,
      access: 0x4093,
    });
    expect(machine.memory.read64(GDT + SPARE)).toBe(0x0040_9312_3456_00ffn);
  });

  it.each([
    ['SS with a null selector', '8e d0', 0, 13, 0],
    ['a selector beyond the table', '8e d8', 0x100, 13, 0x100],
    ['SS with code', '8e d0', CODE_32, 13, CODE_32],
    ['SS with another RPL', '8e d0', DATA_32 | 1, 13, DATA_32],
    ['an absent segment', '8e d8', ABSENT, 11, ABSENT],
    ['SS with an absent segment', '8e d0', ABSENT, 12, ABSENT],
    ['a system segment', '8e d8', TSS_32, 13, TSS_32],
    ['the LDT without one', '8e d8', 4, 13, 4],
  ])('refuse %s', (_, code, selector, vector, error) => {
    const machine = protectedMode(code);
    machine.cpu.segments[SEGMENT_LDTR].access = 0x1_0000;
    machine.cpu.setGprNumber(RAX, selector);
    expect(errorOf(machine, vector)).toBe(error);
  });

  it('refuse accesses through a null selector', () => {
    const machine = protectedMode('8e d8 8b 03'); // mov ds, eax; mov eax, [ebx]
    machine.step();
    expect(errorOf(machine, 13)).toBe(0);
  });

  it('limit offsets', () => {
    const inside = protectedMode('3e 8a 03'); // mov al, ds:[ebx]
    inside.setSegment(SEGMENT_DS, SMALL_DATA);
    inside.cpu.setGprNumber(RBX, 0xff);
    inside.load(0x100ff, '5a').step();
    expect(inside.cpu.gprLow(RAX) & 0xff).toBe(0x5a);
    const across = protectedMode('66 8b 03'); // mov ax, [ebx]
    across.setSegment(SEGMENT_DS, SMALL_DATA);
    across.cpu.setGprNumber(RBX, 0xff);
    expect(errorOf(across, 13)).toBe(0);
  });

  it('grow down when their type says so', () => {
    const inside = protectedMode('8a 03');
    inside.setSegment(SEGMENT_DS, EXPAND_DOWN);
    inside.cpu.setGprNumber(RBX, 0x100);
    inside.load(0x10100, '5a').step();
    expect(inside.cpu.gprLow(RAX) & 0xff).toBe(0x5a);
    const below = protectedMode('8a 03');
    below.setSegment(SEGMENT_DS, EXPAND_DOWN);
    below.cpu.setGprNumber(RBX, 0xff);
    expect(errorOf(below, 13)).toBe(0);
  });

  it('are not written when they hold code', () => {
    expect(errorOf(protectedMode('2e 89 03'), 13)).toBe(0); // mov cs:[ebx], eax
    const reads = protectedMode('2e 8b 03');
    reads.cpu.setGprNumber(RBX, CODE);
    reads.step();
    expect(reads.cpu.gprLow(RAX) & 0xffffff).toBe(0x038b2e);
  });

  it('raise #SS when they are the stack', () => {
    const machine = protectedMode('8b 04 24'); // mov eax, [esp]
    machine.cpu.segments[SEGMENT_SS].limit = 0xfff;
    machine.setGate(12);
    machine.cpu.segments[SEGMENT_SS].limit = STACK - 1;
    expect(errorOf(machine, 12)).toBe(0);
  });

  it('add their base to FS operands of 32 bits, which wrap', () => {
    const machine = protectedMode('64 8b 03'); // mov eax, fs:[ebx]
    machine.memory.write64(GDT + SPARE, 0xffcf_93ff_f000_ffffn); // base fffff000h
    machine.setSegment(SEGMENT_FS, SPARE);
    machine.cpu.setLong(216, 0xffff_f000);
    machine.cpu.setGprNumber(RBX, 0x6000);
    machine.memory.write32(0x5000, 77);
    expect(machine.step().cpu.gprLow(RAX)).toBe(77);
  });

  it('limit instruction fetches', () => {
    const machine = protectedMode('90 90');
    machine.cpu.segments[SEGMENT_CS].limit = CODE;
    machine.step();
    expect(errorOf(machine, 13)).toBe(0);
  });
});

describe('near transfers', () => {
  it('wrap at 4 GiB', () => {
    const machine = protectedMode('e9 fb 0f 00 90'); // jmp to 90009000h
    machine.step();
    machine.intoHandler();
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([HANDLERS + 0x60, 0x9000_9000]);
  });
});

describe('far transfers in protected mode', () => {
  it('switch between 32-bit and 16-bit code', () => {
    const machine = protectedMode('ea 00 90 00 00 18 00').load(0x9000, 'b8 34 12 66 ea 00 a0 00 00 08 00');
    machine.step(2); // jmp 18h:9000h; mov ax, 1234h
    expect([machine.cpu.segments[SEGMENT_CS].selector, machine.cpu.rip]).toEqual([CODE_16, 0x9003]);
    machine.step();
    expect([machine.cpu.segments[SEGMENT_CS].selector, machine.cpu.rip]).toEqual([CODE_32, 0xa000]);
  });

  it.each([
    ['a null selector', '00 00', 13, 0],
    ['data', '10 00', 13, DATA_32],
    ['an absent segment', '68 00', 13, ABSENT],
    ['code of another privilege level', '28 00', 13, 0x28],
  ])('refuse %s', (_, selector, vector, error) => {
    expect(errorOf(protectedMode(`ea 00 90 00 00 ${selector}`), vector)).toBe(error);
  });

  it('refuse offsets beyond the limit', () => {
    expect(errorOf(protectedMode('ea 00 00 01 00 18 00'), 13)).toBe(0); // jmp 18h:10000h
  });

  it('call and return', () => {
    const machine = protectedMode('9a 00 90 00 00 08 00 90').load(0x9000, 'ca 08 00'); // call far; retf 8
    machine.step();
    expect([0, 1].map((word) => machine.stackWord(word))).toEqual([CODE + 7, CODE_32]);
    machine.step();
    expect([machine.cpu.rip, machine.cpu.gprLow(RSP)]).toEqual([CODE + 7, STACK + 8]);
  });

  it('enter conforming code without a change of privilege', () => {
    const machine = asUser(protectedMode('ea 00 90 00 00 70 00'));
    machine.step();
    expect([machine.cpu.segments[SEGMENT_CS].selector, machine.cpu.cpl]).toEqual([CONFORMING | 3, 3]);
  });

  it('pass a call gate to an inner level, with parameters', () => {
    const machine = asUser(protectedMode('9a 00 00 00 00 53 00')).load(0x9000, 'ca 08 00'); // call 53h:0; retf 8
    machine.memory.write64(GDT + SPARE, 0x0000_ec02_0008_9000n);
    machine.memory.write32(STACK, 0x1111);
    machine.memory.write32(STACK + 4, 0x2222);
    machine.step();
    expect([machine.cpu.rip, machine.cpu.cpl, machine.cpu.segments[SEGMENT_SS].selector]).toEqual([0x9000, 0, DATA_32]);
    const words = [CODE + 7, USER_CODE_32, 0x1111, 0x2222, STACK, USER_DATA_32];
    expect(words.map((_, index) => machine.stackWord(index))).toEqual(words);
    machine.step();
    expect([machine.cpu.rip, machine.cpu.cpl, machine.cpu.gprLow(RSP)]).toEqual([CODE + 7, 3, STACK + 8]);
    expect(machine.cpu.segments[SEGMENT_SS].selector).toBe(USER_DATA_32);
  });

  it('refuse a gate that is too privileged', () => {
    const machine = asUser(protectedMode('9a 00 00 00 00 53 00'));
    machine.memory.write64(GDT + SPARE, 0x0000_8c00_0008_9000n);
    expect(errorOf(machine, 13)).toBe(SPARE);
  });

  it('refuse to switch tasks, by an error', () => {
    const machine = protectedMode('ea 00 00 00 00 40 00');
    expect(() => machine.step()).toThrow(UnimplementedError);
  });
});

describe('events in protected mode', () => {
  it('push EFLAGS, CS, EIP and the error code', () => {
    const machine = protectedMode('8e d8');
    machine.cpu.setGprNumber(RAX, CODE_16 | 0x100);
    machine.cpu.rflags |= RFLAGS_IF;
    machine.intoHandler();
    expect([0, 1, 2, 3].map((word) => machine.stackWord(word))).toEqual([0x118, CODE, CODE_32, 0x1_0202]);
    expect(machine.cpu.interruptsEnabled).toBe(false);
  });

  it('leave interrupts on through a trap gate', () => {
    const machine = protectedMode('cd 40').setGate(0x40, { type: 15 });
    machine.cpu.rflags |= RFLAGS_IF;
    expect(machine.intoHandler().cpu.interruptsEnabled).toBe(true);
  });

  it('push 16 bits through a 16-bit gate', () => {
    const machine = protectedMode('cd 40').setGate(0x40, { type: 6, selector: CODE_16 });
    machine.intoHandler();
    expect([0, 1, 2].map((word) => machine.stackWord(word, 2))).toEqual([CODE + 2, CODE_32, 2]);
    expect(machine.cpu.rip).toBe(HANDLERS + 0x400);
  });

  it('switch stacks to an inner level, and IRET switches back', () => {
    const machine = asUser(protectedMode('cd 40'))
      .setGate(0x40, { dpl: 3 })
      .load(HANDLERS + 0x400, 'cf');
    machine.setSegment(SEGMENT_ES, USER_DATA_32);
    machine.intoHandler();
    expect([machine.cpu.cpl, machine.cpu.segments[SEGMENT_SS].selector]).toEqual([0, DATA_32]);
    expect([0, 1, 2, 3, 4].map((word) => machine.stackWord(word))).toEqual([
      CODE + 2,
      USER_CODE_32,
      2,
      STACK,
      USER_DATA_32,
    ]);
    machine.step();
    expect([machine.cpu.cpl, machine.cpu.rip, machine.cpu.gprLow(RSP)]).toEqual([3, CODE + 2, STACK]);
    expect(machine.cpu.segments[SEGMENT_ES].selector).toBe(USER_DATA_32);
    expect(machine.cpu.segments[SEGMENT_DS].selector).toBe(0);
  });

  it('from INT need a gate that the level may use', () => {
    expect(errorOf(asUser(protectedMode('cd 40')).setGate(0x40), 13)).toBe(0x40 * 8 + 2);
  });

  it('without a gate raise #GP that names it', () => {
    expect(errorOf(protectedMode('cd 41'), 13)).toBe(0x41 * 8 + 2);
  });

  it('refuse task gates, by an error', () => {
    const machine = protectedMode('cd 40').setGate(0x40, { type: 5 });
    expect(() => machine.intoHandler()).toThrow(UnimplementedError);
  });

  it('need the stack that the task state names', () => {
    const machine = asUser(protectedMode('cd 40')).setGate(0x40, { dpl: 3 });
    machine.memory.write32(0x3000 + 8, 0);
    machine.setGate(10, { selector: CONFORMING });
    machine.intoHandler();
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([HANDLERS + 160, 0]);
  });

  it('return to the same level leaves SS alone, and 16-bit IRET pops 6 bytes', () => {
    const machine = protectedMode('66 cf');
    machine.load(STACK, '00 90 08 00 02 02').step();
    expect([machine.cpu.rip, machine.cpu.gprLow(RSP), machine.cpu.interruptsEnabled]).toEqual([
      0x9000,
      STACK + 6,
      true,
    ]);
  });
});

describe('instructions of the old modes', () => {
  it.each([
    ['27', 0x9c, 0x02, 0x11], // daa
    ['2f', 0x2e, 0x28, 0x10], // das
    ['37', 0x0f, 0x105, 0x11], // aaa
    ['3f', 0x10b, 0x05, 0x11], // aas
    ['d4 0a', 63, 0x603, 0], // aam
    ['d5 0a', 0x603, 63, 0], // aad
  ])('%s adjusts %#x to %#x', (code, before, after, flags) => {
    const machine = protectedMode(code);
    machine.cpu.setGprNumber(RAX, before);
    machine.step();
    expect([machine.cpu.gprLow(RAX), machine.cpu.rflags & 0x11]).toEqual([after, flags]);
  });

  it('BOUND raises #BR outside', () => {
    const machine = protectedMode('62 03'); // bound eax, [ebx]
    machine.cpu.setGprNumber(RBX, 0x5000);
    machine.cpu.setGprNumber(RAX, 3);
    machine.memory.write32(0x5004, 2);
    machine.intoHandler();
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([HANDLERS + 0x50, CODE]);
  });

  it('INTO traps on overflow only', () => {
    const machine = protectedMode('ce 90');
    expect(machine.step().cpu.rip).toBe(CODE + 1);
    machine.cpu.rip = CODE;
    machine.cpu.rflags |= 1 << 11;
    machine.intoHandler();
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([HANDLERS + 0x40, CODE + 1]);
  });

  it('ARPL raises the RPL and sets ZF', () => {
    const machine = protectedMode('63 d8'); // arpl ax, bx
    machine.cpu.setGprNumber(RAX, 0x1_0010);
    machine.cpu.setGprNumber(RBX, 3);
    machine.step();
    expect([machine.cpu.gprLow(RAX), machine.cpu.rflags & 0x40]).toEqual([0x1_0013, 0x40]);
  });

  it('bit strings reach below their operand in any segment', () => {
    const machine = protectedMode('0f ab 03'); // bts [ebx], eax
    machine.memory.write64(GDT + SPARE, 0x0040_9300_5000_0fffn);
    machine.setSegment(SEGMENT_DS, SPARE);
    machine.cpu.setGprNumber(RBX, 0x10);
    machine.cpu.setGprWords(RAX, 0, 0xffff_ffff);
    machine.step();
    expect(machine.memory.read32(0x500c)).toBe(0x8000_0000);
  });

  it('ENTER copies frame pointers, LEAVE undoes it', () => {
    const machine = protectedMode('c8 08 00 02 c9'); // enter 8, 2; leave
    machine.setSegment(SEGMENT_SS, DATA_16);
    machine.cpu.setGprNumber(5, 0x6000);
    machine.memory.write32(0x5ffc, 0xabcd);
    machine.step();
    expect([machine.cpu.gprLow(5), machine.cpu.gprLow(RSP)]).toEqual([STACK - 4, STACK - 20]);
    expect([2, 3, 4].map((word) => machine.stackWord(word))).toEqual([STACK - 4, 0xabcd, 0x6000]);
    machine.step();
    expect([machine.cpu.gprLow(5), machine.cpu.gprLow(RSP)]).toEqual([0x6000, STACK]);
  });

  it('LTR takes 8 bytes and marks the TSS busy', () => {
    const machine = protectedMode('0f 00 d8'); // ltr ax
    machine.cpu.setGprNumber(RAX, TSS_32);
    machine.step();
    expect(machine.cpu.segments[SEGMENT_TR]).toMatchObject({ selector: TSS_32, base: 0x3000, access: 0x8b });
    expect(machine.memory.read32(GDT + TSS_32 + 4) & 0xff00).toBe(0x8b00);
  });
});
