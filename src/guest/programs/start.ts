import { Code } from 'iced-x86';
import type { Assembler, Label } from '../assembler.js';
import { GS_MONITORED, ONLINE } from '../memory-map.js';
import { dword, EAX, ECX, EDX, perCpuQword, RAX } from '../operand.js';
import type { ApHaltPolicy } from '../workloads.js';
import { emitEnableApic } from './local-apic.js';
import type { Gate, ProgramOptions } from './program.js';

/** The port that ends a run, and what the guest writes there. */
export const EXIT_PORT = 0xf4;
export const EXIT_DONE = 0;
/** Plus the vector of an exception that no program expects. */
export const EXIT_EXCEPTION = 0x100;

const EXCEPTIONS = 32;

/** Bootstrap processor: enable the APIC and interrupts, wait for the others. Falls through. */
export function emitBootstrapStart(asm: Assembler, { apicMode, vcpus }: ProgramOptions): void {
  emitEnableApic(asm, apicMode);
  const online = asm.label('all_online');
  const wait = asm.here('wait_for_cpus');
  asm.mov(EAX, dword(ONLINE));
  asm.cmp(EAX, vcpus - 1);
  asm.jcc('e', online);
  asm.plain(Code.Pause);
  asm.jmp(wait);
  asm.bind(online);
  asm.plain(Code.Sti);
}

/** An application processor that serves interrupts and is idle otherwise. */
export function emitIdleProcessor(asm: Assembler, { apicMode, apHaltPolicy }: ProgramOptions): Label {
  asm.align(16);
  const start = asm.here('idle_processor');
  emitEnableApic(asm, apicMode);
  asm.lock.inc(dword(ONLINE));
  asm.plain(Code.Sti);
  emitIdle(asm, apHaltPolicy);
  return start;
}

/** The endless idle loop of a policy. */
export function emitIdle(asm: Assembler, policy: ApHaltPolicy): void {
  const idle = asm.here('idle');
  if (policy === 'pause') asm.plain(Code.Pause);
  if (policy === 'hlt' || policy === 'hlt-passthrough') asm.plain(Code.Hlt);
  if (policy === 'mwait-passthrough') emitMonitorAndWait(asm);
  asm.jmp(idle);
}

/** Waits for a line that nobody writes: only interrupts end the wait. */
function emitMonitorAndWait(asm: Assembler): void {
  asm.mov(RAX, perCpuQword(GS_MONITORED));
  asm.xor(ECX, ECX);
  asm.xor(EDX, EDX);
  asm.plain(Code.Monitorq);
  asm.xor(EAX, EAX);
  asm.plain(Code.Mwait);
}

/** Ends the run with `EXIT_DONE`. */
export function emitExit(asm: Assembler): void {
  asm.mov(EAX, EXIT_DONE);
  emitReport(asm);
}

/** Handlers that report an exception and stop. */
export function emitExceptionHandlers(asm: Assembler): Gate[] {
  const report = asm.label('report_exception');
  const gates = Array.from({ length: EXCEPTIONS }, (_, vector): Gate => {
    const handler = asm.here(`exception_${String(vector)}`);
    asm.mov(EAX, EXIT_EXCEPTION + vector);
    asm.jmp(report);
    return { vector, handler, dpl: 0 };
  });
  asm.bind(report);
  emitReport(asm);
  return gates;
}

function emitReport(asm: Assembler): void {
  asm.out(EXIT_PORT);
  asm.plain(Code.Cli);
  const halted = asm.here('halted');
  asm.plain(Code.Hlt);
  asm.jmp(halted);
}
