// HLT up to the VM exit that it may cause, and what leaving a sleeping state costs. When a processor falls asleep and what
// wakes it stands in order.ts and boundary.ts.
import { STEP_HLT_WAKE, STEP_MWAIT_WAKE } from '../cost/step-numbers';
import { ACTIVITY_HLT, ACTIVITY_MWAIT } from '../hardware/cpu/activity';
import {
  CPU_ACTIVITY,
  CPU_ATTENTION,
  CPU_CPL,
  CPU_HALT_POLLS,
  CPU_HLT_EXITS,
  CPU_NOW,
  CPU_SYSTEM_FLAGS,
  REPORT_HALT,
  REPORT_WAKE,
  TICKS_SHIFT,
} from '../hardware/cpu/layout';
import { R_COST, R_LENGTH } from '../hardware/cpu/record';
import { RFLAGS_IF } from '../hardware/cpu/rflags';
import { EXIT_REASON_HLT } from '../hardware/vmx/exit-reason';
import { isQuiet } from './boundary';
import { charge } from './cost';
import { DONE, exitAt, HOST, report, retire, settle } from './microcode';
import { timeOf } from './order';

/** HLT is a one-cycle no-op (see `haltPolls` in hardware/cpu/cpu.ts). */
function polls(cpu: usize): bool {
  return load<u32>(cpu, CPU_HALT_POLLS) != 0 && (load<u32>(cpu, CPU_SYSTEM_FLAGS) & RFLAGS_IF) != 0;
}

/** The HLT of a record: DONE, EXITS, or HOST = #GP. */
export function executeHlt(cpu: usize, record: usize): u32 {
  if (load<u32>(cpu, CPU_CPL) != 0) return HOST;
  const length = load<u8>(record, R_LENGTH);
  if (load<u32>(cpu, CPU_HLT_EXITS) != 0 && !polls(cpu)) return settle(cpu, exitAt(cpu, EXIT_REASON_HLT, 0, length));
  halt(cpu, load<u16>(record, R_COST));
  retire(cpu, length);
  return settle(cpu, DONE);
}

/** The act of HLT, which costs `ticks` as a rule. */
export function halt(cpu: usize, ticks: u32): void {
  store<f64>(cpu, timeOf(cpu) + f64(polls(cpu) ? 1 << TICKS_SHIFT : ticks), CPU_NOW);
  store<u32>(cpu, ACTIVITY_HLT, CPU_ACTIVITY);
  if (!isQuiet(cpu)) store<u32>(cpu, 1, CPU_ATTENTION);
  report(cpu, REPORT_HALT, 0);
}

/** Charges what leaving a sleeping state costs in the core. */
export function chargeWake(cpu: usize): void {
  const activity = load<u32>(cpu, CPU_ACTIVITY);
  if (activity == ACTIVITY_MWAIT) charge(cpu, STEP_MWAIT_WAKE);
  else if (activity != ACTIVITY_HLT) return;
  else if (load<u32>(cpu, CPU_HALT_POLLS) == 0) charge(cpu, STEP_HLT_WAKE);
  report(cpu, REPORT_WAKE, 0);
}
