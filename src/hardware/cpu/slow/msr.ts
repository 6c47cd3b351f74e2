/**
 * RDMSR, WRMSR, the time-stamp counter and XCR0 (SDM vol. 2).
 *
 * Left out: RDPMC, which is #GP(0) as there are no counters.
 */
import { Mnemonic } from 'iced-x86';
import { STEP } from '../../../cost/step.js';
import { EXIT_REASON_RDPMC, EXIT_REASON_RDTSC, EXIT_REASON_RDTSCP, EXIT_REASON_XSETBV } from '../../vmx/exit-reason.js';
import { CR4_OSXSAVE, CR4_TSD } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection, invalidOpcode } from '../fault.js';
import { highWord } from '../linear-access.js';
import { isApicMsr, readMsr, writeMsr } from '../msrs.js';
import { DONE, PASS, WAIT, type Outcome } from '../outcome.js';
import { chargeStep, chargeSystem, intercept, privileged, type HandlerTable } from './handler.js';
import { registerOperand, writeRegister } from './operands.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const XCR0_X87 = 1;
const XCR0_SSE = 2;

function rdmsr(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const msr = cpu.gprLow(RCX);
  if (cpu.nonRoot !== null) {
    const outcome = cpu.nonRoot.rdmsr(msr, instruction.length);
    if (outcome !== PASS) return outcome;
  }
  chargeStep(cpu, STEP.NATIVE_RDMSR);
  if (isApicMsr(msr) && cpu.clock.mustWait(cpu)) return WAIT;
  const value = readMsr(cpu, msr);
  if (value === null) return generalProtection(cpu);
  cpu.setGprWords(RAX, 0, value.lo);
  cpu.setGprWords(RDX, 0, value.hi);
  return DONE;
}

function wrmsr(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const msr = cpu.gprLow(RCX);
  const hi = cpu.gprLow(RDX);
  const lo = cpu.gprLow(RAX);
  if (cpu.nonRoot !== null) {
    const outcome = cpu.nonRoot.wrmsr(msr, hi, lo, instruction.length);
    if (outcome !== PASS) return outcome;
  }
  chargeStep(cpu, STEP.NATIVE_WRMSR);
  if (isApicMsr(msr) && cpu.clock.mustWait(cpu)) return WAIT;
  return writeMsr(cpu, msr, hi, lo) ? DONE : generalProtection(cpu);
}

function rdtsc(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if ((cpu.cr4 & CR4_TSD) !== 0 && cpu.cpl !== 0) return generalProtection(cpu);
  const outcome = intercept(cpu, EXIT_REASON_RDTSC, 0, instruction.length);
  return outcome === PASS ? readTsc(cpu) : outcome;
}

/** RDTSCP and RDPID: in VMX non-root operation only where a control enables them (SDM vol. 3, 26.3). */
function hasTscAux({ nonRoot }: Cpu): boolean {
  return nonRoot === null || nonRoot.enablesRdtscp;
}

function rdtscp(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (!hasTscAux(cpu)) return invalidOpcode(cpu);
  if ((cpu.cr4 & CR4_TSD) !== 0 && cpu.cpl !== 0) return generalProtection(cpu);
  const outcome = intercept(cpu, EXIT_REASON_RDTSCP, 0, instruction.length);
  if (outcome !== PASS) return outcome;
  cpu.setGprWords(RCX, 0, cpu.msrs.tscAux);
  return readTsc(cpu);
}

function readTsc(cpu: Cpu): Outcome {
  const { tsc } = cpu;
  chargeStep(cpu, STEP.RDTSC);
  cpu.setGprWords(RAX, 0, tsc >>> 0);
  cpu.setGprWords(RDX, 0, highWord(tsc));
  return DONE;
}

function rdpid(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (!hasTscAux(cpu)) return invalidOpcode(cpu);
  chargeSystem(cpu);
  writeRegister(cpu, registerOperand(instruction, 0), 0, cpu.msrs.tscAux);
  return DONE;
}

function rdpmc(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const outcome = intercept(cpu, EXIT_REASON_RDPMC, 0, instruction.length);
  return outcome === PASS ? generalProtection(cpu) : outcome;
}

function xgetbv(cpu: Cpu): Outcome {
  if ((cpu.cr4 & CR4_OSXSAVE) === 0) return invalidOpcode(cpu);
  if (cpu.gprLow(RCX) !== 0) return generalProtection(cpu);
  chargeSystem(cpu);
  cpu.setGprWords(RAX, 0, cpu.msrs.xcr0);
  cpu.setGprWords(RDX, 0, 0);
  return DONE;
}

function xsetbv(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if ((cpu.cr4 & CR4_OSXSAVE) === 0) return invalidOpcode(cpu);
  if (cpu.cpl !== 0) return generalProtection(cpu);
  const outcome = intercept(cpu, EXIT_REASON_XSETBV, 0, instruction.length);
  if (outcome !== PASS) return outcome;
  const value = cpu.gprLow(RAX);
  const valid = cpu.gprLow(RDX) === 0 && (value & XCR0_X87) !== 0 && (value & ~(XCR0_X87 | XCR0_SSE)) === 0;
  if (cpu.gprLow(RCX) !== 0 || !valid) return generalProtection(cpu);
  chargeSystem(cpu);
  cpu.msrs.xcr0 = value;
  return DONE;
}

export const MSR_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Rdmsr, privileged(rdmsr)],
  [Mnemonic.Wrmsr, privileged(wrmsr)],
  [Mnemonic.Rdtsc, rdtsc],
  [Mnemonic.Rdtscp, rdtscp],
  [Mnemonic.Rdpid, rdpid],
  [Mnemonic.Rdpmc, rdpmc],
  [Mnemonic.Xgetbv, xgetbv],
  [Mnemonic.Xsetbv, xsetbv],
];
