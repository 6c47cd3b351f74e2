import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CODE,
  cpuFixture,
  GDT,
  KERNEL_CODE,
  KERNEL_DATA,
  RSP,
  STACK,
  USER_CODE_SELECTOR,
  USER_DATA,
  type Fixture,
  type LineUse,
} from '../../../test/support/cpu-fixture.js';
import { mostly } from '../../../test/support/mostly.js';
import { observed } from '../../../test/support/observed-state.js';
import { CPU_COUNT_IRETQ, CPU_MARK_BRANCH } from './layout.js';
import { RFLAGS_IF, RFLAGS_NT } from './rflags.js';

const IRETQ = [0x48, 0xcf] as const;
const RETURN_TO = CODE + 0x100;
const PLAIN_CODE = 0x00af_9b00_0000_ffffn;
const PLAIN_DATA = 0x00cf_9300_0000_ffffn;

interface Case extends LineUse {
  readonly rip: bigint;
  readonly code: bigint;
  readonly flags: bigint;
  readonly rsp: bigint;
  readonly stack: bigint;
  /** Bytes from the top of the stack to the frame. */
  readonly depth: number;
  readonly flagsBefore: number;
  readonly nmiBlocked: boolean;
  readonly codeDescriptor: bigint;
  readonly stackDescriptor: bigint;
  readonly gdtLimit: number;
}

const PLAIN: Case = {
  rip: BigInt(RETURN_TO),
  code: BigInt(KERNEL_CODE),
  flags: BigInt(RFLAGS_IF | 2),
  rsp: BigInt(STACK - 8),
  stack: BigInt(KERNEL_DATA),
  depth: 40,
  flagsBefore: 2,
  nmiBlocked: false,
  codeDescriptor: PLAIN_CODE,
  stackDescriptor: PLAIN_DATA,
  gdtLimit: 63,
  shared: [],
  taken: [],
};

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const selector = fc.constantFrom(0n, 3n, 9n, 0xcn, 0x18n, 0x38n, 0x48n, BigInt(USER_CODE_SELECTOR), BigInt(USER_DATA));
const place = fc.constantFrom(GDT, STACK - 64, STACK - 0x40, STACK - 0x80);
const cases: fc.Arbitrary<Case> = fc.record({
  rip: mostly(PLAIN.rip, word, fc.constant(2n ** 47n), fc.constant(BigInt(CODE))),
  code: mostly(PLAIN.code, selector),
  flags: fc.oneof(word, fc.constant(PLAIN.flags)),
  rsp: mostly(PLAIN.rsp, word),
  stack: mostly(PLAIN.stack, selector),
  depth: mostly(40, fc.integer({ min: 33, max: 200 }), fc.integer({ min: 0, max: 39 })),
  flagsBefore: fc.constantFrom(2, RFLAGS_IF | 2, RFLAGS_NT | 2, 0x10002, 0x44cd7, 0x20_0402, 0x102),
  nmiBlocked: mostly(false, fc.constant(true)),
  codeDescriptor: mostly(PLAIN_CODE, fc.constantFrom(0x00af_9a00_0000_ffffn, 0x00af_1b00_0000_ffffn, 0n, PLAIN_DATA)),
  stackDescriptor: mostly(PLAIN_DATA, fc.constantFrom(0x00cf_9200_0000_ffffn, 0x00cf_9300_0000_fffen, 0n, PLAIN_CODE)),
  gdtLimit: mostly(63, fc.integer({ min: 0, max: 63 })),
  shared: mostly<number[]>([], fc.uniqueArray(place, { maxLength: 3 })),
  taken: mostly<number[]>([], fc.uniqueArray(place, { maxLength: 2 })),
});

/** The first CPU has been running for a while: its TLB knows stack and descriptor table. */
function prepare(fixture: Fixture, given: Case): void {
  const { memory, cpu } = fixture;
  const frame = STACK - given.depth;
  cpu.setGprNumber(RSP, STACK - 40);
  fixture.load(CODE, ...IRETQ, 0x90);
  fixture.load(RETURN_TO, 0x90, 0x90);
  [RETURN_TO, KERNEL_CODE, RFLAGS_IF, STACK - 40, KERNEL_DATA].forEach((value, index) => {
    memory.write64(STACK - 40 + 8 * index, BigInt(value));
  });
  fixture.step(cpu, 2);
  const { view, ram } = memory;
  [given.rip, given.code, given.flags, given.rsp, given.stack].forEach((value, index) => {
    view.setBigUint64(ram + frame + 8 * index, value, true);
  });
  memory.write64(GDT + KERNEL_CODE, given.codeDescriptor);
  memory.write64(GDT + KERNEL_DATA, given.stackDescriptor);
  cpu.gdtr.limit = given.gdtLimit;
  cpu.rip = CODE;
  cpu.setGprNumber(RSP, frame);
  cpu.rflags = given.flagsBefore;
  cpu.attention = false;
  cpu.nmiBlocked = given.nmiBlocked;
  fixture.useLines(given);
  cpu.setWord(CPU_MARK_BRANCH, 1);
}

/** Executes the IRETQ, or what comes of it up to the first instruction of a handler. */
function executed(given: Case, interpreted: boolean): Fixture {
  const fixture = cpuFixture({ cpus: 2, interpreted });
  prepare(fixture, given);
  fixture.step();
  return fixture;
}

describe('IRETQ in the interpreter', () => {
  it('does what the host does, at the same cost', () => {
    fc.assert(
      fc.property(cases, (given) => {
        expect(observed(executed(given, true))).toEqual(observed(executed(given, false)));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['the plain case', {}, 1],
    ['lines of its own alone', { shared: [GDT, STACK - 64] }, 1],
    ['a line that another CPU took', { taken: [STACK - 64] }, 0],
    ['NMIs to unblock', { nmiBlocked: true }, 0],
    ['RF in the frame', { flags: 0x10202n }, 0],
    ['a nested task', { flagsBefore: RFLAGS_NT | 2 }, 0],
    ['another stack segment', { stack: 0n }, 0],
    ['another descriptor', { stackDescriptor: 0x00cf_9300_0000_fffen }, 0],
    ['a descriptor not accessed', { codeDescriptor: 0x00af_9a00_0000_ffffn }, 0],
    ['a frame on two pages', { depth: 0x1010 }, 0],
  ])('leaves to the host what is not plain: %s', (_, given: Partial<Case>, expected) => {
    const fixture = executed({ ...PLAIN, ...given }, true);
    expect(fixture.cpu.long(CPU_COUNT_IRETQ)).toBe(expected);
  });

  it('ends a pass of a spin loop that was being watched', () => {
    expect(executed({ ...PLAIN, flags: 2n }, true).cpu.word(CPU_MARK_BRANCH)).toBe(0);
  });
});
