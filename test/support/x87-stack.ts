/** The x87 register stack of a CPU, as JavaScript's numbers. */
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { extendedState, FX_STACK, FX_TAGS, initializeX87, setStackTop } from '../../src/hardware/cpu/extended-state.js';
import { extended, widened } from '../../src/hardware/cpu/x87/numbers.js';
import { DOUBLE } from '../../src/hardware/cpu/vector/ieee754.js';

const SPACING = 16;
const REGISTERS = 8;
const EXPONENT_SHIFT = 64n;

/** A number as a register holds it. */
export function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return widened(DOUBLE, view.getBigUint64(0)).bits;
}

function numberOf(bits: bigint): number {
  const { kind, sign, significand, exponent } = extended(bits).real;
  const direction = sign === 1 ? -1 : 1;
  if (kind === 'infinity') return direction * Infinity;
  if (kind === 'zero') return direction * 0;
  return kind === 'finite' ? direction * Number(significand) * 2 ** exponent : NaN;
}

/** After FNINIT, ST(0) and those behind it hold `values`, which are numbers or bits. */
export function setStack(cpu: Cpu, ...values: readonly (number | bigint)[]): void {
  initializeX87(cpu);
  setStackTop(cpu, (REGISTERS - values.length) % REGISTERS);
  const state = extendedState(cpu);
  const view = new DataView(state.buffer, state.byteOffset);
  values.forEach((value, number) => {
    const bits = typeof value === 'number' ? bitsOf(value) : value;
    view.setBigUint64(FX_STACK + number * SPACING, BigInt.asUintN(64, bits), true);
    view.setUint16(FX_STACK + number * SPACING + 8, Number(bits >> EXPONENT_SHIFT), true);
  });
  state[FX_TAGS] = (0xff << (REGISTERS - values.length)) & 0xff;
}

/** Bits of ST(number). */
export function stackBits(cpu: Cpu, number: number): bigint {
  const state = extendedState(cpu);
  const view = new DataView(state.buffer, state.byteOffset + FX_STACK + number * SPACING);
  return (BigInt(view.getUint16(8, true)) << EXPONENT_SHIFT) | view.getBigUint64(0, true);
}

/** ST(number) as a number. */
export function stackNumber(cpu: Cpu, number: number): number {
  return numberOf(stackBits(cpu, number));
}
