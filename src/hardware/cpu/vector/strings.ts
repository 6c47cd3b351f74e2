/** SSE4.2: comparisons of strings in registers (SDM vol. 1, 12.10.3; vol. 2, 4.1). */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import { xmm } from '../extended-state.js';
import { DONE } from '../outcome.js';
import { RFLAGS_ARITHMETIC, RFLAGS_CF, RFLAGS_OF, RFLAGS_SF, RFLAGS_ZF } from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { destination, immediate, readSource, source, target, vector } from './operands.js';

const XMM_SIZE = 16;
const RAX = 0;
const RCX = 1;
const RDX = 2;

// The immediate: type of the elements 1:0, aggregation 3:2, polarity 5:4, form of the result 6.
const TYPES = ['u8', 'u16', 'i8', 'i16'] as const;
const ANY = 0;
const RANGES = 1;
const EACH = 2;
const NEGATES = 1 << 4;
const ONLY_VALID = 1 << 5;
const LAST_OR_MASK = 1 << 6;

/** Elements of a string and how many of them count. */
interface Text {
  readonly elements: ArrayLike<number>;
  readonly length: number;
}

/** By element of `second`: does it meet the condition? */
function aggregate(aggregation: number, first: Text, second: Text, count: number): boolean[] {
  const all = Array.from({ length: count }, (_, index) => index);
  const inFirst = all.slice(0, first.length);
  return all.map((index) => {
    const isValid = index < second.length;
    const element = second.elements[index];
    if (aggregation === ANY) return isValid && inFirst.some((other) => first.elements[other] === element);
    if (aggregation === RANGES) return isValid && inFirst.some((other) => isInRange(first, other, element));
    if (aggregation === EACH) {
      return index < first.length === isValid && (!isValid || first.elements[index] === element);
    }
    return inFirst.every((other) => index + other >= count || isEqualAt(first, other, second, index + other));
  });
}

/** Elements `other` and the one behind it are the bounds, if `other` is even. */
function isInRange({ elements, length }: Text, other: number, element: number): boolean {
  return other % 2 === 0 && other + 1 < length && elements[other] <= element && element <= elements[other + 1];
}

function isEqualAt(first: Text, other: number, second: Text, index: number): boolean {
  return index < second.length && first.elements[other] === second.elements[index];
}

/** The length of a string that ends at its first zero. */
function implicitLength(elements: ArrayLike<number>, count: number): number {
  const end = Array.from({ length: count }, (_, index) => elements[index]).indexOf(0);
  return end < 0 ? count : end;
}

/** A length in a register: its magnitude, at most `count`. */
function explicitLength(cpu: Cpu, register: number, bits: 32 | 64, count: number): number {
  const value = BigInt.asIntN(bits, cpu.gpr(register));
  const magnitude = value < 0n ? -value : value;
  return magnitude > BigInt(count) ? count : Number(magnitude);
}

/** What the lengths of both strings are. */
type Lengths = 'implicit' | 32 | 64;

function comparison(
  lengths: Lengths,
  giveResult: (cpu: Cpu, result: readonly boolean[], control: number) => void,
): Handler {
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, XMM_SIZE, true);
    if (outcome !== DONE) return outcome;
    target.u8.set(destination(cpu, instruction));
    const control = immediate(instruction, 2);
    const type = TYPES[control & 3];
    const count = target[type].length;
    const text = (elements: ArrayLike<number>, register: number): Text => ({
      elements,
      length: lengths === 'implicit' ? implicitLength(elements, count) : explicitLength(cpu, register, lengths, count),
    });
    const first = text(target[type], RAX);
    const second = text(source[type], RDX);
    const result = aggregate((control >>> 2) & 3, first, second, count).map((isMet, index) => {
      const isNegated = (control & NEGATES) !== 0 && ((control & ONLY_VALID) === 0 || index < second.length);
      return isMet !== isNegated;
    });
    giveResult(cpu, result, control);
    setFlags(cpu, result, first.length < count, second.length < count);
    return DONE;
  });
}

function setFlags(cpu: Cpu, result: readonly boolean[], firstEnds: boolean, secondEnds: boolean): void {
  const flags =
    (result.includes(true) ? RFLAGS_CF : 0) |
    (secondEnds ? RFLAGS_ZF : 0) |
    (firstEnds ? RFLAGS_SF : 0) |
    (result[0] ? RFLAGS_OF : 0);
  cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | flags;
}

/** ECX: the first or the last element that meets the condition. */
function giveIndex(cpu: Cpu, result: readonly boolean[], control: number): void {
  const index = (control & LAST_OR_MASK) === 0 ? result.indexOf(true) : result.lastIndexOf(true);
  cpu.setGprWords(RCX, 0, index < 0 ? result.length : index);
}

/** XMM0: one bit per element, or elements of ones. */
function giveMask(cpu: Cpu, result: readonly boolean[], control: number): void {
  const to = xmm(cpu, 0);
  const size = XMM_SIZE / result.length;
  to.fill(0);
  for (const [index, isMet] of result.entries()) {
    if (!isMet) continue;
    if ((control & LAST_OR_MASK) === 0) to[index >>> 3] |= 1 << (index & 7);
    else to.fill(0xff, index * size, (index + 1) * size);
  }
}

export const STRING_COMPARISONS: HandlerTable = [
  [Mnemonic.Pcmpistri, comparison('implicit', giveIndex)],
  [Mnemonic.Pcmpistrm, comparison('implicit', giveMask)],
  [Mnemonic.Pcmpestri, comparison(32, giveIndex)],
  [Mnemonic.Pcmpestrm, comparison(32, giveMask)],
  [Mnemonic.Pcmpestri64, comparison(64, giveIndex)],
  [Mnemonic.Pcmpestrm64, comparison(64, giveMask)],
];
