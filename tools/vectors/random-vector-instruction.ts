/**
 * Random instances of MMX and SSE instructions. The recorder knows general-purpose registers and memory only, so
 * each is a sequence: MXCSR and two vector registers from memory, the instruction, the first register and MXCSR to memory.
 */
import { Code, CpuidFeature, Instruction, MemoryOperand, OpCodeOperandKind, OpKind, Register } from 'iced-x86';
import { DIRECTION_FLAG, STATUS_FLAGS, WINDOW_ADDRESS } from '../../test/support/vector-state.js';
import type { Request } from './native.js';
import { codesWhere, encodeSequence, factsOf, operandKinds } from './encodings.js';
import { Scene } from './scene.js';

const FEATURES = new Set<number>([
  ...[CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3],
  ...[CpuidFeature.SSE4_1, CpuidFeature.SSE4_2],
]);
/** Use XMM0 without naming it. */
const WITH_XMM0 = /^(Pblendvb|Blendvp|Pcmp[ei]strm)/;
/** Approximations differ between processors; the rest has no vector register. */
const EXCLUDED = /^(Rcp|Rsqrt|Prefetch|Ldmxcsr|Stmxcsr|Emms|Movnti|[LMS]fence|Crc32)/;

/** Offsets in the window. */
const FIRST = 0;
const SECOND = 16;
const CONTROL = 32;
const RESULT = 48;
const CONTROL_AFTER = 64;
const MASK = 80;
/** Of memory operands that need no alignment, or should have it. */
const MISALIGNED = 20;

const RDI = 7;
const ALL_MASKED = 0x1f80;
const MXCSR_BITS = 0xffff;

const K = OpCodeOperandKind;
const OR_MEMORY = new Set([K.xmm_or_mem, K.mm_or_mem, K.r32_or_mem, K.r64_or_mem]);
const XMM = new Set([K.xmm_reg, K.xmm_or_mem, K.xmm_rm]);
const MMX = new Set([K.mm_reg, K.mm_or_mem, K.mm_rm]);
const WIDE = new Set([K.r64_reg, K.r64_or_mem]);
/** For the first operand, and for all others. */
const XMM_REGISTERS = [Register.XMM1, Register.XMM2] as const;
const MMX_REGISTERS = [Register.MM1, Register.MM2] as const;
const WORDS_64 = [Register.RCX, Register.RDX] as const;
const WORDS_32 = [Register.ECX, Register.EDX] as const;

/** Numbers where rounding, overflow, underflow and invalid operations are near. */
const SINGLES = [
  ...[0x0000_0000, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x3f80_0001, 0x7f7f_ffff, 0xff7f_ffff, 0x0080_0000],
  ...[0x0000_0001, 0x807f_ffff, 0x7f80_0000, 0xff80_0000, 0x7fc0_1234, 0x7f80_1234, 0x4f00_0000, 0x5f00_0000],
];
const DOUBLES = [
  ...[0x0000_0000_0000_0000n, 0x8000_0000_0000_0000n, 0x3ff0_0000_0000_0000n, 0xbff0_0000_0000_0001n],
  ...[0x7fef_ffff_ffff_ffffn, 0x0010_0000_0000_0000n, 0x8000_0000_0000_0001n, 0x7ff0_0000_0000_0000n],
  ...[0xfff8_0000_0000_1234n, 0x7ff0_0000_0000_1234n, 0x41df_ffff_ffe0_0000n, 0x43e0_0000_0000_0000n],
  ...[0x47ef_ffff_f000_0000n, 0x380f_ffff_f000_0000n, 0x36a0_0000_0000_0001n, 0xc1e0_0000_0020_0000n],
];

export function vectorCodes(): Code[] {
  return codesWhere(isWanted);
}

function isWanted(code: Code): boolean {
  const { features, mnemonic } = factsOf(code);
  const hasFeature = FEATURES.has(features[0]) && features.length === 1;
  return hasFeature && !EXCLUDED.test(mnemonic) && operandKinds(code).length > 0;
}

