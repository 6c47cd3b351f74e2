import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, DATA, type Fixture } from '../../../../test/support/cpu-fixture.js';
import { LegacyMachine } from '../../../../test/support/legacy-machine.js';
import { setStack, stackBits, stackNumber } from '../../../../test/support/x87-stack.js';
import {
  extendedState,
  FX_CONTROL,
  FX_DATA,
  FX_INSTRUCTION,
  FX_OPCODE,
  FX_STACK,
  FX_STATUS,
  FX_TAGS,
  readState16,
  stackTop,
  writeState16,
  writeState64,
} from '../extended-state.js';
import type { Cpu } from '../cpu.js';

const SIGNALING = 0x7fff_a000_0000_0000_0000n;

function about(...code: number[]): Fixture {
  const fixture = cpuFixture();
  fixture.cpu.setGprNumber(3, DATA);
  arrange(fixture.cpu);
  fixture.load(CODE, ...code, 0x90);
  return fixture;
}

/** Four registers in use: a number, 0, infinity and what is no number; pointers; a flag. */
function arrange(cpu: Cpu): void {
  setStack(cpu, 1, 0, Infinity, 0x3fff_0000_0000_0000_0001n);
  writeState16(cpu, FX_STATUS, readState16(cpu, FX_STATUS) | 0x0120);
  writeState16(cpu, FX_OPCODE, 0x5a5);
  writeState64(cpu, FX_INSTRUCTION, 0x12_3456_789an);
  writeState64(cpu, FX_DATA, 0xcd_ef01_2345n);
}

/** 16-bit words of memory. */
function words(memory: Fixture['memory'], at: number, count: number): number[] {
  return Array.from(
    { length: count },
    (_, index) => memory.read8(at + 2 * index) | (memory.read8(at + 2 * index + 1) << 8),
  );
}

const STATUS = (4 << 11) | 0x120;
const TAGS = 0b10_10_01_00_11_11_11_11;

describe('FNSTENV', () => {
  it('stores seven double words, without selectors, and masks all exceptions', () => {
    const fixture = about(0xd9, 0x33);
    writeState16(fixture.cpu, FX_CONTROL, 0x340);
    fixture.step();
    expect(words(fixture.memory, DATA, 14)).toEqual([
      ...[0x340, 0xffff, STATUS, 0xffff, TAGS, 0xffff],
      ...[0x789a, 0x3456, 0, 0x5a5, 0x2345, 0xef01, 0, 0xffff],
    ]);
    expect(readState16(fixture.cpu, FX_CONTROL)).toBe(0x37f);
  });

  it('stores seven words with an operand-size prefix', () => {
    const fixture = about(0x66, 0xd9, 0x33);
    fixture.memory.write32(DATA + 12, 0xaaaa_aaaa);
    fixture.step();
    expect(words(fixture.memory, DATA, 8)).toEqual([0x37f, STATUS, TAGS, 0x789a, 0, 0x2345, 0, 0xaaaa]);
  });

  it('stores addresses of 32 bits between and behind the opcode in real-address mode', () => {
    const machine = new LegacyMachine().inRealMode('66 d9 36 00 60 d9 36 40 60'); // fnstenv [6000H], long and short
    arrange(machine.cpu);
    machine.step(2);
    const at = machine.memory.ram;
    const word = (offset: number): number => machine.memory.view.getUint16(at + offset, true);
    expect([0, 2, 4, 6].map((index) => word(0x6000 + 12 + 2 * index))).toEqual([0x789a, 0x65a5, 0x2345, 0x1000]);
    expect([word(0x6000 + 18), word(0x6000 + 26)]).toEqual([0x345, 0xef0]);
    expect([3, 4, 5, 6].map((index) => word(0x6040 + 2 * index))).toEqual([0x789a, 0x65a5, 0x2345, 0x1000]);
  });
});

