/**
 * Random instances of an encoding, together with the register and memory contents that make them do something: an
 * address inside the window, a dividend that fits, a comparison that succeeds.
 */
import {
  Code,
  CodeExt,
  Encoder,
  Instruction,
  MemorySizeExt,
  Mnemonic,
  OpCodeOperandKind,
  OpKind,
  Register,
  RegisterExt,
} from 'iced-x86';
import { CODE_ADDRESS, STACK_POINTER, WINDOW_ADDRESS, WINDOW_SIZE } from '../../test/support/vector-state.js';
import type { Scene } from './scene.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RBP = 5;
const RSI = 6;
const RDI = 7;
/** No address comes closer than this to an end of the window. */
const MARGIN = 32;
const LOCK_PREFIX = 0xf0;
/** A bit between the linear-address width and 63. */
const NON_CANONICAL = 1n << 55n;

const BRANCH_TARGETS: Readonly<Partial<Record<OpCodeOperandKind, number>>> = {
  [OpCodeOperandKind.br64_1]: 100,
  [OpCodeOperandKind.br64_4]: 1500,
};

const IMMEDIATES: Readonly<Partial<Record<OpCodeOperandKind, readonly [OpKind, number]>>> = {
  [OpCodeOperandKind.imm8]: [OpKind.Immediate8, 8],
  [OpCodeOperandKind.imm16]: [OpKind.Immediate16, 16],
  [OpCodeOperandKind.imm32]: [OpKind.Immediate32, 32],
  [OpCodeOperandKind.imm64]: [OpKind.Immediate64, 64],
  [OpCodeOperandKind.imm32sex64]: [OpKind.Immediate32to64, 32],
  [OpCodeOperandKind.imm8sex16]: [OpKind.Immediate8to16, 8],
  [OpCodeOperandKind.imm8sex32]: [OpKind.Immediate8to32, 8],
  [OpCodeOperandKind.imm8sex64]: [OpKind.Immediate8to64, 8],
};

const REGISTER_BANKS: Readonly<Partial<Record<OpCodeOperandKind, readonly [Register, number]>>> = {
  [OpCodeOperandKind.r8_reg]: [Register.AL, 20],
  [OpCodeOperandKind.r8_opcode]: [Register.AL, 20],
  [OpCodeOperandKind.r8_or_mem]: [Register.AL, 20],
  [OpCodeOperandKind.r16_reg]: [Register.AX, 16],
  [OpCodeOperandKind.r16_opcode]: [Register.AX, 16],
  [OpCodeOperandKind.r16_or_mem]: [Register.AX, 16],
  [OpCodeOperandKind.r32_reg]: [Register.EAX, 16],
  [OpCodeOperandKind.r32_opcode]: [Register.EAX, 16],
  [OpCodeOperandKind.r32_or_mem]: [Register.EAX, 16],
  [OpCodeOperandKind.r32_vvvv]: [Register.EAX, 16],
  [OpCodeOperandKind.r64_reg]: [Register.RAX, 16],
  [OpCodeOperandKind.r64_opcode]: [Register.RAX, 16],
  [OpCodeOperandKind.r64_or_mem]: [Register.RAX, 16],
  [OpCodeOperandKind.r64_vvvv]: [Register.RAX, 16],
};

const FIXED_REGISTERS: Readonly<Partial<Record<OpCodeOperandKind, Register>>> = {
  [OpCodeOperandKind.al]: Register.AL,
  [OpCodeOperandKind.ax]: Register.AX,
  [OpCodeOperandKind.eax]: Register.EAX,
  [OpCodeOperandKind.rax]: Register.RAX,
  [OpCodeOperandKind.cl]: Register.CL,
};

/** By iced-x86's number; the registers of a bank follow each other. */
const ALL_REGISTERS = Object.values(Register).filter((register) => typeof register !== 'string');

const OR_MEMORY = new Set([
  OpCodeOperandKind.r8_or_mem,
  OpCodeOperandKind.r16_or_mem,
  OpCodeOperandKind.r32_or_mem,
  OpCodeOperandKind.r64_or_mem,
]);

const BIT_TESTS = new Set([Mnemonic.Bt, Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc]);
const STACK = new Set([
  Mnemonic.Push,
  Mnemonic.Pop,
  Mnemonic.Pushf,
  Mnemonic.Pushfq,
  Mnemonic.Popf,
  Mnemonic.Popfq,
  Mnemonic.Call,
  Mnemonic.Ret,
]);
const COUNTED_BRANCHES = new Set([Mnemonic.Loop, Mnemonic.Loope, Mnemonic.Loopne, Mnemonic.Jrcxz, Mnemonic.Jecxz]);

