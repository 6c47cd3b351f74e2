/**
 * Random instances of x87 instructions. The recorder knows general-purpose registers and memory only, so each is a sequence:
 * FNINIT, FRSTOR of a state in the window, the instruction, FNSAVE behind it.
 */
import {
  Code,
  CpuidFeature,
  Decoder,
  DecoderOptions,
  Instruction,
  MemoryOperand,
  Mnemonic,
  OpCodeOperandKind,
  OpKind,
  Register,
} from 'iced-x86';
import { NO_EXCEPTION } from '../../test/support/vector-file.js';
import { DIRECTION_FLAG, STATUS_FLAGS, WINDOW_ADDRESS } from '../../test/support/vector-state.js';
import type { Answer, Request } from './native.js';
import { codesWhere, encodeSequence, factsOf, operandKinds } from './encodings.js';
import { Scene } from './scene.js';

const X87 = new Set<number>([CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387]);
const FEATURES = new Set<number>([...X87, CpuidFeature.CMOV, CpuidFeature.SSE3]);
/**
 * No operations; forms that begin with WAIT, which is an instruction of its own; what every sequence has; and transcendental
 * instructions, whose last bits differ between processors.
 */
const EXCLUDED =
  /^(F?wait|Fn?(eni|disi|setpm|save|stenv)|Fldenv|Frstor|F(init|clex|stcw|stsw)|F(sin|cos|sincos|ptan|patan|yl2x|yl2xp1)|F2xm1)$/i;

/** Offsets in the window. */
const STATE = 0;
const OPERAND = 112;
const RESULT = 144;
/** Of the state and of environments in memory. */
const STATUS = 4;
const TAGS = 8;
const CODE_SELECTOR = 16;
const OPCODE = 18;
const DATA_POINTER = 20;
const DATA_SELECTOR = 24;
const ENVIRONMENT_SIZE = 28;
const REGISTER_SIZE = 10;
const REGISTERS = 8;

const ALL_MASKED = 0x3f;
const EXCEPTIONS = 0x3f;
const ERROR_SUMMARY = 0x80;
const INVALID = 1;
const C1 = 0x200;
const EMPTY = 3;
const TOP_SHIFT = 11;
const TO_FLAGS = /^Fu?comip?$/;
const COMPARISONS = /^(F[iu]?com|Ftst)/;

const K = OpCodeOperandKind;
const STACK = [
  ...[Register.ST0, Register.ST1, Register.ST2, Register.ST3, Register.ST4, Register.ST5, Register.ST6, Register.ST7],
] as const;

/** Where rounding, overflow, underflow and invalid operations are near, and what is no number. */
const NUMBERS: readonly bigint[] = [
  ...[
    0x0000_0000_0000_0000_0000n,
    0x3fff_8000_0000_0000_0000n,
    0x3fff_8000_0000_0000_0001n,
    0x3ffe_ffff_ffff_ffff_ffffn,
  ],
  ...[
    0x7fff_8000_0000_0000_0000n,
    0x7fff_c000_0000_0000_0000n,
    0x7fff_c000_0000_0000_1234n,
    0x7fff_8000_0000_0000_1234n,
  ],
  ...[
    0x7fff_a000_0000_0000_0000n,
    0x7ffe_ffff_ffff_ffff_ffffn,
    0x0001_8000_0000_0000_0000n,
    0x0000_7fff_ffff_ffff_ffffn,
  ],
  ...[
    0x0000_0000_0000_0000_0001n,
    0x0000_8000_0000_0000_0000n,
    0x0000_c000_0000_0000_0001n,
    0x3fff_0000_0000_0000_0001n,
  ],
  ...[
    0x7fff_0000_0000_0000_0000n,
    0x7fff_4000_0000_0000_0000n,
    0x4000_8000_0000_0000_0000n,
    0x3fff_c000_0000_0000_0000n,
  ],
  ...[
    0x403e_8000_0000_0000_0000n,
    0x403d_ffff_ffff_ffff_fffen,
    0x401e_8000_0000_0000_0000n,
    0x401d_ffff_ffff_0000_0000n,
  ],
  ...[
    0x400e_8000_0000_0000_0000n,
    0x400d_fffe_8000_0000_0000n,
    0x407e_ffff_ff80_0000_0000n,
    0x3f81_8000_0000_0000_0000n,
  ],
  ...[
    0x3f81_ffff_ff00_0000_0001n,
    0x43fe_ffff_ffff_ffff_fc00n,
    0x3c01_8000_0000_0000_0000n,
    0x3c00_ffff_ffff_ffff_f801n,
  ],
  ...[
    0x403a_de0b_6b3a_763f_fff0n,
    0x403a_de0b_6b3a_7640_0000n,
    0x400c_8000_0000_0000_0000n,
    0x3fbe_8000_0000_0000_0000n,
  ],
];
const SINGLES = [
  ...[0x0000_0000, 0x3f80_0000, 0x3f80_0001, 0x7f7f_ffff, 0x0080_0000, 0x0000_0001, 0x007f_ffff, 0x7f80_0000],
  ...[0x7fc0_1234, 0x7f80_1234, 0x4f00_0000, 0x5f00_0000, 0x4b80_0001, 0x3400_0000],
];
const DOUBLES = [
  ...[0x0000_0000_0000_0000n, 0x3ff0_0000_0000_0000n, 0x3ff0_0000_0000_0001n, 0x7fef_ffff_ffff_ffffn],
  ...[0x0010_0000_0000_0000n, 0x0000_0000_0000_0001n, 0x7ff0_0000_0000_0000n, 0x7ff8_0000_0000_1234n],
  ...[0x7ff0_0000_0000_1234n, 0x41df_ffff_ffe0_0000n, 0x43e0_0000_0000_0000n, 0x3ca0_0000_0000_0001n],
];

