import { Code } from 'iced-x86';
import type { Assembler } from '../assembler.js';
import { EAX, ECX, RBX } from '../operand.js';
import type { Program, ProgramOptions } from './program.js';
import { emitRoundTrip } from './round-trip.js';

/** The `cpuid` workload: leaf 0. */
export function cpuid(asm: Assembler, options: ProgramOptions): Program {
  return emitRoundTrip(asm, options, 'cpuid', () => {
    asm.plain(Code.Endbr64);
    asm.push(RBX);
    asm.mov(EAX, 0);
    asm.mov(ECX, 0);
    asm.plain(Code.Cpuid);
    asm.pop(RBX);
  });
}