/** The sequence for one instance of `code`, which begins in state `number`. */
export function randomVectorSequence(code: Code, number: number): Request {
  const scene = new Scene(number, 0, true);
  arrangeOperands(scene, /[sp][sd]|2[sp]/.test(Code[code].toLowerCase()));
  const usesXmm0 = WITH_XMM0.test(Code[code]);
  const usesMmx = operandKinds(code).some((kind) => MMX.has(kind));
  const instructions = [
    onControl(Code.Ldmxcsr_m32, CONTROL),
    ...load(Register.XMM1, Register.XMM2),
    ...(usesMmx ? load(Register.MM1, Register.MM2) : []),
    ...(usesXmm0 ? [Instruction.createRegMem(Code.Movups_xmm_xmmm128, Register.XMM0, at(MASK))] : []),
    randomInstance(code, scene),
    Instruction.createMemReg(Code.Movups_xmmm128_xmm, at(RESULT), Register.XMM1),
    ...(usesMmx ? [Instruction.createMemReg(Code.Movq_mmm64_mm, at(CONTROL_AFTER + 8), Register.MM1)] : []),
    ...(usesXmm0 ? [Instruction.createMemReg(Code.Movups_xmmm128_xmm, at(MASK), Register.XMM0)] : []),
    onControl(Code.Stmxcsr_m32, CONTROL_AFTER),
  ];
  return {
    code: encodeSequence(instructions),
    instructions: instructions.length,
    scene,
    defined: { flags: STATUS_FLAGS | DIRECTION_FLAG, undefinedRegisters: 0, meaningless: false },
  };
}

function arrangeOperands(scene: Scene, isFloatingPoint: boolean): void {
  for (let offset = FIRST; offset < CONTROL; offset += 8) {
    if (isFloatingPoint && scene.chance(0.85)) scene.storeAt(WINDOW_ADDRESS + offset, randomNumbers(scene));
  }
  const masks = scene.chance(0.75) ? ALL_MASKED : scene.next() & ALL_MASKED;
  const control = masks | (scene.next() & MXCSR_BITS & ~ALL_MASKED & (scene.chance(0.5) ? ~0x8040 : ~0));
  scene.storeAt(WINDOW_ADDRESS + CONTROL, BigInt(control & (scene.chance(0.5) ? ~0x3f : ~0)));
}

/** A double or two singles: special values, their neighbours, small integers with a fraction. */
function randomNumbers(scene: Scene): bigint {
  const pick = scene.below(4);
  if (pick === 0) return DOUBLES[scene.below(DOUBLES.length)] ^ BigInt(scene.below(4));
  if (pick === 1) return (BigInt(0x3c0 + scene.below(0x80)) << 52n) | (scene.word() & 0x800f_ffff_ffff_ffffn);
  const single = (): bigint =>
    scene.chance(0.5)
      ? BigInt(SINGLES[scene.below(SINGLES.length)] ^ scene.below(2)) & 0xffff_ffffn
      : (BigInt(0x60 + scene.below(0x40)) << 23n) | BigInt(scene.below(0x80_0000));
  return (single() << 32n) | single();
}

function at(offset: number): MemoryOperand {
  const displacement = BigInt(WINDOW_ADDRESS + offset);
  return new MemoryOperand(Register.None, Register.None, 1, displacement, 8, false, Register.None);
}

function onControl(code: Code, offset: number): Instruction {
  return Instruction.createMem(code, at(offset));
}

function load(first: Register, second: Register): Instruction[] {
  const code = first === Register.MM1 ? Code.Movq_mm_mmm64 : Code.Movups_xmm_xmmm128;
  return [Instruction.createRegMem(code, first, at(FIRST)), Instruction.createRegMem(code, second, at(SECOND))];
}

/** The first vector operand is register 1, the second is register 2 or the memory that it came from. */
function randomInstance(code: Code, scene: Scene): Instruction {
  const instruction = new Instruction();
  instruction.code = code;
  operandKinds(code).forEach((kind, operand) => {
    const isMemory = kind === K.mem || (OR_MEMORY.has(kind) && scene.chance(0.4));
    if (kind === K.seg_rDI) {
      instruction.setOpKind(operand, OpKind.MemorySegRDI);
      scene.set(RDI, BigInt(WINDOW_ADDRESS + RESULT + scene.below(40)));
    } else if (kind === K.imm8) {
      instruction.setOpKind(operand, OpKind.Immediate8);
      instruction.setImmediateU32(operand, scene.chance(0.7) ? scene.below(20) : scene.below(256));
    } else if (isMemory)
      setMemory(instruction, operand, operand === 0 ? FIRST : scene.chance(0.2) ? MISALIGNED : SECOND);
    else {
      instruction.setOpKind(operand, OpKind.Register);
      instruction.setOpRegister(operand, registerFor(kind, operand));
    }
  });
  return instruction;
}

function registerFor(kind: OpCodeOperandKind, operand: number): Register {
  const bank = XMM.has(kind) ? XMM_REGISTERS : MMX.has(kind) ? MMX_REGISTERS : WIDE.has(kind) ? WORDS_64 : WORDS_32;
  return bank[operand === 0 ? 0 : 1];
}

function setMemory(instruction: Instruction, operand: number, offset: number): void {
  instruction.setOpKind(operand, OpKind.Memory);
  instruction.memoryDisplSize = 8;
  instruction.memoryDisplacement = BigInt(WINDOW_ADDRESS + offset);
}
