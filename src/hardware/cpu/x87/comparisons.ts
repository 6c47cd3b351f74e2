/** Comparisons and FXAM (SDM vol. 1, 8.3.6; vol. 2). */
import { Mnemonic } from 'iced-x86';
import { ACCESS_READ } from '../layout.js';
import { RFLAGS_ARITHMETIC, RFLAGS_CF, RFLAGS_PF, RFLAGS_ZF } from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { isNan, noteDenormals, noteSignaling, order, type Relation } from '../vector/arithmetic.js';
import { EXTENDED, INVALID, type Rounding } from '../vector/ieee754.js';
import { loadInteger, loadNumber } from './arithmetic-instructions.js';
import { extended, integer, isNegative, type Source } from './numbers.js';
import { C0, C1, C2, C3, x87, type X87Operation } from './operation.js';

const CODES: Readonly<Record<Relation, number>> = { greater: 0, less: C0, equal: C3, unordered: C0 | C2 | C3 };
const FLAGS: Readonly<Record<Relation, number>> = {
  ...{ greater: 0, less: RFLAGS_CF, equal: RFLAGS_ZF, unordered: RFLAGS_CF | RFLAGS_PF | RFLAGS_ZF },
};

/** With `quietIsInvalid` any NaN is an invalid operand, else only a signaling one. */
function relation(a: Source, b: Source, quietIsInvalid: boolean, rounding: Rounding): Relation {
  const hasUnsupported = a.isUnsupported || b.isUnsupported;
  if (!hasUnsupported) noteSignaling(a.real, b.real, rounding);
  if (hasUnsupported || isNan(a.real) || isNan(b.real)) {
    if (hasUnsupported || quietIsInvalid) rounding.raise(INVALID);
    return 'unordered';
  }
  noteDenormals(a.real, b.real, rounding);
  return order(EXTENDED, a.real, b.real);
}

function toConditionCodes(operation: X87Operation, result: Relation): void {
  if (!operation.isInvalid) operation.setConditions(C0 | C2 | C3, CODES[result]);
}

function toFlags({ cpu, isInvalid }: X87Operation, result: Relation): void {
  if (!isInvalid) cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | FLAGS[result];
}

interface Comparison {
  readonly isUnordered?: boolean;
  readonly pops?: number;
  readonly report?: typeof toConditionCodes;
}

function compare(
  other: (operation: X87Operation) => Source | null,
  { isUnordered = false, pops = 0, report = toConditionCodes }: Comparison,
  access = 0,
): Handler {
  return x87((operation) => {
    const source = operation.lacks(0) ? null : other(operation);
    const result =
      source === null ? 'unordered' : relation(extended(operation.read(0)), source, !isUnordered, operation.rounding);
    report(operation, result);
    for (let count = 0; count < pops; count++) operation.pop();
  }, access);
}

function withRegister(how: Comparison, number?: number): Handler {
  return compare((operation) => {
    const from = number ?? operation.register(1);
    return operation.lacks(from) ? null : extended(operation.read(from));
  }, how);
}

function withMemoryOrRegister(how: Comparison): Handler {
  const memory = compare(loadNumber, how, ACCESS_READ);
  const register = withRegister(how);
  return (cpu, instruction) => (instruction.operands.length === 1 ? memory : register)(cpu, instruction);
}

/** FXAM's classes as condition codes. */
function classOf({ real, isUnsupported }: Source): number {
  if (isUnsupported) return 0;
  if (isNan(real)) return C0;
  if (real.kind === 'infinity') return C2 | C0;
  if (real.kind === 'zero') return C3;
  return real.isDenormal ? C3 | C2 : C2;
}

const EMPTY = C3 | C0;

const examine = x87((operation) => {
  const bits = operation.read(0);
  const found = operation.isEmpty(0) ? EMPTY : classOf(extended(bits));
  operation.setConditions(C0 | C1 | C2 | C3, found | (isNegative(bits) ? C1 : 0));
});

export const X87_COMPARISONS: HandlerTable = [
  [Mnemonic.Fcom, withMemoryOrRegister({})],
  [Mnemonic.Fcomp, withMemoryOrRegister({ pops: 1 })],
  [Mnemonic.Fcompp, withRegister({ pops: 2 }, 1)],
  [Mnemonic.Ficom, compare(loadInteger, {}, ACCESS_READ)],
  [Mnemonic.Ficomp, compare(loadInteger, { pops: 1 }, ACCESS_READ)],
  [Mnemonic.Fucom, withRegister({ isUnordered: true })],
  [Mnemonic.Fucomp, withRegister({ isUnordered: true, pops: 1 })],
  [Mnemonic.Fucompp, withRegister({ isUnordered: true, pops: 2 }, 1)],
  [Mnemonic.Fcomi, withRegister({ report: toFlags })],
  [Mnemonic.Fcomip, withRegister({ report: toFlags, pops: 1 })],
  [Mnemonic.Fucomi, withRegister({ isUnordered: true, report: toFlags })],
  [Mnemonic.Fucomip, withRegister({ isUnordered: true, report: toFlags, pops: 1 })],
  [Mnemonic.Ftst, compare(() => integer(0n), {})],
  [Mnemonic.Fxam, examine],
];
