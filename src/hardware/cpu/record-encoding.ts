/**
 * Writes the 32-byte records that the interpreter executes (record.ts), and the plain-value form of instructions that
 * the host executes.
 */
import { MemorySizeExt, Mnemonic, OpKind, Register, type Instruction } from 'iced-x86';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import type { DecodedInstruction, Operand } from './decoded-instruction.js';
import { CPU_CODE_BASE, CPU_FS_BASE, CPU_GS_BASE, CPU_ZERO, RECORD_SIZE } from './layout.js';
import * as OP from './opcodes.js';
import type { Selection } from './opcode-selection.js';
import { isNearBranch, registerOf, registerSlot } from './operand-form.js';
import * as R from './record.js';

const RCX_SLOT = 8;
const MARKER_BASE = 0x4950_4900n;
const MARKERS = 256n;
const ENTER_LEVELS = 32;
const NOT_ENCODABLE = -1;

/**
 * Writes the record of an instruction; `origin` is the address that its page offset counts from. Returns its opcode.
 */
export function writeRecord(
  memory: PhysicalMemory,
  at: number,
  instruction: Instruction,
  selection: Selection,
  origin = 0n,
): number {
  const { view } = memory;
  memory.u8.fill(0, at, at + RECORD_SIZE);
  view.setUint16(at + R.R_COST, selection.ticks, true);
  view.setUint8(at + R.R_LENGTH, instruction.length);
  view.setUint16(at + R.R_OFFSET, Number(instruction.ip - origin), true);
  view.setUint8(at + R.R_C, selection.operation);
  const opcode = writeOperands(view, at, instruction, selection, origin);
  view.setUint16(at + R.R_OP, opcode, true);
  return opcode;
}

function writeOperands(
  view: DataView,
  at: number,
  instruction: Instruction,
  selection: Selection,
  origin: bigint,
): number {
  const { opcode, condition, isString, kinds, mnemonic } = selection;
  if (opcode === OP.SLOW || (opcode === OP.MOV_CR4 && registerOf(instruction, 0) !== Register.CR4)) return OP.SLOW;
  if (opcode === OP.NOP) return writeNop(view, at, instruction, selection);
  view.setUint8(at + R.R_BASE, CPU_ZERO);
  view.setUint8(at + R.R_INDEX, CPU_ZERO);
  view.setUint8(at + R.R_SEGMENT, CPU_ZERO);
  writeRegisters(view, at, instruction, selection);
  if (condition >= 0) view.setUint8(at + R.R_C, condition);
  if (isString) writeString(view, at, instruction, selection);
  if (opcode === OP.ENTER) view.setUint8(at + R.R_C, Number(instruction.immediate(1)) % ENTER_LEVELS);
  if (isCountedBranch(opcode)) view.setUint8(at + R.R_A, RCX_SLOT);
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i];
    if (isNearBranch(kind)) {
      view.setInt32(at + R.R_TARGET_OFFSET, Number(BigInt.asIntN(64, instruction.nearBranchTarget - origin)), true);
    } else if (kind === OpKind.Memory) {
      if (writeAddress(view, at, instruction, mnemonic) === NOT_ENCODABLE) return OP.SLOW;
    } else if (kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64 && !(opcode === OP.ENTER && i === 1)) {
      view.setBigInt64(at + R.R_IMMEDIATE, immediateOf(instruction, i, selection), true);
    }
  }
  return opcode;
}

function immediateOf(instruction: Instruction, operand: number, selection: Selection): bigint {
  const value = instruction.immediate(operand);
  if (selection.opcode === OP.ENTER || selection.opcode === OP.RET || selection.opcode === OP.RET32) return value;
  return BigInt.asIntN(selection.bits, value);
}

function isCountedBranch(opcode: number): boolean {
  return opcode >= OP.LOOP32 && opcode <= OP.JCXZ64;
}

/** A measurement marker is `nop dword [rax + MARKER_BASE + n]`. */
function writeNop(view: DataView, at: number, instruction: Instruction, { kinds, mnemonic }: Selection): number {
  if (kinds.length !== 1 || kinds[0] !== OpKind.Memory) return OP.NOP;
  const marker = instruction.memoryDisplacement - MARKER_BASE;
  const plain = instruction.memoryBase === Register.RAX && instruction.memoryIndex === Register.None;
  if (!plain || mnemonic !== Mnemonic.Nop || marker < 0n || marker >= MARKERS) return OP.NOP;
  view.setUint32(at + R.R_IMMEDIATE, Number(marker), true);
  return OP.MARKER;
}

