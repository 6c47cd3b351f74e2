import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, HANDLERS, type Fixture } from '../../../../test/support/cpu-fixture.js';
import { CR4_OSFXSR, CR4_OSXMMEXCPT } from '../control-register-bits.js';
import { mxcsr, setMxcsr, xmm } from '../extended-state.js';
import { DENORMAL, DIVIDE_BY_ZERO, INVALID, OVERFLOW, PRECISION, UNDERFLOW } from './ieee754.js';

const ADDSD = [0xf2, 0x0f, 0x58, 0xc1];
const MULSD = [0xf2, 0x0f, 0x59, 0xc1];
const DIVSD = [0xf2, 0x0f, 0x5e, 0xc1];
const SQRTSD = [0xf2, 0x0f, 0x51, 0xc1];
const DIVPS = [0x0f, 0x5e, 0xc1];
const RSQRTSS = [0xf3, 0x0f, 0x52, 0xc1];
const RCPSS = [0xf3, 0x0f, 0x53, 0xc1];

const DEFAULT = 0x1f80;
const DOWN = DEFAULT | (1 << 13);
const UP = DEFAULT | (2 << 13);
const TO_ZERO = DEFAULT | (3 << 13);
const FLUSH = DEFAULT | (1 << 15);
const DAZ = DEFAULT | (1 << 6);

/** One instruction on XMM0 and XMM1, doubles in their lower halves. */
function about(code: readonly number[], a: number, b: number, control = DEFAULT): Fixture {
  const fixture = cpuFixture();
  const { cpu } = fixture;
  cpu.cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
  setMxcsr(cpu, control);
  view(fixture, 0).setFloat64(0, a, true);
  view(fixture, 1).setFloat64(0, b, true);
  fixture.load(CODE, ...code, 0x90);
  return fixture;
}

function view(fixture: Fixture, register: number): DataView {
  const window = xmm(fixture.cpu, register);
  return new DataView(window.buffer, window.byteOffset);
}

const result = (fixture: Fixture): number => view(fixture, 0).getFloat64(0, true);
const flags = (fixture: Fixture): number => mxcsr(fixture.cpu) & 0x3f;

describe('double-precision arithmetic', () => {
  it.each([
    ['nearest', DEFAULT, 0.1 + 0.2],
    ['down', DOWN, 0.3],
    ['up', UP, 0.1 + 0.2],
    ['towards zero', TO_ZERO, 0.3],
  ])('rounds %s and flags the loss of precision', (_, control, sum) => {
    const fixture = about(ADDSD, 0.1, 0.2, control);
    fixture.step();
    expect([result(fixture), flags(fixture)]).toEqual([sum, PRECISION]);
  });

  it.each([
    ['an exact sum', ADDSD, 1, 2, 3, 0],
    ['x - x', ADDSD, 1, -1, 0, 0],
    ['infinity - infinity', ADDSD, Infinity, -Infinity, NaN, INVALID],
    ['0 * infinity', MULSD, 0, Infinity, NaN, INVALID],
    ['1 / 0', DIVSD, 1, -0, -Infinity, DIVIDE_BY_ZERO],
    ['0 / 0', DIVSD, 0, 0, NaN, INVALID],
    ['the largest number doubled', MULSD, Number.MAX_VALUE, 2, Infinity, OVERFLOW | PRECISION],
    ['the smallest number halved', MULSD, Number.MIN_VALUE, 0.5, 0, DENORMAL | UNDERFLOW | PRECISION],
    ['a denormal number halved without loss', MULSD, 2 * Number.MIN_VALUE, 0.5, Number.MIN_VALUE, DENORMAL],
    ['the square root of 2', SQRTSD, 0, 2, Math.SQRT2, PRECISION],
    ['the square root of -0', SQRTSD, 0, -0, -0, 0],
    ['the square root of -1', SQRTSD, 0, -1, NaN, INVALID],
  ])('%s', (_, code, a, b, value, raised) => {
    const fixture = about(code, a, b);
    fixture.step();
    expect([result(fixture), flags(fixture)]).toEqual([value, raised]);
  });

  it('flushes tiny results to zero, and takes denormal operands for zeros, where MXCSR says so', () => {
    const flushing = about(MULSD, 2 ** -1022, 0.5, FLUSH);
    flushing.step();
    expect([result(flushing), flags(flushing)]).toEqual([0, UNDERFLOW | PRECISION]);
    const zeros = about(ADDSD, Number.MIN_VALUE, Number.MIN_VALUE, DAZ);
    zeros.step();
    expect([result(zeros), flags(zeros)]).toEqual([0, 0]);
  });
});

describe('an exception that is not masked', () => {
  const UNMASKED_ZE = DEFAULT & ~(DIVIDE_BY_ZERO << 7);

  it('is #XM: the flag is set, the destination stays', () => {
    const fixture = about(DIVSD, 1, 0, UNMASKED_ZE);
    fixture.setGate(19);
    fixture.settle();
    expect([(fixture.cpu.rip - HANDLERS) / 16, result(fixture), flags(fixture)]).toEqual([19, 1, DIVIDE_BY_ZERO]);
  });

  it('is #UD without CR4.OSXMMEXCPT', () => {
    const fixture = about(DIVSD, 1, 0, UNMASKED_ZE);
    fixture.cpu.cr4 &= ~CR4_OSXMMEXCPT;
    fixture.settle();
    expect((fixture.cpu.rip - HANDLERS) / 16).toBe(6);
  });

  it('keeps other elements from flagging what only results show', () => {
    const fixture = about(DIVPS, 0, 0, UNMASKED_ZE & ~(INVALID << 7));
    const [a, b] = [view(fixture, 0), view(fixture, 1)];
    [1, 1, 0, 1].forEach((value, lane) => {
      a.setFloat32(4 * lane, value, true);
    });
    [0, 3, 0, 1].forEach((value, lane) => {
      b.setFloat32(4 * lane, value, true);
    });
    fixture.setGate(19);
    fixture.settle();
    expect(flags(fixture)).toBe(DIVIDE_BY_ZERO | INVALID);
  });
});

describe('approximations', () => {
  it.each([
    ['RCPSS', RCPSS, (x: number) => 1 / x],
    ['RSQRTSS', RSQRTSS, (x: number) => 1 / Math.sqrt(x)],
  ])('%s is within 1.5 * 2^-12 of the result, and raises nothing', (_, code, exact) => {
    for (const x of [1, 2, 3, 0.1, 7e-20, 1.7e20, 1000.5]) {
      const fixture = about(code, 0, 0, 0);
      view(fixture, 1).setFloat32(0, x, true);
      const operand = view(fixture, 1).getFloat32(0, true);
      fixture.step();
      const error = Math.abs(view(fixture, 0).getFloat32(0, true) / exact(operand) - 1);
      expect([error <= 1.5 * 2 ** -12, flags(fixture)]).toEqual([true, 0]);
    }
  });

  it('of zeros and denormal numbers are infinite, of infinity zero', () => {
    for (const [x, value] of [
      [0, Infinity],
      [-0, -Infinity],
      [2 ** -140, Infinity],
      [Infinity, 0],
    ] as const) {
      const fixture = about(RCPSS, 0, 0);
      view(fixture, 1).setFloat32(0, x, true);
      fixture.step();
      expect(view(fixture, 0).getFloat32(0, true)).toBe(value);
    }
  });
});
