/** What happens at an instruction that is not modelled: never a silent skip. */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { UnimplementedInstructionError } from '../unimplemented.js';

/** Throws UnimplementedInstructionError. */
export function unimplemented(cpu: Cpu, instruction: DecodedInstruction): never {
  const name = Mnemonic[instruction.mnemonic].toUpperCase();
  throw new UnimplementedInstructionError(name, instruction.bytes, cpu);
}
