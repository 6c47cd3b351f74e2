/**
 * Instructions that the host executes in another way than in 64-bit mode, or only, outside 64-bit mode (SDM vol. 2):
 * dispatch by mnemonic. What is not here is the same in all modes.
 */
import { Code, Mnemonic } from 'iced-x86';
import type { DecodedInstruction } from '../decoded-instruction.js';
import type { Handler } from '../slow/handler.js';
import { ADDRESSED_INSTRUCTIONS } from './addressed.js';
import { DECIMAL_INSTRUCTIONS } from './decimal.js';
import { callFar, jumpFar, returnFar } from './far-transfers.js';
import { interruptReturn } from './interrupt-return.js';
import { NEAR_TRANSFERS, nearCall, nearJump } from './near-transfers.js';
import { STACK_INSTRUCTIONS } from './stack-instructions.js';
import { STRING_INSTRUCTIONS } from './strings.js';

/** Far JMP and CALL share their mnemonics with the near ones. */
const FAR = new Set<Code>([
  ...[Code.Jmp_m1616, Code.Jmp_m1632, Code.Jmp_ptr1616, Code.Jmp_ptr1632],
  ...[Code.Call_m1616, Code.Call_m1632, Code.Call_ptr1616, Code.Call_ptr1632],
]);

/** String instructions that share their mnemonics with SSE instructions. */
const SSE_NAMESAKES = new Set<number>([Mnemonic.Movsd, Mnemonic.Cmpsd]);

const HANDLERS: (Handler | undefined)[] = [];
for (const [mnemonic, handler] of [
  ...STACK_INSTRUCTIONS,
  ...NEAR_TRANSFERS,
  ...STRING_INSTRUCTIONS,
  ...DECIMAL_INSTRUCTIONS,
  ...ADDRESSED_INSTRUCTIONS,
]) {
  HANDLERS[mnemonic] = handler;
}
HANDLERS[Mnemonic.Jmp] = (cpu, instruction) => (FAR.has(instruction.code) ? jumpFar : nearJump)(cpu, instruction);
HANDLERS[Mnemonic.Call] = (cpu, instruction) => (FAR.has(instruction.code) ? callFar : nearCall)(cpu, instruction);
HANDLERS[Mnemonic.Retf] = returnFar;
HANDLERS[Mnemonic.Iret] = interruptReturn;
HANDLERS[Mnemonic.Iretd] = interruptReturn;

/** What the host executes in its own way outside 64-bit mode, or undefined. */
export function legacyHandler({ code, mnemonic }: DecodedInstruction): Handler | undefined {
  if (SSE_NAMESAKES.has(mnemonic) && code !== Code.Movsd_m32_m32 && code !== Code.Cmpsd_m32_m32) return undefined;
  return HANDLERS[mnemonic];
}