/** The bytes of a random instance of `code`, or null when this attempt cannot be encoded. */
export function randomInstruction(code: Code, scene: Scene, at: number = CODE_ADDRESS): Uint8Array | null {
  const instruction = new Instruction();
  instruction.code = code;
  const info = CodeExt.opCode(code);
  prepareImplicit(instruction, scene);
  for (let operand = 0; operand < info.opCount; operand++)
    setOperand(instruction, operand, info.opKind(operand), scene);
  prepareValues(instruction, scene);
  const memoryFirst = info.opCount > 0 && instruction.opKind(0) === OpKind.Memory;
  if (info.canUseLockPrefix && memoryFirst && scene.chance(0.3)) instruction.hasLockPrefix = true;
  const bytes = encode(instruction, at);
  const lockRegister = info.canUseLockPrefix && !memoryFirst && scene.chance(0.03);
  info.free();
  instruction.free();
  if (bytes === null || !lockRegister) return bytes;
  return Uint8Array.from([LOCK_PREFIX, ...bytes]);
}

function encode(instruction: Instruction, at: number): Uint8Array | null {
  const encoder = new Encoder(64);
  try {
    encoder.encode(instruction, BigInt(at));
    return encoder.takeBuffer();
  } catch {
    return null;
  } finally {
    encoder.free();
  }
}

function setOperand(instruction: Instruction, operand: number, kind: OpCodeOperandKind, scene: Scene): void {
  const immediate = IMMEDIATES[kind];
  const fixed = FIXED_REGISTERS[kind];
  const reach = BRANCH_TARGETS[kind];
  if (immediate !== undefined) setImmediate(instruction, operand, immediate, scene);
  else if (fixed !== undefined) setRegister(instruction, operand, fixed);
  else if (reach !== undefined) setTarget(instruction, operand, reach, scene);
  else if (kind === OpCodeOperandKind.imm8_const_1) {
    instruction.setOpKind(operand, OpKind.Immediate8);
    instruction.setImmediateU32(operand, 1);
  } else if (kind === OpCodeOperandKind.es_rDI) setString(instruction, operand, RDI, scene);
  else if (kind === OpCodeOperandKind.seg_rSI) setString(instruction, operand, RSI, scene);
  else if (kind === OpCodeOperandKind.seg_rBX_al) setTranslation(instruction, operand, scene);
  else if (kind === OpCodeOperandKind.mem_offs) setAbsolute(instruction, operand, scene);
  else if (kind === OpCodeOperandKind.mem || (OR_MEMORY.has(kind) && scene.chance(0.5)))
    setMemory(instruction, operand, scene);
  else {
    const [first, count] = REGISTER_BANKS[kind] ?? [Register.RAX, 16];
    setRegister(instruction, operand, ALL_REGISTERS[first + scene.below(count)]);
  }
}

function setRegister(instruction: Instruction, operand: number, register: Register): void {
  instruction.setOpKind(operand, OpKind.Register);
  instruction.setOpRegister(operand, register);
}

function setImmediate(
  instruction: Instruction,
  operand: number,
  [kind, bits]: readonly [OpKind, number],
  scene: Scene,
): void {
  const enter = instruction.mnemonic === Mnemonic.Enter;
  instruction.setOpKind(operand, enter && operand === 1 ? OpKind.Immediate8_2nd : kind);
  if (bits === 64) {
    instruction.setImmediateU64(operand, scene.word());
    return;
  }
  const value = enter ? (operand === 0 ? scene.below(64) : scene.below(4)) : interesting(scene, bits);
  if (kind === OpKind.Immediate32to64) instruction.setImmediateI64(operand, BigInt(value | 0));
  else if (kind >= OpKind.Immediate8to16 && kind <= OpKind.Immediate8to64)
    instruction.setImmediateI32(operand, (value << 24) >> 24);
  else instruction.setImmediateU32(operand, value);
}

function interesting(scene: Scene, bits: number): number {
  const mask = bits === 32 ? 0xffff_ffff : 2 ** bits - 1;
  if (bits === 8 && scene.chance(0.5)) return scene.below(70);
  return Number(scene.word() & BigInt(mask));
}

function setTarget(instruction: Instruction, operand: number, reach: number, scene: Scene): void {
  instruction.setOpKind(operand, OpKind.NearBranch64);
  instruction.nearBranch64 = BigInt(CODE_ADDRESS + 16 + scene.below(reach) - reach / 2);
}

function setTranslation(instruction: Instruction, operand: number, scene: Scene): void {
  instruction.setOpKind(operand, OpKind.Memory);
  instruction.memoryBase = Register.RBX;
  instruction.memoryIndex = Register.AL;
  scene.set(RBX, BigInt(WINDOW_ADDRESS));
}

