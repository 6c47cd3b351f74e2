/**
 * Restricted transactional memory (SDM vol. 1, chapter 17). A processor may abort any transaction for reasons of its own;
 * this one aborts all of them at XBEGIN, without a hint that another attempt might succeed. So no code runs inside one.
 */
import { Code, Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection } from '../fault.js';
import { isLong } from '../fetch.js';
import { isCanonical } from '../linear-access.js';
import { DONE, REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_ARITHMETIC, RFLAGS_ZF } from '../rflags.js';
import { SEGMENT_CS } from '../segments.js';
import { chargeSystem, type HandlerTable } from './handler.js';

const RAX = 0;

/** Goes to the fallback address with abort status 0. The transaction aborts before XBEGIN retires, which cannot be stepped. */
function xbegin(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const target = fallbackAddress(cpu, instruction);
  const isReachable = isLong(cpu) ? isCanonical(target) : target <= cpu.segments[SEGMENT_CS].limit;
  if (!isReachable) return generalProtection(cpu);
  chargeSystem(cpu);
  cpu.debugExceptions.dropTrap();
  cpu.rip = target;
  cpu.setGprWords(RAX, 0, 0);
  cpu.retire(0);
  return REDIRECTED;
}

/** The displacement ends the instruction. */
function fallbackAddress(cpu: Cpu, { bytes, code, length }: DecodedInstruction): number {
  const isShort = code === Code.Xbegin_rel16;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const target = cpu.rip + length + (isShort ? view.getInt16(length - 2, true) : view.getInt32(length - 4, true));
  if (isLong(cpu)) return target;
  return isShort ? target & 0xffff : target >>> 0;
}

/** XTEST outside a transaction. */
function xtest(cpu: Cpu): Outcome {
  chargeSystem(cpu);
  cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | RFLAGS_ZF;
  return DONE;
}

/** XABORT outside a transaction. */
function xabort(cpu: Cpu): Outcome {
  chargeSystem(cpu);
  return DONE;
}

export const TRANSACTIONS: HandlerTable = [
  [Mnemonic.Xbegin, xbegin],
  [Mnemonic.Xend, generalProtection],
  [Mnemonic.Xtest, xtest],
  [Mnemonic.Xabort, xabort],
];
