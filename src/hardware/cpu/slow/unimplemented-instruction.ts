/** What happens at an instruction that the processor should have but that has no handler: an error of that name. */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { UnimplementedInstructionError } from '../unimplemented.js';

export function unimplemented(cpu: Cpu, { mnemonic, bytes }: DecodedInstruction): never {
  throw new UnimplementedInstructionError(Mnemonic[mnemonic].toUpperCase(), bytes, cpu);
}
