import { Code } from 'iced-x86';
import type { Assembler, Label } from '../assembler.js';
import { INNER_CYCLES } from '../memory-map.js';
import { EDI, EDX, ESI, qword, RBP, RBX, RCX, RDX, RSP } from '../operand.js';
import { emitApicCode } from './local-apic.js';
import { emitMeasurement, readTsc } from './measurement.js';
import { emitOnCpu, IPI_VECTOR, type OnCpuCode } from './on-cpu.js';
import type { Program, ProgramOptions } from './program.js';
import { emitBootstrapStart, emitExit, emitIdleProcessor } from './start.js';

/** The CPU that the IPIs go to. */
export const TARGET_CPU = 1;

/** The `ipi` workload: time from the call of onCpu on CPU 0 until the function has run on CPU 1. */
export function ipi(asm: Assembler, options: ProgramOptions): Program {
  return emitIpiProgram(asm, options, emitIpi);
}

/** A program whose operation runs functions on the target CPU. */
export function emitIpiProgram(
  asm: Assembler,
  options: ProgramOptions,
  emitOperation: (asm: Assembler, code: OnCpuCode) => Label,
): Program {
  const bootstrap = asm.here('bootstrap');
  const measure = asm.label('measure');
  emitBootstrapStart(asm, options);
  asm.jmp(measure);
  const idle = emitIdleProcessor(asm, options);
  const apic = emitApicCode(asm, options.apicMode);
  const code = emitOnCpu(asm, apic, options.apPhase);
  const operation = emitOperation(asm, code);
  asm.align(16);
  asm.bind(measure);
  const iteration = emitMeasurement(asm, options, operation);
  emitExit(asm);
  return {
    entry: (cpu) => (cpu === 0 ? bootstrap : idle),
    gates: [{ vector: IPI_VECTOR, handler: code.handler, dpl: 0 }],
    apicAccessors: apic,
    iteration,
    user: null,
  };
}

function emitIpi(asm: Assembler, code: OnCpuCode): Label {
  asm.align(16);
  const operation = asm.here('ipi');
  asm.plain(Code.Endbr64);
  asm.push(RBP);
  asm.mov(RBP, RSP);
  asm.push(RBX);
  asm.sub(RSP, 8);
  readTsc(asm, RBX);
  emitCallOnTarget(asm, code);
  readTsc(asm, RDX);
  asm.sub(RDX, RBX);
  asm.mov(RCX, qword(INNER_CYCLES));
  asm.add(RCX, RDX);
  asm.mov(qword(INNER_CYCLES), RCX);
  asm.add(RSP, 8);
  asm.pop(RBX);
  asm.pop(RBP);
  asm.ret();
  return operation;
}

/** onCpu(TARGET_CPU, nop, 0) */
export function emitCallOnTarget(asm: Assembler, { onCpu, nop }: OnCpuCode): void {
  asm.mov(EDX, 0);
  asm.address(ESI, nop);
  asm.mov(EDI, TARGET_CPU);
  asm.call(onCpu);
}
