/** What every family of host-executed instructions shares: the shape of a handler, privilege, cost and interception. */
import { INSTRUCTION_CLASSES } from '../../../cost/step.js';
import { CR4_UMIP } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection } from '../fault.js';
import { PASS, type Outcome } from '../outcome.js';

/** Executes one instruction. DONE = retire, REDIRECTED = RIP is set; WAIT and FAULT have committed nothing. */
export type Handler = (cpu: Cpu, instruction: DecodedInstruction) => Outcome;

/** Handlers by iced-x86 mnemonic. */
export type HandlerTable = readonly (readonly [mnemonic: number, handler: Handler])[];

/** Of what instructions cost that have no step of their own. */
export const SYSTEM_CLASS = INSTRUCTION_CLASSES.indexOf('system');

/** #GP(0) outside privilege level 0. */
export function privileged(handler: Handler): Handler {
  return (cpu, instruction) => (cpu.cpl === 0 ? handler(cpu, instruction) : generalProtection(cpu));
}

/** User-mode instruction prevention holds: SGDT, SIDT, SLDT, SMSW and STR are #GP(0) (SDM vol. 3, 2.5). */
export function isPrevented(cpu: Cpu): boolean {
  return (cpu.cr4 & CR4_UMIP) !== 0 && cpu.cpl !== 0;
}

/** Charges an instruction that has no step of its own, on its first attempt. */
export function chargeSystem(cpu: Cpu): void {
  if (cpu.begin()) cpu.chargeClass(SYSTEM_CLASS);
}

/** Charges a named step on the first attempt. */
export function chargeStep(cpu: Cpu, step: number): void {
  if (cpu.begin()) cpu.charge(step);
}

/** Asks VMX non-root operation, if the CPU is in it; PASS = not intercepted. */
export function intercept(cpu: Cpu, reason: number, qualification: number, length: number, info = 0): Outcome {
  return cpu.nonRoot === null ? PASS : cpu.nonRoot.intercept(reason, qualification, length, info);
}
