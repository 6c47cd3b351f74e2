import { Code } from 'iced-x86';
import type { Assembler } from '../assembler.js';
import { EAX, RBX } from '../operand.js';
import type { Program, ProgramOptions } from './program.js';
import { emitRoundTrip } from './round-trip.js';

/** The `vmcall` workload: hypercall 0, which no hypervisor implements. */
export function vmcall(asm: Assembler, options: ProgramOptions): Program {
  return emitRoundTrip(asm, options, 'vmcall', () => {
    asm.plain(Code.Endbr64);
    asm.push(RBX);
    asm.mov(EAX, 0);
    asm.plain(Code.Vmcall);
    asm.pop(RBX);
  });
}
