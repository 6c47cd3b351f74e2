import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CODE,
  cpuFixture,
  GDT,
  IDT,
  KERNEL_CODE,
  NOT_PRESENT,
  NOT_PRESENT_CODE,
  RSP,
  STACK,
  USER_CODE_SELECTOR,
  type Fixture,
  type LineUse,
} from '../../../test/support/cpu-fixture.js';
import { mostly } from '../../../test/support/mostly.js';
import { observed } from '../../../test/support/observed-state.js';
import { EXTERNAL_INTERRUPTS } from './exceptions.js';
import { ACCESS_READ, CPU_TLB_VICTIMS } from './layout.js';
import { RFLAGS_IF, RFLAGS_NT } from './rflags.js';

const VECTOR = 33;
const GATE = IDT + 16 * VECTOR;
/** Pages whose place in the TLB is that of the GDT, and of the IDT. */
const TAKES_PLACES = [0x1fd000, 0x1fe000];
const PLAIN_CODE = 0x00af_9b00_0000_ffffn;

interface Case extends LineUse {
  readonly rsp: number;
  readonly flags: number;
  readonly user: boolean;
  readonly type: number;
  readonly ist: number;
  readonly selector: number;
  readonly isPresent: boolean;
  /** Bits 63:32 of the gate's offset. */
  readonly offsetHigh: number;
  readonly codeDescriptor: bigint;
  readonly idtLimit: number;
  readonly shadow: number;
}

const PLAIN: Case = {
  rsp: STACK - 8,
  flags: RFLAGS_IF | 2,
  user: false,
  type: 14,
  ist: 0,
  selector: KERNEL_CODE,
  isPresent: true,
  offsetHigh: 0,
  codeDescriptor: PLAIN_CODE,
  idtLimit: 0xfff,
  shadow: 0,
  shared: [],
  taken: [],
};

const place = fc.constantFrom(GDT, GATE, STACK - 64, STACK - 128, STACK - 192);
const cases: fc.Arbitrary<Case> = fc.record({
  rsp: fc.oneof(
    fc.integer({ min: STACK - 256, max: STACK }),
    fc.constantFrom(STACK + 24, NOT_PRESENT + 64, -(2 ** 47), 8),
  ),
  flags: fc.constantFrom(2, RFLAGS_IF | 2, RFLAGS_IF | RFLAGS_NT | 2, 0x44ed7, 0x20_0602),
  user: mostly(false, fc.constant(true)),
  type: mostly(14, fc.constantFrom(15, 15, 6, 5, 0x1e)),
  ist: mostly(0, fc.constant(1)),
  selector: mostly(
    KERNEL_CODE,
    fc.constantFrom(KERNEL_CODE | 3, 0, 3, 0xc, 0x10, USER_CODE_SELECTOR, NOT_PRESENT_CODE),
  ),
  isPresent: mostly(true, fc.constant(false)),
  offsetHigh: mostly(0, fc.constant(0x8000)),
  codeDescriptor: mostly(
    PLAIN_CODE,
    fc.constantFrom(0x00af_9a00_0000_ffffn, 0x00af_9f00_0000_ffffn, 0x00cf_9b00_0000_ffffn),
  ),
  idtLimit: mostly(0xfff, fc.integer({ min: 16 * VECTOR - 1, max: 16 * VECTOR + 15 })),
  shadow: mostly(0, fc.constant(1)),
  shared: mostly<number[]>([], fc.uniqueArray(place, { maxLength: 3 })),
  taken: mostly<number[]>([], fc.uniqueArray(place, { maxLength: 2 })),
});

/** The first CPU has taken the interrupt before, so that its TLB knows the way; now it is to take it again. */
function prepared(given: Case, interpreted: boolean): Fixture {
  const fixture = cpuFixture({ cpus: 2, interpreted });
  const { cpu, memory } = fixture;
  fixture.load(CODE, 0x90, 0x90);
  deliver(fixture);
  if (given.user) fixture.enterUserMode();
  fixture.setGate(VECTOR, given);
  const kind = memory.read32(GATE + 4);
  memory.write32(GATE + 4, given.isPresent ? kind : kind & ~0x8000);
  memory.write32(GATE + 8, given.offsetHigh);
  memory.write64(GDT + KERNEL_CODE, given.codeDescriptor);
  cpu.idtr.limit = given.idtLimit;
  cpu.rip = CODE;
  if (!given.user) cpu.setGprNumber(RSP, given.rsp);
  cpu.rflags = given.flags;
  cpu.shadow = given.shadow;
  fixture.useLines(given);
  return fixture;
}

/** Delivers the interrupt, or what comes of it, and executes the first instruction of the handler. */
function deliver(fixture: Fixture): void {
  fixture.cpu.injected = EXTERNAL_INTERRUPTS[VECTOR];
  fixture.step();
}

describe('delivery of interrupts in the interpreter', () => {
  it('does what the host does, at the same cost', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const [interpreter, host] = [prepared(given, true), prepared(given, false)];
        deliver(interpreter);
        deliver(host);
        expect(observed(interpreter)).toEqual(observed(host));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['an interrupt gate', {}],
    ['a trap gate', { type: 15 }],
    ['lines of its own alone', { shared: [GDT] }],
    ['an unaligned stack', { rsp: STACK - 5 }],
  ])('is the plain case through %s', (_, given: Partial<Case>) => {
    const { cpu } = prepared({ ...PLAIN, ...given }, true);
    expect(cpu.engine.deliver(cpu.block, VECTOR)).toBe(1);
  });

  it('finds tables whose places in the TLB other pages have taken', () => {
    const { engine, block } = prepared(PLAIN, true).cpu;
    for (const page of TAKES_PLACES) engine.fillTlb(block, page, ACCESS_READ);
    for (const table of [GDT, IDT])
      expect(engine.findTlbEntry(block, table) - block).toBeGreaterThanOrEqual(CPU_TLB_VICTIMS);
    expect(engine.deliver(block, VECTOR)).toBe(1);
  });

  it.each([
    [{}, false],
    [{ ist: 1 }, true],
  ])('leaves the system state of the guest as it was, unlike the host: %j', (given: Partial<Case>, expected) => {
    const fixture = prepared({ ...PLAIN, ...given }, true);
    fixture.cpu.systemStateChanged = false;
    deliver(fixture);
    expect(fixture.cpu.systemStateChanged).toBe(expected);
  });

  it.each([
    ['privilege level 3', { user: true }],
    ['a gate that is not present', { isPresent: false }],
    ['a 32-bit gate', { type: 6 }],
    ['a stack of the task state', { ist: 1 }],
    ['another code segment', { selector: USER_CODE_SELECTOR }],
    ['another descriptor', { codeDescriptor: 0x00af_9a00_0000_ffffn }],
    ['a handler that is not canonical', { offsetHigh: 0x8000 }],
    ['a gate beyond the table', { idtLimit: 16 * VECTOR + 14 }],
    ['a frame on two pages', { rsp: STACK + 24 }],
    ['a gate that another CPU took', { taken: [GATE] }],
    ['a stack that another CPU reads', { shared: [STACK - 64] }],
  ])('leaves %s to the host, with nothing changed', (_, given: Partial<Case>) => {
    const fixture = prepared({ ...PLAIN, ...given }, true);
    const { cpu } = fixture;
    const before = observed(fixture);
    expect(cpu.engine.deliver(cpu.block, VECTOR)).toBe(0);
    expect(observed(fixture)).toEqual(before);
  });
});
