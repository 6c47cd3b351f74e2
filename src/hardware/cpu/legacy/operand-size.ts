/** Operand sizes, addresses and costs of instructions that the host executes outside 64-bit mode. */
import { Register } from 'iced-x86';
import { STEP } from '../../../cost/step.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { CPU_MODE, CPU_STOP_INFO, MODE_16 } from '../layout.js';
import { R_COST } from '../record.js';

const OPERAND_SIZE_PREFIX = 0x66;
const PREFIXES: readonly number[] = [
  ...[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65], // segments
  ...[OPERAND_SIZE_PREFIX, 0x67, 0xf0, 0xf2, 0xf3],
];

/** Bytes of the operand-size attribute (SDM vol. 1, 3.6): that of the mode, or the other one with its prefix. */
export function operandSize(cpu: Cpu, { bytes }: DecodedInstruction): 2 | 4 {
  let isOther = false;
  for (let at = 0; PREFIXES.includes(bytes[at]); at++) isOther ||= bytes[at] === OPERAND_SIZE_PREFIX;
  return (cpu.word(CPU_MODE) === MODE_16) === isOther ? 4 : 2;
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