function setAbsolute(instruction: Instruction, operand: number, scene: Scene): void {
  instruction.setOpKind(operand, OpKind.Memory);
  instruction.memoryDisplSize = 8;
  instruction.memoryDisplacement = BigInt(targetAddress(scene));
}

function targetAddress(scene: Scene): number {
  return WINDOW_ADDRESS + MARGIN + scene.below(WINDOW_SIZE - 3 * MARGIN);
}

// ---- Strings

function setString(instruction: Instruction, operand: number, register: number, scene: Scene): void {
  const narrow = scene.narrowAddress;
  const destination = register === RDI;
  const kinds = destination ? [OpKind.MemoryESRDI, OpKind.MemoryESEDI] : [OpKind.MemorySegRSI, OpKind.MemorySegESI];
  instruction.setOpKind(operand, narrow ? kinds[1] : kinds[0]);
  const address = BigInt(WINDOW_ADDRESS + WINDOW_SIZE / 2 + scene.below(64) - 32);
  const same = destination && scene.isSet(RSI) && scene.chance(0.3);
  const linear = same ? scene.get(RSI) & 0xffff_ffffn : address;
  scene.set(register, narrow ? linear | (scene.word() << 32n) : linear);
}

// ---- Memory operands

/** An operand somewhere in the window, in one of the ways to address it. */
function setMemory(instruction: Instruction, operand: number, scene: Scene): void {
  instruction.setOpKind(operand, OpKind.Memory);
  let target = targetAddress(scene);
  if (instruction.mnemonic === Mnemonic.Cmpxchg16b && scene.chance(0.9)) target &= ~15;
  const form = scene.below(10);
  if (form === 0) setRipRelative(instruction, target);
  else if (form === 1) setDisplacement(instruction, target, 4);
  else if (form === 2 && !scene.fixedAddresses) setScaledOnly(instruction, target, scene);
  else if (scene.fixedAddresses) setStackBased(instruction, target, scene);
  else setBased(instruction, target, form >= 6, scene);
}

/** The register that an address names `register`, at the scene's width of addresses. */
function addressRegister(register: number, scene: Scene): Register {
  return ALL_REGISTERS[(scene.narrowAddress ? Register.EAX : Register.RAX) + register];
}

/** [base + displacement] or [base + index * scale + displacement] */
function setBased(instruction: Instruction, target: number, useIndex: boolean, scene: Scene): void {
  const base = scene.freeRegister(true, null);
  const offset = useIndex ? setIndex(instruction, base, scene) : 0;
  instruction.memoryBase = addressRegister(base, scene);
  if (base === RSP) {
    setDisplacement(instruction, target - offset - Number(scene.get(RSP)), 4);
    return;
  }
  const displacement = scene.displacement();
  setDisplacement(instruction, displacement, displacementSize(displacement));
  const address = BigInt(target - offset - displacement);
  if (scene.narrowAddress) scene.set(base, (address & 0xffff_ffffn) | (scene.word() << 32n));
  else scene.set(base, scene.chance(0.02) ? address ^ NON_CANONICAL : address);
}

/** [stack pointer + displacement] */
function setStackBased(instruction: Instruction, target: number, scene: Scene): void {
  instruction.memoryBase = addressRegister(RSP, scene);
  setDisplacement(instruction, target - Number(scene.get(RSP)), 4);
}

/** Chooses an index register; what it adds to the address. */
function setIndex(instruction: Instruction, base: number, scene: Scene): number {
  const index = scene.freeRegister(false, base);
  const scale = 1 << scene.below(4);
  instruction.memoryIndex = addressRegister(index, scene);
  instruction.memoryIndexScale = scale;
  return scene.setSmall(index) * scale;
}

function displacementSize(displacement: number): number {
  if (displacement === 0) return 0;
  return displacement === (displacement << 24) >> 24 ? 1 : 4;
}

/** [index * scale + displacement] */
function setScaledOnly(instruction: Instruction, target: number, scene: Scene): void {
  setDisplacement(instruction, target - setIndex(instruction, RSP, scene), 4);
}

function setRipRelative(instruction: Instruction, target: number): void {
  instruction.memoryBase = Register.RIP;
  setDisplacement(instruction, target, 4);
}

function setDisplacement(instruction: Instruction, displacement: number, size: number): void {
  instruction.memoryDisplSize = size;
  instruction.memoryDisplacement = BigInt.asUintN(64, BigInt(displacement));
}

// ---- Values

