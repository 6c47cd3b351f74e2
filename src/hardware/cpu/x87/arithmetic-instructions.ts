/** Addition to square root, changes of sign, and rounding to an integer (SDM vol. 1, 8.3.5; vol. 2). */
import { Mnemonic } from 'iced-x86';
import { ACCESS_READ } from '../layout.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { negated, noteDenormals, product, quotient, root, sum } from '../vector/arithmetic.js';
import { DOUBLE, EXTENDED, round, SINGLE, toInteger, zero, type Real } from '../vector/ieee754.js';
import { binary, exact, exceptional, extended, integer, widened, type Calculation, type Source } from './numbers.js';
import { INDEFINITE, x87, type X87Operation } from './operation.js';

const SIGN = 1n << 79n;
const SINGLE_SIZE = 4;

const difference: Calculation = (format, a, b, rounding) => sum(format, a, negated(b), rounding);

function reversed(calculate: Calculation): Calculation {
  return (format, a, b, rounding) => calculate(format, b, a, rounding);
}

/** The memory operand as a number. */
export function loadNumber(operation: X87Operation): Source {
  return widened(operation.memorySize === SINGLE_SIZE ? SINGLE : DOUBLE, operation.load());
}

/** The memory operand as a signed integer. */
export function loadInteger(operation: X87Operation): Source {
  return integer(BigInt.asIntN(operation.memorySize * 8, operation.load()));
}

/** ST(0) with memory. */
function withMemory(calculate: Calculation, load: (operation: X87Operation) => Source): Handler {
  return x87((operation) => {
    const { format, rounding } = operation;
    const result = operation.lacks(0)
      ? INDEFINITE
      : binary(calculate, format, extended(operation.read(0)), load(operation), rounding);
    operation.write(0, result);
  }, ACCESS_READ);
}

/** The first operand with the second, both registers; then ST(0) is popped, or not. */
function withRegister(calculate: Calculation, pops: boolean): Handler {
  return x87((operation) => {
    const { format, rounding } = operation;
    const [to, from] = [operation.register(0), operation.register(1)];
    const result = operation.lacks(to, from)
      ? INDEFINITE
      : binary(calculate, format, extended(operation.read(to)), extended(operation.read(from)), rounding);
    operation.write(to, result);
    if (pops) operation.pop();
  });
}

/** The forms with memory or registers, with POP, and with an integer. */
function forms(
  [plain, pops, ofInteger]: readonly [Mnemonic, Mnemonic, Mnemonic],
  calculate: Calculation,
): HandlerTable {
  const memory = withMemory(calculate, loadNumber);
  const register = withRegister(calculate, false);
  return [
    [plain, (cpu, instruction) => (instruction.operands.length === 1 ? memory : register)(cpu, instruction)],
    [pops, withRegister(calculate, true)],
    [ofInteger, withMemory(calculate, loadInteger)],
  ];
}

/** ST(0) becomes a function of itself. */
function onTop(calculate: (real: Real, operation: X87Operation) => bigint): Handler {
  return x87((operation) => {
    if (operation.lacks(0)) {
      operation.write(0, INDEFINITE);
      return;
    }
    const source = extended(operation.read(0));
    operation.write(0, exceptional(source, source, operation.rounding) ?? calculate(source.real, operation));
  });
}

/** The sign bit of ST(0), whatever it is. */
function onSign(change: (bits: bigint) => bigint): Handler {
  return x87((operation) => {
    operation.write(0, operation.lacks(0) ? INDEFINITE : change(operation.read(0)));
  });
}

function nextInteger(real: Real, { rounding }: X87Operation): bigint {
  if (real.kind !== 'finite') return exact(real);
  noteDenormals(real, real, rounding);
  const { value, ...rounded } = toInteger(real, rounding.mode);
  rounding.note(rounded);
  return value === 0n
    ? zero(EXTENDED, real.sign)
    : round(EXTENDED, real.sign, value < 0n ? -value : value, 0, rounding);
}

export const X87_ARITHMETIC: HandlerTable = [
  ...forms([Mnemonic.Fadd, Mnemonic.Faddp, Mnemonic.Fiadd], sum),
  ...forms([Mnemonic.Fsub, Mnemonic.Fsubp, Mnemonic.Fisub], difference),
  ...forms([Mnemonic.Fsubr, Mnemonic.Fsubrp, Mnemonic.Fisubr], reversed(difference)),
  ...forms([Mnemonic.Fmul, Mnemonic.Fmulp, Mnemonic.Fimul], product),
  ...forms([Mnemonic.Fdiv, Mnemonic.Fdivp, Mnemonic.Fidiv], quotient),
  ...forms([Mnemonic.Fdivr, Mnemonic.Fdivrp, Mnemonic.Fidivr], reversed(quotient)),
  [Mnemonic.Fsqrt, onTop((real, { format, rounding }) => root(format, real, rounding))],
  [Mnemonic.Frndint, onTop(nextInteger)],
  [Mnemonic.Fabs, onSign((bits) => bits & ~SIGN)],
  [Mnemonic.Fchs, onSign((bits) => bits ^ SIGN)],
];
