/**
 * INVPCID (SDM vol. 2; vol. 3, 5.10.4.1). Its operands are checked; then all translations go, as they may at any time.
 */
import { Mnemonic } from 'iced-x86';
import { EXIT_REASON_INVPCID } from '../../vmx/exit-reason.js';
import { CR4_PCIDE } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection } from '../fault.js';
import { ACCESS_READ } from '../layout.js';
import { isCanonicalPair } from '../linear-access.js';
import { DONE, PASS, type Outcome } from '../outcome.js';
import { chargeSystem, intercept, privileged, type HandlerTable } from './handler.js';
import {
  displacement,
  gprNumber,
  instructionInformation,
  mapOperand,
  memoryOperand,
  operandRange,
  registerOperand,
  wholeRegister,
  type MemoryOperand,
} from './operands.js';

const INDIVIDUAL_ADDRESS = 0n;
const SINGLE_CONTEXT = 1n;
const ALL_BUT_GLOBALS = 3n;
const DESCRIPTOR_SIZE = 16;
const LARGEST_PCID = 0xfff;
/** Number of the register operand in the VM-exit instruction information. */
const REG2_SHIFT = 28;

function invpcid(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const register = gprNumber(registerOperand(instruction, 0));
  const info = (instructionInformation(instruction, 1) | (register << REG2_SHIFT)) >>> 0;
  let outcome = intercept(cpu, EXIT_REASON_INVPCID, displacement(cpu, instruction, 1), instruction.length, info);
  if (outcome !== PASS) return outcome;
  chargeSystem(cpu);
  outcome = mapOperand(cpu, instruction, memoryOperand(instruction, 1) as MemoryOperand, DESCRIPTOR_SIZE, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  if (!isValid(cpu, wholeRegister(cpu, register))) return generalProtection(cpu);
  cpu.flushTlbs();
  return DONE;
}

/** Is `type` one of the four, and is the descriptor good for it? The PCID has 12 bits, the 52 above it are reserved. */
function isValid(cpu: Cpu, type: bigint): boolean {
  const pcid = operandRange.read32(cpu.memory, 0);
  if (type > ALL_BUT_GLOBALS || pcid > LARGEST_PCID || operandRange.read32(cpu.memory, 4) !== 0) return false;
  if (type > SINGLE_CONTEXT) return true;
  if (pcid !== 0 && (cpu.cr4 & CR4_PCIDE) === 0) return false;
  return type !== INDIVIDUAL_ADDRESS || isCanonicalPair(operandRange.read32(cpu.memory, 12));
}

export const PROCESS_CONTEXT_INSTRUCTIONS: HandlerTable = [[Mnemonic.Invpcid, privileged(invpcid)]];
