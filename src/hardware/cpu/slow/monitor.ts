/**
 * MONITOR and MWAIT (SDM vol. 2; vol. 3, 9.10.4): the CPU sleeps while it may read the monitored cache line. Losing
 * the line to a writer wakes it (memory/lines).
 *
 * Left out: hints, own stores to the line, UMONITOR and UMWAIT.
 */
import { Mnemonic } from 'iced-x86';
import { EXIT_REASON_MONITOR_INSTRUCTION, EXIT_REASON_MWAIT_INSTRUCTION } from '../../vmx/exit-reason.js';
import { LINE_SIZE } from '../../memory/physical-memory.js';
import { ACTIVITY_MWAIT } from '../activity.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection, invalidOpcode } from '../fault.js';
import { ACCESS_READ } from '../layout.js';
import { hasMonitor } from '../misc-enable.js';
import { DONE, PASS, type Outcome } from '../outcome.js';
import { chargeSystem, intercept, type HandlerTable } from './handler.js';
import { ADDRESS_FAULT, implicitAddress, operandRange } from './operands.js';

const RAX = 0;
const RCX = 1;
/** ECX of MWAIT: interrupts are break events even while IF is 0. */
const BREAK_ON_INTERRUPT = 1;

function monitor(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (!hasMonitor(cpu) || cpu.cpl !== 0) return invalidOpcode(cpu);
  const outcome = intercept(cpu, EXIT_REASON_MONITOR_INSTRUCTION, 0, instruction.length);
  if (outcome !== PASS) return outcome;
  if (cpu.gprLow(RCX) !== 0) return generalProtection(cpu);
  chargeSystem(cpu);
  const address = implicitAddress(cpu, instruction, RAX);
  if (address === null) return ADDRESS_FAULT;
  const mapped = operandRange.map(cpu, address, 1, ACCESS_READ, cpu.privilege);
  if (mapped !== DONE) return mapped;
  const pa = operandRange.address(0);
  cpu.monitoredLine = pa - (pa & (LINE_SIZE - 1));
  return DONE;
}

function mwait(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (!hasMonitor(cpu) || cpu.cpl !== 0) return invalidOpcode(cpu);
  const armed = cpu.monitoredLine >= 0;
  const outcome = intercept(cpu, EXIT_REASON_MWAIT_INSTRUCTION, armed ? 1 : 0, instruction.length);
  if (outcome !== PASS) return outcome;
  const extensions = cpu.gprLow(RCX);
  if ((extensions & ~BREAK_ON_INTERRUPT) !== 0) return generalProtection(cpu);
  chargeSystem(cpu);
  if (!armed) return DONE;
  cpu.mwaitBreaksOnInterrupt = (extensions & BREAK_ON_INTERRUPT) !== 0;
  cpu.activity = ACTIVITY_MWAIT;
  cpu.trace?.({ name: 'ipiv_halt', instruction: 'mwait' });
  cpu.attention = true;
  return DONE;
}

export const MONITOR_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Monitor, monitor],
  [Mnemonic.Mwait, mwait],
];
