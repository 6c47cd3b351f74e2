/**
 * Which backward branches close a spin loop: straight-line code on one page that only loads, compares and computes in
 * registers, and carries no register or flag from one pass to the next. Such a loop does the same in every pass until
 * a line it reads is taken, so its passes can be counted instead of executed. RDTSC is the one thing that may differ:
 * then the branches that depend on it say how long it makes no difference (tsc-branch.ts).
 *
 * Left out: loops with branches inside, loops over more than MAX_INSTRUCTIONS instructions.
 */
import {
  Decoder,
  DecoderOptions,
  InstructionInfoFactory,
  Mnemonic,
  OpAccess,
  OpKind,
  type Instruction,
  type InstructionInfo,
  type UsedMemory,
} from 'iced-x86';
import { PARTS_32, PARTS_64, registerUses } from './register-use.js';
import { findTscBranches, type TscBranch } from './tsc-branch.js';
import { spinReads, type SpinRead } from './spin-reads.js';

const MAX_INSTRUCTIONS = 16;
const LONGEST_INSTRUCTION = 15;

/** What one pass through a spin loop amounts to. */
export interface SpinLoop {
  readonly ticks: number;
  readonly instructions: number;
  readonly pauses: number;
  readonly rdtscs: number;
  /** Longest time from one PAUSE to the next, in ticks; 0 without PAUSE. */
  readonly pauseInterval: number;
  /** Page offsets of the forward branches that leave the loop. */
  readonly exits: readonly number[];
  /** The branches that depend on the TSC. */
  readonly tscBranches: readonly TscBranch[];
  /** From the beginning of a pass to that of its last instruction that reads memory, in ticks: then the pass is decided. */
  readonly lastRead: number;
  /** What it reads, or null if the loop itself computes an address, or is not 64-bit code. */
  readonly reads: readonly SpinRead[] | null;
}

const BODY = new Set<number>([
  ...[Mnemonic.Mov, Mnemonic.Movzx, Mnemonic.Movsx, Mnemonic.Movsxd, Mnemonic.Lea, Mnemonic.Add, Mnemonic.Sub],
  ...[Mnemonic.And, Mnemonic.Or, Mnemonic.Xor, Mnemonic.Not, Mnemonic.Neg, Mnemonic.Inc, Mnemonic.Dec, Mnemonic.Cmp],
  ...[Mnemonic.Test, Mnemonic.Nop, Mnemonic.Pause, Mnemonic.Endbr64, Mnemonic.Lfence, Mnemonic.Bswap, Mnemonic.Bt],
  ...[
    Mnemonic.Rdtsc,
    Mnemonic.Adc,
    Mnemonic.Sbb,
    Mnemonic.Cbw,
    Mnemonic.Cwde,
    Mnemonic.Cdqe,
    Mnemonic.Cwd,
    Mnemonic.Cdq,
    Mnemonic.Cqo,
  ],
]);
const IMMEDIATE_SHIFTS = new Set<number>([Mnemonic.Shl, Mnemonic.Sal, Mnemonic.Shr, Mnemonic.Sar]);

const infoFactory = new InstructionInfoFactory();

/** A page of code. */
export interface CodePage {
  readonly bytes: Uint8Array;
  readonly bitness: 16 | 32 | 64;
}

/**
 * The loop from page offset `head` to the branch at `branch`, or null if it is no spin loop. `ticksOf` gives the cost
 * of an instruction.
 */
export function findSpinLoop(
  page: CodePage,
  head: number,
  branch: number,
  ticksOf: (instruction: Instruction) => number,
): SpinLoop | null {
  const body = decodeBody(page, head, branch);
  if (body === null) return null;
  const loop = summarize(body, page.bitness, head, ticksOf);
  for (const instruction of body) instruction.free();
  return loop;
}

/** The instructions from `head` to the branch, if a spin loop may have them and they are at most MAX_INSTRUCTIONS. */
function decodeBody({ bytes, bitness }: CodePage, head: number, branch: number): Instruction[] | null {
  if (branch - head >= MAX_INSTRUCTIONS * LONGEST_INSTRUCTION) return null;
  const decoder = new Decoder(bitness, bytes.subarray(head, branch + LONGEST_INSTRUCTION), DecoderOptions.None);
  decoder.ip = BigInt(head);
  const body: Instruction[] = [];
  let at = head;
  while (at <= branch && body.length < MAX_INSTRUCTIONS) {
    const instruction = decoder.decode();
    body.push(instruction);
    if (at === branch) {
      decoder.free();
      return body;
    }
    if (!isAllowed(instruction, branch)) break;
    at += instruction.length;
  }
  decoder.free();
  for (const instruction of body) instruction.free();
  return null;
}

