/** What the architecture leaves open after an instruction: flags and destinations. */
import { Code, Decoder, Mnemonic, OpKind, RegisterExt, RflagsBits, type Instruction } from 'iced-x86';
import { CODE_ADDRESS, DIRECTION_FLAG, STATUS_FLAGS } from '../../test/support/vector-state.js';
import { NO_EXCEPTION } from '../../test/support/vector-file.js';
import type { Scene } from './scene.js';

const CF = 1;
const PF = 4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;
const RCX = 1;

const FLAG_OF_ICED: readonly (readonly [RflagsBits, number])[] = [
  [RflagsBits.OF, OF],
  [RflagsBits.SF, SF],
  [RflagsBits.ZF, ZF],
  [RflagsBits.AF, AF],
  [RflagsBits.CF, CF],
  [RflagsBits.PF, PF],
];

const SHIFTS = new Set([Mnemonic.Shl, Mnemonic.Sal, Mnemonic.Shr, Mnemonic.Sar]);
const ROTATES = new Set([Mnemonic.Rol, Mnemonic.Ror, Mnemonic.Rcl, Mnemonic.Rcr]);
const DOUBLE_SHIFTS = new Set([Mnemonic.Shld, Mnemonic.Shrd]);

export interface DefinedState {
  readonly flags: number;
  /** Bit per register. */
  readonly undefinedRegisters: number;
  /** Nothing of the outcome is defined: no vector. */
  readonly meaningless: boolean;
}

/** @param exception vector of the exception that the instruction raised, or NO_EXCEPTION */
export function definedState(code: Uint8Array, scene: Scene, exception: number): DefinedState {
  const decoder = new Decoder(64, code, 0);
  decoder.ip = BigInt(CODE_ADDRESS);
  const instruction = decoder.decode();
  const result = describe(instruction, scene, exception);
  instruction.free();
  decoder.free();
  return result;
}

function describe(instruction: Instruction, scene: Scene, exception: number): DefinedState {
  const all = STATUS_FLAGS | DIRECTION_FLAG;
  const undefinedFlags = exception === NO_EXCEPTION || exception === 0 ? undefinedStatusFlags(instruction, scene) : 0;
  const { mnemonic } = instruction;
  const longDouble = DOUBLE_SHIFTS.has(mnemonic) && shiftCount(instruction, scene) > operandBits(instruction);
  const scan = (mnemonic === Mnemonic.Bsf || mnemonic === Mnemonic.Bsr) && sourceIsZero(instruction, scene);
  return {
    flags: all & ~undefinedFlags,
    undefinedRegisters: scan ? 1 << RegisterExt.number(instruction.opRegister(0)) : 0,
    meaningless: longDouble,
  };
}

/** What an instruction does with the status flags, whatever its operands are. */
export interface FlagEffects {
  readonly read: number;
  /** Certainly has a defined value afterwards. */
  readonly defined: number;
  readonly undefined: number;
}

export function flagEffects(instruction: Instruction): FlagEffects {
  const { mnemonic, rflagsRead, rflagsModified, rflagsUndefined } = instruction;
  const read = statusFlags(rflagsRead);
  if (!isCountedShift(instruction)) {
    const undefinedFlags = statusFlags(rflagsUndefined);
    return { read, defined: statusFlags(rflagsModified) & ~undefinedFlags, undefined: undefinedFlags };
  }
  const auxiliary = ROTATES.has(mnemonic) ? 0 : AF;
  const carry = mnemonic !== Mnemonic.Sar && !ROTATES.has(mnemonic) && operandBits(instruction) < 32 ? CF : 0;
  return { read, defined: 0, undefined: OF | auxiliary | carry };
}

/** A count of 0 leaves all flags alone. */
function isCountedShift({ mnemonic, code }: Instruction): boolean {
  const shifts = SHIFTS.has(mnemonic) || ROTATES.has(mnemonic) || DOUBLE_SHIFTS.has(mnemonic);
  return shifts && !Code[code].endsWith('_1');
}

function statusFlags(iced: number): number {
  return FLAG_OF_ICED.reduce((flags, [bit, flag]) => ((iced & bit) === 0 ? flags : flags | flag), 0);
}

function undefinedStatusFlags(instruction: Instruction, scene: Scene): number {
  const { mnemonic } = instruction;
  if (SHIFTS.has(mnemonic) || ROTATES.has(mnemonic) || DOUBLE_SHIFTS.has(mnemonic))
    return undefinedAfterShift(instruction, scene);
  return statusFlags(instruction.rflagsUndefined);
}

function undefinedAfterShift(instruction: Instruction, scene: Scene): number {
  const { mnemonic } = instruction;
  const bits = operandBits(instruction);
  const count = shiftCount(instruction, scene);
  if (count === 0) return 0;
  const overflow = count === 1 ? 0 : OF;
  if (ROTATES.has(mnemonic)) return overflow;
  const carry = mnemonic !== Mnemonic.Sar && !DOUBLE_SHIFTS.has(mnemonic) && count >= bits ? CF : 0;
  return overflow | AF | carry;
}

/** The masked count of a shift or rotate. */
function shiftCount(instruction: Instruction, scene: Scene): number {
  const last = instruction.opCount - 1;
  const count =
    instruction.opKind(last) === OpKind.Register ? Number(scene.get(RCX) & 0xffn) : Number(instruction.immediate(last));
  return count & (operandBits(instruction) === 64 ? 63 : 31);
}

/** Width of operand 0, from the encoding's name. */
function operandBits(instruction: Instruction): number {
  return Number(/_rm(\d+)/.exec(Code[instruction.code])?.[1] ?? 64);
}

function sourceIsZero(instruction: Instruction, scene: Scene): boolean {
  const bits = operandBits(instruction);
  const value =
    instruction.opKind(1) === OpKind.Memory
      ? scene.load(scene.effectiveAddress(instruction), 8)
      : scene.get(RegisterExt.number(instruction.opRegister(1)));
  return BigInt.asUintN(bits, value) === 0n;
}
