/**
 * What an instruction is going to access, worked out before it is executed: the bytes of memory and the I/O ports that
 * breakpoints may stand for. Of a repeated string instruction it is the next element.
 *
 * Left out: accesses of microcode that no operand names (descriptor tables, task states, frames of events, the inner
 * stacks of gates), which match no breakpoint; what XSAVE has beyond the legacy region and its header.
 */
import {
  DecoderError,
  InstructionInfoFactory,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  RegisterExt,
  type Instruction,
  type UsedMemory,
} from 'iced-x86';
import type { Cpu } from '../cpu.js';
import { newDecoder } from '../fetch.js';
import { CPU_MODE, MODE_64 } from '../layout.js';
import { Stack } from '../legacy/stack.js';
import { gprNumber, linearAddress, segmentNumber } from '../slow/operands.js';
import type { Access } from './breakpoints.js';

const RCX = 1;
const RDX = 2;
const XSAVE_AREA = 512 + 64;
const WRITING: readonly number[] = [OpAccess.Write, OpAccess.CondWrite, OpAccess.ReadWrite, OpAccess.ReadCondWrite];
const BIT_STRINGS: readonly number[] = [Mnemonic.Bt, Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc];
const INPUT: readonly number[] = [Mnemonic.In, Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd];
const OUTPUT: readonly number[] = [Mnemonic.Out, Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd];

const STRING_ADDRESS_BITS = new Map<OpKind, number>([
  ...[OpKind.MemorySegSI, OpKind.MemorySegDI, OpKind.MemoryESDI].map((kind) => [kind, 16] as const),
  ...[OpKind.MemorySegESI, OpKind.MemorySegEDI, OpKind.MemoryESEDI].map((kind) => [kind, 32] as const),
  ...[OpKind.MemorySegRSI, OpKind.MemorySegRDI, OpKind.MemoryESRDI].map((kind) => [kind, 64] as const),
]);

const information = new InstructionInfoFactory();
const stack = new Stack();

/** Accesses of the instruction at RIP, which `bytes` begin with; none if they are too few. */
export function accessesOf(cpu: Cpu, bytes: Uint8Array): Access[] {
  const decoder = newDecoder(cpu, bytes);
  decoder.ip = BigInt.asUintN(64, BigInt(cpu.rip));
  const instruction = decoder.decode();
  const isExecutable = decoder.lastError === DecoderError.None && !isWithoutElements(cpu, instruction);
  const accesses = isExecutable ? [...memory(cpu, instruction), ...ports(cpu, instruction)] : [];
  instruction.free();
  decoder.free();
  return accesses;
}

/** A repeated string instruction whose count is 0 accesses nothing. */
function isWithoutElements(cpu: Cpu, instruction: Instruction): boolean {
  const isRepeated = instruction.hasRepPrefix || instruction.hasRepnePrefix;
  if (!isRepeated || !instruction.isStringInstruction) return false;
  return BigInt.asUintN(addressBits(instruction), cpu.gpr(RCX)) === 0n;
}

/** Of a string instruction. */
function addressBits(instruction: Instruction): number {
  for (let operand = 0; operand < instruction.opCount; operand++) {
    const bits = STRING_ADDRESS_BITS.get(instruction.opKind(operand));
    if (bits !== undefined) return bits;
  }
  throw new RangeError('a string instruction has an operand in memory');
}

// ---- Memory

function memory(cpu: Cpu, instruction: Instruction): Access[] {
  const info = information.info(instruction);
  const used = info.usedMemory() as UsedMemory[];
  const accesses = used.flatMap((each) => {
    const access = memoryAccess(cpu, instruction, each);
    each.free();
    return access ?? [];
  });
  info.free();
  return accesses;
}

function memoryAccess(cpu: Cpu, instruction: Instruction, used: UsedMemory): Access | null {
  const address = linearAddress(cpu, offset(cpu, instruction, used), segmentNumber(used.segment));
  if (address === null) return null;
  const size = MemorySizeExt.size(used.memorySize) || MemorySizeExt.size(instruction.memorySize) || XSAVE_AREA;
  return { kind: 'memory', address, size, writes: WRITING.includes(used.access) };
}

/** Offset in the segment. What no operand names is on the stack, whose width SS decides. */
function offset(cpu: Cpu, instruction: Instruction, used: UsedMemory): bigint {
  const { base, index, scale, displacement } = used;
  const sum = value(cpu, base) + value(cpu, index) * BigInt(scale) + displacement + bitOffset(cpu, instruction);
  const isImplicit = used.segment === Register.SS && base !== Register.None && base !== instruction.memoryBase;
  if (isImplicit && cpu.word(CPU_MODE) !== MODE_64) return sum & BigInt(stack.useCurrent(cpu).mask);
  const width = RegisterExt.size(base === Register.None ? index : base);
  return BigInt.asUintN(8 * (width || 8), sum);
}

function value(cpu: Cpu, register: Register): bigint {
  if (register === Register.None) return 0n;
  const number = register === Register.AL ? 0 : gprNumber(register);
  return BigInt.asUintN(8 * RegisterExt.size(register), cpu.gpr(number));
}

/** Bytes from the operand to the one that holds a bit whose number stands in a register. */
function bitOffset(cpu: Cpu, instruction: Instruction): bigint {
  if (!BIT_STRINGS.includes(instruction.mnemonic) || instruction.opKind(1) !== OpKind.Register) return 0n;
  const register = instruction.opRegister(1);
  const bytes = RegisterExt.size(register);
  const bit = BigInt.asIntN(8 * bytes, cpu.gpr(gprNumber(register)));
  return (bit >> BigInt(31 - Math.clz32(8 * bytes))) * BigInt(bytes);
}

// ---- Ports

function ports(cpu: Cpu, instruction: Instruction): Access[] {
  const { mnemonic } = instruction;
  const isOutput = OUTPUT.includes(mnemonic);
  if (!isOutput && !INPUT.includes(mnemonic)) return [];
  const kind = instruction.opKind(isOutput ? 0 : 1);
  const address = kind === OpKind.Immediate8 ? instruction.immediate8 : cpu.gprLow(RDX) & 0xffff;
  return [{ kind: 'port', address, size: portSize(instruction, isOutput ? 1 : 0), writes: isOutput }];
}

/** Bytes of the accumulator, or of a string's element. */
function portSize(instruction: Instruction, operand: number): number {
  if (instruction.opKind(operand) === OpKind.Register) return RegisterExt.size(instruction.opRegister(operand));
  return MemorySizeExt.size(instruction.memorySize);
}
