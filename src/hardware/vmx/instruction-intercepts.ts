/**
 * Instructions that cause VM exits, unconditionally or by a control (SDM vol. 3, 26.1.2 and 26.1.3). Exits that depend
 * on operands are decided in cr-access.ts and io-bitmaps.ts; RDMSR and WRMSR in msr-bitmaps.ts.
 */
import type { ActiveControls } from './active-controls.js';
import * as C from './controls.js';
import * as R from './exit-reason.js';

/** The instruction runs as outside VMX operation. */
export const INTERCEPT_NONE = 0;
/** The instruction causes a VM exit. */
export const INTERCEPT_EXIT = 1;
/** The instruction is not enabled in VMX non-root operation: #UD. */
export const INTERCEPT_INVALID_OPCODE = 2;

export type Interception = typeof INTERCEPT_NONE | typeof INTERCEPT_EXIT | typeof INTERCEPT_INVALID_OPCODE;

/** What becomes of an instruction whose VM exit would have this basic reason. */
export function interception(reason: number, controls: ActiveControls): Interception {
  switch (reason) {
    case R.EXIT_REASON_HLT:
      return exitIf(controls.has(C.CPU_BASED_HLT_EXITING));
    case R.EXIT_REASON_INVLPG:
      return exitIf(controls.has(C.CPU_BASED_INVLPG_EXITING));
    case R.EXIT_REASON_RDPMC:
      return exitIf(controls.has(C.CPU_BASED_RDPMC_EXITING));
    case R.EXIT_REASON_RDTSC:
    case R.EXIT_REASON_RDTSCP:
      return exitIf(controls.has(C.CPU_BASED_RDTSC_EXITING));
    case R.EXIT_REASON_DR_ACCESS:
      return exitIf(controls.has(C.CPU_BASED_MOV_DR_EXITING));
    case R.EXIT_REASON_MWAIT_INSTRUCTION:
      return exitIf(controls.has(C.CPU_BASED_MWAIT_EXITING));
    case R.EXIT_REASON_MONITOR_INSTRUCTION:
      return exitIf(controls.has(C.CPU_BASED_MONITOR_EXITING));
    case R.EXIT_REASON_PAUSE_INSTRUCTION:
      return exitIf(isPauseIntercepted(controls));
    case R.EXIT_REASON_GDTR_IDTR:
    case R.EXIT_REASON_LDTR_TR:
      return exitIf(controls.has2(C.SECONDARY_EXEC_DESC));
    case R.EXIT_REASON_WBINVD:
      return exitIf(controls.has2(C.SECONDARY_EXEC_WBINVD_EXITING));
    case R.EXIT_REASON_RDRAND:
      return exitIf(controls.has2(C.SECONDARY_EXEC_RDRAND_EXITING));
    case R.EXIT_REASON_RDSEED:
      return exitIf(controls.has2(C.SECONDARY_EXEC_RDSEED_EXITING));
    default:
      return enabledInstruction(reason, controls);
  }
}

/** The interpreter stops at a PAUSE only for PAUSE exiting, or when the rule of PAUSE-loop exiting is met. */
function isPauseIntercepted(controls: ActiveControls): boolean {
  return controls.has(C.CPU_BASED_PAUSE_EXITING) || controls.has2(C.SECONDARY_EXEC_PAUSE_LOOP_EXITING);
}

function exitIf(condition: boolean): Interception {
  return condition ? INTERCEPT_EXIT : INTERCEPT_NONE;
}

/** Instructions that a secondary control makes valid, and those that always exit. */
function enabledInstruction(reason: number, controls: ActiveControls): Interception {
  switch (reason) {
    case R.EXIT_REASON_INVPCID:
      return ifEnabled(controls, C.SECONDARY_EXEC_ENABLE_INVPCID, controls.has(C.CPU_BASED_INVLPG_EXITING));
    case R.EXIT_REASON_UMWAIT:
    case R.EXIT_REASON_TPAUSE:
      return ifEnabled(controls, C.SECONDARY_EXEC_ENABLE_USR_WAIT_PAUSE, controls.has(C.CPU_BASED_RDTSC_EXITING));
    case R.EXIT_REASON_XSAVES:
    case R.EXIT_REASON_XRSTORS:
      return ifEnabled(controls, C.SECONDARY_EXEC_ENABLE_XSAVES, false);
    case R.EXIT_REASON_VMFUNC:
      return INTERCEPT_INVALID_OPCODE;
    default:
      return exitIf(ALWAYS[reason] === 1);
  }
}

function ifEnabled(controls: ActiveControls, enable: number, exits: boolean): Interception {
  return controls.has2(enable) ? exitIf(exits) : INTERCEPT_INVALID_OPCODE;
}

/** 1 at the reasons of instructions that exit whatever the controls are. */
const ALWAYS = new Uint8Array(R.EXIT_REASONS);
for (const reason of [
  R.EXIT_REASON_TASK_SWITCH,
  R.EXIT_REASON_CPUID,
  R.EXIT_REASON_INVD,
  R.EXIT_REASON_VMCALL,
  R.EXIT_REASON_VMCLEAR,
  R.EXIT_REASON_VMLAUNCH,
  R.EXIT_REASON_VMPTRLD,
  R.EXIT_REASON_VMPTRST,
  R.EXIT_REASON_VMREAD,
  R.EXIT_REASON_VMRESUME,
  R.EXIT_REASON_VMWRITE,
  R.EXIT_REASON_VMOFF,
  R.EXIT_REASON_VMON,
  R.EXIT_REASON_INVEPT,
  R.EXIT_REASON_INVVPID,
  R.EXIT_REASON_XSETBV,
]) {
  ALWAYS[reason] = 1;
}