/** The first operand, if a register, is A; the registers behind it are B and C. */
function writeRegisters(view: DataView, at: number, instruction: Instruction, { kinds, isLocked }: Selection): void {
  let behind = R.R_B;
  view.setUint8(at + R.R_B, CPU_ZERO);
  for (let i = 0; i < kinds.length; i++) {
    if (kinds[i] !== OpKind.Register || (isLocked && i > 1)) continue;
    view.setUint8(at + (i === 0 ? R.R_A : behind), registerSlot(registerOf(instruction, i)));
    if (i > 0) behind = R.R_C;
  }
}

function writeString(view: DataView, at: number, instruction: Instruction, { kinds, mnemonic }: Selection): void {
  view.setUint8(at + R.R_C, repeatOf(instruction, mnemonic));
  view.setUint8(at + R.R_SEGMENT, segmentSlot(instruction.segmentPrefix));
  if (kinds.some(isAddressedBy32Bits)) view.setUint8(at + R.R_ADDRESS_FLAGS, R.ADDRESS_32);
}

function isAddressedBy32Bits(kind: OpKind): boolean {
  return kind === OpKind.MemorySegESI || kind === OpKind.MemoryESEDI || kind === OpKind.MemorySegEDI;
}

function repeatOf(instruction: Instruction, mnemonic: Mnemonic): number {
  if (!instruction.hasRepPrefix && !instruction.hasRepnePrefix) return R.REPEAT_NONE;
  if (!COMPARING.has(mnemonic)) return R.REPEAT;
  return instruction.hasRepnePrefix ? R.REPEAT_WHILE_NOT_EQUAL : R.REPEAT_WHILE_EQUAL;
}

const COMPARING = new Set<number>([
  ...[Mnemonic.Scasb, Mnemonic.Scasw, Mnemonic.Scasd, Mnemonic.Scasq],
  ...[Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd, Mnemonic.Cmpsq],
]);

function segmentSlot(segment: Register): number {
  if (segment === Register.FS) return CPU_FS_BASE;
  return segment === Register.GS ? CPU_GS_BASE : CPU_ZERO;
}

function addressSlot(register: Register): number {
  if (register === Register.None) return CPU_ZERO;
  if (register === Register.RIP || register === Register.EIP) return CPU_CODE_BASE;
  return registerSlot(register);
}

const ADDRESS_FLAGS = { 16: R.ADDRESS_16, 32: R.ADDRESS_32, 64: 0 } as const;

function writeAddress(view: DataView, at: number, instruction: Instruction, mnemonic: Mnemonic): number {
  const { memoryBase: base, memoryIndex: index, memorySegment } = instruction;
  const segment = mnemonic === Mnemonic.Lea ? CPU_ZERO : segmentSlot(memorySegment);
  const size = addressSize(instruction, base, index);
  const displacement = BigInt.asIntN(size === 64 ? 64 : 32, instruction.memoryDisplacement);
  // What has neither base nor index is as wide as its displacement.
  const isAbsolute = base === Register.None && index === Register.None;
  let flags = size === 32 && isAbsolute && displacement >= 0n ? 0 : ADDRESS_FLAGS[size];
  const near = BigInt.asIntN(32, displacement) === displacement;
  if (!near && !isAbsolute) return NOT_ENCODABLE;
  if (!near) {
    flags |= R.ADDRESS_64;
    view.setBigInt64(at + R.R_IMMEDIATE, displacement, true);
  }
  const special = flags !== 0 || segment !== CPU_ZERO ? R.SCALE_SPECIAL : 0;
  view.setUint8(at + R.R_BASE, addressSlot(base));
  // XLAT adds AL itself.
  view.setUint8(at + R.R_INDEX, mnemonic === Mnemonic.Xlatb ? CPU_ZERO : addressSlot(index));
  view.setUint8(at + R.R_SCALE, (31 - Math.clz32(instruction.memoryIndexScale)) | special);
  view.setUint8(at + R.R_SEGMENT, segment);
  view.setUint8(at + R.R_ADDRESS_FLAGS, flags);
  view.setUint8(at + R.R_STACK, memorySegment === Register.SS ? 1 : 0);
  view.setInt32(at + R.R_DISPLACEMENT, near ? Number(displacement) : 0, true);
  return 0;
}

/**
 * Lets the address in a record be an offset in the segment register numbered `segment`. `range`: SEGMENT_LOAD or
 * SEGMENT_STORE.
 */
