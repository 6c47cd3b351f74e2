/**
 * What the branches of a spin loop ask of the TSC.
 *
 * RDTSC makes passes differ, but in a way that is known beforehand: EDX:EAX put together to 64 bits, less a value that
 * no pass changes, compared as an unsigned number with another such value. A branch on that goes the same way until
 * the TSC has advanced far enough. A loop whose branches or addresses depend on the TSC in any other way is no spin
 * loop.
 */
import {
  ConditionCode,
  InstructionInfoFactory,
  Mnemonic,
  OpKind,
  Register,
  RflagsBits,
  type Instruction,
  type InstructionInfo,
  type UsedMemory,
} from 'iced-x86';
import { PARTS_32, PARTS_64, registerNumber, registerParts, registerUses, type RegisterUse } from './register-use.js';

/** What no pass changes: a register by SDM number, or an immediate operand. */
export type Constant = { readonly register: number } | { readonly value: bigint };

/** A branch that turns where (TSC - since) mod 2^64 reaches `bound + margin`, or wraps. */
export interface TscBranch {
  /** Ticks from the start of a pass to its RDTSC. */
  readonly readAt: number;
  readonly since: Constant;
  readonly bound: Constant;
  readonly margin: 0 | 1;
}

/** TSC less `since`. */
interface Elapsed {
  readonly kind: 'elapsed';
  readonly readAt: number;
  readonly since: Constant;
}

interface Comparison {
  readonly kind: 'comparison';
  readonly elapsed: Elapsed;
  readonly bound: Constant;
  /** CMP bound, elapsed. */
  readonly swapped: boolean;
}

/** What a register or the flags hold. `same`: the same in every pass. `unknown`: depends on the TSC somehow. */
type Value =
  | { readonly kind: 'same' | 'unknown' }
  | { readonly kind: 'constant'; readonly constant: Constant }
  /** EAX and EDX of RDTSC, zero-extended, and the latter shifted to bits 63:32. */
  | { readonly kind: 'low' | 'high' | 'shifted'; readonly readAt: number }
  | Elapsed
  | Comparison;

const SAME: Value = { kind: 'same' };
const UNKNOWN: Value = { kind: 'unknown' };
const ZERO: Constant = { value: 0n };
const RAX = 0;
const RDX = 2;
const { OF, SF, ZF, AF, CF, PF } = RflagsBits;
const ALL_FLAGS = OF | SF | ZF | AF | CF | PF;

const infoFactory = new InstructionInfoFactory();

/**
 * The branches of a loop that depend on the TSC, or null if it is not known how. `isWritten`: registers that the loop
 * writes. `ticksOf` gives the cost of an instruction.
 */
export function findTscBranches(
  body: readonly Instruction[],
  isWritten: (register: number) => boolean,
  ticksOf: (instruction: Instruction) => number,
): TscBranch[] | null {
  const flow = new TscFlow(isWritten);
  const branches: TscBranch[] = [];
  let ticks = 0;
  for (const instruction of body) {
    if (!flow.follow(instruction, ticks)) return null;
    if (instruction.isJccShortOrNear && flow.flags.kind !== 'same') {
      const branch = branchOn(flow.flags, instruction.conditionCode);
      if (branch === null) return null;
      branches.push(branch);
    }
    ticks += ticksOf(instruction);
  }
  return branches;
}

function branchOn(flags: Value, condition: ConditionCode): TscBranch | null {
  if (flags.kind !== 'comparison') return null;
  const { elapsed, bound, swapped } = flags;
  const { readAt, since } = elapsed;
  switch (condition) {
    case ConditionCode.b:
    case ConditionCode.ae:
      return { readAt, since, bound, margin: swapped ? 1 : 0 };
    case ConditionCode.be:
    case ConditionCode.a:
      return { readAt, since, bound, margin: swapped ? 0 : 1 };
    default:
      return null;
  }
}

/** The registers and flags of one pass. */
class TscFlow {
  flags: Value = SAME;
  readonly #registers: Value[];

