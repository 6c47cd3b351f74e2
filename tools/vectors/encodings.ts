import { Code, CodeExt, Encoder, Instruction, Mnemonic, type OpCodeOperandKind } from 'iced-x86';
import { CODE_ADDRESS } from '../../test/support/vector-state.js';

/** The encodings that `isWanted` chooses. */
export function codesWhere(isWanted: (code: Code) => boolean): Code[] {
  return Object.values(Code).filter((code): code is Code => typeof code === 'number' && isWanted(code));
}

export interface CodeFacts {
  /** CpuidFeature: all of which it needs. */
  readonly features: readonly number[];
  /** As iced-x86 spells it: `Movaps`. */
  readonly mnemonic: string;
}

export function factsOf(code: Code): CodeFacts {
  const instruction = new Instruction();
  instruction.code = code;
  const features = Array.from(instruction.cpuidFeatures());
  const mnemonic = Mnemonic[instruction.mnemonic];
  instruction.free();
  return { features, mnemonic };
}

export function operandKinds(code: Code): OpCodeOperandKind[] {
  const info = CodeExt.opCode(code);
  const kinds = Array.from({ length: info.opCount }, (_, operand) => info.opKind(operand));
  info.free();
  return kinds;
}

/** The bytes of instructions one behind the other, from CODE_ADDRESS on. They are freed. */
export function encodeSequence(instructions: readonly Instruction[]): Uint8Array {
  const encoder = new Encoder(64);
  let address = BigInt(CODE_ADDRESS);
  for (const instruction of instructions) {
    address += BigInt(encoder.encode(instruction, address));
    instruction.free();
  }
  const bytes = encoder.takeBuffer();
  encoder.free();
  return bytes;
}
