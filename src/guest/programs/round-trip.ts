import type { Assembler } from '../assembler.js';
import { emitMeasurement } from './measurement.js';
import type { Program, ProgramOptions } from './program.js';
import { emitBootstrapStart, emitExit, emitIdleProcessor } from './start.js';

/** A program that runs one operation on CPU 0 while the other CPUs are idle. */
export function emitRoundTrip(
  asm: Assembler,
  options: ProgramOptions,
  name: string,
  emitOperation: (asm: Assembler) => void,
): Program {
  const bootstrap = asm.here('bootstrap');
  const measure = asm.label('measure');
  emitBootstrapStart(asm, options);
  asm.jmp(measure);
  const idle = emitIdleProcessor(asm, options);
  asm.align(16);
  const operation = asm.here(name);
  emitOperation(asm);
  asm.ret();
  asm.align(16);
  asm.bind(measure);
  const iteration = emitMeasurement(asm, options, operation);
  emitExit(asm);
  return { entry: (cpu) => (cpu === 0 ? bootstrap : idle), gates: [], apicAccessors: null, iteration, user: null };
}
