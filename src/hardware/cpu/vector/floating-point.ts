/**
 * Floating-point instructions of SSE to SSE4.1 (SDM vol. 1, 11.5; vol. 2): packed and scalar arithmetic, comparisons and
 * conversions. Flags go to MXCSR; an exception that is not masked is #XM and leaves the destination alone.
 */
import { Mnemonic } from 'iced-x86';
import { CR4_OSXMMEXCPT } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { VECTOR_XM } from '../exception-vector.js';
import { mxcsr, setMxcsr } from '../extended-state.js';
import { fault, invalidOpcode } from '../fault.js';
import { DONE, type Outcome } from '../outcome.js';
import { RFLAGS_ARITHMETIC, RFLAGS_CF, RFLAGS_PF, RFLAGS_ZF } from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { gprBits, memoryOperand, registerOperand, writeRegister } from '../slow/operands.js';
import * as A from './arithmetic.js';
import {
  DENORMAL,
  DIVIDE_BY_ZERO,
  DOUBLE,
  INVALID,
  ROUND_TO_ZERO,
  roundingOfMxcsr,
  SINGLE,
  type Format,
  type Rounding,
} from './ieee754.js';
import type { Lanes } from './lanes.js';
import { destination, immediate, readSource, source, target, vector } from './operands.js';

/** Exceptions that are noticed before there is a result. */
const EARLY = INVALID | DENORMAL | DIVIDE_BY_ZERO;
const XMM_SIZE = 16;

/** Elements of a register as integers. */
interface Element {
  readonly size: number;
  get(lanes: Lanes, index: number): bigint;
  put(lanes: Lanes, index: number, value: bigint): void;
}

const WORD: Element = {
  size: 4,
  get: ({ u32 }, index) => BigInt(u32[index]),
  put: ({ u32 }, index, value) => {
    u32[index] = Number(value);
  },
};
const QUADWORD: Element = {
  size: 8,
  get: ({ u64 }, index) => u64[index],
  put: ({ u64 }, index, value) => {
    u64[index] = value;
  },
};

function elementOf(format: Format): Element {
  return format === SINGLE ? WORD : QUADWORD;
}

/** Flags what has been raised. DONE, or #XM: #UD if the system does not know #XM. */
function conclude(cpu: Cpu, { flags, masks }: Rounding): Outcome {
  const unmasked = flags & ~masks;
  setMxcsr(cpu, mxcsr(cpu) | ((unmasked & EARLY) === 0 ? flags : flags & EARLY));
  if (unmasked === 0) return DONE;
  return (cpu.cr4 & CR4_OSXMMEXCPT) === 0 ? invalidOpcode(cpu) : fault(cpu, VECTOR_XM);
}

/** Calculates elements of `target` from both operands; only the first one if `isScalar`. */
function elements(
  format: Format,
  isScalar: boolean,
  operate: (a: bigint, b: bigint, rounding: Rounding, instruction: DecodedInstruction) => bigint,
): Handler {
  const element = elementOf(format);
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, isScalar ? element.size : XMM_SIZE);
    if (outcome !== DONE) return outcome;
    const to = destination(cpu, instruction);
    const rounding = roundingOfMxcsr(mxcsr(cpu));
    target.u8.set(to);
    for (let index = 0; index < (isScalar ? 1 : XMM_SIZE / element.size); index++) {
      const result = operate(element.get(target, index), element.get(source, index), rounding, instruction);
      element.put(target, index, result);
    }
    const end = conclude(cpu, rounding);
    if (end === DONE) to.set(target.u8);
    return end;
  });
}

type Four = readonly [packedSingle: Mnemonic, scalarSingle: Mnemonic, packedDouble: Mnemonic, scalarDouble: Mnemonic];
type Elementwise = (format: Format) => Parameters<typeof elements>[2];

/** The four instructions of one operation. */
function four([packedSingle, scalarSingle, packedDouble, scalarDouble]: Four, of: Elementwise): HandlerTable {
  return [
    [packedSingle, elements(SINGLE, false, of(SINGLE))],
    [scalarSingle, elements(SINGLE, true, of(SINGLE))],
    [packedDouble, elements(DOUBLE, false, of(DOUBLE))],
    [scalarDouble, elements(DOUBLE, true, of(DOUBLE))],
  ];
}

const binary =
  (operation: A.Operation): Elementwise =>
  (format) =>
  (a, b, rounding) =>
    operation(format, a, b, rounding);