export function x87Codes(): Code[] {
  return codesWhere(isWanted);
}

function isWanted(code: Code): boolean {
  const { features, mnemonic } = factsOf(code);
  const isX87 = X87.has(features[0]) && features.every((feature) => FEATURES.has(feature));
  return isX87 && !EXCLUDED.test(mnemonic);
}

/** The sequence for one instance of `code`, which begins in state `number`. */
export function randomX87Sequence(code: Code, number: number): Request {
  const scene = new Scene(number, 0, true);
  const used = 1 + scene.below(REGISTERS - 1);
  arrangeState(scene, used);
  arrangeOperand(scene);
  const instructions = [
    Instruction.create(Code.Fninit),
    onMemory(Code.Frstor_m108byte, STATE),
    randomInstance(code, scene, used),
    onMemory(Code.Fnsave_m108byte, RESULT),
  ];
  return {
    code: encodeSequence(instructions),
    instructions: instructions.length,
    scene,
    isUnstepped: true,
    defined: { flags: STATUS_FLAGS | DIRECTION_FLAG, undefinedRegisters: 0, meaningless: false },
  };
}

function onMemory(code: Code, offset: number): Instruction {
  const displacement = BigInt(WINDOW_ADDRESS + offset);
  return Instruction.createMem(
    code,
    new MemoryOperand(Register.None, Register.None, 1, displacement, 8, false, Register.None),
  );
}

/** Two registers in use, ST(0) and ST(used), the others mostly empty; any of the two may be empty as well. */
function arrangeState(scene: Scene, used: number): void {
  const bytes = new Uint8Array(OPERAND);
  const view = new DataView(bytes.buffer);
  const masks = scene.chance(0.7) ? ALL_MASKED : scene.below(ALL_MASKED + 1);
  const precision = [0, 2, 3, 3][scene.below(4)];
  view.setUint16(0, masks | (precision << 8) | (scene.below(4) << 10), true);
  const top = scene.below(REGISTERS);
  const flags = scene.chance(0.2) ? scene.below(EXCEPTIONS + 1) & (scene.chance(0.3) ? ~0 : masks) : 0;
  view.setUint16(STATUS, flags | (top << TOP_SHIFT) | (scene.below(2) * 0x4700), true);
  let tags = 0;
  for (let number = 0; number < REGISTERS; number++) {
    const isUsed = number === 0 || number === used;
    const isEmpty = scene.chance(isUsed ? 0.06 : 0.9);
    if (isEmpty) tags |= EMPTY << (2 * ((top + number) % REGISTERS));
    if (isUsed || !isEmpty)
      writeNumber(view, ENVIRONMENT_SIZE + number * REGISTER_SIZE, isUsed ? randomNumber(scene) : 0n);
  }
  view.setUint16(TAGS, tags, true);
  if (scene.chance(0.5)) bringTogether(scene, view, used);
  for (let offset = 0; offset < OPERAND; offset += 8) {
    scene.storeAt(WINDOW_ADDRESS + STATE + offset, view.getBigUint64(offset, true));
  }
}

function writeNumber(view: DataView, at: number, value: bigint): void {
  view.setBigUint64(at, BigInt.asUintN(64, value), true);
  view.setUint16(at + 8, Number(value >> 64n), true);
}

/** Gives two registers exponents that are near. */
function bringTogether(scene: Scene, view: DataView, used: number): void {
  const [first, second] = [0, used].map((number) => ENVIRONMENT_SIZE + number * REGISTER_SIZE + 8);
  const exponent = view.getUint16(first, true) & 0x7fff;
  if (exponent === 0 || exponent === 0x7fff) return;
  const near = Math.min(Math.max(exponent + scene.below(140) - 70, 1), 0x7ffe);
  view.setUint16(second, (view.getUint16(second, true) & 0x8000) | near, true);
}

