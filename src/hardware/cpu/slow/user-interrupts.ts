/** CLUI, STUI, TESTUI, UIRET, SENDUIPI (SDM vol. 2; vol. 3, chapter 7). 64-bit mode with CR4.UINTR only. */
import { Mnemonic } from 'iced-x86';
import { STEP } from '../../../cost/step.js';
import { sendUserInterrupt } from '../../vmx/user-interrupts.js';
import { CR4_UINTR } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import { VECTOR_SS } from '../exception-vector.js';
import { fault, generalProtection, invalidOpcode } from '../fault.js';
import { ACCESS_READ } from '../layout.js';
import { isCanonical, LinearRange } from '../linear-access.js';
import { in64BitMode } from '../mode.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_ARITHMETIC, RFLAGS_CF, RFLAGS_FIXED } from '../rflags.js';
import { chargeStep, type Handler, type HandlerTable } from './handler.js';
import { gprNumber, registerOperand } from './operands.js';

const RSP = 4;
const FRAME_SIZE = 24;
/** RFLAGS bits that UIRET restores. */
const UIRET_FLAGS = 0x25_4dd5;
const frame = new LinearRange();

/** #UD unless user interrupts are enabled. */
function enabled(handler: Handler): Handler {
  return (cpu, instruction) => {
    if (!cpu.features.uintr || (cpu.cr4 & CR4_UINTR) === 0 || !in64BitMode(cpu)) return invalidOpcode(cpu);
    return handler(cpu, instruction);
  };
}

function clui(cpu: Cpu): Outcome {
  chargeStep(cpu, STEP.CLUI);
  cpu.userInterrupts.uif = false;
  return DONE;
}

function stui(cpu: Cpu): Outcome {
  chargeStep(cpu, STEP.STUI);
  cpu.userInterrupts.uif = true;
  cpu.attention = true;
  return DONE;
}

function testui(cpu: Cpu): Outcome {
  chargeStep(cpu, STEP.CLUI);
  cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | (cpu.userInterrupts.uif ? RFLAGS_CF : 0);
  return DONE;
}

function uiret(cpu: Cpu): Outcome {
  chargeStep(cpu, STEP.UIRET);
  const rsp = cpu.gprNumber(RSP);
  if (!isCanonical(rsp) || !isCanonical(rsp + FRAME_SIZE - 1)) return fault(cpu, VECTOR_SS, 0);
  const outcome = frame.map(cpu, rsp, FRAME_SIZE, ACCESS_READ, cpu.privilege);
  if (outcome !== DONE) return outcome;
  const { memory } = cpu;
  const rip = frame.readSigned(memory, 0);
  if (!isCanonical(rip)) return generalProtection(cpu);
  cpu.rip = rip;
  cpu.rflags = (cpu.rflags & ~UIRET_FLAGS) | (frame.read32(memory, 8) & UIRET_FLAGS) | RFLAGS_FIXED;
  cpu.setGprWords(RSP, frame.read32(memory, 20), frame.read32(memory, 16));
  cpu.userInterrupts.uif = true;
  return REDIRECTED;
}

const senduipi: Handler = (cpu, instruction) => {
  const register = gprNumber(registerOperand(instruction, 0));
  return sendUserInterrupt(cpu, cpu.gprHigh(register), cpu.gprLow(register));
};

export const USER_INTERRUPT_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Clui, enabled(clui)],
  [Mnemonic.Stui, enabled(stui)],
  [Mnemonic.Testui, enabled(testui)],
  [Mnemonic.Uiret, enabled(uiret)],
  [Mnemonic.Senduipi, enabled(senduipi)],
];
