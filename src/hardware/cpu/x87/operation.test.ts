import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, DATA, HANDLERS, type Fixture } from '../../../../test/support/cpu-fixture.js';
import { setStack, stackBits, stackNumber } from '../../../../test/support/x87-stack.js';
import { CR0_EM, CR0_MP, CR0_NE, CR0_TS } from '../control-register-bits.js';
import {
  FX_CONTROL,
  FX_DATA,
  FX_INSTRUCTION,
  FX_OPCODE,
  FX_STATUS,
  readState16,
  readState64,
  setX87Control,
  stackTop,
  writeState16,
} from '../extended-state.js';
import { INDEFINITE } from './operation.js';

const FLD1 = [0xd9, 0xe8];
const FADD_ST1 = [0xd8, 0xc1];
const FADDP = [0xde, 0xc1];
const FDIV_MEMORY = [0xd8, 0x33]; // fdiv dword [rbx]
const FSTP_MEMORY = [0xd9, 0x1b]; // fstp dword [rbx]
const FWAIT = [0x9b];
const FXCH = [0xd9, 0xc9];

const INVALID_STACK = 0x41;
const C1 = 0x200;
const SUMMARY = 0x8080;
const ALL_MASKED = 0x37f;
const CODES_AND_FLAGS = 0xffff & ~(7 << 11);

function about(values: readonly (number | bigint)[], code: readonly number[], control = ALL_MASKED): Fixture {
  const fixture = cpuFixture();
  setStack(fixture.cpu, ...values);
  setX87Control(fixture.cpu, control);
  fixture.cpu.setGprNumber(3, DATA);
  fixture.load(CODE, ...code, 0x90);
  return fixture;
}

function after(values: readonly (number | bigint)[], code: readonly number[], control = ALL_MASKED): Fixture {
  const fixture = about(values, code, control);
  fixture.step();
  return fixture;
}

const status = ({ cpu }: Fixture): number => readState16(cpu, FX_STATUS) & CODES_AND_FLAGS;

/** Vector of the exception that the next instruction raises. */
function raised(fixture: Fixture): number {
  for (const vector of [7, 16]) fixture.setGate(vector);
  fixture.settle();
  return (fixture.cpu.rip - HANDLERS) / 16;
}

describe('the register stack', () => {
  it('grows downward and pops', () => {
    const { cpu } = after([2], FLD1);
    expect([stackTop(cpu), stackNumber(cpu, 0), stackNumber(cpu, 1)]).toEqual([6, 1, 2]);
    const popped = after([2, 3], FADDP).cpu;
    expect([stackTop(popped), stackNumber(popped, 0)]).toEqual([7, 5]);
  });

  it('overflows: invalid, with C1 set, and a quiet NaN on top', () => {
    const fixture = after([1, 2, 3, 4, 5, 6, 7, 8], FLD1);
    expect([status(fixture), stackTop(fixture.cpu), stackBits(fixture.cpu, 0)]).toEqual([
      INVALID_STACK | C1,
      7,
      INDEFINITE,
    ]);
  });

  it('underflows: invalid, with C1 clear, and a quiet NaN as the result', () => {
    const fixture = after([1], FADD_ST1);
    expect([status(fixture), stackBits(fixture.cpu, 0)]).toEqual([INVALID_STACK, INDEFINITE]);
  });

  it('gives empty registers a quiet NaN before it exchanges them', () => {
    const { cpu } = after([1], FXCH);
    expect([stackBits(cpu, 0), stackNumber(cpu, 1)]).toEqual([INDEFINITE, 1]);
  });
});