/** Registers that an instruction uses without naming them; before addresses take registers. */
function prepareImplicit(instruction: Instruction, scene: Scene): void {
  const { mnemonic } = instruction;
  const name = Mnemonic[mnemonic];
  if (/_CL$/.test(Code[instruction.code]))
    scene.set(RCX, (scene.word() & ~0xffn) | BigInt(scene.below(scene.chance(0.1) ? 256 : 70)));
  if (COUNTED_BRANCHES.has(mnemonic)) scene.set(RCX, scene.chance(0.7) ? BigInt(scene.below(3)) : scene.word());
  if (STACK.has(mnemonic)) scene.set(RSP, BigInt(STACK_POINTER + scene.below(48) - 24));
  if (mnemonic === Mnemonic.Leave) scene.set(RBP, BigInt(STACK_POINTER + scene.below(64) - 32));
  // Frames above the stack pointer: ENTER does not copy what it has just pushed.
  if (mnemonic === Mnemonic.Enter) scene.set(RBP, BigInt(STACK_POINTER + 16 + scene.below(48)));
  if (mnemonic === Mnemonic.Ret) scene.store(RSP, BigInt(CODE_ADDRESS + scene.below(2000) - 1000));
  if (mnemonic === Mnemonic.Popf || mnemonic === Mnemonic.Popfq) scene.store(RSP, (scene.word() & 0xcd5n) | 0x202n);
  if (/^(Movs|Cmps|Scas|Lods|Stos)[bwdq]$/.test(name)) prepareRepetition(instruction, name, scene);
}

function prepareRepetition(instruction: Instruction, name: string, scene: Scene): void {
  const upper = scene.narrowAddress ? scene.word() << 32n : 0n;
  scene.set(RCX, BigInt(scene.below(7)) | upper);
  if (scene.chance(0.3)) return;
  const compares = /^(Cmps|Scas)/.test(name);
  instruction.hasRepePrefix = !compares || scene.chance(0.5);
  if (compares && !instruction.hasRepePrefix) instruction.hasRepnePrefix = true;
}

/** Contents that depend on the operands chosen. */
function prepareValues(instruction: Instruction, scene: Scene): void {
  const { mnemonic } = instruction;
  if (mnemonic === Mnemonic.Div || mnemonic === Mnemonic.Idiv) prepareDividend(instruction, scene);
  if (mnemonic === Mnemonic.Cmpxchg && scene.chance(0.5))
    scene.setAccumulator(RAX, operandBits(instruction), scene.operandValue(instruction));
  if (mnemonic === Mnemonic.Cmpxchg8b || mnemonic === Mnemonic.Cmpxchg16b) preparePair(instruction, scene);
  if (BIT_TESTS.has(mnemonic) && instruction.opKind(0) === OpKind.Memory && instruction.opKind(1) === OpKind.Register) {
    prepareBitOffset(instruction, scene);
  }
  if (/^(Jmp|Call)_rm64/.test(Code[instruction.code])) {
    scene.setOperand(instruction, BigInt(CODE_ADDRESS + 16 + scene.below(1000)));
  }
}

function operandBits(instruction: Instruction): number {
  if (instruction.opKind(0) === OpKind.Register) return RegisterExt.size(instruction.opRegister(0)) * 8;
  return MemorySizeExt.size(instruction.memorySize) * 8;
}

function prepareDividend(instruction: Instruction, scene: Scene): void {
  if (scene.chance(0.3)) return;
  const bits = operandBits(instruction);
  const signed = instruction.mnemonic === Mnemonic.Idiv;
  const width = BigInt(bits);
  const low = BigInt.asUintN(bits, scene.get(RAX));
  const sign = signed && low >> (width - 1n) !== 0n;
  const high = scene.chance(0.3) ? BigInt(scene.below(16)) : sign ? BigInt.asUintN(bits, -1n) : 0n;
  if (bits === 8) scene.set(RAX, (scene.get(RAX) & ~0xffffn) | (high << 8n) | low);
  else scene.set(RDX, (scene.get(RDX) & ~BigInt.asUintN(bits, -1n)) | high);
}

function preparePair(instruction: Instruction, scene: Scene): void {
  if (scene.chance(0.5)) return;
  const half = instruction.mnemonic === Mnemonic.Cmpxchg8b ? 4 : 8;
  const address = scene.effectiveAddress(instruction);
  scene.setAccumulator(RAX, half * 8, scene.load(address, half));
  scene.setAccumulator(RDX, half * 8, scene.load(address + half, half));
}

/** A bit offset that stays in the window, with garbage above the operand size. */
function prepareBitOffset(instruction: Instruction, scene: Scene): void {
  const register = RegisterExt.number(instruction.opRegister(1));
  const bits = RegisterExt.size(instruction.opRegister(1)) * 8;
  const offset = BigInt.asUintN(bits, BigInt(scene.below(400) - 200));
  if (scene.isSet(register)) return;
  const upper = bits === 64 ? 0n : (scene.word() >> BigInt(bits)) << BigInt(bits);
  scene.set(register, upper | offset);
}
