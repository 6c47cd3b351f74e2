/**
 * Instructions that the interpreter leaves to the host: dispatch by mnemonic to the families in slow/. What none of
 * them knows is an error of the guest's wishes, never skipped.
 */
import { Code, Mnemonic, Register } from 'iced-x86';
import { isAnnounced } from './announced-instructions.js';
import type { Cpu } from './cpu.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import { invalidOpcode } from './fault.js';
import { CPU_MODE, MODE_64 } from './layout.js';
import { callFar, jumpFar } from './legacy/far-transfers.js';
import { interruptReturn } from './legacy/interrupt-return.js';
import { legacyHandler } from './legacy/legacy-instructions.js';
import type { Outcome } from './outcome.js';
import { CONTROL_FLOW_INSTRUCTIONS, farCall, farJump } from './slow/control-flow.js';
import { CONTROL_REGISTER_INSTRUCTIONS, moveControlRegister, moveDebugRegister } from './slow/control-registers.js';
import { DESCRIPTOR_TABLE_INSTRUCTIONS } from './slow/descriptor-tables.js';
import { EXTENDED_STATE_INSTRUCTIONS } from './slow/extended-state-areas.js';
import { FLAG_INSTRUCTIONS } from './slow/flags.js';
import type { Handler } from './slow/handler.js';
import { IO_INSTRUCTIONS } from './slow/io.js';
import { MONITOR_INSTRUCTIONS } from './slow/monitor.js';
import { MSR_INSTRUCTIONS } from './slow/msr.js';
import { registerOperand } from './slow/operands.js';
import {
  isSegmentRegister,
  moveSegmentRegister,
  popSegmentRegister,
  pushSegmentRegister,
  SEGMENT_REGISTER_INSTRUCTIONS,
} from './slow/segment-registers.js';
import { SEGMENT_CHECKS } from './slow/segment-checks.js';
import { SYSTEM_CALLS } from './slow/system-calls.js';
import { RANDOM_NUMBERS } from './slow/random.js';
import { PROCESS_CONTEXT_INSTRUCTIONS } from './slow/invpcid.js';
import { SYSTEM_INSTRUCTIONS } from './slow/system.js';
import { TRANSACTIONS } from './slow/transactions.js';
import { unimplemented } from './slow/unimplemented-instruction.js';
import { USER_INTERRUPT_INSTRUCTIONS } from './slow/user-interrupts.js';
import { VMX_INSTRUCTIONS } from './slow/vmx.js';
import { WORD_OPERANDS } from './slow/word-operands.js';
import { FLOATING_POINT } from './vector/floating-point.js';
import { VECTOR_MOVES } from './vector/moves.js';
import { HORIZONTAL } from './vector/horizontal.js';
import { PACKED_INTEGER } from './vector/packed-integer.js';
import { PACKED_ORDER } from './vector/packed-order.js';
import { SELECTION } from './vector/selection.js';
import { STRING_COMPARISONS } from './vector/strings.js';
import { X87_ARITHMETIC } from './x87/arithmetic-instructions.js';
import { X87_COMPARISONS } from './x87/comparisons.js';
import { X87_CONTROL } from './x87/environment.js';
import { PACKED_DECIMAL } from './x87/packed-decimal.js';
import { X87_SCALING } from './x87/scaling.js';
import { TRANSCENDENTALS } from './x87/transcendental.js';
import { X87_TRANSFERS } from './x87/transfers.js';

export { UnimplementedInstructionError } from './unimplemented.js';

/** MOV of a control, debug or segment register; the rest is the interpreter's. */
function move(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const first = registerOperand(instruction, 0);
  const second = registerOperand(instruction, 1);
  if (isSegmentRegister(first) || isSegmentRegister(second)) return moveSegmentRegister(cpu, instruction);
  if (isBetween(first, second, Register.CR0, Register.CR15)) return moveControlRegister(cpu, instruction);
  if (isBetween(first, second, Register.DR0, Register.DR15)) return moveDebugRegister(cpu, instruction);
  return unimplemented(cpu, instruction);
}

function isBetween(first: Register, second: Register, low: Register, high: Register): boolean {
  return (first >= low && first <= high) || (second >= low && second <= high);
}

