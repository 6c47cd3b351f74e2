/**
 * Instructions that the interpreter leaves to the host: dispatch by mnemonic to the families in slow/.
 */
import type { Cpu } from './cpu.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import type { Outcome } from './outcome.js';

/** An instruction that is not modelled; `rip` is where it stands, `bytes` what it consists of. */
export class UnimplementedInstructionError extends Error {
  readonly instruction: string;
  readonly bytes: Uint8Array;
  readonly rip: number;

  constructor(instruction: string, bytes: Uint8Array, rip: number) {
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    super(`instruction ${instruction} (${hex}) at ${(rip < 0 ? 2n ** 64n + BigInt(rip) : BigInt(rip)).toString(16)}H is not implemented`);
    this.name = 'UnimplementedInstructionError';
    this.instruction = instruction;
    this.bytes = bytes;
    this.rip = rip;
  }
}

/** DONE = retire, REDIRECTED = RIP is set. */
export function executeSlow(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  throw new UnimplementedInstructionError(String(instruction.mnemonic), instruction.bytes, cpu.rip);
}
