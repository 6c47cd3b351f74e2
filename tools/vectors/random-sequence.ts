import { Decoder, OpKind, Register, type Code } from 'iced-x86';
import { CODE_ADDRESS, DIRECTION_FLAG, STATUS_FLAGS } from '../../test/support/vector-state.js';
import { flagEffects, type FlagEffects } from './defined-state.js';
import { codesMatching, codesOf } from './instruction-groups.js';
import type { Request } from './native.js';
import { randomInstruction } from './random-instruction.js';
import { Scene } from './scene.js';

const LONGEST = 8;

/**
 * What sequences are made of: everything that uses flags, as the interpreter keeps them lazily and each instruction may
 * find them as any other left them.
 */
const CODES: readonly Code[] = [
  ...codesOf('arithmetic'),
  ...codesMatching(
    'shift',
    // SHLD and SHRD of 16 bits have undefined results.
    /^(?!Sh[lr]d_rm16)/,
  ),
  ...codesMatching('move', /^(Cmov|Set)/),
  ...codesMatching('stack', /^(Lahf|Sahf|Clc|Stc|Cmc)/),
  ...codesMatching('multiply', /^(Mul|Imul)_/),
  ...codesMatching('exchange', /^(Xadd|Cmpxchg)_/),
  // With a bit offset in a register, addresses depend on it.
  ...codesMatching('bit', /^(Bt\w?_rm\d+_imm8|VEX_(Andn|Bls|Bzhi))/),
];

/** Several instructions that exercise flags on their way from one to the next, and no undefined one. */
export function randomSequence(number: number): Request {
  const scene = new Scene(number, 0, true);
  const length = 2 + scene.below(LONGEST - 1);
  const code: number[] = [];
  let undefinedFlags = 0;
  let instructions = 0;
  while (instructions < length) {
    const bytes = randomInstruction(CODES[scene.below(CODES.length)], scene, CODE_ADDRESS + code.length);
    const effects = bytes === null ? null : effectsOf(bytes);
    if (bytes === null || effects === null || (effects.read & undefinedFlags) !== 0) continue;
    undefinedFlags = (undefinedFlags & ~effects.defined) | effects.undefined;
    code.push(...bytes);
    instructions++;
  }
  const flags = (STATUS_FLAGS | DIRECTION_FLAG) & ~undefinedFlags;
  return {
    code: Uint8Array.from(code),
    instructions,
    scene,
    defined: { flags, undefinedRegisters: 0, meaningless: false },
  };
}

/** Null for an invalid instruction, and for one that uses the stack pointer, on which addresses depend. */
function effectsOf(bytes: Uint8Array): FlagEffects | null {
  const decoder = new Decoder(64, bytes, 0);
  const instruction = decoder.decode();
  const stack = [Register.RSP, Register.ESP, Register.SP, Register.SPL];
  const namesStack = Array.from({ length: instruction.opCount }, (_, operand) => operand).some(
    (operand) => instruction.opKind(operand) === OpKind.Register && stack.includes(instruction.opRegister(operand)),
  );
  const effects = namesStack || instruction.isInvalid ? null : flagEffects(instruction);
  instruction.free();
  decoder.free();
  return effects;
}
