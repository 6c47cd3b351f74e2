/**
 * VMX instructions in machine code (SDM vol. 3, chapter 31): VM exits in VMX non-root operation.
 *
 * Left out: their execution in root operation and outside VMX by machine code, which is #UD as with CR4.VMXE = 0.
 */
import { Mnemonic } from 'iced-x86';
import * as E from '../../vmx/exit-reason.js';
import { invalidOpcode } from '../fault.js';
import { in64BitMode } from '../mode.js';
import { PASS } from '../outcome.js';
import { intercept, type Handler, type HandlerTable } from './handler.js';
import { displacement, gprNumber, instructionInformation, memoryOperand, registerOperand } from './operands.js';

/** `operand` is the index of the operand that the instruction information describes, or -1; `second` that of reg2. */
function exits(reason: number, operand = -1, second = -1): Handler {
  return (cpu, instruction) => {
    if (cpu.nonRoot === null || !in64BitMode(cpu)) return invalidOpcode(cpu);
    let info = operand < 0 ? 0 : instructionInformation(instruction, operand);
    if (second >= 0) info = (info | (gprNumber(registerOperand(instruction, second)) << 28)) >>> 0;
    const qualification =
      operand < 0 || memoryOperand(instruction, operand) === null ? 0 : displacement(cpu, instruction, operand);
    const outcome = intercept(cpu, reason, qualification, instruction.length, info);
    return outcome === PASS ? invalidOpcode(cpu) : outcome;
  };
}

export const VMX_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Vmcall, exits(E.EXIT_REASON_VMCALL)],
  [Mnemonic.Vmclear, exits(E.EXIT_REASON_VMCLEAR, 0)],
  [Mnemonic.Vmlaunch, exits(E.EXIT_REASON_VMLAUNCH)],
  [Mnemonic.Vmptrld, exits(E.EXIT_REASON_VMPTRLD, 0)],
  [Mnemonic.Vmptrst, exits(E.EXIT_REASON_VMPTRST, 0)],
  [Mnemonic.Vmread, exits(E.EXIT_REASON_VMREAD, 0, 1)],
  [Mnemonic.Vmresume, exits(E.EXIT_REASON_VMRESUME)],
  [Mnemonic.Vmwrite, exits(E.EXIT_REASON_VMWRITE, 1, 0)],
  [Mnemonic.Vmxoff, exits(E.EXIT_REASON_VMOFF)],
  [Mnemonic.Vmxon, exits(E.EXIT_REASON_VMON, 0)],
  [Mnemonic.Invept, exits(E.EXIT_REASON_INVEPT, 1, 0)],
  [Mnemonic.Invvpid, exits(E.EXIT_REASON_INVVPID, 1, 0)],
  [Mnemonic.Vmfunc, exits(E.EXIT_REASON_VMFUNC)],
];