describe('FLDENV', () => {
  it('loads what FNSTENV has stored', () => {
    const fixture = about(0xd9, 0x33, 0xdb, 0xe3, 0xd9, 0x23); // fnstenv [rbx]; fninit; fldenv [rbx]
    const before = extendedState(fixture.cpu).slice();
    fixture.step(fixture.cpu, 3);
    const after = extendedState(fixture.cpu);
    expect(after.subarray(FX_STACK)).toEqual(before.subarray(FX_STACK));
    expect([...after.subarray(0, 12)]).toEqual([...before.subarray(0, 12)]);
    expect(readState16(fixture.cpu, FX_INSTRUCTION + 4)).toBe(0);
  });

  it('summarizes the exceptions that it loads', () => {
    const fixture = about(0xd9, 0x23);
    fixture.memory.write32(DATA, 0x37e);
    fixture.memory.write32(DATA + 4, 1);
    fixture.step();
    expect(readState16(fixture.cpu, FX_STATUS)).toBe(0x8081);
  });

  it('loads addresses of real-address mode', () => {
    const machine = new LegacyMachine().inRealMode('66 d9 36 00 60 db e3 66 d9 26 00 60');
    arrange(machine.cpu);
    machine.step(3);
    const state = [FX_OPCODE, FX_INSTRUCTION, FX_INSTRUCTION + 2, FX_DATA, FX_DATA + 2];
    expect(state.map((offset) => readState16(machine.cpu, offset))).toEqual([0x5a5, 0x789a, 0x3456, 0x2345, 0xef01]);
  });
});

describe('FNSAVE and FRSTOR', () => {
  it.each([
    ['32-bit', []],
    ['16-bit', [0x66]],
  ])('keep everything in the %s format, with FNINIT in between', (_, prefix) => {
    const fixture = about(...prefix, 0xdd, 0x33, ...prefix, 0xdd, 0x23);
    const { cpu } = fixture;
    fixture.step();
    expect([readState16(cpu, FX_CONTROL), readState16(cpu, FX_STATUS), extendedState(cpu)[FX_TAGS]]).toEqual([
      0x37f, 0, 0,
    ]);
    fixture.step();
    expect([stackTop(cpu), stackNumber(cpu, 0), stackNumber(cpu, 2)]).toEqual([4, 1, Infinity]);
    expect([extendedState(cpu)[FX_TAGS], readState16(cpu, FX_STATUS)]).toEqual([0xf0, STATUS]);
  });
});

describe('FXSAVE and FXRSTOR', () => {
  const FXSAVE = [0x0f, 0xae, 0x03];
  const FXSAVE64 = [0x48, ...FXSAVE];

  it('have addresses of 32 bits without REX.W and of 64 bits with it', () => {
    for (const [code, upper] of [
      [FXSAVE, 0],
      [FXSAVE64, 0x12],
    ] as const) {
      const fixture = about(...code);
      fixture.memory.bytes(DATA, 32).fill(0xaa);
      fixture.step();
      expect(words(fixture.memory, DATA + FX_INSTRUCTION, 4)).toEqual([0x789a, 0x3456, upper, 0]);
    }
  });

  it('leave out what is reserved, and summarize exceptions', () => {
    const fixture = about(0x0f, 0xae, 0x0b);
    fixture.memory.bytes(DATA, 160).fill(0xff);
    for (const [offset, value] of [
      [FX_CONTROL, 0],
      [FX_STATUS, 1],
    ] as const) {
      fixture.memory.bytes(DATA + offset, 2).set([value, 0]);
    }
    fixture.memory.write32(DATA + 24, 0x1f80);
    fixture.step();
    const state = extendedState(fixture.cpu);
    expect(readState16(fixture.cpu, FX_CONTROL)).toBe(0x40);
    expect(readState16(fixture.cpu, FX_STATUS)).toBe(0x8081);
    expect([state[FX_TAGS], state[FX_TAGS + 1], readState16(fixture.cpu, FX_OPCODE)]).toEqual([0xff, 0, 0x7ff]);
    expect([...state.subarray(FX_STACK + 8, FX_STACK + 16)]).toEqual([0xff, 0xff, 0, 0, 0, 0, 0, 0]);
  });
});

describe('tags and the top of the stack', () => {
  it('FFREE empties a register, FINCSTP moves the top without emptying', () => {
    const fixture = about(0xdd, 0xc0, 0xd9, 0xf7); // ffree st0; fincstp
    fixture.step(fixture.cpu, 2);
    expect([extendedState(fixture.cpu)[FX_TAGS], stackTop(fixture.cpu)]).toEqual([0xe0, 5]);
    expect(stackNumber(fixture.cpu, 7)).toBe(1);
  });

  it('FLD of 80 bits and FST between registers do not look at what they move', () => {
    const fixture = about(0xdb, 0x2b, 0xdd, 0xd2); // fld tword [rbx]; fst st2
    fixture.memory.write64(DATA, SIGNALING & 0xffff_ffff_ffff_ffffn);
    fixture.memory.write32(DATA + 8, 0x7fff);
    fixture.step(fixture.cpu, 2);
    expect([stackBits(fixture.cpu, 0), stackBits(fixture.cpu, 2)]).toEqual([SIGNALING, SIGNALING]);
    expect(readState16(fixture.cpu, FX_STATUS) & 0x3f).toBe(0x20);
  });
});
