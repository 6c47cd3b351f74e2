/** #AC (SDM vol. 3, 6.15 interrupt 17). */
import { describe, expect, it } from 'vitest';
import {
  cpuFixture,
  DATA,
  HANDLERS,
  NOT_PRESENT,
  RSP,
  USER_CODE,
  USER_STACK,
  type Fixture,
} from '../../../test/support/cpu-fixture.js';
import { runUntil } from '../../../test/support/engine.js';
import { CR0_AM, CR4_OSFXSR } from './control-register-bits.js';
import { RFLAGS_AC } from './rflags.js';

const RBX = 3;
const ALIGNMENT_CHECK = HANDLERS + 17 * 16;
const PAGE_FAULT = HANDLERS + 14 * 16;
const GENERAL_PROTECTION = HANDLERS + 13 * 16;

interface Conditions {
  readonly am?: boolean;
  readonly ac?: boolean;
  readonly user?: boolean;
}

/** Executes one instruction with RBX = `at`; where it leads. */
function execute(code: readonly number[], at: number, { am = true, ac = true, user = true }: Conditions = {}): number {
  return prepared(code, at, { am, ac, user }).cpu.rip;
}

function prepared(code: readonly number[], at: number, { am, ac, user }: Conditions): Fixture {
  const machine = cpuFixture({ interpreted: true });
  const { cpu } = machine;
  machine.setGate(17);
  machine.enterUserMode();
  if (user !== true) cpu.cpl = 0;
  if (am === true) cpu.cr0 |= CR0_AM;
  if (ac === true) cpu.rflags |= RFLAGS_AC;
  cpu.cr4 |= CR4_OSFXSR;
  cpu.setGpr(RBX, BigInt(at));
  machine.load(USER_CODE, ...code);
  proceed(machine);
  return machine;
}

/** Executes one instruction, and delivers what comes of it. */
function proceed(machine: Fixture): void {
  const { cpu } = machine;
  runUntil(cpu, cpu.now + 1);
  if (cpu.faulting || cpu.injected !== null) machine.settle();
}

const POPFQ = 0x9d;
const LOAD_32 = [0x8b, 0x03];
const ACCESSES: readonly [string, number, readonly number[]][] = [
  ['MOV AX, [RBX]', 2, [0x66, 0x8b, 0x03]],
  ['MOV EAX, [RBX]', 4, LOAD_32],
  ['MOV RAX, [RBX]', 8, [0x48, 0x8b, 0x03]],
  ['MOV [RBX], EAX', 4, [0x89, 0x03]],
  ['ADD [RBX], RAX', 8, [0x48, 0x01, 0x03]],
  ['CMPXCHG [RBX], EAX', 4, [0x0f, 0xb1, 0x03]],
  ['FLD m64', 8, [0xdd, 0x03]],
  ['FLD m80', 8, [0xdb, 0x2b]],
  ['MOVQ XMM0, [RBX]', 8, [0xf3, 0x0f, 0x7e, 0x03]],
  ['MOVUPS XMM0, [RBX]', 16, [0x0f, 0x10, 0x03]],
  ['STR [RBX]', 2, [0x0f, 0x00, 0x0b]],
];

describe('alignment check', () => {
  it.each(ACCESSES)('%s: operands at multiples of %i bytes only', (_name, alignment, code) => {
    const behind = USER_CODE + code.length;
    expect(execute(code, DATA + 2 * alignment)).toBe(behind);
    expect(execute(code, DATA + alignment / 2)).toBe(ALIGNMENT_CHECK);
    expect(execute(code, DATA + 1)).toBe(ALIGNMENT_CHECK);
  });

  it.each([
    ['SGDT', [0x0f, 0x01, 0x03]],
    ['SIDT', [0x0f, 0x01, 0x0b]],
  ])('%s: the base at a multiple of 8 bytes, behind the limit', (_name, code) => {
    const behind = USER_CODE + code.length;
    expect(execute(code, DATA + 6)).toBe(behind);
    expect([0, 2, 4, 7].map((offset) => execute(code, DATA + offset))).toEqual(Array(4).fill(ALIGNMENT_CHECK));
  });

  it('bytes are always aligned', () => {
    expect(execute([0x8a, 0x03], DATA + 1)).toBe(USER_CODE + 2);
  });

  it('the error code is 0 and RIP that of the instruction', () => {
    const machine = prepared(LOAD_32, DATA + 1, { am: true, ac: true, user: true });
    expect([machine.stackWord(0), machine.stackWord(1)]).toEqual([0, USER_CODE]);
  });

  it.each([
    ['CR0.AM', { am: false }],
    ['RFLAGS.AC', { ac: false }],
    ['CPL 3', { user: false }],
  ])('without %s there is none', (_name, conditions) => {
    expect(execute(LOAD_32, DATA + 1, conditions)).toBe(USER_CODE + 2);
  });

  it('a page fault comes first, and so does a non-canonical address', () => {
    expect(execute(LOAD_32, NOT_PRESENT + 1)).toBe(PAGE_FAULT);
    expect(execute(LOAD_32, NOT_PRESENT - 1)).toBe(PAGE_FAULT);
    expect(execute(LOAD_32, 2 ** 47 + 1)).toBe(GENERAL_PROTECTION);
  });

  it('an access across pages is one like others', () => {
    expect(execute(LOAD_32, DATA + 0x1000 - 2)).toBe(ALIGNMENT_CHECK);
  });

  it('the stack is checked as well', () => {
    const machine = cpuFixture({ interpreted: true });
    machine.setGate(17);
    machine.enterUserMode();
    machine.cpu.cr0 |= CR0_AM;
    machine.cpu.rflags |= RFLAGS_AC;
    machine.cpu.setGprNumber(RSP, USER_STACK + 4);
    machine.load(USER_CODE, 0x50); // PUSH RAX
    proceed(machine);
    expect(machine.cpu.rip).toBe(ALIGNMENT_CHECK);
  });

  it('POPF begins and ends it at once', () => {
    const machine = cpuFixture({ interpreted: true });
    const { cpu } = machine;
    machine.setGate(17);
    machine.enterUserMode();
    cpu.cr0 |= CR0_AM;
    cpu.setGpr(RBX, BigInt(DATA + 1));
    machine.load(USER_CODE, ...LOAD_32, POPFQ, POPFQ, ...LOAD_32, POPFQ, ...LOAD_32);
    machine.writeUnaligned(USER_STACK, RFLAGS_AC | 2);
    machine.writeUnaligned(USER_STACK + 8, 2);
    machine.writeUnaligned(USER_STACK + 16, RFLAGS_AC | 2);
    machine.step(cpu, 5);
    expect(cpu.rip).toBe(USER_CODE + 7);
    proceed(machine);
    expect(cpu.rip).toBe(ALIGNMENT_CHECK);
  });
});
