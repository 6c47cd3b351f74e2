/**
 * Code outside 64-bit mode: which instructions the interpreter executes as it would in 64-bit mode (SDM vol. 1, 3.6).
 *
 * It takes 32-bit addresses in segments with base 0, and a 32-bit stack. Left out: segment limits, 16-bit addresses
 * and stacks, and instructions that exist in these modes only.
 */
import { OpKind, Register, type Instruction } from 'iced-x86';
import type { Cpu } from './cpu.js';
import { ACCESS_DB } from './mode.js';
import * as OP from './opcodes.js';
import { addressSize } from './record-encoding.js';
import { SEGMENT_SS } from './segments.js';

/** Opcodes that use RSP as a 64-bit stack pointer. */
const STACK_64 = new Set<number>([
  ...[OP.PUSH_R16, OP.PUSH_I16, OP.PUSH_M16, OP.POP_R16, OP.POP_M16, OP.PUSHF16, OP.POPF16],
  ...[OP.PUSH_R64, OP.PUSH_I64, OP.PUSH_M64, OP.POP_R64, OP.POP_M64, OP.PUSHF64, OP.POPF64],
  ...[OP.CALL_J, OP.CALL_R64, OP.CALL_M64, OP.RET, OP.ENTER, OP.LEAVE, OP.JMP_R64, OP.JMP_M64],
]);
const STACK_32 = new Set<number>([
  ...[OP.PUSH_R32, OP.PUSH_I32, OP.PUSH_M32, OP.POP_R32, OP.POP_M32, OP.PUSHF32, OP.POPF32],
  ...[OP.CALL_J32, OP.CALL_R32, OP.CALL_M32, OP.RET32, OP.LEAVE32],
]);

const IMPLICIT_MEMORY = new Set<number>([
  ...[OpKind.MemorySegSI, OpKind.MemorySegESI, OpKind.MemorySegDI, OpKind.MemorySegEDI],
  ...[OpKind.MemoryESDI, OpKind.MemoryESEDI],
]);
const IMPLICIT_16 = new Set<number>([OpKind.MemorySegSI, OpKind.MemorySegDI, OpKind.MemoryESDI]);

/** True if `opcode` does what `instruction` means in the CPU's present mode. */
export function worksInLegacyMode(
  cpu: Pick<Cpu, 'segmentBase' | 'segments'>,
  instruction: Instruction,
  opcode: number,
): boolean {
  if (STACK_64.has(opcode)) return false;
  if (STACK_32.has(opcode)) {
    const { access, base } = cpu.segments[SEGMENT_SS];
    if (base !== 0 || (access & ACCESS_DB) === 0) return false;
  }
  for (let operand = 0; operand < instruction.opCount; operand++) {
    const kind = instruction.opKind(operand);
    if (kind === OpKind.Memory && addressSize(instruction) === 16) return false;
    if (IMPLICIT_16.has(kind)) return false;
    if ((kind === OpKind.Memory || IMPLICIT_MEMORY.has(kind)) && !isFlat(cpu, instruction.memorySegment)) return false;
    if (IMPLICIT_MEMORY.has(kind) && !isFlat(cpu, Register.ES)) return false;
  }
  return true;
}

/** The bases of FS and GS are added by the interpreter. */
function isFlat(cpu: Pick<Cpu, 'segmentBase'>, segment: Register): boolean {
  if (segment === Register.FS || segment === Register.GS || segment === Register.None) return true;
  return cpu.segmentBase(segment - Register.ES) === 0;
}