export function writeSegment({ view }: PhysicalMemory, at: number, segment: number, size: number, range: number): void {
  view.setUint8(at + R.R_SCALE, view.getUint8(at + R.R_SCALE) | R.SCALE_SPECIAL);
  view.setUint8(at + R.R_SEGMENT, segment);
  view.setUint8(at + R.R_ADDRESS_FLAGS, view.getUint8(at + R.R_ADDRESS_FLAGS) | R.ADDRESS_SEGMENT);
  view.setUint8(at + R.R_SIZE, size);
  view.setUint8(at + R.R_RANGE, range);
}

function addressSize(instruction: Instruction, base: Register, index: Register): 16 | 32 | 64 {
  const sized = base === Register.None ? index : base;
  if (sized === Register.EIP || (sized >= Register.EAX && sized <= Register.R15D)) return 32;
  if (sized >= Register.AX && sized <= Register.R15W) return 16;
  if (sized !== Register.None) return 64;
  const size = instruction.memoryDisplSize;
  return size === 2 ? 16 : size === 4 ? 32 : 64;
}

// ---- For the host

/** The instruction in plain values; `bytes` are copied. */
export function describeInstruction(instruction: Instruction, bytes: Uint8Array): DecodedInstruction {
  const operands: Operand[] = [];
  for (let i = 0; i < instruction.opCount; i++) operands.push(describeOperand(instruction, i));
  return {
    code: instruction.code,
    mnemonic: instruction.mnemonic,
    length: instruction.length,
    operands,
    lock: instruction.hasLockPrefix,
    rep: instruction.hasRepPrefix,
    repne: instruction.hasRepnePrefix,
    addressSize: addressSize(instruction, instruction.memoryBase, instruction.memoryIndex),
    bytes: bytes.slice(0, instruction.length),
  };
}

function describeOperand(instruction: Instruction, index: number): Operand {
  switch (instruction.opKind(index)) {
    case OpKind.Register:
      return { kind: 'register', register: instruction.opRegister(index) };
    case OpKind.NearBranch16:
    case OpKind.NearBranch32:
    case OpKind.NearBranch64:
      return { kind: 'branch', target: instruction.nearBranchTarget };
    case OpKind.Memory:
      return describeMemory(instruction);
    case OpKind.MemorySegSI:
    case OpKind.MemorySegESI:
    case OpKind.MemorySegRSI:
    case OpKind.MemorySegDI:
    case OpKind.MemorySegEDI:
    case OpKind.MemorySegRDI:
      return implicitMemory(instruction, index, instruction.memorySegment);
    case OpKind.MemoryESDI:
    case OpKind.MemoryESEDI:
    case OpKind.MemoryESRDI:
      return implicitMemory(instruction, index, Register.ES);
    case OpKind.FarBranch16:
      return farPointer(instruction.farBranchSelector, instruction.farBranch16);
    case OpKind.FarBranch32:
      return farPointer(instruction.farBranchSelector, instruction.farBranch32);
    default:
      return { kind: 'immediate', value: instruction.immediate(index) };
  }
}

/** A far pointer in the instruction: selector in bits 47:32, offset in bits 31:0. */
function farPointer(selector: number, offset: number): Operand {
  return { kind: 'immediate', value: (BigInt(selector) << 32n) | BigInt(offset >>> 0) };
}

function describeMemory(instruction: Instruction): Operand {
  const relative = instruction.isIpRelMemoryOperand;
  const displacement = relative ? instruction.memoryDisplacement - instruction.nextIP : instruction.memoryDisplacement;
  return {
    kind: 'memory',
    base: instruction.memoryBase,
    index: instruction.memoryIndex,
    scale: instruction.memoryIndexScale,
    displacement: BigInt.asIntN(64, displacement),
    segment: instruction.memorySegment,
    size: MemorySizeExt.size(instruction.memorySize),
  };
}

const IMPLICIT_BASE = new Map<number, Register>([
  [OpKind.MemorySegSI, Register.SI],
  [OpKind.MemorySegESI, Register.ESI],
  [OpKind.MemorySegRSI, Register.RSI],
  [OpKind.MemorySegDI, Register.DI],
  [OpKind.MemorySegEDI, Register.EDI],
  [OpKind.MemorySegRDI, Register.RDI],
  [OpKind.MemoryESDI, Register.DI],
  [OpKind.MemoryESEDI, Register.EDI],
  [OpKind.MemoryESRDI, Register.RDI],
]);

function implicitMemory(instruction: Instruction, index: number, segment: Register): Operand {
  const base = IMPLICIT_BASE.get(instruction.opKind(index)) ?? Register.None;
  const size = MemorySizeExt.size(instruction.memorySize);
  return { kind: 'memory', base, index: Register.None, scale: 1, displacement: 0n, segment, size };
}
