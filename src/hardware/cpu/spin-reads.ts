/**
 * Which cache lines a spin loop reads: a parked CPU need not look up when it loses another line.
 */
import { MemorySizeExt, OpAccess, Register, type Instruction, type InstructionInfo, type UsedMemory } from 'iced-x86';

const CANONICAL_LIMIT = 2 ** 47;
const NO_REGISTER = -1;
const SEGMENT_FS = 4;
const SEGMENT_GS = 5;

/** A memory operand of a spin loop; its registers do not change in the loop. */
export interface SpinRead {
  /** SDM numbers of the registers, or NO_REGISTER. */
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  /** FS or GS, or NO_REGISTER: the others have no base. */
  readonly segment: number;
  readonly displacement: number;
  /** The displacement counts from the page of the code. */
  readonly isCodeRelative: boolean;
  readonly bytes: number;
}

/** The memory operands of an instruction, or null if their addresses cannot be told from 64-bit registers. */
export function spinReads(instruction: Instruction, info: InstructionInfo): SpinRead[] | null {
  const operands = info.usedMemory() as UsedMemory[];
  const reads = operands
    .filter(({ access }) => access !== OpAccess.NoMemAccess)
    .map((used) => spinRead(used, instruction.isIpRelMemoryOperand));
  for (const used of operands) used.free();
  return reads.includes(null) ? null : (reads as SpinRead[]);
}

function spinRead(used: UsedMemory, isCodeRelative: boolean): SpinRead | null {
  const base = wholeRegister(used.base);
  const index = wholeRegister(used.index);
  const bytes = MemorySizeExt.size(used.memorySize);
  if (base === null || index === null || bytes === 0) return null;
  const displacement = Number(BigInt.asIntN(64, used.displacement));
  if (Math.abs(displacement) >= CANONICAL_LIMIT) return null;
  return { base, index, scale: used.scale, segment: segment(used.segment), displacement, isCodeRelative, bytes };
}

function wholeRegister(register: Register): number | null {
  if (register === Register.None) return NO_REGISTER;
  return register >= Register.RAX && register <= Register.R15 ? register - Register.RAX : null;
}

function segment(register: Register): number {
  if (register === Register.FS) return SEGMENT_FS;
  return register === Register.GS ? SEGMENT_GS : NO_REGISTER;
}