/** A form of a general instruction: for segment registers, or far. */
function ifSegmentRegister(handler: Handler): Handler {
  return (cpu, instruction) =>
    isSegmentRegister(registerOperand(instruction, 0)) ? handler(cpu, instruction) : unimplemented(cpu, instruction);
}

const FAR_POINTERS: readonly Code[] = [Code.Jmp_m1616, Code.Jmp_m1632, Code.Call_m1616, Code.Call_m1632];

/** Far pointers of 64 bits here, shorter ones as in the other modes. */
function ifFarPointer(handler: Handler, shorter: Handler): Handler {
  return (cpu, instruction) => {
    if (instruction.code === Code.Jmp_m1664 || instruction.code === Code.Call_m1664) return handler(cpu, instruction);
    return FAR_POINTERS.includes(instruction.code) ? shorter(cpu, instruction) : unimplemented(cpu, instruction);
  };
}

/** More than iced-x86 has mnemonics. */
const MNEMONICS = 1 << 11;
/** Without gaps: V8 would keep it as a hash table. */
const HANDLERS = new Array<Handler | undefined>(MNEMONICS).fill(undefined);
for (const [mnemonic, handler] of [
  ...SYSTEM_INSTRUCTIONS,
  ...PROCESS_CONTEXT_INSTRUCTIONS,
  ...MSR_INSTRUCTIONS,
  ...CONTROL_REGISTER_INSTRUCTIONS,
  ...DESCRIPTOR_TABLE_INSTRUCTIONS,
  ...SEGMENT_REGISTER_INSTRUCTIONS,
  ...CONTROL_FLOW_INSTRUCTIONS,
  ...FLAG_INSTRUCTIONS,
  ...IO_INSTRUCTIONS,
  ...MONITOR_INSTRUCTIONS,
  ...SEGMENT_CHECKS,
  ...VECTOR_MOVES,
  ...PACKED_INTEGER,
  ...PACKED_ORDER,
  ...HORIZONTAL,
  ...SELECTION,
  ...STRING_COMPARISONS,
  ...FLOATING_POINT,
  ...EXTENDED_STATE_INSTRUCTIONS,
  ...X87_CONTROL,
  ...X87_TRANSFERS,
  ...PACKED_DECIMAL,
  ...X87_ARITHMETIC,
  ...X87_SCALING,
  ...X87_COMPARISONS,
  ...TRANSCENDENTALS,
  ...SYSTEM_CALLS,
  ...WORD_OPERANDS,
  ...RANDOM_NUMBERS,
  ...TRANSACTIONS,
  ...VMX_INSTRUCTIONS,
  ...USER_INTERRUPT_INSTRUCTIONS,
]) {
  HANDLERS[mnemonic] = handler;
}
HANDLERS[Mnemonic.Mov] = move;
HANDLERS[Mnemonic.Iret] = interruptReturn;
HANDLERS[Mnemonic.Iretd] = interruptReturn;
HANDLERS[Mnemonic.Push] = ifSegmentRegister(pushSegmentRegister);
HANDLERS[Mnemonic.Pop] = ifSegmentRegister(popSegmentRegister);
HANDLERS[Mnemonic.Jmp] = ifFarPointer(farJump, jumpFar);
HANDLERS[Mnemonic.Call] = ifFarPointer(farCall, callFar);

/**
 * Executes one instruction at RIP: DONE = retire it, REDIRECTED = RIP is set, WAIT, or FAULT. Throws
 * UnimplementedError for what is not modelled.
 */
export function executeSlow(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const outcome = execute(cpu, instruction);
  // A VM exit has saved the guest's state already.
  if (cpu.nonRoot !== null) cpu.systemStateChanged = true;
  return outcome;
}

function execute(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (!isAnnounced(cpu.features, instruction.code)) return invalidOpcode(cpu);
  if (cpu.word(CPU_MODE) !== MODE_64) {
    const handler = legacyHandler(instruction);
    if (handler !== undefined) return handler(cpu, instruction);
  }
  if (instruction.lock) return invalidOpcode(cpu);
  const handler = HANDLERS[instruction.mnemonic];
  return handler === undefined ? unimplemented(cpu, instruction) : handler(cpu, instruction);
}
