/**
 * Code outside 64-bit mode: what the interpreter executes, and how (SDM vol. 1, 3.6 and 3.7.5).
 *
 * The interpreter adds 32-bit addresses in flat segments and keeps a 32-bit stack. An instruction with another memory
 * operand is decoded for one execution, so that its linear address can be put in its record; segmentation is checked
 * then. Everything else is executed by the host. Left out: a near branch beyond the limit of CS faults at its target.
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
import type { Cpu } from './cpu.js';
import { ACCESS_READ, ACCESS_RMW, ACCESS_WRITE, CPU_GPR } from './layout.js';
import { isAccessible, isFlat, segmentedAddress, segmentVector } from './legacy/segmentation.js';
import { ACCESS_DB } from './mode.js';
import * as OP from './opcodes.js';
import { registerSlot } from './opcode-selection.js';
import { addressSize } from './record-encoding.js';
import { SEGMENT_ES, SEGMENT_SS } from './segments.js';

/** The interpreter takes the instruction as it stands. */
export const AS_WRITTEN = -1;
/** The host executes it. */
export const BY_HOST = -2;
/** Its memory operand is not accessible: cpu.fault says why. */
export const FAULTING = -3;

export type LegacyCpu = Pick<Cpu, 'cr0' | 'fault' | 'segmentBase' | 'segments' | 'word'>;

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

/** The operand's address depends on more than its base, index and displacement. */
const OWN_ADDRESS = new Set<number>([
  ...[Mnemonic.Bt, Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc, Mnemonic.Xlatb, Mnemonic.Pop],
]);

const information = new InstructionInfoFactory();

/** AS_WRITTEN, BY_HOST, FAULTING, or the linear address of the memory operand. */
export function legacyForm(cpu: LegacyCpu, instruction: Instruction, opcode: number): number {
  if (opcode === OP.SLOW || opcode === OP.NOP) return AS_WRITTEN;
  if (STACK_64.has(opcode)) return BY_HOST;
  if (STACK_32.has(opcode) && !hasFlatStack(cpu)) return BY_HOST;
  for (let operand = 0; operand < instruction.opCount; operand++) {
    const kind = instruction.opKind(operand);
    if (IMPLICIT_MEMORY.has(kind)) return isFlatString(cpu, instruction, kind) ? AS_WRITTEN : BY_HOST;
    if (kind === OpKind.Memory) return memoryForm(cpu, instruction, operand);
  }
  return AS_WRITTEN;
}

function hasFlatStack(cpu: LegacyCpu): boolean {
  return isFlat(cpu, SEGMENT_SS) && (cpu.segments[SEGMENT_SS].access & ACCESS_DB) !== 0;
}

function isFlatString(cpu: LegacyCpu, instruction: Instruction, kind: OpKind): boolean {
  return !IMPLICIT_16.has(kind) && isFlat(cpu, segmentOf(instruction)) && isFlat(cpu, SEGMENT_ES);
}

/** Segment register of the memory operand that may be overridden. */
function segmentOf(instruction: Instruction): number {
  const { memorySegment } = instruction;
  return memorySegment === Register.None ? SEGMENT_ES : memorySegment - Register.ES;
}

function memoryForm(cpu: LegacyCpu, instruction: Instruction, operand: number): number {
  const size = addressSize(instruction);
  if (instruction.mnemonic === Mnemonic.Lea) return size === 16 ? offsetOf(cpu, instruction) : AS_WRITTEN;
  const number = segmentOf(instruction);
  if (size === 32 && isFlat(cpu, number)) return AS_WRITTEN;
  if (OWN_ADDRESS.has(instruction.mnemonic)) return BY_HOST;
  const offset = offsetOf(cpu, instruction);
  const bytes = MemorySizeExt.size(instruction.memorySize);
  if (isAccessible(cpu, cpu.segments[number], offset, bytes, accessOf(instruction, operand))) {
    return segmentedAddress(cpu, number, offset);
  }
  cpu.fault = { kind: 'exception', vector: segmentVector(number), errorCode: 0, address: 0 };
  return FAULTING;
}

function offsetOf(cpu: LegacyCpu, instruction: Instruction): number {
  const { memoryBase, memoryIndex, memoryIndexScale } = instruction;
  const displacement = Number(BigInt.asIntN(32, instruction.memoryDisplacement));
  const sum = registerValue(cpu, memoryBase) + registerValue(cpu, memoryIndex) * memoryIndexScale + displacement;
  return addressSize(instruction) === 16 ? sum & 0xffff : sum >>> 0;
}

function registerValue(cpu: LegacyCpu, register: Register): number {
  return register === Register.None ? 0 : cpu.word(CPU_GPR + registerSlot(register));
}

function accessOf(instruction: Instruction, operand: number): number {
  const info = information.info(instruction);
  const access = info.opAccess(operand);
  info.free();
  if (access === OpAccess.Read || access === OpAccess.CondRead) return ACCESS_READ;
  return access === OpAccess.Write || access === OpAccess.CondWrite ? ACCESS_WRITE : ACCESS_RMW;
}
