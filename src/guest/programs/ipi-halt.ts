import { Code } from 'iced-x86';
import type { Assembler, Label } from '../assembler.js';
import { RAX, RBX } from '../operand.js';
import { emitCallOnTarget, emitIpiProgram } from './ipi.js';
import { readTsc } from './measurement.js';
import type { OnCpuCode } from './on-cpu.js';
import type { Program, ProgramOptions } from './program.js';

/** Cycles after each IPI in which the target goes back to sleep. */
const SETTLING_CYCLES = 2000;

/** The `ipi-halt` workload: every IPI finds CPU 1 idle. The average includes the settling time. */
export function ipiHalt(asm: Assembler, options: ProgramOptions): Program {
  return emitIpiProgram(asm, options, emitIpiAndSettle);
}

function emitIpiAndSettle(asm: Assembler, code: OnCpuCode): Label {
  asm.align(16);
  const operation = asm.here('ipi_halt');
  asm.plain(Code.Endbr64);
  asm.push(RBX);
  emitCallOnTarget(asm, code);
  readTsc(asm, RBX);
  asm.add(RBX, SETTLING_CYCLES);
  const settle = asm.here('settle');
  readTsc(asm, RAX);
  asm.cmp(RAX, RBX);
  asm.jcc('b', settle);
  asm.pop(RBX);
  asm.ret();
  return operation;
}