function isAllowed(instruction: Instruction, branch: number): boolean {
  if (instruction.hasLockPrefix) return false;
  if (instruction.isJccShortOrNear) return instruction.nearBranchTarget > branch;
  if (IMMEDIATE_SHIFTS.has(instruction.mnemonic)) return instruction.opKind(1) !== OpKind.Register;
  return BODY.has(instruction.mnemonic);
}

/** The registers that a pass writes, if it only loads and computes and carries nothing to the next; else null. */
function writtenByIdlePass(body: readonly Instruction[]): Uint8Array | null {
  const written = new Uint8Array(16);
  const readFirst = new Uint8Array(16);
  let flagsWritten = 0;
  let flagsReadFirst = 0;
  for (const instruction of body) {
    flagsReadFirst |= instruction.rflagsRead & ~flagsWritten;
    flagsWritten |= instruction.rflagsModified;
    const info = infoFactory.info(instruction);
    const onlyLoads =
      noteRegisters(info, written, readFirst) && memoryAccesses(info).every((access) => access === OpAccess.Read);
    info.free();
    if (!onlyLoads) return null;
  }
  if ((flagsReadFirst & flagsWritten) !== 0) return null;
  return written.every((parts, register) => (parts & readFirst[register]) === 0) ? written : null;
}

/** What an instruction does with each of its memory operands that it accesses. */
function memoryAccesses(info: InstructionInfo): OpAccess[] {
  const operands = info.usedMemory() as UsedMemory[];
  const accesses = operands.map(({ access }) => access);
  for (const used of operands) used.free();
  return accesses.filter((access) => access !== OpAccess.NoMemAccess);
}

function readsMemory(instruction: Instruction): boolean {
  const info = infoFactory.info(instruction);
  const accesses = memoryAccesses(info);
  info.free();
  return accesses.length > 0;
}

/** Adds what an instruction reads before the pass has written it, and what it writes. False: not a known register. */
function noteRegisters(info: InstructionInfo, written: Uint8Array, readFirst: Uint8Array): boolean {
  const uses = registerUses(info);
  const general = uses.filter(({ number }) => number >= 0);
  for (const { number, parts, isRead } of general) {
    if (isRead) readFirst[number] = readFirst[number] | (parts & ~written[number]);
  }
  for (const { number, parts, isWritten } of general) {
    if (isWritten) written[number] = written[number] | (parts === PARTS_32 ? PARTS_64 : parts);
  }
  return uses.every(({ number, isWritten }) => number >= 0 || !isWritten);
}

function summarize(
  body: readonly Instruction[],
  bitness: number,
  head: number,
  ticksOf: (instruction: Instruction) => number,
): SpinLoop | null {
  const written = writtenByIdlePass(body);
  if (written === null) return null;
  const tscBranches = findTscBranches(body, (register) => written[register] !== 0, ticksOf);
  if (tscBranches === null) return null;
  let ticks = 0;
  let lastRead = 0;
  const pausesAt: number[] = [];
  const exits: number[] = [];
  let at = head;
  body.forEach((instruction, index) => {
    if (instruction.mnemonic === Mnemonic.Pause) pausesAt.push(ticks);
    if (index < body.length - 1 && instruction.isJccShortOrNear) exits.push(at);
    if (readsMemory(instruction)) lastRead = ticks;
    ticks += ticksOf(instruction);
    at += instruction.length;
  });
  const intervals = pausesAt.map((time, index) => (pausesAt[index + 1] ?? pausesAt[0] + ticks) - time);
  return {
    ticks,
    instructions: body.length,
    pauses: pausesAt.length,
    rdtscs: body.filter(({ mnemonic }) => mnemonic === Mnemonic.Rdtsc).length,
    pauseInterval: Math.max(0, ...intervals),
    exits,
    tscBranches,
    lastRead,
    reads: bitness === 64 ? readsOf(body, written) : null,
  };
}

function readsOf(body: readonly Instruction[], written: Uint8Array): SpinRead[] | null {
  const reads: SpinRead[] = [];
  for (const instruction of body) {
    const info = infoFactory.info(instruction);
    const own = spinReads(instruction, info);
    info.free();
    if (own === null) return null;
    reads.push(...own);
  }
  const isFixed = (register: number): boolean => register < 0 || written[register] === 0;
  return reads.every(({ base, index }) => isFixed(base) && isFixed(index)) ? reads : null;
}
