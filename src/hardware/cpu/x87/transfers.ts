/** Loads, stores, constants, exchanges and conditional moves (SDM vol. 1, 8.3.3 and 8.3.4; vol. 2). */
import { Mnemonic } from 'iced-x86';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { RFLAGS_CF, RFLAGS_PF, RFLAGS_ZF } from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { convertNan, integerOf, isNan, noteDenormals, noteSignaling } from '../vector/arithmetic.js';
import {
  DOUBLE,
  EXTENDED,
  indefinite,
  infinity,
  INVALID,
  round,
  ROUND_TO_ZERO,
  SINGLE,
  zero,
} from '../vector/ieee754.js';
import { quieted, Rounding, type Format } from '../vector/ieee754.js';
import { loadInteger, loadNumber } from './arithmetic-instructions.js';
import { extended, fromInteger, type Source } from './numbers.js';
import { INDEFINITE, x87, type X87Operation } from './operation.js';
import * as SERIES from './series.js';

const EXTENDED_SIZE = 10;
const SINGLE_SIZE = 4;

// ---- Loads

/** Pushes what `value` gives. */
function push(value: (operation: X87Operation) => bigint, access = 0): Handler {
  return x87((operation) => {
    operation.pushLoaded(operation.isFull() ? INDEFINITE : value(operation));
  }, access);
}

/** A number of 80 bits as it is; others are converted: denormal and signaling ones raise what they raise. */
function loadOperand(operation: X87Operation): bigint {
  if (operation.memorySize === EXTENDED_SIZE) return operation.load();
  const { real, bits } = loadNumber(operation);
  noteSignaling(real, real, operation.rounding);
  noteDenormals(real, real, operation.rounding);
  return isNan(real) ? quieted(EXTENDED, bits) : bits;
}

function loadRegister(operation: X87Operation): bigint {
  const from = operation.register(0);
  return operation.lacks(from) ? INDEFINITE : operation.read(from);
}

const fldMemory = push(loadOperand, ACCESS_READ);
const fldRegister = push(loadRegister);

/** An irrational constant, rounded as the control word says; that it is not exact is not flagged. */
function constant(value: bigint): Handler {
  return push(({ rounding: { mode, masks } }) =>
    SERIES.roundedUpward(0, value, -SERIES.FRACTION_BITS, new Rounding({ mode, masks })),
  );
}

// ---- Stores

function convert(format: Format, { real, bits, isUnsupported }: Source, rounding: Rounding): bigint {
  if (isUnsupported) rounding.raise(INVALID);
  if (isUnsupported) return indefinite(format);
  noteSignaling(real, real, rounding);
  if (isNan(real)) return convertNan(EXTENDED, format, bits, real.sign);
  if (real.kind === 'infinity') return infinity(format, real.sign);
  if (real.kind === 'zero') return zero(format, real.sign);
  return round(format, real.sign, real.significand, real.exponent, rounding);
}

/** Stores what `value` makes of ST(0), `empty` if there is none; pops, or not. */
function store(
  value: (source: Source, operation: X87Operation) => bigint,
  empty: (operation: X87Operation) => bigint,
  pops: boolean,
): Handler {
  return x87((operation) => {
    operation.store(operation.lacks(0) ? empty(operation) : value(extended(operation.read(0)), operation));
    if (pops) operation.pop();
  }, ACCESS_WRITE);
}

function memoryFormat({ memorySize }: X87Operation): Format {
  return memorySize === SINGLE_SIZE ? SINGLE : memorySize === EXTENDED_SIZE ? EXTENDED : DOUBLE;
}

function storeNumber(pops: boolean): Handler {
  return store(
    (source, operation) =>
      operation.memorySize === EXTENDED_SIZE
        ? source.bits
        : convert(memoryFormat(operation), source, operation.rounding),
    (operation) => indefinite(memoryFormat(operation)),
    pops,
  );
}

