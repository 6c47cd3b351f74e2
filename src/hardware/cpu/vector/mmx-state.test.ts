import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, DATA, HANDLERS, type Fixture } from '../../../../test/support/cpu-fixture.js';
import { CR0_EM, CR0_NE, CR0_TS } from '../control-register-bits.js';
import {
  extendedState,
  FX_CONTROL,
  FX_STACK,
  FX_STATUS,
  FX_TAGS,
  readState16,
  writeState16,
} from '../extended-state.js';

const PADDB = [0x0f, 0xfc, 0xc1]; // paddb mm0, mm1
const TOP_2 = 2 << 11;

function about(...code: number[]): Fixture {
  const fixture = cpuFixture();
  fixture.cpu.setGprNumber(3, DATA);
  fixture.load(CODE, ...code, 0x90);
  return fixture;
}

/** Vector of the exception that the next instruction raises. */
function raised(fixture: Fixture): number {
  for (const vector of [7, 16]) fixture.setGate(vector);
  fixture.settle();
  return (fixture.cpu.rip - HANDLERS) / 16;
}

describe('an MMX instruction', () => {
  it('works on x87 registers by their physical numbers, and leaves the top of the stack at 0 and all tags valid', () => {
    const fixture = about(...PADDB);
    const { cpu } = fixture;
    const state = extendedState(cpu);
    writeState16(cpu, FX_STATUS, TOP_2);
    // With the top at 2, register 0 is ST(6) and register 1 is ST(7).
    state[FX_STACK + 6 * 16] = 5;
    state[FX_STACK + 7 * 16] = 7;
    fixture.step();
    expect([state[FX_STACK], state[FX_STACK + 16], state[FX_TAGS], readState16(cpu, FX_STATUS)]).toEqual([
      12, 7, 0xff, 0,
    ]);
  });

  it('sets sign and exponent of what it writes', () => {
    const fixture = about(...PADDB);
    fixture.step();
    const state = extendedState(fixture.cpu);
    expect([...state.subarray(FX_STACK, FX_STACK + 10)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    expect([...state.subarray(FX_STACK + 16, FX_STACK + 26)]).toEqual(Array(10).fill(0));
  });

  it('is followed by EMMS, which empties all registers', () => {
    const fixture = about(...PADDB, 0x0f, 0x77);
    fixture.step(fixture.cpu, 2);
    expect(extendedState(fixture.cpu)[FX_TAGS]).toBe(0);
  });

  it('changes nothing when it faults', () => {
    const fixture = about(0x0f, 0xfc, 0x04, 0x25, 0, 0, 0x20, 0); // paddb mm0, [200000H]
    writeState16(fixture.cpu, FX_STATUS, TOP_2);
    expect(raised(fixture)).toBe(14);
    expect(readState16(fixture.cpu, FX_STATUS)).toBe(TOP_2);
  });

  it.each([
    ['#UD with CR0.EM', CR0_EM, 6],
    ['#NM with CR0.TS', CR0_TS, 7],
    ['#UD rather than #NM with both', CR0_EM | CR0_TS, 6],
  ])('is %s', (_, bits, vector) => {
    for (const code of [PADDB, [0x0f, 0x77]]) {
      const fixture = about(...code);
      fixture.cpu.cr0 |= bits;
      expect(raised(fixture)).toBe(vector);
    }
  });

  it.each([
    ['PADDB', PADDB],
    ['EMMS', [0x0f, 0x77]],
    ['FWAIT', [0x9b]],
    ['FLDCW', [0xd9, 0x2b]],
  ])('reports a pending x87 exception: %s is #MF', (_, code) => {
    const fixture = about(...code);
    const { cpu } = fixture;
    cpu.cr0 |= CR0_NE;
    writeState16(cpu, FX_CONTROL, 0x37e);
    writeState16(cpu, FX_STATUS, 0x8081);
    expect(raised(fixture)).toBe(16);
  });

  it.each([
    ['FNINIT', [0xdb, 0xe3]],
    ['FNCLEX', [0xdb, 0xe2]],
    ['FNSTCW', [0xd9, 0x3b]],
    ['FNSTSW', [0xdf, 0xe0]],
    ['FXSAVE', [0x0f, 0xae, 0x03]],
  ])('reports a pending x87 exception, but %s does not', (_, code) => {
    const fixture = about(...code);
    const { cpu } = fixture;
    cpu.cr0 |= CR0_NE;
    writeState16(cpu, FX_CONTROL, 0x37e);
    writeState16(cpu, FX_STATUS, 0x8081);
    fixture.step();
    expect(cpu.rip).toBe(CODE + code.length);
  });
});