describe('an exception that is not masked', () => {
  it('keeps operands and the top of the stack where there is no result', () => {
    const fixture = after([1, 0], [0xde, 0xf9], ALL_MASKED & ~4); // fdivp: 0 / 1
    expect(status(fixture)).toBe(0);
    const division = after([0, 1], [0xde, 0xf9], ALL_MASKED & ~4); // fdivp: 1 / 0
    const { cpu } = division;
    expect([status(division), stackTop(cpu), stackNumber(cpu, 1)]).toEqual([SUMMARY | 4, 6, 1]);
  });

  it('keeps a number that overflows from being stored and popped', () => {
    const fixture = after([1e300], FSTP_MEMORY, ALL_MASKED & ~8);
    expect([status(fixture), stackTop(fixture.cpu), fixture.memory.read32(DATA)]).toEqual([SUMMARY | 8, 7, 0]);
  });

  it('gives a result with an exponent of the middle of the range where there is one', () => {
    const largest = 0x7ffe_8000_0000_0000_0000n;
    const { cpu } = after([largest, largest], FADD_ST1, ALL_MASKED & ~8);
    expect(stackBits(cpu, 0)).toBe(0x7fff_8000_0000_0000_0000n - (24576n << 64n));
  });

  it.each([
    ['FWAIT', FWAIT],
    ['FLD1', FLD1],
    ['FLDCW', [0xd9, 0x2b]],
    ['PADDB', [0x0f, 0xfc, 0xc1]],
  ])('is reported by the next instruction that waits: %s is #MF', (_, code) => {
    const fixture = about([0, 1], [0xd8, 0xf9, ...code], ALL_MASKED & ~4); // fdivr
    fixture.step();
    expect(raised(fixture)).toBe(16);
    expect(fixture.stackWord(0)).toBe(CODE + 2);
  });

  it('would be reported by the platform with CR0.NE = 0, which is not modelled', () => {
    const fixture = about([1], FWAIT, ALL_MASKED & ~1);
    writeState16(fixture.cpu, FX_STATUS, 1);
    fixture.cpu.cr0 &= ~CR0_NE;
    expect(() => fixture.step()).toThrow(/^an x87 exception by FERR# \(CR0.NE = 0\) at RIP 10000H/);
  });

  it('leaves its opcode and its operand behind, which others do not', () => {
    const pointers = ({ cpu }: Fixture): unknown[] => [
      readState64(cpu, FX_INSTRUCTION),
      readState16(cpu, FX_OPCODE),
      readState64(cpu, FX_DATA),
    ];
    expect(pointers(after([1], FDIV_MEMORY))).toEqual([BigInt(CODE), 0, 0n]);
    expect(pointers(after([1], FDIV_MEMORY, ALL_MASKED & ~4))).toEqual([BigInt(CODE), 0x033, BigInt(DATA)]);
  });
});

describe('an x87 instruction', () => {
  it.each([
    ['FLD1 is #NM with CR0.TS', FLD1, CR0_TS],
    ['FLD1 is #NM with CR0.EM', FLD1, CR0_EM],
    ['FNSTENV is #NM with CR0.TS', [0xd9, 0x33], CR0_TS],
    ['FWAIT is #NM with CR0.TS and CR0.MP', FWAIT, CR0_TS | CR0_MP],
  ])('%s', (_, code, bits) => {
    const fixture = about([1], code);
    fixture.cpu.cr0 = (fixture.cpu.cr0 & ~CR0_MP) | bits;
    expect(raised(fixture)).toBe(7);
  });

  it('FWAIT is not with CR0.TS alone', () => {
    const fixture = about([1], FWAIT);
    fixture.cpu.cr0 = (fixture.cpu.cr0 & ~CR0_MP) | CR0_TS;
    fixture.step();
    expect(fixture.cpu.rip).toBe(CODE + 1);
  });

  it('changes nothing when its operand faults', () => {
    const fixture = about([1], [0xd9, 0x1c, 0x25, 0, 0, 0x20, 0]); // fstp dword [200000H]
    expect(raised(fixture)).toBe(14);
    expect([stackTop(fixture.cpu), readState64(fixture.cpu, FX_INSTRUCTION)]).toEqual([7, 0n]);
  });

  it('rounds to the precision of the control word', () => {
    const precisions = [0x07f, 0x27f, 0x37f].map((control) => stackBits(after([3, 1], [0xd8, 0xf9], control).cpu, 0));
    expect(precisions).toEqual([0x3ffd_aaaa_ab00_0000_0000n, 0x3ffd_aaaa_aaaa_aaaa_a800n, 0x3ffd_aaaa_aaaa_aaaa_aaabn]);
  });

  it('leaves the control word alone but for FLDCW', () => {
    const fixture = about([1], [0xd9, 0x2b]);
    fixture.memory.write32(DATA, 0xffff);
    fixture.step();
    expect(readState16(fixture.cpu, FX_CONTROL)).toBe(0x1f7f);
  });
});
