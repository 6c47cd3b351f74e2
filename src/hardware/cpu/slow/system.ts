/**
 * CPUID, HLT, PAUSE and the cache and TLB instructions (SDM vol. 2).
 *
 * Left out: effects on caches, which are unbounded and coherent.
 */
import { Mnemonic } from 'iced-x86';
import { STEP } from '../../../cost/step.js';
import {
  EXIT_REASON_CPUID,
  EXIT_REASON_HLT,
  EXIT_REASON_INVD,
  EXIT_REASON_INVLPG,
  EXIT_REASON_PAUSE_INSTRUCTION,
  EXIT_REASON_WBINVD,
} from '../../vmx/exit-reason.js';
import type { Cpu } from '../cpu.js';
import { cpuid } from '../cpuid.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { invalidOpcode } from '../fault.js';
import { ACCESS_READ } from '../layout.js';
import { DONE, PASS, type Outcome } from '../outcome.js';
import {
  chargeStep,
  chargeSystem,
  intercept,
  privileged,
  SYSTEM_CLASS,
  type Handler,
  type HandlerTable,
} from './handler.js';
import {
  effectiveAddress,
  linearAddress,
  mapOperand,
  memoryOperand,
  segmentNumber,
  type MemoryOperand,
} from './operands.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;

function executeCpuid(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const outcome = intercept(cpu, EXIT_REASON_CPUID, 0, instruction.length);
  if (outcome !== PASS) return outcome;
  chargeStep(cpu, STEP.NATIVE_CPUID);
  const { eax, ebx, ecx, edx } = cpuid(cpu, cpu.gprLow(RAX), cpu.gprLow(RCX));
  cpu.setGprWords(RAX, 0, eax);
  cpu.setGprWords(RBX, 0, ebx);
  cpu.setGprWords(RCX, 0, ecx);
  cpu.setGprWords(RDX, 0, edx);
  return DONE;
}

function hlt(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const polls = cpu.haltPolls && cpu.interruptsEnabled;
  const outcome = polls ? PASS : intercept(cpu, EXIT_REASON_HLT, 0, instruction.length);
  if (outcome !== PASS) return outcome;
  cpu.engine.halt(cpu.block, cpu.meter.table.classTicks[SYSTEM_CLASS]);
  return DONE;
}

function pause(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const outcome = intercept(cpu, EXIT_REASON_PAUSE_INSTRUCTION, 0, instruction.length);
  if (outcome !== PASS) return outcome;
  chargeStep(cpu, STEP.PAUSE);
  return DONE;
}

function invlpg(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const operand = memoryOperand(instruction, 0) as MemoryOperand;
  const offset = effectiveAddress(cpu, instruction, operand);
  const address = linearAddress(cpu, offset, segmentNumber(operand.segment));
  if (address !== null) {
    const outcome = intercept(cpu, EXIT_REASON_INVLPG, address, instruction.length);
    if (outcome !== PASS) return outcome;
    cpu.flushTlbs();
  }
  chargeSystem(cpu);
  return DONE;
}

/** WBINVD and INVD: caches are coherent, so only interception shows. */
function invalidateCaches(reason: number): Handler {
  return privileged((cpu, instruction) => {
    const outcome = intercept(cpu, reason, 0, instruction.length);
    if (outcome !== PASS) return outcome;
    chargeSystem(cpu);
    return DONE;
  });
}

/** CLFLUSH, CLFLUSHOPT, CLWB: checked like a load of one byte. */
function flushLine(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  return mapOperand(cpu, instruction, memoryOperand(instruction, 0) as MemoryOperand, 1, ACCESS_READ);
}

function serialize(cpu: Cpu): Outcome {
  chargeSystem(cpu);
  return DONE;
}

export const SYSTEM_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Cpuid, executeCpuid],
  [Mnemonic.Hlt, privileged(hlt)],
  [Mnemonic.Pause, pause],
  [Mnemonic.Invlpg, privileged(invlpg)],
  [Mnemonic.Wbinvd, invalidateCaches(EXIT_REASON_WBINVD)],
  [Mnemonic.Wbnoinvd, invalidateCaches(EXIT_REASON_WBINVD)],
  [Mnemonic.Invd, invalidateCaches(EXIT_REASON_INVD)],
  [Mnemonic.Clflush, flushLine],
  [Mnemonic.Clflushopt, flushLine],
  [Mnemonic.Clwb, flushLine],
  [Mnemonic.Serialize, serialize],
  [Mnemonic.INVALID, invalidOpcode],
  [Mnemonic.Ud0, invalidOpcode],
  [Mnemonic.Ud1, invalidOpcode],
  [Mnemonic.Ud2, invalidOpcode],
  [Mnemonic.Rsm, invalidOpcode],
];