function randomNumber(scene: Scene): bigint {
  const sign = BigInt(scene.below(2)) << 79n;
  const pick = scene.below(10);
  if (pick < 4) return sign | NUMBERS[scene.below(NUMBERS.length)];
  if (pick < 5) return sign | (NUMBERS[scene.below(NUMBERS.length)] ^ BigInt(scene.below(4)));
  const exponent = pick < 9 ? 0x3fff + scene.below(140) - 70 : scene.below(0x8000);
  return sign | (BigInt(exponent) << 64n) | (1n << 63n) | significand(scene);
}

/** Few bits or many, or those behind the precision of a shorter format. */
function significand(scene: Scene): bigint {
  const word = scene.word();
  const pick = scene.below(4);
  if (pick === 0) return word & 0xff00_0000_0000_0000n;
  if (pick === 1) return (word & 0x7fff_ff00_0000_0000n) | (1n << BigInt(scene.below(40)));
  if (pick === 2) return (word & 0x7fff_ffff_ffff_f800n) | BigInt(0x3ff + scene.below(3));
  return word;
}

/** A number of one of the formats in memory. */
function arrangeOperand(scene: Scene): void {
  const pick = scene.below(6);
  const value =
    pick === 0
      ? BigInt((SINGLES[scene.below(SINGLES.length)] | (scene.below(2) << 31)) >>> 0)
      : pick === 1
        ? DOUBLES[scene.below(DOUBLES.length)] | (BigInt(scene.below(2)) << 63n)
        : pick === 2
          ? BigInt.asUintN(64, BigInt(scene.below(1 << 20)) - (1n << 19n))
          : pick === 3
            ? decimal(scene)
            : pick === 4
              ? randomNumber(scene)
              : (BigInt(0x3c0 + scene.below(0x80)) << 52n) | (scene.word() & 0x800f_ffff_ffff_ffffn);
  scene.storeAt(WINDOW_ADDRESS + OPERAND, BigInt.asUintN(64, value));
  scene.storeAt(WINDOW_ADDRESS + OPERAND + 8, value >> 64n);
}

function decimal(scene: Scene): bigint {
  const digits = String(scene.word() % 10n ** BigInt(1 + scene.below(18)));
  return BigInt(`0x${digits}`) | (BigInt(scene.below(2)) << 79n);
}

function randomInstance(code: Code, scene: Scene, used: number): Instruction {
  const instruction = new Instruction();
  instruction.code = code;
  operandKinds(code).forEach((kind, operand) => {
    if (kind === K.mem) {
      instruction.setOpKind(operand, OpKind.Memory);
      instruction.memoryDisplSize = 8;
      instruction.memoryDisplacement = BigInt(WINDOW_ADDRESS + OPERAND);
      return;
    }
    instruction.setOpKind(operand, OpKind.Register);
    const number = scene.chance(0.9) ? used : scene.below(REGISTERS);
    instruction.setOpRegister(operand, kind === K.ax ? Register.AX : STACK[kind === K.st0 ? 0 : number]);
  });
  return instruction;
}

/**
 * Makes of what the recording processor has saved what the emulated one saves: no selectors, the opcode and the operand's
 * address only of an instruction that has raised an exception that is not masked, and C1 = 0 after FCOMI and its kin. False
 * where the two disagree about more: comparisons that are invalid, if that is not masked, and FLD of an empty register onto a
 * full stack.
 */
export function asAnnounced({ scene, code }: Request, { exception, window }: Answer): boolean {
  if (exception !== NO_EXCEPTION) return true;
  const saved = new DataView(window.buffer, window.byteOffset + RESULT, ENVIRONMENT_SIZE);
  const before = new DataView(scene.windowBytes().buffer);
  const status = saved.getUint16(STATUS, true);
  const isUnmasked = (status & ~saved.getUint16(0, true) & INVALID) !== 0;
  const mnemonic = mnemonicOf(code);
  if (COMPARISONS.test(mnemonic) && isUnmasked) return false;
  if (mnemonic === 'Fld' && isFull(before) && (status & C1) === 0) return false;
  if (TO_FLAGS.test(mnemonic)) saved.setUint16(STATUS, status & ~C1, true);
  saved.setUint16(CODE_SELECTOR, 0, true);
  saved.setUint16(DATA_SELECTOR, 0, true);
  if ((status & ERROR_SUMMARY) !== 0) return true;
  saved.setUint16(OPCODE, before.getUint16(OPCODE, true), true);
  saved.setUint32(DATA_POINTER, before.getUint32(DATA_POINTER, true), true);
  return true;
}

/** The register that a load would push to is in use. */
function isFull(state: DataView): boolean {
  const next = ((state.getUint16(STATUS, true) >>> TOP_SHIFT) - 1) & (REGISTERS - 1);
  return ((state.getUint16(TAGS, true) >>> (2 * next)) & EMPTY) !== EMPTY;
}

/** Mnemonic of the instruction behind FNINIT and FRSTOR. */
function mnemonicOf(code: Uint8Array): string {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const instructions = Array.from({ length: 3 }, () => decoder.decode());
  const name = Mnemonic[instructions[2].mnemonic];
  for (const object of [decoder, ...instructions]) object.free();
  return name;
}