type Unary = (format: Format, bits: bigint, rounding: Rounding) => bigint;

const unary =
  (operation: Unary): Elementwise =>
  (format) =>
  (_, b, rounding) =>
    operation(format, b, rounding);

/** The integer next to each element: by bits 1:0 of the immediate, or as MXCSR says with bit 2; bit 3 keeps PE as it is. */
const toInteger: Elementwise = (format) => (_, b, rounding, instruction) => {
  const control = immediate(instruction, 2);
  const mode = (control & 4) === 0 ? control & 3 : rounding.mode;
  return A.roundToInteger(format, b, mode, (control & 8) !== 0, rounding);
};

// ---- Across elements

/** The elements of an operand, and the number of the element that is wanted. */
type Across = (
  first: readonly bigint[],
  second: readonly bigint[],
  lane: number,
  rounding: Rounding,
  instruction: DecodedInstruction,
) => bigint;

/** Each element of the result is a function of all elements of both operands. */
function across(format: Format, operate: Across): Handler {
  const element = elementOf(format);
  const count = XMM_SIZE / element.size;
  const list = (lanes: Lanes): bigint[] => Array.from({ length: count }, (_, index) => element.get(lanes, index));
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, XMM_SIZE);
    if (outcome !== DONE) return outcome;
    const to = destination(cpu, instruction);
    const rounding = roundingOfMxcsr(mxcsr(cpu));
    target.u8.set(to);
    const [first, second] = [list(target), list(source)];
    for (let lane = 0; lane < count; lane++) {
      element.put(target, lane, operate(first, second, lane, rounding, instruction));
    }
    const end = conclude(cpu, rounding);
    if (end === DONE) to.set(target.u8);
    return end;
  });
}

/** HADD and HSUB: neighbours of the first operand, then those of the second. */
const neighbours = (format: Format, operation: A.Operation): Handler =>
  across(format, (first, second, lane, rounding) => {
    const values = [...first, ...second];
    return operation(format, values[2 * lane], values[2 * lane + 1], rounding);
  });

/** ADDSUB: differences in even places, sums in odd ones. */
const alternate = (format: Format): Handler =>
  across(format, (first, second, lane, rounding) =>
    (lane % 2 === 0 ? A.subtract : A.add)(format, first[lane], second[lane], rounding),
  );

/** DPPS and DPPD: the sum of the products that bits 7:4 of the immediate choose, in the places of bits 3:0. */
const dotProduct = (format: Format): Handler =>
  across(format, (first, second, lane, rounding, instruction) => {
    const control = immediate(instruction, 2);
    const product = (index: number): bigint =>
      ((control >>> (4 + index)) & 1) === 0 ? 0n : A.multiply(format, first[index], second[index], rounding);
    const products = first.map((_, index) => product(index));
    const sums = Array.from({ length: first.length / 2 }, (_, pair) =>
      A.add(format, products[2 * pair], products[2 * pair + 1], rounding),
    );
    const total = sums.length === 1 ? sums[0] : A.add(format, sums[0], sums[1], rounding);
    return ((control >>> lane) & 1) === 0 ? 0n : total;
  });

// ---- Comparisons

/** CMPccPS and its kin, predicates 0 to 3: which relations are true, and whether quiet NaNs are invalid. 4 to 7 negate them. */
const PREDICATES: readonly (readonly [relations: readonly A.Relation[], quietIsInvalid: boolean])[] = [
  [['equal'], false],
  [['less'], true],
  [['less', 'equal'], true],
  [['unordered'], false],
];
const NEGATES = 4;

const compareToMask: Elementwise = (format) => (a, b, rounding, instruction) => {
  const predicate = immediate(instruction, 2);
  const [relations, quietIsInvalid] = PREDICATES[predicate & 3];
  const isTrue = relations.includes(A.compare(format, a, b, rounding, quietIsInvalid));
  const isSet = isTrue !== ((predicate & NEGATES) !== 0);
  return isSet ? BigInt.asUintN(8 * elementOf(format).size, -1n) : 0n;
};

const FLAGS_OF: Readonly<Record<A.Relation, number>> = {
  greater: 0,
  less: RFLAGS_CF,
  equal: RFLAGS_ZF,
  unordered: RFLAGS_ZF | RFLAGS_PF | RFLAGS_CF,
};