  constructor(isWritten: (register: number) => boolean) {
    this.#registers = Array.from({ length: 16 }, (_, register) =>
      isWritten(register) ? SAME : { kind: 'constant', constant: { register } },
    );
  }

  /** Goes on by one instruction, `ticks` into the pass. False: it reads an address that depends on the TSC. */
  follow(instruction: Instruction, ticks: number): boolean {
    if (instruction.mnemonic === Mnemonic.Rdtsc) {
      this.#registers[RAX] = { kind: 'low', readAt: ticks };
      this.#registers[RDX] = { kind: 'high', readAt: ticks };
      return true;
    }
    const target = registerNumber(instruction.opCount > 0 ? instruction.op0Register : Register.None);
    const result = this.#known(instruction);
    if (!this.#followAny(instruction)) return false;
    if (result === null) return true;
    if (result.kind === 'comparison') this.flags = result;
    else this.#registers[target] = result;
    return true;
  }

  /** Any instruction: what depends on the TSC makes unknown what it goes into. */
  #followAny(instruction: Instruction): boolean {
    const info = infoFactory.info(instruction);
    const uses = registerUses(info);
    const isAddressKnown = !addressRegisters(info).some((number) => this.#depends(number));
    info.free();
    const flagsRead = instruction.rflagsRead !== 0 && dependsOnTsc(this.flags);
    const registersRead = uses.some(({ number, isRead }) => isRead && this.#depends(number));
    const result = flagsRead || registersRead ? UNKNOWN : SAME;
    for (const use of uses) if (use.isWritten) this.#write(use, result);
    this.#modifyFlags(instruction.rflagsModified, result);
    return isAddressKnown;
  }

  #depends(register: number): boolean {
    return register >= 0 && dependsOnTsc(this.#registers[register]);
  }

  #write({ number, parts }: RegisterUse, result: Value): void {
    if (number < 0) return;
    this.#registers[number] = parts >= PARTS_32 || !this.#depends(number) ? result : UNKNOWN;
  }

  #modifyFlags(modified: number, result: Value): void {
    if (modified === 0) return;
    const isWhole = (modified & ALL_FLAGS) === ALL_FLAGS;
    this.flags = isWhole || !dependsOnTsc(this.flags) ? result : UNKNOWN;
  }

  /** What an instruction makes of the TSC, where that is known; null otherwise. */
  #known(instruction: Instruction): Value | null {
    const { mnemonic } = instruction;
    if (mnemonic === Mnemonic.Mov && instruction.op0Kind === OpKind.Register) return this.#moved(instruction);
    const left = this.#operand(instruction, 0);
    const right = this.#operand(instruction, 1);
    if (left === null || right === null) return null;
    switch (mnemonic) {
      case Mnemonic.Shl:
        return left.kind === 'high' && isImmediate(right, 32n) ? { ...left, kind: 'shifted' } : null;
      case Mnemonic.Or:
      case Mnemonic.Add:
        return joined(left, right) ?? joined(right, left);
      case Mnemonic.Sub:
        return left.kind === 'elapsed' && left.since === ZERO && right.kind === 'constant'
          ? { ...left, since: right.constant }
          : null;
      case Mnemonic.Cmp:
        return compared(left, right, false) ?? compared(right, left, true);
      default:
        return null;
    }
  }

  /** MOV r64, r64, or MOV r32, r32 of 32 bits that are zero-extended already. */
  #moved(instruction: Instruction): Value | null {
    if (instruction.op1Kind !== OpKind.Register) return null;
    const { op0Register, op1Register } = instruction;
    const from = registerNumber(op1Register);
    const parts = registerParts(op0Register);
    if (from < 0 || parts < PARTS_32) return null;
    const value = this.#registers[from];
    const isShort = value.kind === 'low' || value.kind === 'high';
    return isShort || parts === PARTS_64 ? value : null;
  }

  /** A 64-bit register or an immediate; null for anything else. */
  #operand(instruction: Instruction, index: number): Value | null {
    if (instruction.opCount <= index) return null;
    const kind = instruction.opKind(index);
    if (kind === OpKind.Register) {
      const register = instruction.opRegister(index);
      const number = registerNumber(register);
      return number >= 0 && registerParts(register) === PARTS_64 ? this.#registers[number] : null;
    }
    if (!IMMEDIATES.has(kind)) return null;
    return { kind: 'constant', constant: { value: BigInt.asUintN(64, instruction.immediate(index)) } };
  }
}

/** Immediates of instructions on 64-bit registers. */
const IMMEDIATES = new Set<OpKind>([OpKind.Immediate8, OpKind.Immediate8to64, OpKind.Immediate32to64]);

function addressRegisters(info: InstructionInfo): number[] {
  return (info.usedMemory() as UsedMemory[]).flatMap((used) => {
    const registers = [registerNumber(used.base), registerNumber(used.index)];
    used.free();
    return registers;
  });
}

function dependsOnTsc({ kind }: Value): boolean {
  return kind !== 'same' && kind !== 'constant';
}

function isImmediate(value: Value, number: bigint): boolean {
  return value.kind === 'constant' && 'value' in value.constant && value.constant.value === number;
}

function joined(high: Value, low: Value): Value | null {
  if (high.kind !== 'shifted' || low.kind !== 'low' || high.readAt !== low.readAt) return null;
  return { kind: 'elapsed', readAt: low.readAt, since: ZERO };
}

function compared(elapsed: Value, bound: Value, swapped: boolean): Comparison | null {
  if (elapsed.kind !== 'elapsed' || bound.kind !== 'constant') return null;
  return { kind: 'comparison', elapsed, bound: bound.constant, swapped };
}
