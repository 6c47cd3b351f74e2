/**
 * Records of code outside 64-bit mode: what the interpreter executes, and what it leaves to the host (SDM vol. 1, 3.6 and
 * 3.7.5).
 *
 * The interpreter adds addresses of 16 and 32 bits and checks them against the bounds of their segment; it keeps a flat
 * stack with 32-bit addresses. Left out: a near branch beyond the limit of CS faults at its target.
 */
import {
  InstructionInfoFactory,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  type Instruction,
} from 'iced-x86';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import { SEGMENT_LOAD, SEGMENT_STORE } from './layout.js';
import * as OP from './opcodes.js';
import type { Selection } from './opcode-selection.js';
import { writeRecord, writeSegment } from './record-encoding.js';
import { SEGMENT_DS } from './segments.js';

/** Opcodes that use RSP as a 64-bit stack pointer or have a target of 64 bits. */
const STACK_64 = new Set<number>([
  ...[OP.PUSH_R16, OP.PUSH_I16, OP.PUSH_M16, OP.POP_R16, OP.POP_M16, OP.PUSHF16, OP.POPF16],
  ...[OP.PUSH_R64, OP.PUSH_I64, OP.PUSH_M64, OP.POP_R64, OP.POP_M64, OP.PUSHF64, OP.POPF64],
  ...[OP.CALL_J, OP.CALL_R64, OP.CALL_M64, OP.RET, OP.ENTER, OP.LEAVE, OP.JMP_R64, OP.JMP_M64],
]);
const STACK_32 = new Set<number>([
  ...[OP.PUSH_R32, OP.PUSH_I32, OP.PUSH_M32, OP.POP_R32, OP.POP_M32, OP.PUSHF32, OP.POPF32],
  ...[OP.CALL_J32, OP.CALL_R32, OP.CALL_M32, OP.RET32, OP.LEAVE32],
]);

const IMPLICIT_MEMORY = new Set<number>([OpKind.MemorySegESI, OpKind.MemorySegEDI, OpKind.MemoryESEDI]);
const IMPLICIT_16 = new Set<number>([OpKind.MemorySegSI, OpKind.MemorySegDI, OpKind.MemoryESDI]);
const BIT_STRINGS = new Set<number>([Mnemonic.Bt, Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc]);

const information = new InstructionInfoFactory();

/** Opcodes that the interpreter leaves to the host while the stack is not flat. */
export function dependsOnStack(opcode: number): boolean {
  return STACK_32.has(opcode);
}

/** As writeRecord, outside 64-bit mode. */
export function writeLegacyRecord(
  memory: PhysicalMemory,
  at: number,
  instruction: Instruction,
  selection: Selection,
  origin: bigint,
): number {
  const byHost = isByHost(instruction, selection) ? { ...selection, opcode: OP.SLOW } : selection;
  const opcode = writeRecord(memory, at, instruction, byHost, origin);
  if (opcode === OP.SLOW || opcode === OP.NOP || opcode === OP.MARKER) return opcode;
  for (let operand = 0; operand < selection.kinds.length; operand++) {
    const kind = selection.kinds[operand];
    const hasSegment = kind === OpKind.Memory ? selection.mnemonic !== Mnemonic.Lea : IMPLICIT_MEMORY.has(kind);
    if (!hasSegment) continue;
    const size = MemorySizeExt.size(instruction.memorySize);
    const range = isOnlyRead(instruction, operand) ? SEGMENT_LOAD : SEGMENT_STORE;
    writeSegment(memory, at, segmentOf(instruction), size, range);
  }
  return opcode;
}

/** Where the operand's address depends on more than its base, index and displacement, the host works it out. */
function isByHost(instruction: Instruction, { opcode, mnemonic, kinds }: Selection): boolean {
  if (STACK_64.has(opcode) || mnemonic === Mnemonic.Xlatb) return true;
  for (const kind of kinds) {
    if (IMPLICIT_16.has(kind)) return true;
    // A string of two segments has one exception for both.
    if (IMPLICIT_MEMORY.has(kind) && instruction.segmentPrefix === Register.SS) return true;
    if (kind === OpKind.Memory && BIT_STRINGS.has(mnemonic)) return kinds[1] === OpKind.Register;
  }
  return false;
}

/** Number of the segment register of the memory operand that may be overridden. */
function segmentOf({ memorySegment }: Instruction): number {
  return memorySegment === Register.None ? SEGMENT_DS : memorySegment - Register.ES;
}

/** By encoding and operand: whether it is only read. */
const onlyRead = new Map<number, boolean>();
const MOST_OPERANDS = 8;

function isOnlyRead(instruction: Instruction, operand: number): boolean {
  const key = instruction.code * MOST_OPERANDS + operand;
  let isRead = onlyRead.get(key);
  if (isRead === undefined) {
    const info = information.info(instruction);
    const access = info.opAccess(operand);
    info.free();
    isRead = access === OpAccess.Read || access === OpAccess.CondRead;
    onlyRead.set(key, isRead);
  }
  return isRead;
}