function storeInteger(pops: boolean, truncates = false): Handler {
  return store(
    ({ real, isUnsupported }, { memorySize, rounding }) => {
      const value = isUnsupported ? ({ ...real, kind: 'quiet' } as const) : real;
      return integerOf(value, memorySize * 8, truncates ? ROUND_TO_ZERO : rounding.mode, rounding);
    },
    ({ memorySize }) => 1n << BigInt(memorySize * 8 - 1),
    pops,
  );
}

/** FST and FSTP to a register. */
function storeRegister(pops: boolean): Handler {
  return x87((operation) => {
    operation.write(operation.register(0), operation.lacks(0) ? INDEFINITE : operation.read(0));
    if (pops) operation.pop();
  });
}

// ---- Registers

/** FXCH: empty registers become indefinite first. */
const exchange = x87((operation) => {
  const other = operation.register(1);
  operation.lacks(0, other);
  const [first, second] = [0, other].map((number) => (operation.isEmpty(number) ? INDEFINITE : operation.read(number)));
  operation.write(0, second);
  operation.write(other, first);
});

/** FCMOVcc: if any of `flags` is set, or if none is. */
function moveIf(flags: number, isSet: boolean): Handler {
  return x87((operation) => {
    const from = operation.register(1);
    operation.keepC1();
    if (operation.lacks(0, from)) operation.write(0, INDEFINITE);
    else if (((operation.cpu.rflags & flags) !== 0) === isSet) operation.write(0, operation.read(from));
  });
}

/** An undocumented FSTP: an empty ST(0) is popped without more ado. */
const storeUnchecked = x87((operation) => {
  if (!operation.isEmpty(0)) operation.write(operation.register(0), operation.read(0));
  operation.pop();
});

function registerOr(memory: Handler, register: Handler): Handler {
  return (cpu, instruction) => (instruction.operands[0]?.kind === 'memory' ? memory : register)(cpu, instruction);
}

export const X87_TRANSFERS: HandlerTable = [
  [Mnemonic.Fld, registerOr(fldMemory, fldRegister)],
  [Mnemonic.Fild, push((operation) => loadInteger(operation).bits, ACCESS_READ)],
  [Mnemonic.Fld1, push(() => fromInteger(1n))],
  [Mnemonic.Fldz, push(() => fromInteger(0n))],
  [Mnemonic.Fldpi, constant(SERIES.PI)],
  [Mnemonic.Fldl2t, constant(SERIES.LOG2_10)],
  [Mnemonic.Fldl2e, constant(SERIES.LOG2_E)],
  [Mnemonic.Fldlg2, constant(SERIES.LOG10_2)],
  [Mnemonic.Fldln2, constant(SERIES.LN_2)],
  [Mnemonic.Fst, registerOr(storeNumber(false), storeRegister(false))],
  [Mnemonic.Fstp, registerOr(storeNumber(true), storeRegister(true))],
  [Mnemonic.Fstpnce, storeUnchecked],
  [Mnemonic.Fist, storeInteger(false)],
  [Mnemonic.Fistp, storeInteger(true)],
  [Mnemonic.Fisttp, storeInteger(true, true)],
  [Mnemonic.Fxch, exchange],
  [Mnemonic.Fcmovb, moveIf(RFLAGS_CF, true)],
  [Mnemonic.Fcmove, moveIf(RFLAGS_ZF, true)],
  [Mnemonic.Fcmovbe, moveIf(RFLAGS_CF | RFLAGS_ZF, true)],
  [Mnemonic.Fcmovu, moveIf(RFLAGS_PF, true)],
  [Mnemonic.Fcmovnb, moveIf(RFLAGS_CF, false)],
  [Mnemonic.Fcmovne, moveIf(RFLAGS_ZF, false)],
  [Mnemonic.Fcmovnbe, moveIf(RFLAGS_CF | RFLAGS_ZF, false)],
  [Mnemonic.Fcmovnu, moveIf(RFLAGS_PF, false)],
];