/** COMISS (quiet NaNs are invalid), UCOMISS and their kin: the first elements, to RFLAGS. */
function compareToFlags(format: Format, quietIsInvalid: boolean): Handler {
  const element = elementOf(format);
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, element.size);
    if (outcome !== DONE) return outcome;
    const rounding = roundingOfMxcsr(mxcsr(cpu));
    target.u8.set(destination(cpu, instruction));
    const relation = A.compare(format, element.get(target, 0), element.get(source, 0), rounding, quietIsInvalid);
    const end = conclude(cpu, rounding);
    if (end === DONE) cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | FLAGS_OF[relation];
    return end;
  });
}

// ---- Conversions

type Conversion = (bits: bigint, rounding: Rounding) => bigint;

const fromWord =
  (format: Format): Conversion =>
  (bits, rounding) =>
    A.convertFromInteger(format, BigInt.asIntN(32, bits), rounding);

/** Rounds as MXCSR says, or towards 0 if `truncates`. */
const toWord =
  (format: Format, truncates: boolean): Conversion =>
  (bits, rounding) =>
    A.convertToInteger(format, bits, 32, truncates ? ROUND_TO_ZERO : rounding.mode, rounding);

const precision =
  (from: Format, to: Format): Conversion =>
  (bits, rounding) =>
    A.convertPrecision(from, to, bits, rounding);

interface Shape {
  readonly from: Element;
  readonly to: Element;
  readonly count: number;
  /** The rest of the register becomes 0; else it stays. */
  readonly clears?: boolean;
}

/** Converts elements between vector registers, or from memory. */
function convert({ from, to, count, clears = false }: Shape, conversion: Conversion): Handler {
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, from.size * count);
    if (outcome !== DONE) return outcome;
    const register = destination(cpu, instruction);
    const rounding = roundingOfMxcsr(mxcsr(cpu));
    if (clears) target.u8.fill(0);
    else target.u8.set(register);
    for (let index = 0; index < count; index++) to.put(target, index, conversion(from.get(source, index), rounding));
    const end = conclude(cpu, rounding);
    if (end === DONE) register.set(target.u8.subarray(0, register.length));
    return end;
  });
}

/** CVTSI2SS and CVTSI2SD: from a general-purpose register or memory of 32 or 64 bits. */
function convertFromGeneral(format: Format): Handler {
  return vector((cpu, instruction) => {
    const memory = memoryOperand(instruction, 1);
    const bits = memory === null ? gprBits(registerOperand(instruction, 1)) : memory.size * 8;
    const outcome = readSource(cpu, instruction, 1, bits / 8);
    if (outcome !== DONE) return outcome;
    const register = destination(cpu, instruction);
    const rounding = roundingOfMxcsr(mxcsr(cpu));
    target.u8.set(register);
    const result = A.convertFromInteger(format, BigInt.asIntN(bits, source.u64[0]), rounding);
    elementOf(format).put(target, 0, result);
    const end = conclude(cpu, rounding);
    if (end === DONE) register.set(target.u8);
    return end;
  });
}

/** CVTSS2SI, CVTSD2SI, and with `truncates` CVTTSS2SI, CVTTSD2SI. */
function convertToGeneral(format: Format, truncates: boolean): Handler {
  const element = elementOf(format);
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, element.size);
    if (outcome !== DONE) return outcome;
    const register = registerOperand(instruction, 0);
    const rounding = roundingOfMxcsr(mxcsr(cpu));
    const mode = truncates ? ROUND_TO_ZERO : rounding.mode;
    const value = A.convertToInteger(format, element.get(source, 0), gprBits(register), mode, rounding);
    const end = conclude(cpu, rounding);
    if (end === DONE) writeRegister(cpu, register, Number(value >> 32n), Number(value & 0xffff_ffffn));
    return end;
  });
}

const M = Mnemonic;

