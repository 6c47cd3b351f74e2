/** Operand sizes, addresses and costs of instructions that the host executes outside 64-bit mode. */
import { CodeExt, Register, type Code } from 'iced-x86';
import { STEP } from '../../../cost/step.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { CPU_STOP_INFO } from '../layout.js';
import { R_COST } from '../record.js';

const KNOWN = new Map<Code, number>();

/** Bytes of the operand-size attribute that an encoding requires, 0 if it has none. */
export function operandSize({ code }: DecodedInstruction): number {
  let size = KNOWN.get(code);
  if (size === undefined) {
    const description = CodeExt.opCode(code);
    size = description.operandSize / 8;
    description.free();
    KNOWN.set(code, size);
  }
  return size;
}

/** Bytes of an address register. */
export function addressBytes(register: Register): 2 | 4 | 8 {
  if (register >= Register.RAX && register <= Register.R15) return 8;
  return register >= Register.EAX && register <= Register.R15D ? 4 : 2;
}

/** Charges what the record of the instruction costs, on the first attempt. */
export function chargeRecord(cpu: Cpu, instruction: DecodedInstruction): void {
  if (!cpu.begin()) return;
  if (instruction.lock) cpu.charge(STEP.LOCKED_RMW);
  else cpu.now += cpu.memory.view.getUint16(cpu.word(CPU_STOP_INFO) + R_COST, true);
}