// prettier-ignore
export const FLOATING_POINT: HandlerTable = [
  ...four([M.Addps,  M.Addss,  M.Addpd,  M.Addsd],  binary(A.add)),
  ...four([M.Subps,  M.Subss,  M.Subpd,  M.Subsd],  binary(A.subtract)),
  ...four([M.Mulps,  M.Mulss,  M.Mulpd,  M.Mulsd],  binary(A.multiply)),
  ...four([M.Divps,  M.Divss,  M.Divpd,  M.Divsd],  binary(A.divide)),
  ...four([M.Minps,  M.Minss,  M.Minpd,  M.Minsd],  binary(A.minimum)),
  ...four([M.Maxps,  M.Maxss,  M.Maxpd,  M.Maxsd],  binary(A.maximum)),
  ...four([M.Sqrtps, M.Sqrtss, M.Sqrtpd, M.Sqrtsd], unary(A.squareRoot)),
  ...four([M.Cmpps,  M.Cmpss,  M.Cmppd,  M.Cmpsd],  compareToMask),
  ...four([M.Roundps, M.Roundss, M.Roundpd, M.Roundsd], toInteger),
  [M.Haddps,    neighbours(SINGLE, A.add)],
  [M.Haddpd,    neighbours(DOUBLE, A.add)],
  [M.Hsubps,    neighbours(SINGLE, A.subtract)],
  [M.Hsubpd,    neighbours(DOUBLE, A.subtract)],
  [M.Addsubps,  alternate(SINGLE)],
  [M.Addsubpd,  alternate(DOUBLE)],
  [M.Dpps,      dotProduct(SINGLE)],
  [M.Dppd,      dotProduct(DOUBLE)],
  [M.Rcpps,     elements(SINGLE, false, unary(A.approximateReciprocal)(SINGLE))],
  [M.Rcpss,     elements(SINGLE, true,  unary(A.approximateReciprocal)(SINGLE))],
  [M.Rsqrtps,   elements(SINGLE, false, unary(A.approximateReciprocalRoot)(SINGLE))],
  [M.Rsqrtss,   elements(SINGLE, true,  unary(A.approximateReciprocalRoot)(SINGLE))],
  [M.Comiss,    compareToFlags(SINGLE, true)],
  [M.Comisd,    compareToFlags(DOUBLE, true)],
  [M.Ucomiss,   compareToFlags(SINGLE, false)],
  [M.Ucomisd,   compareToFlags(DOUBLE, false)],
  [M.Cvtsi2ss,  convertFromGeneral(SINGLE)],
  [M.Cvtsi2sd,  convertFromGeneral(DOUBLE)],
  [M.Cvtss2si,  convertToGeneral(SINGLE, false)],
  [M.Cvttss2si, convertToGeneral(SINGLE, true)],
  [M.Cvtsd2si,  convertToGeneral(DOUBLE, false)],
  [M.Cvttsd2si, convertToGeneral(DOUBLE, true)],
  [M.Cvtss2sd,  convert({ from: WORD,     to: QUADWORD, count: 1 },               precision(SINGLE, DOUBLE))],
  [M.Cvtsd2ss,  convert({ from: QUADWORD, to: WORD,     count: 1 },               precision(DOUBLE, SINGLE))],
  [M.Cvtps2pd,  convert({ from: WORD,     to: QUADWORD, count: 2 },               precision(SINGLE, DOUBLE))],
  [M.Cvtpd2ps,  convert({ from: QUADWORD, to: WORD,     count: 2, clears: true }, precision(DOUBLE, SINGLE))],
  [M.Cvtdq2ps,  convert({ from: WORD,     to: WORD,     count: 4 },               fromWord(SINGLE))],
  [M.Cvtdq2pd,  convert({ from: WORD,     to: QUADWORD, count: 2 },               fromWord(DOUBLE))],
  [M.Cvtpi2ps,  convert({ from: WORD,     to: WORD,     count: 2 },               fromWord(SINGLE))],
  [M.Cvtpi2pd,  convert({ from: WORD,     to: QUADWORD, count: 2 },               fromWord(DOUBLE))],
  [M.Cvtps2dq,  convert({ from: WORD,     to: WORD,     count: 4 },               toWord(SINGLE, false))],
  [M.Cvttps2dq, convert({ from: WORD,     to: WORD,     count: 4 },               toWord(SINGLE, true))],
  [M.Cvtpd2dq,  convert({ from: QUADWORD, to: WORD,     count: 2, clears: true }, toWord(DOUBLE, false))],
  [M.Cvttpd2dq, convert({ from: QUADWORD, to: WORD,     count: 2, clears: true }, toWord(DOUBLE, true))],
  [M.Cvtps2pi,  convert({ from: WORD,     to: WORD,     count: 2 },               toWord(SINGLE, false))],
  [M.Cvttps2pi, convert({ from: WORD,     to: WORD,     count: 2 },               toWord(SINGLE, true))],
  [M.Cvtpd2pi,  convert({ from: QUADWORD, to: WORD,     count: 2 },               toWord(DOUBLE, false))],
  [M.Cvttpd2pi, convert({ from: QUADWORD, to: WORD,     count: 2 },               toWord(DOUBLE, true))],
];
